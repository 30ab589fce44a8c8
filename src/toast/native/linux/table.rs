//! What is known of the running service and of our toasts there. Pure: signals in, events out.
//!
//! Ids belong to one run of one service: whoever else owns the name next starts counting at 1 again, and GNOME replaces a stranger's
//! toast when asked to replace its id. So a change of owner forgets all of them.

use std::collections::BTreeMap;

use super::super::super::{ToastEvent, ToastKey};
use super::super::READ;
use crate::act::Offer;

/// The service as it introduced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// Its unique name on the bus: signals from anyone else are forged.
    pub(super) owner: String,
    /// What it can do.
    pub(super) capabilities: Vec<String>,
}

impl Service {
    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }
}

/// A signal that concerns toasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signal {
    /// Comes before the action it belongs to.
    ActivationToken { id: u32, token: String },
    /// A click.
    ActionInvoked { id: u32, action: String },
    /// 1 expired, 2 dismissed by the person, 3 closed by a call, 4 undefined.
    Closed { id: u32, reason: u32 },
}

/// What follows from a signal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// To tell.
    pub(super) event: Option<ToastEvent>,
    /// To close: dunst leaves a toast up after its action.
    pub(super) close: Option<u32>,
}

/// Ours on the screen.
#[derive(Debug, Default)]
pub(super) struct Table {
    service: Option<Service>,
    keys: BTreeMap<u32, ToastKey>,
    ids: BTreeMap<ToastKey, u32>,
    tokens: BTreeMap<u32, String>,
}

impl Table {
    /// The service, if it has introduced itself and is still there.
    pub(super) fn service(&self) -> Option<&Service> {
        self.service.as_ref()
    }

    /// A service answered. Another one than before knows none of our ids.
    pub(super) fn meet(&mut self, service: Service) {
        if self.service.as_ref().is_some_and(|known| known.owner != service.owner) {
            self.forget();
        }
        self.service = Some(service);
    }

    /// An owner lost the service's name. One that we do not know any more changes nothing.
    pub(super) fn leave(&mut self, owner: &str) {
        if self.service.as_ref().is_some_and(|known| known.owner == owner) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        *self = Self::default();
    }

    /// The service took a toast under this id.
    pub(super) fn shown(&mut self, key: ToastKey, id: u32) {
        if let Some(before) = self.ids.insert(key.clone(), id)
            && before != id
        {
            self.keys.remove(&before);
        }
        if let Some(before) = self.keys.insert(id, key.clone())
            && before != key
        {
            self.ids.remove(&before);
        }
    }

    /// The id a toast is shown under.
    pub(super) fn id(&self, key: &ToastKey) -> Option<u32> {
        self.ids.get(key).copied()
    }

    /// A toast is gone.
    pub(super) fn gone(&mut self, id: u32) -> Option<ToastKey> {
        self.tokens.remove(&id);
        let key = self.keys.remove(&id)?;
        self.ids.remove(&key);
        Some(key)
    }

