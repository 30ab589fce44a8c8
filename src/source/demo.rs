//! The demo: a day at work that is built in, for somebody who wants to see Belfry before they connect an account. No network.
//!
//! In: the script that the sandbox plays too. Out: a first fill, as of a service that was used before, then one thing after another,
//! further and further apart, until the day is over. The cursor counts what was told, so the day goes on where it stopped.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::account::AccountId;
use crate::env::Env;
use crate::link::{Cursor, Failure, LinkState};
use crate::notification::{Arrival, Context, Detail, Kind, Notification};
use crate::source::{Order, Outbox, Report};

const DAY: &str = include_str!("../../crates/sandbox/day.json");

/// So many lie there before Belfry came.
const BEFORE: usize = 12;
/// How far apart those happened.
const APART: SignedDuration = SignedDuration::from_mins(37);
/// After these pauses the first ones come; the last of them stands for all that follow.
const PAUSES: [u64; 6] = [2, 6, 15, 30, 60, 180];

#[derive(Debug, Deserialize)]
struct Script {
    people: Vec<Person>,
    lines: Vec<Line>,
}

#[derive(Debug, Deserialize)]
struct Person {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Line {
    kind: String,
    context: String,
    title: String,
    text: String,
    /// What Podio would send with it, and of what it is about.
    #[serde(default)]
    data: Value,
    #[serde(default)]
    about: Value,
}

/// The demo of one account.
#[derive(Debug)]
pub struct Demo {
    account: AccountId,
    env: Env,
    told: usize,
}

impl Demo {
    /// A demo that goes on at the cursor.
    pub fn new(account: AccountId, env: Env, cursor: Option<Cursor>) -> Self {
        let told = cursor.and_then(|cursor| cursor.0.parse().ok()).unwrap_or(0);
        Self { account, env, told }
    }

    /// Plays the day, and rests when it is over. Fails only where something cannot be kept.
    pub async fn run(&mut self, outbox: &mut Outbox) -> Failure {
        let script: Script = match serde_json::from_str(DAY) {
            Ok(script) => script,
            Err(error) => return Failure::fatal(format!("the demo's script cannot be read: {error}")),
        };
        match self.play(&script, outbox).await {
            Ok(()) => loop {
                obey(outbox).await;
            },
            Err(failure) => failure,
        }
    }

