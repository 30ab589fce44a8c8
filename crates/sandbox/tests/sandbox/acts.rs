//! What a client does on behalf of its user, and what the world makes of it.

use crate::bench;
use belfry_sandbox::{Byline, Context, Message, Spec};
use serde_json::{Value, json};

async fn post(bench: &crate::Bench, path: &str, body: Value) -> u16 {
    bench.post(path).json(&body).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_reply_reaches_the_others_and_an_unknown_conversation_is_not_there() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    let other = podio.add_user("Nina", "nina@example.test", "x");
    let message = |text: &str| Message {
        conversation_id: 7,
        subject: "Lunch".into(),
        text: text.into(),
        by: Byline::default(),
    };
    podio.message(bench.user, message("Shall we?"));
    podio.message(other, message("Shall we?"));
    assert_eq!(post(&bench, "/conversation/7/reply", json!({"text": "Yes"})).await, 200);
    let seen = podio.observed();
    let acts: Vec<_> = seen.acts.iter().map(|act| (act.what, act.on.as_str(), act.text.as_str())).collect();
    assert_eq!(acts, [("reply", "conversation/7", "Yes")]);
    let conversation = bench.json("/conversation/7").await;
    assert_eq!((&conversation["excerpt"], &conversation["unread_count"]), (&json!("Yes"), &json!(1)));
    let theirs = podio.issue_token(other, "belfry-sandbox");
    let token = format!("OAuth2 {}", theirs["access_token"].as_str().unwrap());
    let url = format!("{}/conversation/7", bench.sandbox.api_url());
    let theirs: Value =
        bench.http.get(url).header("authorization", token).send().await.unwrap().json().await.unwrap();
    assert_eq!(theirs["unread_count"], 2, "the reply came to them");
    assert_eq!(post(&bench, "/conversation/8/reply", json!({"text": "Yes"})).await, 404);
    assert_eq!(post(&bench, "/conversation/7/reply", json!({"text": ""})).await, 400);
}

#[tokio::test]
async fn a_completed_task_says_so_and_an_invitation_is_answered_once() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    podio.notify(bench.user, Spec::new("creation", Context::task(8, "Offer"), "a task"));
    podio.notify(bench.user, Spec::new("space_invite", Context::new("space", 3, "Fair"), "an invitation"));
    assert_eq!(post(&bench, "/task/8/complete", json!({})).await, 204);
    assert_eq!(post(&bench, "/task/9/complete", json!({})).await, 404);
    let list = bench.json("/notification/").await;
    let task = list.as_array().unwrap().iter().find(|group| group["context"]["ref"]["id"] == 8).unwrap();
    assert_eq!(task["context"]["data"]["status"], "completed");
    let code = json!({"invite_code": "sandbox-invite"});
    assert_eq!(post(&bench, "/space/invite/accept", code.clone()).await, 204);
    assert_eq!(post(&bench, "/space/invite/decline", code).await, 409);
    assert_eq!(post(&bench, "/space/invite/accept", json!({"invite_code": "guessed"})).await, 404);
}
