//! Ten thousand messages at Podium, through relays that are killed again and again, to a desktop: each exactly once, each signature
//! checked, and the sender never left waiting. With the real program `belfry-relay` on its own file, and two of it on a real three-node
//! NATS cluster whose leader is killed, too.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use belfry::notification::NotificationId;
use belfry_sandbox::podium::Observed;
use rand::Rng;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use xtask::nats::Cluster;

use crate::stage::{Bell, Stage};

/// Messages of one run.
const MANY: usize = 10_000;
/// All of it, on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);
/// Podium's own limit for an answer.
const PATIENCE_MS: u64 = 5_000;
/// What the relays call their stream.
const STREAM: &str = "belfry-hooks";

/// Each run wants the machine to itself: side by side, two of them say nothing of how long an answer takes.
static TURN: Mutex<()> = Mutex::const_new(());

/// The program beside the resident; `cargo xtask test` builds it.
fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_belfry")).with_file_name("belfry-relay");
    assert!(program.exists(), "build it first: cargo build -p belfry-relay");
    program
}

/// A relay in a process of its own, on a port that it gets again after each death.
struct Relay {
    address: SocketAddr,
    store: String,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Relay {
    async fn start(store: &str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut relay = Self { address, store: store.to_owned(), folder, child: None };
        relay.again().await;
        relay
    }

    async fn again(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
        let child = Command::new(program())
            .args(["--store", &self.store, "--listen", &self.address.to_string(), "--data"])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.unwrap());
        let begin = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let said = || std::fs::read_to_string(self.log()).unwrap_or_default();
            assert!(ended.is_none() && begin.elapsed() < LIMIT, "the relay is not up: {}", said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// As by `kill -9`.
    async fn kill(&mut self) {
        self.child.take().unwrap().kill().await.unwrap();
    }
}

/// One name for several relays, as a name server or a balancer gives it: each connection goes to the next one that is there.
async fn one_name_for(relays: Vec<SocketAddr>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (relays, turn) = (Arc::new(relays), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let (relays, turn) = (relays.clone(), turn.clone());
            tokio::spawn(async move {
                let first = turn.fetch_add(1, Ordering::Relaxed);
                for next in 0..relays.len() {
                    if let Ok(mut to) = TcpStream::connect(relays[(first + next) % relays.len()]).await {
                        drop(tokio::io::copy_bidirectional(&mut from, &mut to).await);
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A desktop with one Podium account whose webhook goes through this address.
async fn desktop(relay: SocketAddr) -> Stage {
    let stage = Stage::empty_at(Bell::Podium).await;
    let api = stage.sandbox.podium_url();
    let stage = stage.through(api, format!("http://{relay}"));
    stage.sign_in().await.unwrap();
    stage.until_live().await;
    stage
}

/// How often each message is kept.
async fn kept(stage: &Stage) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    let mut after = NotificationId(0);
    loop {
        let page = stage.desk().kept_after(after, 500).await.unwrap();
        let Some(last) = page.last() else { return times };
        after = last.id;
        for entry in page {
            *times.entry(entry.notification.body.clone()).or_default() += 1;
        }
    }
}

/// Waits until the sender is rid of all and the desktop has all; says what the sender saw.
async fn until_all_are_there(stage: &Stage, began: Instant) -> Observed {
    let podium = stage.sandbox.podium();
    let observed = podium.delivered(LIMIT).await.unwrap();
    let taken = began.elapsed();
    let many = || async {
        let newest = stage.desk().newest().await.unwrap();
        (newest.0 >= i64::try_from(MANY).unwrap()).then_some(())
    };
    stage.until("all are kept", LIMIT, many).await;
    println!(
        "{MANY} messages were taken in {taken:?} and kept in {:?}; {} attempts, {} failed, the slowest answer took {} ms",
        began.elapsed(),
        observed.attempt_count,
        observed.failed,
        observed.slowest_ms
    );
    observed
}

async fn assert_each_exactly_once(stage: &Stage, observed: &Observed) {
    let kept = kept(stage).await;
    let wanted: BTreeMap<String, usize> = (1..=MANY).map(|number| (format!("Message {number}"), 1)).collect();
    let wrong: Vec<_> =
        kept.iter().filter(|(text, times)| wanted.get(*text) != Some(times)).take(5).collect();
    let lost: Vec<_> = wanted.keys().filter(|text| !kept.contains_key(*text)).take(5).collect();
    assert!(wrong.is_empty() && lost.is_empty(), "more than once or unknown: {wrong:?}; lost: {lost:?}");
    assert_eq!(observed.too_slow, 0, "the sender waited longer than it does");
    assert!(observed.slowest_ms < PATIENCE_MS, "{} ms", observed.slowest_ms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_through_one_relay_that_is_killed_fifty_times_come_exactly_once() {
    let _turn = TURN.lock().await;
    let mut relay = Relay::start("sqlite").await;
    let stage = desktop(one_name_for(vec![relay.address]).await).await;
    let began = Instant::now();
    let podium = stage.sandbox.podium();
    podium.burst(MANY);
    for kill in 1..=50_u64 {
        // Spread over the whole stream, wherever the sender is just then.
        let due = u64::try_from(MANY).unwrap() * kill / 52;
        podium.wait_for(|seen| seen.taken >= due, LIMIT).await.unwrap();
        let pause = rand::rng().random_range(0..40);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        relay.kill().await;
        relay.again().await;
    }
    let observed = until_all_are_there(&stage, began).await;
    assert!(observed.failed >= 10, "the kills were felt: {}", observed.failed);
    assert_each_exactly_once(&stage, &observed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_through_two_relays_on_a_cluster_whose_leader_is_killed_come_exactly_once() {
    let _turn = TURN.lock().await;
    let mut cluster = tokio::task::block_in_place(|| Cluster::start().unwrap());
    let mut relays = [Relay::start(&cluster.url()).await, Relay::start(&cluster.url()).await];
    let stage = desktop(one_name_for(relays.iter().map(|relay| relay.address).collect()).await).await;
    let began = Instant::now();
    let podium = stage.sandbox.podium();
    podium.burst(MANY);
    let mut leaders = 0;
    for round in 1..=12_u64 {
        let due = u64::try_from(MANY).unwrap() * round / 14;
        podium.wait_for(|seen| seen.taken >= due, LIMIT).await.unwrap();
        let (pause, which) = (rand::rng().random_range(0..200), rand::rng().random_range(0..2));
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let relay: &mut Relay = &mut relays[which];
        relay.kill().await;
        if round % 4 == 0 {
            tokio::task::block_in_place(|| {
                let leader = cluster.wait_for_leader(STREAM).unwrap();
                cluster.kill(leader).unwrap();
                leaders += 1;
                // Messages are taken by the other two in the meantime.
                cluster.wait_for_leader(STREAM).unwrap();
                cluster.restart(leader).unwrap();
                cluster.wait_until_current(STREAM).unwrap();
            });
        }
        relay.again().await;
    }
    let observed = until_all_are_there(&stage, began).await;
    println!("{leaders} leaders and 12 relays were killed");
    assert!(observed.failed > 0, "the kills were felt");
    assert_each_exactly_once(&stage, &observed).await;
}
