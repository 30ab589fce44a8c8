//! What the server says, and what follows from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::exchange::Event;
use super::{Cause, Grievance, Nothing, Phase, Session, Standing};
use crate::channel::Kind;
use crate::error::clean;
use crate::members::Member;
use crate::message::{self, Data, Incoming};
use crate::{Error, Members};

/// How many frames in a row may be unreadable.
const MOST_UNREADABLE: u32 = 100;

impl Session {
    pub(super) fn received(&mut self, text: &str, now: Instant) -> Result<(), Cause> {
        let Some(frame) = message::decode(text) else {
            return self.unreadable("something else than a JSON object", now);
        };
        self.sign_of_life(now);
        self.unreadable = 0;
        let event = frame.event();
        match self.phase {
            Phase::Opening | Phase::Greeting(_) => self.greeted(&event, &frame, now),
            Phase::Live => {
                self.hear(&event, &frame, now);
                self.settle_asked();
                Ok(())
            }
            Phase::Ended => Ok(()),
        }
    }

    /// Nothing a server of this protocol sends. Instead of its first word it means that we are at the wrong door; later
    /// it is passed over, unless it does not stop.
    pub(super) fn unreadable(&mut self, what: &str, now: Instant) -> Result<(), Cause> {
        self.sign_of_life(now);
        self.unreadable += 1;
        if self.phase == Phase::Live && self.unreadable < MOST_UNREADABLE {
            tracing::debug!(what, "a frame was passed over");
            return Ok(());
        }
        Err(Cause::Other(Error::Protocol(format!("{what} came"))))
    }

