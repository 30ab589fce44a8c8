//! The real program, killed: what it answered is there, and nothing is there twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::StatusCode;

use crate::bench::{Channel, Program, client, soon};

/// Rings until it is answered with 200, as a sender does: the same delivery each time.
async fn insist(channel: &Channel, n: u32) {
    let ringing = async {
        loop {
            let request = channel.http.post(&channel.hook_url).header("webhook-id", format!("delivery-{n}"));
            match request.body(format!("ring {n}")).send().await {
                Ok(answer) if answer.status() == StatusCode::OK => return,
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ringing).await.expect("an answer in a minute");
}

#[tokio::test]
async fn killed_between_store_and_answer_the_retry_is_known() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), |command| {
        command.env("BELFRY_RELAY_FAIL", "after-store:3");
    });
    let channel = Channel::make(&client(), &program.url, None).await;
    for n in 0..2 {
        insist(&channel, n).await;
    }
    let ring =
        || channel.http.post(&channel.hook_url).header("webhook-id", "delivery-2").body("ring 2").send();
    assert!(ring().await.is_err(), "it died before it could answer");
    let address = program.address();
    let (code, _) = program.ended();
    assert_eq!(code, None, "by a signal");
    let program = Program::start_at(data.path(), &address, |_| ());
    let kept = channel.kept(None).await;
    assert_eq!(kept.len(), 3, "what was stored is there, though nobody heard of it");
    assert_eq!(ring().await.unwrap().status(), StatusCode::OK);
    assert_eq!(channel.kept(None).await, kept, "the retry is known");
    drop(program);
}

/// How many kills and webhooks; `BELFRY_RELAY_KILLS=50 BELFRY_RELAY_RINGS=10000` for the long run.
fn many(name: &str, usual: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_it_loses_nothing_and_repeats_nothing() {
    let (kills, rings) = (many("BELFRY_RELAY_KILLS", 10), many("BELFRY_RELAY_RINGS", 600));
    let data = tempfile::tempdir().unwrap();
    let mut program = Program::start(data.path(), |_| ());
    let address = program.address();
    let channel = Channel::make(&client(), &program.url, None).await;
    let answered = Arc::new(AtomicU32::new(0));
    let senders = 4;
    let sending: Vec<_> = (0..senders)
        .map(|sender| {
            let (channel, answered) = (channel.clone(), answered.clone());
            tokio::spawn(async move {
                for n in (sender..rings).step_by(senders as usize) {
                    insist(&channel, n).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let reading = tokio::spawn(read_all(channel.clone(), rings as usize));
    for kill in 0..kills {
        // Spread over all of it, and within each part at random.
        while answered.load(Ordering::Relaxed) < kill * rings / kills {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..40))).await;
        program.kill();
        program = Program::start_at(data.path(), &address, |_| ());
        if kill % 3 == 0 {
            // Also while it starts.
            program.kill();
            program = Program::start_at(data.path(), &address, |_| ());
        }
    }
    for sender in sending {
        sender.await.unwrap();
    }
    let heard =
        tokio::time::timeout(Duration::from_secs(120), reading).await.expect("all in two minutes").unwrap();
    let distinct: BTreeSet<&String> = heard.iter().collect();
    assert_eq!((heard.len(), distinct.len()), (rings as usize, rings as usize));
    let kept: Vec<String> = channel.kept(None).await.iter().map(|event| event.text()).collect();
    assert_eq!(kept, heard, "the reader who came and went has what lies there, in its order");
    let (code, _) = program.end();
    assert_eq!(code, Some(0));
}

/// Reads on and on by position, through every end of the stream, until it has so many.
async fn read_all(channel: Channel, wanted: usize) -> Vec<String> {
    let (mut heard, mut position) = (Vec::new(), None::<String>);
    while heard.len() < wanted {
        let mut request = channel.http.get(&channel.events_url).bearer_auth(&channel.token);
        if let Some(position) = &position {
            request = request.header("last-event-id", position);
        }
        let Ok(response) = soon("a head or an end", request.send()).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        assert_eq!(response.status(), StatusCode::OK);
        let mut stream = crate::bench::Stream::of(response);
        while heard.len() < wanted {
            let Some(event) = stream.try_next().await else { break };
            assert_ne!(event.name, "gosmee-gap", "nothing may be missing");
            if event.name.is_empty() && !event.data.contains("\"message\"") {
                heard.push(event.text());
                position = event.id;
            }
        }
    }
    heard
}
