//! What a sender and a desktop see of the real program while servers and relays are killed under it.

use std::time::{Duration, Instant};

use xtask::nats::Setup;

use crate::program::{PATIENCE, Program, Reader, Sender};
use crate::stage::{STREAM, Servers};

async fn relays(servers: &Servers, count: usize) -> Vec<Program> {
    let mut relays = Vec::new();
    for _ in 0..count {
        relays.push(Program::start(&servers.url(), &[]).await);
    }
    relays
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_killed_in_a_burst_costs_503s_and_nothing_else() {
    let mut servers = Servers::three().await;
    let relay = Program::start(&servers.url(), &[]).await;
    let channel = relay.channel().await;
    let reader = Reader::start(&[&relay], &channel, None);
    let sender = Sender::new(&[&relay], &channel);
    let leader = servers.wait_for_leader(STREAM).unwrap();
    let sending = sender.send(500, 8);
    sender.until_taken(60).await;
    servers.kill(leader).unwrap();
    sending.await.unwrap();
    reader.until(500).await;
    reader.assert_each_once(500);
    assert_eq!(servers.held(STREAM).unwrap().messages, 500);
    let seen = sender.seen();
    assert!(seen.slowest < PATIENCE, "{seen:?}");
    assert!(seen.answers.keys().all(|status| [200, 503].contains(status)), "{seen:?}");
    assert_eq!(reader.heard().connections, 1, "the stream went on");
    println!("{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_in_a_burst_is_left_for_the_other_without_loss_or_doubles() {
    let servers = Servers::three().await;
    let mut relays = relays(&servers, 2).await;
    let channel = relays[0].channel().await;
    let [one, two] = &relays[..] else { panic!() };
    let reader = Reader::start(&[one, two], &channel, None);
    let sender = Sender::new(&[one, two], &channel);
    let sending = sender.send(500, 8);
    reader.until(100).await;
    relays[0].kill().await;
    sending.await.unwrap();
    reader.until(500).await;
    reader.assert_each_once(500);
    assert_eq!(servers.held(STREAM).unwrap().messages, 500);
    assert_eq!(reader.heard().connections, 2, "it moved on");
    assert!(sender.seen().slowest < PATIENCE, "{:?}", sender.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_dies_between_keeping_and_answering_makes_no_double() {
    let servers = Servers::three().await;
    let mut relay = Program::start(&servers.url(), &[]).await;
    let channel = relay.channel().await;
    relay.kill().await;
    relay.again(&[("BELFRY_RELAY_FAIL", "after-store:1")]).await;
    let sender = Sender::new(&[&relay], &channel);
    assert_eq!(sender.once(0).await, 0, "the connection breaks");
    relay.gone().await;
    assert_eq!(servers.held(STREAM).unwrap().messages, 1, "it was kept, but not answered");
    relay.again(&[]).await;
    assert_eq!(sender.once(0).await, 200);
    assert_eq!(sender.once(1).await, 200);
    assert_eq!(servers.held(STREAM).unwrap().messages, 2);
    let reader = Reader::start(&[&relay], &channel, None);
    reader.until(2).await;
    reader.assert_each_once(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_older_than_what_is_kept_is_told_as_a_gap() {
    let servers = Servers::with(Setup { nodes: 1, ..Setup::default() }).await;
    let relay = Program::start(&servers.url(), &["--keep-entries", "5"]).await;
    let channel = relay.channel().await;
    let sender = Sender::new(&[&relay], &channel);
    let early = Reader::start(&[&relay], &channel, None);
    assert_eq!(sender.once(0).await, 200);
    early.until(1).await;
    let position = early.heard().events[0].0.clone();
    drop(early);
    for n in 1..=5 {
        assert_eq!(sender.once(n).await, 200);
    }
    let fine = Reader::start(&[&relay], &channel, Some(&position));
    fine.until(5).await;
    assert_eq!(fine.numbers(), [1, 2, 3, 4, 5]);
    assert_eq!(fine.heard().events.len(), 5, "nothing is missing yet");
    assert_eq!(sender.once(6).await, 200);
    let late = Reader::start(&[&relay], &channel, Some(&position));
    late.until(5).await;
    let events = late.heard().events;
    let (_, name, said) = &events[0];
    assert_eq!((name.as_str(), &said["error"]), ("gosmee-gap", &"missed_history".into()));
    assert_eq!(said["requested_id"], position.as_str());
    assert_eq!(said["oldest_id"], events[1].0.as_str());
    assert_eq!(late.numbers(), [2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_senders_are_told_soon_and_it_heals_by_itself() {
    let mut servers = Servers::three().await;
    let relay = Program::start(&servers.url(), &[]).await;
    let channel = relay.channel().await;
    let sender = Sender::new(&[&relay], &channel);
    let reader = Reader::start(&[&relay], &channel, None);
    assert_eq!(sender.once(0).await, 200);
    assert_eq!(relay.health().await.0, 200);
    servers.wait_until_current(STREAM).unwrap();
    servers.kill(0).unwrap();
    servers.kill(1).unwrap();
    let asked = Instant::now();
    assert_eq!(sender.once(1).await, 503);
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    let words = relay.until_health(503).await;
    assert!(words.contains("JetStream") && words.contains("goes on by itself"), "{words}");
    servers.restart(0).unwrap();
    relay.until_health(200).await;
    sender.send(3, 1).await.unwrap();
    reader.until(3).await;
    reader.assert_each_once(3);
    assert_eq!(servers.held(STREAM).unwrap().messages, 3);
}

/// How many webhooks; `BELFRY_RELAY_RINGS=10000` for the long run.
fn rings() -> u32 {
    std::env::var("BELFRY_RELAY_RINGS").map_or(2_000, |count| count.parse().unwrap())
}

/// Now and then the leader, now and then a relay, each started again a moment later.
#[tokio::test(flavor = "multi_thread")]
async fn relays_and_leaders_killed_again_and_again_lose_nothing_and_double_nothing() {
    let events = rings();
    let mut servers = Servers::three().await;
    let mut relays = relays(&servers, 2).await;
    let channel = relays[0].channel().await;
    let reader = Reader::start(&[&relays[0], &relays[1]], &channel, None);
    let sender = Sender::new(&[&relays[0], &relays[1]], &channel);
    let sending = sender.send(events, 8);
    let mut kills = 0;
    while !sending.is_finished() {
        let victim: u32 = rand::random_range(0..3);
        if victim == 2 {
            let leader = servers.wait_for_leader(STREAM).unwrap();
            servers.kill(leader).unwrap();
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..1_500))).await;
            servers.restart(leader).unwrap();
            servers.wait_until_current(STREAM).unwrap();
        } else {
            let relay = &mut relays[usize::try_from(victim).unwrap()];
            relay.kill().await;
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..500))).await;
            relay.again(&[]).await;
        }
        kills += 1;
        let so_far = sender.seen().taken;
        sender.until_taken((so_far + rand::random_range(50..250)).min(events)).await;
    }
    sending.await.unwrap();
    reader.until(usize::try_from(events).unwrap()).await;
    reader.assert_each_once(events);
    assert_eq!(servers.held(STREAM).unwrap().messages, u64::from(events));
    let seen = sender.seen();
    assert!(kills > 2 && seen.slowest < PATIENCE, "{kills} kills, {seen:?}");
    println!("{kills} kills, {} connections of the reader, {seen:?}", reader.heard().connections);
}