    fn greeted(&mut self, event: &str, frame: &Incoming<'_>, now: Instant) -> Result<(), Cause> {
        match event {
            "pusher:connection_established" => self.established(frame, now),
            // Before there is a connection, a complaint can only be about it.
            "pusher:error" => {
                let complaint = Complaint::read(frame);
                if let Some(code @ 4000..=4299) = complaint.code {
                    return Err(Cause::Closed { code, text: complaint.text });
                }
                self.remember(&complaint, now);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn established(&mut self, frame: &Incoming<'_>, now: Instant) -> Result<(), Cause> {
        let data = frame.own_data();
        let greeting = serde_json::from_str::<Greeting<'_>>(&data).unwrap_or_default();
        let socket_id = greeting.socket_id.and_then(message::string).filter(|id| !id.is_empty());
        let Some(socket_id) = socket_id else {
            return Err(Cause::Other(Error::Protocol("the server gave no socket id".to_owned())));
        };
        let socket_id: Arc<str> = Arc::from(socket_id);
        let served = greeting.activity_timeout.and_then(seconds).unwrap_or(Duration::from_secs(120));
        self.activity = self.config.activity.min(served);
        self.phase = Phase::Live;
        self.connected = Some(now);
        self.last_sent = Some(now);
        self.socket_id = Some(Arc::clone(&socket_id));
        self.tell(Event::Connected { socket_id });
        let names: Vec<_> = self.channels.keys().cloned().collect();
        for name in names {
            self.begin(&name, now);
        }
        Ok(())
    }

    fn hear(&mut self, event: &str, frame: &Incoming<'_>, now: Instant) {
        let Some(own) = event.strip_prefix("pusher:").or_else(|| event.strip_prefix("pusher_internal:"))
        else {
            return self.hear_message(event, frame, now);
        };
        match own {
            "ping" => {
                self.send("pusher:pong", Some(Nothing {}), None, now);
                self.tell_alive();
            }
            "pong" => self.tell_alive(),
            "error" => self.hear_complaint(frame, now),
            "subscription_succeeded" => self.hear_grant(frame),
            "subscription_error" => self.hear_refusal(frame),
            "member_added" | "member_removed" => self.hear_member(frame, own == "member_added"),
            "subscription_count" => self.hear_count(frame),
            "cache_miss" => {
                if let Some(channel) = self.wanted(frame) {
                    self.tell(Event::CacheMiss { channel });
                }
            }
            _ => tracing::trace!("an unknown word of the protocol was passed over"),
        }
    }

    fn hear_message(&mut self, event: &str, frame: &Incoming<'_>, now: Instant) {
        let Some(channel) = self.wanted(frame).filter(|_| !event.is_empty()) else {
            self.dropped += 1;
            return;
        };
        let (event, data) = (event.to_owned(), Data::decoded(frame.data));
        if Kind::of(&channel) == Kind::Encrypted {
            return self.unseal(&channel, event, data, now);
        }
        self.tell(Event::Message { channel, event, data, user_id: frame.user_id() });
    }

    fn hear_grant(&mut self, frame: &Incoming<'_>) {
        let Some(channel) = self.wanted(frame) else { return };
        let Some(known) = self.channels.get_mut(&channel) else { return };
        if Kind::of(&channel) == Kind::Presence {
            let members = Members::read(&frame.own_data(), known.channel_data.as_deref());
            known.members = Some(Box::new(members));
        }
        if known.standing != Standing::Subscribed {
            known.standing = Standing::Subscribed;
            self.tell(Event::Subscribed { channel });
        }
    }

    /// soketi refuses a channel so.
    fn hear_refusal(&mut self, frame: &Incoming<'_>) {
        let Some(channel) = frame.channel() else { return };
        let data = frame.own_data();
        let refusal = serde_json::from_str::<Refusal<'_>>(&data).unwrap_or_default();
        let status = refusal.status.and_then(number).and_then(|status| status.try_into().ok());
        let text = [refusal.error, refusal.kind].into_iter().flatten().find_map(message::string);
        self.refuse(&channel, status, clean(&text.unwrap_or_default()));
    }

    fn hear_complaint(&mut self, frame: &Incoming<'_>, now: Instant) {
        let complaint = Complaint::read(frame);
        let blamed = match frame.channel() {
            Some(channel) => Some(Arc::from(channel)),
            None => self.blamed(&complaint),
        };
        if let Some(channel) = blamed
            && self.refuse(&channel, complaint.code, complaint.text.clone())
        {
            return;
        }
        self.remember(&complaint, now);
        self.tell(Event::Complaint { code: complaint.code, text: complaint.text });
    }

    /// The subscription a complaint is about. Servers look at them one after the other, so it can only be the oldest one
    /// that waits with a signature.
    fn blamed(&self, complaint: &Complaint) -> Option<Arc<str>> {
        let oldest = self.asked.iter().find(|ask| {
            Kind::of(&ask.channel).needs_authorization() && self.is_outstanding(&ask.channel, ask.number)
        })?;
        let about_it = complaint.code == Some(4009) || complaint.text.contains(&*oldest.channel);
        about_it.then(|| Arc::clone(&oldest.channel))
    }

    /// `false` if this channel waits for no answer.
    fn refuse(&mut self, channel: &str, status: Option<u16>, text: String) -> bool {
        let Some((channel, _)) = self.channels.get_key_value(channel) else { return false };
        let channel = Arc::clone(channel);
        let Some(known) = self.channels.get_mut(&channel) else { return false };
        if !matches!(known.standing, Standing::Asked(_)) {
            return false;
        }
        known.standing = Standing::Refused;
        self.tell(Event::Refused { channel, status, text });
        true
    }

    fn remember(&mut self, complaint: &Complaint, now: Instant) {
        if let Some(code) = complaint.code {
            self.grievance = Some(Grievance { at: now, code, text: complaint.text.clone() });
        }
    }

    fn hear_member(&mut self, frame: &Incoming<'_>, added: bool) {
        let Some(channel) = self.wanted(frame) else { return };
        let data = frame.own_data();
        let Ok(member) = serde_json::from_str::<Member<'_>>(&data) else { return };
        let Some(user_id) = member.user_id.and_then(message::id) else { return };
        let Some(members) = self.channels.get_mut(&channel).and_then(|known| known.members.as_deref_mut())
        else {
            return;
        };
        if added {
            let about = member.user_info.map(Data::plain).unwrap_or_default();
            if members.add(&user_id, &about) {
                self.tell(Event::MemberAdded { channel, user_id, about });
            }
        } else if members.remove(&user_id) {
            self.tell(Event::MemberRemoved { channel, user_id });
        }
    }

    fn hear_count(&mut self, frame: &Incoming<'_>) {
        let Some(channel) = self.wanted(frame) else { return };
        let data = frame.own_data();
        let counted =
            serde_json::from_str::<Counted<'_>>(&data).ok().and_then(|counted| counted.subscription_count);
        if let Some(count) = counted.and_then(number) {
            self.tell(Event::Count { channel, count });
        }
    }

    /// The channel of a frame, if we have asked for it on this connection.
    fn wanted(&self, frame: &Incoming<'_>) -> Option<Arc<str>> {
        let channel = frame.channel()?;
        let (name, known) = self.channels.get_key_value(&*channel)?;
        match known.standing {
            Standing::Asked(_) | Standing::Late | Standing::Subscribed => Some(Arc::clone(name)),
            Standing::Wanted | Standing::Authorizing | Standing::Refused => None,
        }
    }
}

#[derive(Deserialize, Default)]
struct Greeting<'a> {
    #[serde(borrow)]
    socket_id: Option<&'a RawValue>,
    #[serde(borrow)]
    activity_timeout: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Refusal<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Counted<'a> {
    #[serde(borrow)]
    subscription_count: Option<&'a RawValue>,
}

/// What a `pusher:error` says.
struct Complaint {
    code: Option<u16>,
    text: String,
}

impl Complaint {
    fn read(frame: &Incoming<'_>) -> Self {
        let data = frame.own_data();
        let Ok(Value::Object(fields)) = serde_json::from_str(&data) else {
            return Self { code: None, text: clean(&data) };
        };
        let code = fields.get("code").and_then(|code| match code {
            Value::Number(code) => code.as_u64(),
            Value::String(code) => code.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        let text =
            ["message", "error"].into_iter().find_map(|name| fields.get(name)?.as_str()).unwrap_or_default();
        Self { code: code.and_then(|code| code.try_into().ok()), text: clean(text) }
    }
}

/// A whole number, even if it is written as a string.
fn number(raw: &RawValue) -> Option<u64> {
    raw.get().trim_matches('"').parse().ok()
}

/// A time in seconds, which must be one that can be kept.
fn seconds(raw: &RawValue) -> Option<Duration> {
    let seconds: f64 = raw.get().trim_matches('"').parse().ok()?;
    let sensible = (1.0..=24.0 * 3600.0).contains(&seconds);
    sensible.then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
}
