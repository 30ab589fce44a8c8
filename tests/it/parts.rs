//! What the detail view shows, from the service's socket to the command line: whole, and without asking the service for anything.

use belfry::part::{Part, Said};
use belfry_sandbox::podio::{Byline, Context, Message, Spec};
use serde_json::json;

use crate::stage::Stage;

fn message(conversation: u64, text: &str, by: Byline) -> Message {
    Message { conversation_id: conversation, subject: "Fair stand".into(), text: text.into(), by }
}

#[tokio::test]
async fn a_message_stands_in_its_conversation_and_the_service_is_not_asked_for_it() {
    let stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio(), stage.sandbox.user().user_id);
    let ada = || Byline::person(56_432, "Ada Brook");
    for (conversation, text) in [(77, "At noon?"), (78, "Elsewhere"), (77, "Or at one?")] {
        podio.message(user, message(conversation, text, ada()));
    }
    podio.message(user, message(77, "At one.", Byline::person(user, "Me")));
    let kept = stage.until_kept(4).await;
    let shown = kept.iter().find(|entry| entry.notification.body == "Or at one?").unwrap();
    let parts = stage.desk().parts(shown.id).await.unwrap();
    let Some(Part::Messages { messages, .. }) = parts.first() else { panic!("{parts:?}") };
    let told: Vec<_> = messages.iter().map(|one: &Said| (one.text.as_str(), one.mine, one.here)).collect();
    let expected = [("At noon?", false, false), ("Or at one?", false, true), ("At one.", true, false)];
    assert_eq!(told, expected);
    assert_eq!(podio.observed().calls("GET", "/conversation/77"), 0, "reading it might mark it read");
}

#[tokio::test]
async fn what_a_push_only_hinted_at_has_its_parts_once_it_is_whole() {
    let stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio(), stage.sandbox.user().user_id);
    let mut spec = Spec::new("update", Context::task(15, "Order name badges"), "Ada changed the due date");
    spec.data =
        Some(json!({"type": "update_due_date", "changed": {"from": "2026-11-30", "to": "2026-11-27"}}));
    spec.context.data =
        Some(json!({"description": "Twelve for the stand", "responsible": {"name": "Ada Brook"}}));
    podio.notify(user, spec);
    let id = stage.until_kept(1).await[0].id;
    let desk = stage.desk();
    let whole = || async {
        let parts = desk.parts(id).await.unwrap();
        matches!(parts.first(), Some(Part::Changes { .. })).then_some(parts)
    };
    let parts = stage.until("the change to be known", crate::stage::LIMIT, whole).await;
    let text = serde_json::to_string(&parts).unwrap();
    for said in ["30 Nov 2026", "27 Nov 2026", "Twelve for the stand", "Ada Brook"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(stage.desk().parts(belfry::notification::NotificationId(99)).await.is_err());
}