    async fn play(&mut self, script: &Script, outbox: &mut Outbox) -> Result<(), Failure> {
        let reports = outbox.reports().clone();
        if self.told == 0 {
            reports.state(LinkState::CatchingUp).await;
            let now = self.env.clock.now();
            let first: Vec<Notification> = (0..BEFORE)
                .filter_map(|place| {
                    let ago = APART * i32::try_from(BEFORE - place).unwrap_or(1);
                    // What lies further back was mostly seen.
                    let read = place < BEFORE - 3 && place % 4 != 0;
                    Some(Notification { read, ..scene(script, place, &self.account, now - ago)? })
                })
                .collect();
            reports.deliver(first, Arrival::FirstFill, Some(Cursor(BEFORE.to_string()))).await?;
            self.told = BEFORE;
        }
        reports.state(LinkState::Live).await;
        reports.alive();
        loop {
            let pause =
                PAUSES.get(self.told - BEFORE.min(self.told)).or(PAUSES.last()).copied().unwrap_or(180);
            let next = sleep(Duration::from_secs(pause));
            tokio::pin!(next);
            loop {
                tokio::select! {
                    () = &mut next => break,
                    () = obey(outbox) => {}
                }
            }
            let Some(notification) = scene(script, self.told, &self.account, self.env.clock.now()) else {
                return Ok(());
            };
            let told = self.told + 1;
            reports.deliver(vec![notification], Arrival::Live, Some(Cursor(told.to_string()))).await?;
            self.told = told;
        }
    }
}

/// Carries out one order: there is no service, so every wish is done at once.
async fn obey(outbox: &mut Outbox) {
    match outbox.order().await {
        Order::Wish(wish) => outbox.reports().tell(Report::Done(wish)).await,
        Order::Probe => outbox.reports().alive(),
        // Nothing is offered there, so nothing is ordered.
        Order::Complete(_) | Order::Act(_) => {}
    }
}

/// What happens at this place of the day; `None` when the day is over.
fn scene(script: &Script, place: usize, account: &AccountId, at: Timestamp) -> Option<Notification> {
    let length = script.lines.len();
    if place >= length {
        return None;
    }
    // A walk in long steps, so that like does not follow like.
    let line = script.lines.get((place * 7 + 5) % length)?;
    let who = &script.people.get(place * 3 % script.people.len().max(1))?.name;
    let text = line.text.replace("{who}", who);
    let (title, body) = match text.split_once(": ") {
        Some((title, body)) => (title.to_owned(), body.trim_matches('"').to_owned()),
        None => (text.clone(), String::new()),
    };
    let kind = Kind::from(line.kind.clone());
    Some(Notification {
        account: account.clone(),
        external_id: format!("d{place}"),
        icon: kind.icon(),
        raw: json!({
            "context": { "ref": { "type": line.context, "id": line.title }, "title": line.title, "data": line.about },
            "notification": { "type": line.kind, "text": text, "data": line.data, "created_by": { "name": who } },
        })
        .to_string(),
        kind,
        title,
        body,
        actor: line.text.contains("{who}").then(|| who.clone()),
        context: Context {
            what: line.context.clone(),
            id: line.title.clone(),
            title: Some(line.title.clone()),
            place: Some("Demo".to_owned()),
            // Nothing of the demo exists anywhere else.
            url: None,
        },
        occurred_at: at,
        read: false,
        starred: false,
        wants_banner: true,
        wants_sound: true,
        no_news: false,
        urgency: None,
        version: 0,
        detail: Detail::Whole,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::account::Settings;
    use crate::notification::NotificationId;
    use crate::part::Part;

    #[test]
    fn the_detail_of_the_day_shows_most_kinds_of_parts() {
        let script: Script = serde_json::from_str(DAY).unwrap();
        let account = AccountId::new("demo").unwrap();
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        let day: Vec<_> = (0..).map_while(|place| scene(&script, place, &account, at)).zip(1..).collect();
        let day: Vec<_> = day.into_iter().map(|(one, id)| (NotificationId(id), one)).collect();
        let mut seen = BTreeSet::new();
        for (id, one) in &day {
            let wanted = crate::source::beside(&Settings::Demo, &one.kind);
            let same =
                |other: &Notification| Some(&other.kind) == wanted.as_ref() && other.context == one.context;
            let others: Vec<_> = day.iter().filter(|(_, other)| same(other)).cloned().collect();
            for part in crate::source::parts(&Settings::Demo, *id, one, &others) {
                if let Part::Messages { messages, label } = &part {
                    assert_eq!((messages.len(), label.as_str()), (3, "The conversation"));
                }
                seen.insert(serde_json::to_value(part).unwrap()["part"].as_str().unwrap().to_owned());
            }
        }
        let all = ["answer", "changes", "facts", "files", "link", "messages", "people", "question", "text"];
        assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all);
    }

    #[test]
    fn the_day_tells_each_line_once_and_ends() {
        let script: Script = serde_json::from_str(DAY).unwrap();
        let account = AccountId::new("demo").unwrap();
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        let day: Vec<Notification> = (0..).map_while(|place| scene(&script, place, &account, at)).collect();
        assert_eq!(day.len(), script.lines.len());
        let told: BTreeSet<_> =
            day.iter().map(|one| (one.kind.clone(), one.context.clone().id, one.body.clone())).collect();
        assert_eq!(told.len(), day.len(), "a line came twice");
        assert!(day.iter().all(|one| !one.title.contains('{') && !one.title.is_empty()));
        assert!(
            day.iter().all(|one| !matches!(one.kind, Kind::Other(_)) || one.kind.name() == "message"),
            "a kind without a picture"
        );
    }
}
