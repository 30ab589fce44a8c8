//! The same kills over the embedded store: one process, killed again and again.

use std::time::Duration;

use crate::program::{PATIENCE, Program, Reader, Sender};

const KILLS: u32 = 50;
const EVENTS: u32 = 2_500;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_of_the_process_lose_nothing_and_double_nothing() {
    let mut relay = Program::start("sqlite", &[]).await;
    let channel = relay.channel().await;
    let reader = Reader::start(&[&relay], &channel, None);
    let sender = Sender::new(&[&relay], &channel);
    let sending = sender.send(EVENTS, 8);
    for kill in 1..=KILLS {
        // Spread over the whole, each at another moment of what is under way.
        sender.until_taken(kill * (EVENTS - 100) / KILLS).await;
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..20))).await;
        relay.kill().await;
        relay.again(&[]).await;
    }
    sending.await.unwrap();
    reader.until(usize::try_from(EVENTS).unwrap()).await;
    reader.assert_each_once(EVENTS);
    let seen = sender.seen();
    assert!(seen.slowest < PATIENCE, "{seen:?}");
    assert!(seen.answers.get(&0).is_some_and(|broken| *broken > 0), "no kill met a request: {seen:?}");
    println!("{} connections of the reader, {seen:?}", reader.heard().connections);
}