    /// A signal came. Services tell everyone of every program's toasts, so foreign ids are normal; a foreign sender is not.
    pub(super) fn hear(&mut self, sender: &str, signal: Signal) -> Heard {
        if self.service.as_ref().is_none_or(|known| known.owner != sender) {
            return Heard::default();
        }
        match signal {
            Signal::ActivationToken { id, token } => {
                if self.keys.contains_key(&id) {
                    self.tokens.insert(id, token);
                }
                Heard::default()
            }
            Signal::ActionInvoked { id, action } => {
                let token = self.tokens.remove(&id);
                let offer = Offer::from_name(&action);
                if action != "default" && action != READ.0 && offer.is_none() {
                    return Heard::default();
                }
                let Some(key) = self.gone(id) else { return Heard::default() };
                let event = match offer {
                    Some(offer) => ToastEvent::Acted { key, offer },
                    None if action == READ.0 => ToastEvent::MarkedRead { key },
                    None => ToastEvent::Clicked { key, token },
                };
                Heard { event: Some(event), close: Some(id) }
            }
            Signal::Closed { id, reason } => {
                let Some(key) = self.gone(id) else { return Heard::default() };
                let event = match reason {
                    2 => Some(ToastEvent::Dismissed { key }),
                    // Ours, or another program's that closes by number.
                    3 => None,
                    _ => Some(ToastEvent::Expired { key }),
                };
                Heard { event, close: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = ":1.7";

    fn key(name: &str) -> ToastKey {
        ToastKey(name.into())
    }

    fn service(owner: &str) -> Service {
        Service { owner: owner.into(), capabilities: Vec::new() }
    }

    fn with_toast(id: u32) -> Table {
        let mut table = Table::default();
        table.meet(service(OWNER));
        table.shown(key("a"), id);
        table
    }

    fn invoked(id: u32, action: &str) -> Signal {
        Signal::ActionInvoked { id, action: action.into() }
    }

    #[test]
    fn a_click_is_told_once_with_its_token_and_closes_the_toast() {
        let mut table = with_toast(3);
        let token = Signal::ActivationToken { id: 3, token: "t".into() };
        assert_eq!(table.hear(OWNER, token), Heard::default());
        let event = ToastEvent::Clicked { key: key("a"), token: Some("t".into()) };
        assert_eq!(table.hear(OWNER, invoked(3, "default")), Heard { event: Some(event), close: Some(3) });
        assert_eq!(
            table.hear(OWNER, invoked(3, "default")),
            Heard::default(),
            "a second click finds nothing"
        );
        assert_eq!(
            table.hear(OWNER, Signal::Closed { id: 3, reason: 2 }),
            Heard::default(),
            "closed by the click"
        );
        assert_eq!(table.id(&key("a")), None);
    }

    #[test]
    fn the_other_actions_are_told_and_unknown_ones_do_nothing() {
        let mut table = with_toast(3);
        assert_eq!(table.hear(OWNER, invoked(3, "format-disk")), Heard::default());
        let event = ToastEvent::MarkedRead { key: key("a") };
        assert_eq!(table.hear(OWNER, invoked(3, "read")), Heard { event: Some(event), close: Some(3) });
        let event = ToastEvent::Acted { key: key("a"), offer: Offer::Complete };
        let heard = with_toast(3).hear(OWNER, invoked(3, "complete"));
        assert_eq!(heard, Heard { event: Some(event), close: Some(3) });
    }

    #[test]
    fn each_way_to_close_has_its_meaning() {
        for (reason, event) in [
            (1, Some(ToastEvent::Expired { key: key("a") })),
            (2, Some(ToastEvent::Dismissed { key: key("a") })),
            (3, None),
            (4, Some(ToastEvent::Expired { key: key("a") })),
        ] {
            let heard = with_toast(3).hear(OWNER, Signal::Closed { id: 3, reason });
            assert_eq!(heard, Heard { event, close: None }, "reason {reason}");
        }
    }

    #[test]
    fn a_foreign_sender_or_id_is_not_heard() {
        let mut table = with_toast(3);
        assert_eq!(table.hear(":1.8", invoked(3, "default")), Heard::default());
        assert_eq!(
            table.hear(":1.8", Signal::ActivationToken { id: 3, token: "forged".into() }),
            Heard::default()
        );
        assert_eq!(table.hear(OWNER, invoked(4, "default")), Heard::default());
        let event = ToastEvent::Clicked { key: key("a"), token: None };
        assert_eq!(table.hear(OWNER, invoked(3, "default")).event, Some(event));
    }

    #[test]
    fn ids_die_with_the_service_that_gave_them() {
        let mut table = with_toast(3);
        table.leave(OWNER);
        assert_eq!((table.id(&key("a")), table.service()), (None, None));
        assert_eq!(table.hear(OWNER, invoked(3, "default")), Heard::default());

        // The new service answered before the bus told of the old one's end.
        let mut table = with_toast(3);
        table.meet(service(":1.9"));
        assert_eq!(table.id(&key("a")), None);
        table.shown(key("b"), 1);
        table.leave(OWNER);
        assert_eq!(table.id(&key("b")), Some(1), "old news");
        table.meet(service(":1.9"));
        assert_eq!(table.id(&key("b")), Some(1), "the same service again");
    }

    #[test]
    fn one_key_has_one_id_and_one_id_one_key() {
        let mut table = with_toast(3);
        table.shown(key("a"), 5);
        assert_eq!(table.id(&key("a")), Some(5));
        assert_eq!(table.hear(OWNER, invoked(3, "default")), Heard::default());
        table.shown(key("b"), 5);
        assert_eq!((table.id(&key("a")), table.id(&key("b"))), (None, Some(5)));
    }
}
