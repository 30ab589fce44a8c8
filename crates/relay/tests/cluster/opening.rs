//! What a person is told when the store cannot be opened, and what a relay makes of servers of different kinds.

use belfry_relay::{Config, Entry, NatsAt, NatsSignIn, Retention, StoreAt, StoreError};
use bytes::Bytes;
use xtask::nats::Setup;

use crate::stage::{Servers, channel, entry, open};

async fn refused(at: NatsAt) -> String {
    match open(at, Retention::default()).await {
        Err(StoreError::Unfit(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

fn alone() -> Setup {
    Setup { nodes: 1, ..Setup::default() }
}

#[tokio::test]
async fn where_no_server_answers_the_address_is_said() {
    // Bound and let go: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sentence = refused(NatsAt::new(vec![format!("nats://{free}").parse().unwrap()])).await;
    assert!(sentence.starts_with(&format!("No NATS server answers at {free}: is it running?")), "{sentence}");
}

#[tokio::test]
async fn a_server_without_jetstream_is_said_to_need_it() {
    let servers = Servers::with(Setup { jetstream: false, ..alone() }).await;
    let sentence = refused(servers.at()).await;
    assert!(sentence.contains("has no JetStream: start it with"), "{sentence}");
}

#[tokio::test]
async fn a_sign_in_is_asked_for_checked_and_never_shown() {
    let sign_in = Some(("relay".to_owned(), "tell-nobody".to_owned()));
    let servers = Servers::with(Setup { sign_in, ..alone() }).await;
    let sentence = refused(servers.at()).await;
    assert!(sentence.contains("asks for a sign-in: name its file with --nats-creds"), "{sentence}");
    let wrong = NatsSignIn::new("relay:wrong-password\n");
    assert!(!format!("{wrong:?}").contains("wrong"));
    let sentence = refused(NatsAt { sign_in: Some(wrong), ..servers.at() }).await;
    assert!(sentence.contains("refuses the sign-in"), "{sentence}");
    assert!(!sentence.contains("wrong-password"), "{sentence}");

    let right = NatsAt { sign_in: Some(NatsSignIn::new("relay:tell-nobody\n")), ..servers.at() };
    let store = open(right, Retention::default()).await.unwrap();
    store.append(entry(channel(1), 1)).await.unwrap();
}

#[tokio::test]
async fn a_password_in_the_address_is_refused_and_not_repeated() {
    let servers = vec!["nats://relay:tell-nobody@127.0.0.1:1".parse().unwrap()];
    let sentence = refused(NatsAt::new(servers)).await;
    assert!(sentence.contains("--nats-creds") && !sentence.contains("tell-nobody"), "{sentence}");
}

#[tokio::test]
async fn a_server_alone_keeps_one_copy_and_says_what_that_means() {
    let servers = Servers::with(Setup { max_payload: None, ..alone() }).await;
    let store = servers.open().await;
    let remarks = store.remarks().join("\n");
    assert!(remarks.contains("on one NATS server only"), "{remarks}");
    assert!(remarks.contains("power cut") && remarks.contains("sync_interval: always"), "{remarks}");
    assert!(remarks.contains("at most 1024 KiB") && remarks.contains("max_payload: 4MB"), "{remarks}");
    store.health().await.unwrap();
    let large = Entry { data: Bytes::from(vec![b'x'; 1 << 20]), ..entry(channel(1), 1) };
    assert_eq!(store.append(large).await.unwrap_err(), StoreError::Large);
    let fitting = Entry { data: Bytes::from(vec![b'x'; 1_000_000]), ..entry(channel(1), 2) };
    store.append(fitting.clone()).await.unwrap();
    let page = store.read(channel(1), 0, 10).await.unwrap();
    assert_eq!(page.entries[0].data, fitting.data);
}

#[tokio::test]
async fn three_servers_keep_three_copies_and_there_is_nothing_to_remark() {
    let servers = Servers::three().await;
    // One address is enough to find the others.
    let one = NatsAt { servers: servers.at().servers.into_iter().take(1).collect(), ..servers.at() };
    let store = open(one, Retention::default()).await.unwrap();
    assert_eq!(store.remarks(), Vec::<String>::new());
    servers.wait_until_current("belfry-hooks").unwrap();
    servers.wait_until_current("KV_belfry-relay").unwrap();
    let large = Entry { data: Bytes::from(vec![b'x'; 2 << 20]), ..entry(channel(1), 1) };
    store.append(large).await.unwrap();
}

#[tokio::test]
async fn servers_with_little_room_keep_less_and_say_so() {
    for nodes in [1, 3] {
        let servers = Servers::with(Setup { nodes, room: "1GB", ..Setup::default() }).await;
        let store = servers.open().await;
        let remarks = store.remarks().join("\n");
        assert!(remarks.contains("reserved room for 686 MiB"), "{nodes}: {remarks}");
        store.append(entry(channel(1), 1)).await.unwrap();
    }
}

#[tokio::test]
async fn limits_that_changed_are_taken_over_and_what_was_kept_stays() {
    let servers = Servers::three().await;
    let store = servers.open().await;
    let epoch = store.epoch();
    for n in 0..6 {
        store.append(entry(channel(1), n)).await.unwrap();
    }
    let store = servers.open_with(Retention { entries: 4, ..Retention::default() }).await;
    assert_eq!(store.epoch(), epoch);
    let page = store.read(channel(1), 0, 10).await.unwrap();
    assert_eq!((page.entries.len(), page.trimmed > 0), (4, true), "{page:?}");
}

#[tokio::test]
async fn after_a_backup_was_put_back_readers_are_told_by_a_new_epoch() {
    let servers = Servers::with(alone()).await;
    let before = servers.open().await.epoch();
    assert_eq!(servers.open().await.epoch(), before);
    let config = Config { store: StoreAt::Nats(servers.at()), restored: true, ..Config::default() };
    let restored = belfry_relay::open(&config).await.unwrap().epoch();
    assert!(restored > before, "{restored} {before}");
    assert_eq!(servers.open().await.epoch(), restored, "for all relays from then on");
}
