//! Each kind and each context says what it has; no JSON whatsoever makes it fail or grow.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::samples::{ME, Sample, all, read, said, sent};
use super::*;
use crate::notification::{Context, Detail, Icon};

/// Parts as lines, for a reader.
fn lines(parts: &[Part]) -> Vec<String> {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".into());
    let rest = |more: &u32| if *more > 0 { format!(" +{more}") } else { String::new() };
    let mut lines = Vec::new();
    for part in parts {
        match part {
            Part::Text { label, text } => lines.push(format!("text {}: {text}", or(label))),
            Part::Answer { question, words, stars, leaning } => {
                let stars = stars.map(|stars| format!(" {}/{}", stars.given, stars.of)).unwrap_or_default();
                lines.push(format!("answer {}: {words}{stars} {leaning:?}", or(question)));
            }
            Part::Question { text, options, more } => {
                lines.push(format!("question {text}{}", rest(more)));
                lines.extend(
                    options
                        .iter()
                        .map(|one| format!("  {} ({}){}", one.text, one.by.join(", "), rest(&one.more))),
                );
            }
            Part::Changes { changes, more } => {
                lines.push(format!("changes{}", rest(more)));
                lines.extend(
                    changes.iter().map(|one| format!("  {}: {} → {}", one.what, or(&one.from), or(&one.to))),
                );
            }
            Part::Files { files, more } => {
                lines.push(format!("files{}", rest(more)));
                lines.extend(files.iter().map(|one| {
                    format!("  {} {:?} {} {}", one.name, one.size, or(&one.kind), or(&one.about))
                }));
            }
            Part::Link { label, title, about, url } => {
                lines.push(format!("link {}: {} | {} | {}", or(label), or(title), or(about), or(url)));
            }
            Part::Messages { label, messages } => {
                lines.push(format!("messages {label}"));
                lines.extend(messages.iter().map(|one| {
                    let marks = [(one.mine, " mine"), (one.here, " here")]
                        .iter()
                        .filter(|(is, _)| *is)
                        .map(|(_, mark)| *mark)
                        .collect::<String>();
                    format!("  {} {}{marks}: {}", one.id, or(&one.who), one.text)
                }));
            }
            Part::People { label, people, more } => {
                lines.push(format!("people {label}{}", rest(more)));
                lines.extend(people.iter().map(|one| format!("  {} ({})", one.name, or(&one.role))));
            }
            Part::Facts { label, facts } => {
                lines.push(format!("facts {label}"));
                lines.extend(facts.iter().map(|one| format!("  {}: {}", one.label, one.value)));
            }
        }
    }
    lines
}

fn told(group: &Value) -> Vec<String> {
    lines(&parts(NotificationId(1), &read(group), &[], Some(ME)))
}

