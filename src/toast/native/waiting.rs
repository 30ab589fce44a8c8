//! What Windows and macOS share: `notify-rust` tells of a toast's fate to a thread that waits for it.
//!
//! In: the handle of a toast on the screen. Out: its event, through the channel.

use std::sync::atomic::{AtomicUsize, Ordering};

use notify_rust::{CloseReason, NotificationHandle, NotificationResponse};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::super::{ToastEvent, ToastKey};
use super::READ;
use crate::act::Offer;
use crate::env::Tasks;

/// Threads that may wait at the same time. A toast beyond that is shown, and its click is not heard.
const AT_ONCE: usize = 32;

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Tells `events` what becomes of this toast.
pub(super) fn wait(key: ToastKey, handle: NotificationHandle, events: mpsc::Sender<ToastEvent>) {
    if WAITING.fetch_add(1, Ordering::Relaxed) >= AT_ONCE {
        WAITING.fetch_sub(1, Ordering::Relaxed);
        warn!("too many toasts are open at once: a click on the newest is not heard");
        return;
    }
    let started = Tasks::thread("toast", move || {
        let mut event = None;
        let waited =
            handle.wait_for_response(|response: &NotificationResponse| event = meaning(key, response));
        WAITING.fetch_sub(1, Ordering::Relaxed);
        if let Err(error) = waited {
            warn!(%error, "what became of a toast cannot be heard");
        }
        if let Some(event) = event
            && events.blocking_send(event).is_err()
        {
            debug!("nobody listens to toasts any more");
        }
    });
    if let Err(error) = started {
        WAITING.fetch_sub(1, Ordering::Relaxed);
        warn!(%error, "what becomes of a toast cannot be heard");
    }
}

fn meaning(key: ToastKey, response: &NotificationResponse) -> Option<ToastEvent> {
    match response {
        NotificationResponse::Default => Some(ToastEvent::Clicked { key, token: None }),
        NotificationResponse::Action(action) if action == READ.0 => Some(ToastEvent::MarkedRead { key }),
        NotificationResponse::Action(action) => {
            Offer::from_name(action).map(|offer| ToastEvent::Acted { key, offer })
        }
        NotificationResponse::Reply(_) => None,
        NotificationResponse::Closed(reason) => match reason {
            CloseReason::Dismissed => Some(ToastEvent::Dismissed { key }),
            CloseReason::Expired | CloseReason::Other(_) => Some(ToastEvent::Expired { key }),
            CloseReason::CloseAction => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_response_has_its_event() {
        let key = || ToastKey("k".into());
        let told = |response| meaning(key(), &response);
        assert_eq!(
            told(NotificationResponse::Default),
            Some(ToastEvent::Clicked { key: key(), token: None })
        );
        assert_eq!(
            told(NotificationResponse::Action("read".into())),
            Some(ToastEvent::MarkedRead { key: key() })
        );
        assert_eq!(
            told(NotificationResponse::Action("snooze".into())),
            Some(ToastEvent::Acted { key: key(), offer: Offer::Snooze })
        );
        assert_eq!(told(NotificationResponse::Action("other".into())), None);
        let closed = |reason| told(NotificationResponse::Closed(reason));
        assert_eq!(closed(CloseReason::Dismissed), Some(ToastEvent::Dismissed { key: key() }));
        assert_eq!(closed(CloseReason::Expired), Some(ToastEvent::Expired { key: key() }));
        assert_eq!(closed(CloseReason::CloseAction), None);
    }
}
