//! Calls: one call is one row, which goes on from ringing to how it ended. Pure.

use serde_json::Value;

use super::words::{capital, first_time, span};
use super::{Draft, Reader, called, name};
use crate::notification::{Hush, PodiumKind, Urgency};
use crate::source::podio::json::{field, flag, int, text};

pub(super) fn draft(kind: PodiumKind, call: &Value, reader: Reader<'_>) -> Draft {
    let number = called(field(call, "customerPhoneNumber"));
    let who = number.clone().unwrap_or_else(|| "somebody".to_owned());
    let out = text(field(call, "direction")).as_deref() == Some("outbound");
    let person = text(field(call, "userUid")).and_then(|uid| reader.names.people.get(&uid).cloned());
    let title = match (kind, out) {
        (PodiumKind::CallReceived, false) => format!("{} is calling", capital(&who)),
        (PodiumKind::CallReceived, true) => format!("Calling {who}"),
        (PodiumKind::CallMissed, false) => format!("Missed call from {who}"),
        (PodiumKind::CallMissed, true) => format!("{} did not take the call", capital(&who)),
        (PodiumKind::CallVoicemailLeft, _) => format!("{} left a voicemail", capital(&who)),
        (_, false) => format!("Call from {who}"),
        (_, true) => format!("Call to {who}"),
    };
    let long = int(field(call, "durationSeconds")).and_then(span);
    let body = match kind {
        PodiumKind::CallMissed if flag(field(call, "hasVoicemail")) == Some(true) => {
            "There is a voicemail".to_owned()
        }
        PodiumKind::CallMissed | PodiumKind::CallReceived => String::new(),
        PodiumKind::CallVoicemailLeft => long.unwrap_or_default(),
        _ => [long, person.clone().map(|person| format!("with {person}"))]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    };
    let uid = text(field(call, "uid"));
    let conversation = text(field(call, "conversationUid"));
    let mut context = match &conversation {
        // It folds with what was written to the same customer.
        Some(conversation) => {
            reader.conversation(conversation, number.clone(), text(field(call, "locationUid")))
        }
        None => reader.thing("call", uid.as_deref(), None),
    };
    context.place = context.place.or_else(|| reader.place(text(field(call, "locationUid"))));
    // The business's own call is no news to it, however it ends.
    let own = out && kind != PodiumKind::CallVoicemailLeft;
    Draft {
        id: uid.map(|uid| format!("call/{}", name(&uid))),
        version: match kind {
            PodiumKind::CallReceived => 1,
            PodiumKind::CallMissed => 3,
            PodiumKind::CallVoicemailLeft => 4,
            _ => 2,
        },
        title,
        body,
        actor: if out { person } else { number },
        context,
        at: match kind {
            PodiumKind::CallReceived => first_time(call, &["startedAt", "endedAt"]),
            _ => first_time(call, &["endedAt", "startedAt"]),
        },
        hush: own.then_some(Hush::Inbox),
        urgency: own.then_some(Urgency::Low),
        ..Draft::default()
    }
}