#[test]
fn every_shape_of_detail_is_as_it_was_looked_at() {
    let mut text = String::new();
    for sample in all() {
        text.push_str(&format!("== {}\n{}\n\n", sample.name, lines(&sample.parts()).join("\n")));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn each_of_the_thirteen_context_dictionaries_gives_its_facts() {
    let by = |name: &str| json!({"type": "user", "user_id": 9, "name": name});
    let cases: Vec<(&str, Value, &[&str])> = vec![
        (
            "status",
            json!({"status_id": 42, "value": "It works again!"}),
            &["text The status: It works again!"],
        ),
        (
            "task",
            json!({"task_id": 42, "text": "Call the plumber", "due_on": "2026-12-01 09:00:00", "responsible": by("Ada"), "private": 1, "ref": {"title": "Kitchen"}}),
            &[
                "  Due: 1 Dec 2026, 09:00 UTC",
                "  Task: Call the plumber",
                "  Responsible: Ada",
                "  Private: yes",
                "  Belongs to: Kitchen",
            ],
        ),
        (
            "space",
            json!({"space_id": 42, "name": "Roadmap", "member_count": 9, "top_members": [by("Ada"), by("Bo")], "app_count": 3, "top_apps": [{"name": "Leads"}]}),
            &["people Members +7", "  Ada (–)", "  Members: 9", "  Apps: Leads", "  Number of apps: 3"],
        ),
        (
            "org",
            json!({"org_id": 42, "name": "Northwind", "url": "https://podio.com/northwind", "logo": 3, "premium": true}),
            &["  Name: Northwind", "  Address: https://podio.com/northwind", "  Premium: yes"],
        ),
        (
            "item",
            json!({"item_id": 42, "title": "Other title", "app": {"config": {"name": "Projects"}}, "app_item_id": 17, "created_by": by("Ada"), "tags": ["web"]}),
            &["  App: Projects", "  Title: Other title", "  Number: 17", "  Created by: Ada", "  Tags: web"],
        ),
        (
            "bulletin",
            json!({"bulletin_id": 42, "summary": "Short", "text": "<p>Long</p>"}),
            &["text The bulletin: Long"],
        ),
        (
            "app",
            json!({"app_id": 42, "status": "active", "config": {"name": "Expenses", "item_name": "Receipt", "description": "All of them"}}),
            &["  App: Expenses", "  An entry is called: Receipt", "text About the app: All of them"],
        ),
        (
            "share",
            json!({"share_id": 42, "name": "CRM", "type": "pack", "abstract": "For sales", "author": by("Ada")}),
            &["  In the market: CRM", "  Author: Ada", "text About it: For sales"],
        ),
        (
            "conversation",
            json!({"conversation_id": 42, "subject": "Lunch", "type": "group", "participants": [by("Ada"), by("Bo")]}),
            &["people In this conversation", "  Bo (–)", "  Subject: Lunch", "  Kind: group"],
        ),
        (
            "question",
            json!({"question_id": 42, "text": "When?", "options": [{"question_option_id": 1, "text": "Now"}], "ref": {"type": "status", "title": "Dinner", "link": "x"}}),
            &["question When?", "  Now ()", "  Asked in: Dinner", "  Which is a: status"],
        ),
        (
            "meeting",
            json!({"meeting_id": 42, "starts_on": "2026-12-01 09:00:00", "location": "Room 3", "agenda": "All", "participants": [{"profile": by("Ada"), "status": "declined"}]}),
            &[
                "  Begins: 1 Dec 2026, 09:00 UTC",
                "  Where: Room 3",
                "text Agenda: All",
                "  Ada (does not take part)",
            ],
        ),
        (
            "file",
            json!({"file_id": 42, "name": "plan.pdf", "size": "1000", "mimetype": "application/pdf"}),
            &["files", "  plan.pdf Some(1000) application/pdf –"],
        ),
        (
            "batch",
            json!({"batch_id": 42, "name": "x", "plugin": "connection_load", "status": "in_progress", "completed": 1, "skipped": 2, "failed": 3, "ended_on": "2026-12-01 09:00:00", "file": {"name": "c.csv"}, "app": {"name": "Contacts"}}),
            &[
                "  Work: import of contacts",
                "  Status: in progress",
                "  Done: 1",
                "  Left out: 2",
                "  Failed: 3",
                "  File: c.csv",
                "  App: Contacts",
                "  Ended: 1 Dec 2026, 09:00 UTC",
            ],
        ),
        ("profiles", json!([{"name": "Ada", "title": ["Engineer"]}]), &["  Name: Ada", "  Title: Engineer"]),
        ("action", json!({"text": "Moved it"}), &["text What was done: Moved it"]),
        ("moon", json!({"name": "Luna"}), &["  Name: Luna"]),
    ];
    for (what, data, wanted) in cases {
        let group = sent("delete", Value::Null, "Bo", what, "Roadmap", data);
        let told = told(&group);
        for line in wanted {
            assert!(told.iter().any(|one| one == line), "{what}: {line}: {told:#?}");
        }
        assert!(told.iter().any(|one| one == "  Organisation: Northwind"), "{what}: {told:#?}");
        assert!(
            !told.iter().any(|one| one.contains("Roadmap")),
            "{what} says its own title again: {told:#?}"
        );
    }
}

#[test]
fn each_kind_of_answer_has_words_and_a_leaning() {
    let rating = |kind: &str, value: Value| ("rating", json!({"type": kind, "value": value}));
    let cases = [
        (rating("like", json!(1)), "answer –: Likes it Yes"),
        (rating("fivestar", json!(3)), "answer –: 3 of 5 stars 3/5 None"),
        (rating("fivestar", json!("5")), "answer –: 5 of 5 stars 5/5 None"),
        (rating("fivestar", json!(700)), "answer –: 5 of 5 stars 5/5 None"),
        (rating("approved", json!(0)), "answer –: Approved Yes"),
        (rating("approved", json!("1")), "answer –: Not approved No"),
        (rating("rsvp", json!(0)), "answer –: Takes part Yes"),
        (rating("rsvp", json!(1)), "answer –: Does not take part No"),
        (rating("rsvp", json!(2)), "answer –: Perhaps takes part Maybe"),
        (rating("yesno", json!(0)), "answer –: Yes Yes"),
        (rating("yesno", json!(1)), "answer –: No No"),
        (rating("thumbs", json!(0)), "answer –: Thumbs up Yes"),
        (rating("thumbs", json!(1)), "answer –: Thumbs down No"),
        (("participation", json!({"status": "accepted"})), "answer –: Takes part Yes"),
        (("participation", json!({"status": "declined"})), "answer –: Does not take part No"),
        (
            (
                "vote",
                json!({"voting": {"kind": "answer", "question": "When?"}, "answer": {"answer_id": 1, "text": "Friday"}}),
            ),
            "answer When?: Friday None",
        ),
        (
            ("vote", json!({"voting": {"kind": "fivestar", "question": "Good?"}, "rating": "2"})),
            "answer Good?: 2 of 5 stars 2/5 None",
        ),
        (
            ("answer", json!({"question_option": {"question_option_id": 9, "text": "Never"}})),
            "answer –: Never None",
        ),
    ];
    for ((kind, data), line) in cases {
        let told = told(&sent(kind, data, "Bo", "item", "Plan", Value::Null));
        assert_eq!(told.first().map(String::as_str), Some(line));
    }
}

#[test]
fn the_rest_of_the_kinds_say_what_their_data_says() {
    let person = json!({"user_id": 9, "avatar": 3, "name": "Zoë"});
    let cases: Vec<(&str, Value, &[&str])> = vec![
        (
            "alert",
            json!({"text": "@Nora please look", "ref": {"type": "comment", "id": 1}}),
            &["text –: @Nora please look", "  Written in: a comment"],
        ),
        (
            "member_reference_add",
            json!({"label": "Responsible", "description": "Who does it"}),
            &["  Name: Responsible", "text About the field: Who does it"],
        ),
        ("space_accept", json!({"status": "joined"}), &["  Status: joined"]),
        ("role_change", json!({"role": "light"}), &["  Role: light"]),
        ("user_kicked_from_space", person.clone(), &["people Removed", "  Zoë (–)"]),
        (
            "grant_create",
            json!({"message": "Have a look", "action": "comment"}),
            &["text –: Have a look", "  Asked to: comment"],
        ),
        ("grant_create_other", person.clone(), &["people Shared with", "  Zoë (–)"]),
        ("grant_delete_other", person, &["people No longer shared with"]),
        (
            "reference",
            json!({"type": "item", "id": 7, "title": "Press release", "link": "https://podio.com/x"}),
            &["link Referred to by: Press release | an item | https://podio.com/x"],
        ),
        (
            "moon_landing",
            json!({"text": "One small step", "files": [{"name": "eagle.png"}]}),
            &["text –: One small step", "  eagle.png None – –"],
        ),
    ];
    for (kind, data, wanted) in cases {
        let told = told(&sent(kind, data, "Bo", "item", "Plan", Value::Null));
        for line in wanted {
            assert!(told.iter().any(|one| one == line), "{kind}: {line}: {told:#?}");
        }
    }
}

#[test]
fn an_invitation_never_shows_its_code() {
    let invite = all().into_iter().find(|sample| sample.name == "invite").unwrap();
    assert!(invite.notification.raw.contains("not-to-be-shown"));
    assert!(!lines(&invite.parts()).join("\n").contains("not-to-be-shown"));
}

#[test]
fn what_only_a_push_told_says_its_sentence_once() {
    let mut hint = read(&sent("comment", Value::Null, "Bo", "item", "Plan", Value::Null));
    let long = "A sentence of a push. ".repeat(30);
    hint.raw =
        json!({"event": "notification_create", "data": {"notification_id": 5, "text": long}}).to_string();
    hint.body = String::new();
    hint.detail = Detail::Hint;
    assert_eq!(lines(&parts(NotificationId(1), &hint, &[], None)), [format!("text –: {}", long.trim())]);
    hint.raw =
        json!({"event": "notification_create", "data": {"notification_id": 5, "text": "Short"}}).to_string();
    assert!(parts(NotificationId(1), &hint, &[], None).is_empty(), "the title says it");
}

#[test]
fn a_row_whose_json_says_nothing_shows_its_body() {
    let mut odd = read(&sent("comment", Value::Null, "Bo", "", "", Value::Null));
    for raw in ["", "{", "null", "[1]", "\"x\"", "{\"notification\": 7}"] {
        odd.raw = raw.into();
        odd.body = "What the list shows".into();
        assert_eq!(
            lines(&parts(NotificationId(1), &odd, &[], None)),
            ["text –: What the list shows"],
            "{raw}"
        );
    }
}

#[test]
fn a_conversation_has_its_last_twenty_and_always_the_one_that_is_shown() {
    let talk: Vec<_> = (0..30)
        .map(|n: i64| {
            let minute = u8::try_from(n).unwrap();
            (NotificationId(n), said(n, 7, "Ana", minute, &format!("say {n}"), json!([])))
        })
        .collect();
    let messages = |shown: usize| {
        let (id, here) = talk[shown].clone();
        // As the store gives them: the newest, newest first.
        let newest: Vec<_> = talk.iter().rev().take(MESSAGES).cloned().collect();
        let Some(Part::Messages { messages, .. }) = parts(id, &here, &newest, Some(7)).into_iter().next()
        else {
            panic!("no messages")
        };
        messages
    };
    let newest = messages(29);
    assert_eq!(newest.iter().map(|one| one.id.0).collect::<Vec<_>>(), (10..30).collect::<Vec<_>>());
    assert!(newest.iter().all(|one| one.mine && one.here == (one.id.0 == 29)));
    let old = messages(3);
    assert_eq!(old.len(), MESSAGES);
    assert_eq!(old[0].id, NotificationId(3), "the one that is shown, before the newest");
    assert_eq!(old[1].id, NotificationId(11));
}

#[test]
fn a_message_that_came_twice_is_told_once() {
    let pushed = said(5, 7, "Ana", 1, "Lunch?", json!([]));
    let data = json!({"message_id": 8_005, "text": "Lunch?"});
    let told = read(&sent("message", data, "Ana", "conversation", "Fair stand", Value::Null));
    let parts = parts(NotificationId(2), &told, &[(NotificationId(1), pushed)], None);
    assert_eq!(lines(&parts)[..2], ["messages The conversation", "  2 Ana here: Lunch?"]);
    assert_eq!(lines(&parts).iter().filter(|line| line.contains("Lunch?")).count(), 1);
}

#[test]
fn a_comment_stands_with_the_others_on_the_same_thing() {
    let comment = |text: &str, id: i64| {
        (
            NotificationId(id),
            read(&sent(
                "comment",
                json!({"comment_id": id, "value": text}),
                "Bo",
                "item",
                "Plan",
                Value::Null,
            )),
        )
    };
    let (id, here) = comment("third", 3);
    let others = [comment("first", 1), (id, here.clone()), comment("second", 2)];
    let told = lines(&parts(id, &here, &others, None));
    assert_eq!(
        told[..4],
        ["text –: third", "messages Other comments here", "  1 Bo: first", "  2 Bo: second"]
    );
}

/// Above it, an answer would not cross the local socket.
const MOST_BYTES: usize = 900 * 1024;

fn size(parts: &[Part]) -> usize {
    serde_json::to_string(parts).unwrap().len()
}

#[test]
fn the_largest_of_everything_stays_small() {
    // Four bytes a character, the most there is.
    let huge = "𝔘".repeat(2_500_000);
    let (long, text) = (huge.get(..1_600).unwrap(), huge.get(..400_000).unwrap());
    let options: Vec<Value> = (0..40).map(|n| json!({"question_option_id": n, "text": long})).collect();
    let answers: Vec<Value> =
        (0..400).map(|n| json!({"question_option_id": n % 40, "user": {"name": long}})).collect();
    let file = json!({"name": long, "mimetype": long, "description": long, "size": u64::MAX});
    let question = json!({"question": {"text": long, "options": options}, "answers": answers});
    let comment = json!({"value": huge, "files": vec![file; 60], "questions": vec![question; 6],
        "embed": {"title": long, "url": long, "description": long}});
    let value = json!({"value": huge.get(..8_000)});
    let change = json!({"type": "text", "label": long, "from": [value.clone()], "to": vec![value; 4]});
    let people = vec![json!({"name": long, "status": long}); 60];
    let about = json!({"participants": people, "agenda": text, "location": long, "starts_on": long});
    let message = json!({"message_id": 1, "text": text});
    let other =
        read(&sent("comment", json!({"value": huge.get(..8_000)}), long, "meeting", long, Value::Null));
    let others: Vec<_> = (0..60).map(|n| (NotificationId(n + 2), other.clone())).collect();
    let diff = json!({"diff": vec![change; 100]});
    for (kind, data) in [("comment", comment), ("update", diff), ("message", message)] {
        let one = read(&sent(kind, data, long, "meeting", long, about.clone()));
        let parts = parts(NotificationId(1), &one, &others, None);
        assert!(parts.len() < 20, "{kind}: {} parts", parts.len());
        assert!(size(&parts) < MOST_BYTES, "{kind}: {} bytes", size(&parts));
    }
}

#[test]
fn five_hundred_changes_are_fifty_and_a_number() {
    let change = json!({"type": "text", "label": "Field", "from": [], "to": [{"value": "x"}]});
    let told = told(&sent("update", json!({"diff": vec![change; 500]}), "Bo", "item", "Plan", Value::Null));
    assert_eq!(told[0], "changes +450");
    assert_eq!(told.iter().filter(|line| line.starts_with("  Field")).count(), 50);
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = "value|text|name|title|type|diff|label|from|to|files|size|questions|question|options|answers|question_option_id|user|status|\
        changed|due_date|due_on|participants|top_members|member_count|voting|rating|answer|embed|url|ref|app|config|space|labels|start|end|currency|data|message_id";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9:]{0,8})?".prop_map(Value::from),
        "<[a-z/é]{0,4}.{0,4}>?.{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((names.split('|').collect::<Vec<_>>().prop_select(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(all);

trait Select {
    fn prop_select(self) -> BoxedStrategy<String>;
}

impl Select for Vec<&'static str> {
    fn prop_select(self) -> BoxedStrategy<String> {
        prop::sample::select(self.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()).boxed()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_json_makes_it_fail_or_grow(kind in 0..Kind::PODIO.len() + 1, what in 0..16_usize, data in any_json(), about in any_json(), whole in any::<bool>()) {
        let whats = ["status", "task", "space", "org", "item", "bulletin", "app", "share", "conversation", "question", "meeting", "file", "batch", "profiles", "action", "odd"];
        let raw = json!({"context": {"ref": {"type": whats[what], "id": 1}, "data": about, "title": about, "space": data, "comment_count": data},
            "notification": {"data": data, "created_by": about}});
        let notification = Notification {
            account: crate::account::AccountId::new("podio").unwrap(),
            external_id: "n1".into(),
            kind: Kind::PODIO.get(kind).cloned().unwrap_or_else(|| Kind::Other("odd".into())),
            icon: Icon::Other,
            title: String::new(),
            body: "body".into(),
            actor: None,
            context: Context { what: whats[what].into(), ..Context::default() },
            occurred_at: jiff::Timestamp::UNIX_EPOCH,
            read: false,
            starred: false,
            wants_banner: true,
            wants_sound: true,
            no_news: false,
            urgency: None,
            version: 0,
            detail: Detail::Whole,
            raw: if whole { raw } else { data }.to_string(),
        };
        let others = [(NotificationId(1), notification.clone()), (NotificationId(2), notification.clone())];
        let parts = parts(NotificationId(1), &notification, &others, Some(7));
        prop_assert!(size(&parts) < MOST_BYTES);
        prop_assert!(!parts.is_empty(), "at least the body");
        for line in lines(&parts) {
            prop_assert!(!line.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{line:?}");
        }
    }

    #[test]
    fn whatever_is_cut_out_of_a_true_one_leaves_the_rest(at in 0..14_usize, path in prop::collection::vec(0..9_usize, 1..6), with in any_json()) {
        let sample = &SAMPLES[at];
        let mut raw: Value = serde_json::from_str(&sample.notification.raw).unwrap();
        let mut place = &mut raw;
        for step in path {
            let children = match place { Value::Array(all) => all.len(), Value::Object(all) => all.len(), _ => 0 };
            if children == 0 { break; }
            place = match place {
                Value::Array(all) => &mut all[step % children],
                Value::Object(all) => all.values_mut().nth(step % children).unwrap(),
                _ => unreachable!(),
            };
        }
        *place = with;
        let harmed = Notification { raw: raw.to_string(), ..sample.notification.clone() };
        prop_assert!(size(&parts(sample.id, &harmed, &sample.others, Some(ME))) < MOST_BYTES);
    }
}
