//! The inbox, the conversations, the user's status, and rate limits.

use crate::{bench, json_of};
use belfry_sandbox::podio::taxonomy;
use belfry_sandbox::{Byline, Context, Message, Spec};
use serde_json::{Value, json};
use std::time::Duration;

fn ids(groups: &Value) -> Vec<u64> {
    let groups = groups.as_array().unwrap().iter();
    groups
        .flat_map(|group| group["notifications"].as_array().unwrap())
        .map(|one| one["notification_id"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn the_list_is_grouped_newest_first_and_pages_count_notifications() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    let tell = |id, second: i64| {
        let at = jiff::Timestamp::from_second(1_700_000_000 + second).unwrap();
        podio.notify(bench.user, Spec::new("comment", Context::item(id, "Thing"), "text").at(at))
    };
    let (a1, b1, a2) = (tell(1, 0), tell(2, 10), tell(1, 20));
    let list = bench.json("/notification/").await;
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(ids(&list), [a2, a1, b1]);
    assert_eq!(list[0]["context"]["ref"], json!({"type": "item", "id": 1}));
    assert_eq!(list[0]["notifications"][0]["created_on"], "2023-11-14 22:13:40");
    assert_eq!(ids(&bench.json("/notification/?limit=1&offset=1").await), [b1]);
    let between = "/notification/?created_from=2023-11-14%2022:13:30&created_to=2023-11-14%2022:13:30";
    assert_eq!(ids(&bench.json(between).await), [b1]);
    assert_eq!(ids(&bench.json("/notification/?created_from=2023-11-15").await), [0; 0]);
    for bad in ["limit=101", "limit=0", "viewed=maybe", "created_from=yesterday"] {
        assert_eq!(bench.get(&format!("/notification/?{bad}")).send().await.unwrap().status(), 400, "{bad}");
    }
    assert_eq!(bench.get("/notification").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_page_has_20_unless_asked_and_at_most_100() {
    let bench = bench().await;
    let all = bench.sandbox.podio().burst(bench.user, 150);
    assert_eq!(ids(&bench.json("/notification/").await).len(), 20);
    let mut pages = Vec::new();
    for offset in [0, 100] {
        pages.extend(ids(&bench.json(&format!("/notification/?limit=100&offset={offset}")).await));
    }
    pages.sort_unstable();
    assert_eq!(pages, all);
}

#[tokio::test]
async fn filters_choose_by_type_context_author_star_and_direction() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    let comment = podio.notify(bench.user, Spec::comment("hello"));
    let task = Spec::new("creation", Context::task(7, "Do it"), "task").by(Byline::person(9, "Nina"));
    let task = podio.notify(bench.user, task);
    let other = podio.add_user("Uma", "uma@example.test", "pw");
    let sent = podio.notify(other, Spec::comment("from me").by(Byline::person(bench.user, "Robin Vale")));
    assert_eq!(bench.post(&format!("/notification/{task}/star")).send().await.unwrap().status(), 204);
    for (query, expected) in [
        ("type=comment", vec![comment]),
        ("context_type=task", vec![task]),
        ("user_id=9", vec![task]),
        ("starred=1", vec![task]),
        ("starred=0", vec![comment]),
        ("direction=outgoing", vec![sent]),
        ("direction=incoming", vec![task, comment]),
    ] {
        assert_eq!(ids(&bench.json(&format!("/notification/?{query}")).await), expected, "{query}");
    }
    assert_eq!(bench.delete(&format!("/notification/{task}/star")).send().await.unwrap().status(), 204);
    assert!(podio.observed().starred.is_empty());
}

#[tokio::test]
async fn viewing_moves_rows_by_number_by_object_and_all_at_once() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    let tell = |id| podio.notify(bench.user, Spec::new("comment", Context::item(id, "Thing"), "text"));
    let (a1, a2, b, c) = (tell(1), tell(1), tell(2), tell(3));
    let count = async || bench.json("/notification/inbox/new/count").await["new"].as_u64().unwrap();
    assert_eq!(count().await, 4);
    assert_eq!(bench.post(&format!("/notification/{b}/viewed")).send().await.unwrap().status(), 204);
    assert_eq!(ids(&bench.json("/notification/?viewed=1").await), [b]);
    bench.post("/notification/item/1/viewed").send().await.unwrap();
    assert_eq!(podio.unread(bench.user), [c]);
    bench.delete(&format!("/notification/{b}/viewed")).send().await.unwrap();
    bench.delete("/notification/item/1/viewed").send().await.unwrap();
    assert_eq!(podio.unread(bench.user), [a1, a2, b, c]);
    bench.post("/notification/viewed").send().await.unwrap();
    assert_eq!(count().await, 0);
    assert_eq!(podio.observed().viewed.len(), 4);
    assert_eq!(ids(&bench.json("/notification/?viewed=0&viewed_from=2020-01-01%2000:00:00").await).len(), 4);
    assert_eq!(ids(&bench.json("/notification/?viewed=0&viewed_from=2999-01-01%2000:00:00").await).len(), 0);
    assert_eq!(bench.post("/notification/1/viewed").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn one_notification_reads_as_a_group_or_in_the_old_flat_form() {
    let bench = bench().await;
    let id = bench.sandbox.podio().notify(bench.user, Spec::comment("hello"));
    let group = bench.json(&format!("/notification/{id}/v2")).await;
    assert_eq!(group["notifications"][0]["text"], "hello");
    assert_eq!(group["context"]["space"]["name"], "Launch");
    let flat = bench.json(&format!("/notification/{id}")).await;
    assert_eq!((&flat["notification_id"], &flat["context_type"]), (&json!(id), &json!("item")));
    assert_eq!(bench.get("/notification/1/v2").send().await.unwrap().status(), 404);
    let other = bench.sandbox.podio().add_user("Uma", "uma@example.test", "pw");
    let hers = bench.sandbox.podio().notify(other, Spec::comment("private"));
    assert_eq!(bench.get(&format!("/notification/{hers}/v2")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn every_combination_of_the_taxonomy_can_be_told() {
    let bench = bench().await;
    for (kind, context) in taxonomy::combinations() {
        let id = bench
            .sandbox
            .podio()
            .notify(bench.user, Spec::new(kind.name, Context::new(context, 5, "Thing"), "text"));
        let group = bench.json(&format!("/notification/{id}/v2")).await;
        assert_eq!(group["context"]["ref"]["type"], context);
        assert!(taxonomy::ICONS.contains(&group["notifications"][0]["icon"].as_str().unwrap()), "{group}");
        bench.sandbox.podio().set(|settings| settings.rate_limit += 1);
    }
}

#[tokio::test]
async fn the_status_names_the_user_both_counts_and_a_push_object() {
    let bench = bench().await;
    bench.sandbox.podio().notify(bench.user, Spec::comment("hello"));
    let say = Message {
        conversation_id: 70,
        subject: "Fair".to_owned(),
        text: "Hi".to_owned(),
        by: Byline::default(),
    };
    bench.sandbox.podio().message(bench.user, say);
    let status = bench.json("/user/status").await;
    assert_eq!((&status["inbox_new"], &status["message_unread_count"]), (&json!(1), &json!(1)));
    assert_eq!(status["user"]["mail"], "robin@example.test");
    assert_eq!(status["profile"]["name"], "Robin Vale");
    assert_eq!(status["push"]["channel"], format!("/user/{}", bench.user));
    assert_eq!(
        (status["push"]["expires_in"].as_u64(), status["push"]["timestamp"].is_i64()),
        (Some(21_600), true)
    );
    assert_eq!(status["push"]["signature"].as_str().unwrap().len(), 40);
    assert_eq!(status["presence"]["ref_type"], "user");
}

#[tokio::test]
async fn conversations_are_listed_read_and_counted() {
    let bench = bench().await;
    let say = |id, text: &str| {
        let message = Message {
            conversation_id: id,
            subject: "Fair".to_owned(),
            text: text.to_owned(),
            by: Byline::default(),
        };
        bench.sandbox.podio().message(bench.user, message);
    };
    say(70, "one");
    say(70, "two");
    say(71, "three");
    assert_eq!(bench.json("/conversation/unread/count").await, json!({"value": 3}));
    let one = bench.json("/conversation/70").await;
    assert_eq!((&one["excerpt"], &one["unread_count"]), (&json!("two"), &json!(2)));
    assert_eq!(one["push"]["channel"], "/conversation/70");
    assert_eq!(bench.json("/conversation/unread/").await.as_array().unwrap().len(), 2);
    bench.post("/conversation/70/read").send().await.unwrap();
    assert_eq!(bench.json("/conversation/unread/count").await, json!({"value": 1}));
    bench.post("/conversation/read").send().await.unwrap();
    assert_eq!(bench.json("/conversation/unread/count").await, json!({"value": 0}));
    bench.post("/conversation/71/star").send().await.unwrap();
    assert_eq!(bench.json("/conversation/starred/").await[0]["conversation_id"], 71);
}

#[tokio::test]
async fn the_rate_limit_is_announced_and_then_answers_420_on_every_call() {
    let bench = bench().await;
    bench.sandbox.podio().set(|settings| settings.rate_limit = 2);
    let header = |answer: &reqwest::Response, name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let first = bench.get("/user/status").send().await.unwrap();
    assert_eq!(
        (header(&first, "x-rate-limit-limit"), header(&first, "x-rate-limit-remaining")),
        ("2".into(), "1".into())
    );
    assert_eq!(bench.get("/notification/").send().await.unwrap().status(), 200);
    for path in ["/user/status", "/notification/"] {
        let over = bench.get(path).send().await.unwrap();
        assert_eq!((over.status().as_u16(), header(&over, "x-rate-limit-remaining")), (420, "0".into()));
        let text = json_of(over).await["error_description"].as_str().unwrap().to_owned();
        assert!(text.contains("hit the rate limit") && text.contains("wait 3600 seconds"), "{text}");
    }
    let unsigned = bench.http.get(format!("{}/user/status", bench.sandbox.api_url())).send().await.unwrap();
    assert!(!unsigned.headers().contains_key("x-rate-limit-limit"));
    assert_eq!(bench.sandbox.podio().observed().rate_limited, 2);
    bench.sandbox.podio().set(|settings| settings.rate_window = Duration::ZERO);
    assert_eq!(bench.get("/user/status").send().await.unwrap().status(), 200);
}
