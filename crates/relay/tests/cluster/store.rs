//! The store by itself.

use std::time::Duration;

use belfry_relay::{Entry, Retention};
use xtask::nats::Setup;

use crate::stage::{LIMIT, STREAM, Servers, all, channel, entry, insist, open, text};

#[tokio::test]
async fn what_one_relay_keeps_every_relay_reads_and_knows_again() {
    let servers = Servers::three().await;
    // Both at once on an empty cluster: one of them makes everything.
    let (one, two) = tokio::join!(servers.open(), servers.open());
    assert_eq!(one.epoch(), two.epoch());
    assert_eq!(one.keys().join_code, two.keys().join_code);
    assert_eq!(one.keys().relay.as_bytes(), two.keys().relay.as_bytes());

    let first = one.append(entry(channel(1), 1)).await.unwrap();
    let other = one.append(entry(channel(2), 2)).await.unwrap();
    let oauth = Entry { event: "belfry-oauth", ..entry(channel(1), 3) };
    let second = two.append(oauth).await.unwrap();
    assert!(first.seq < other.seq && other.seq < second.seq && !first.known);
    let again = two.append(entry(channel(1), 1)).await.unwrap();
    assert_eq!((again.seq, again.known), (first.seq, true));

    let page = two.read(channel(1), 0, 10).await.unwrap();
    assert_eq!(page.entries.iter().map(|kept| kept.seq).collect::<Vec<_>>(), [first.seq, second.seq]);
    assert_eq!(page.entries.iter().map(|kept| kept.event.as_str()).collect::<Vec<_>>(), ["", "belfry-oauth"]);
    assert_eq!(page.entries[0].data, text(1).as_bytes());
    assert_eq!((page.trimmed, page.newest, page.more), (0, second.seq, false));
    let page = two.read(channel(1), 0, 1).await.unwrap();
    assert_eq!((page.entries.len(), page.end, page.more), (1, first.seq, true));
    assert_eq!(all(&*one, channel(1), first.seq).await, [(second.seq, text(3))]);

    assert_eq!(one.forget(channel(1)).await.unwrap(), 2);
    assert_eq!(all(&*two, channel(1), 0).await, []);
    assert_eq!(all(&*two, channel(2), 0).await.len(), 1);
    one.close().await;
    one.append(entry(channel(1), 9)).await.unwrap_err();
}

#[tokio::test]
async fn a_reader_is_woken_by_what_another_relay_keeps() {
    let servers = Servers::three().await;
    let (one, two) = tokio::join!(servers.open(), servers.open());
    let (mut mine, others) = (two.watch(channel(1)), two.watch(channel(2)));
    one.append(entry(channel(1), 1)).await.unwrap();
    tokio::time::timeout(LIMIT, mine.changed()).await.unwrap().unwrap();
    assert!(!others.has_changed().unwrap());
}

#[tokio::test]
async fn more_than_a_channel_may_hold_is_a_gap_and_less_is_none() {
    let servers = Servers::three().await;
    let store = servers.open_with(Retention { entries: 4, ..Retention::default() }).await;
    let mut seqs = Vec::new();
    for n in 0..4 {
        seqs.push(store.append(entry(channel(1), n)).await.unwrap().seq);
    }
    assert_eq!(store.read(channel(1), 0, 10).await.unwrap().trimmed, 0, "full, but nothing went");
    for n in 4..7 {
        seqs.push(store.append(entry(channel(1), n)).await.unwrap().seq);
    }
    for (at, missed) in [(0, true), (1, true), (2, false), (3, false), (6, false)] {
        let page = store.read(channel(1), seqs[at], 10).await.unwrap();
        assert_eq!(seqs[at] < page.trimmed, missed, "after {at}: {page:?}");
        assert_eq!(page.entries.len(), 4.min(6 - at), "after {at}");
    }
    store.append(entry(channel(2), 0)).await.unwrap();
    let page = store.read(channel(1), 0, 10).await.unwrap();
    assert_eq!((page.oldest, page.trimmed), (Some(seqs[3]), seqs[2]));
    assert_eq!(store.read(channel(2), 0, 10).await.unwrap().trimmed, 0, "it began after what is gone");
    assert_eq!(store.read(channel(3), 0, 10).await.unwrap().trimmed, 0, "it never had anything");
}

#[tokio::test]
async fn what_went_from_the_middle_of_the_stream_is_a_gap_for_its_channel_only() {
    let servers = Servers::three().await;
    let store = servers.open_with(Retention { entries: 4, ..Retention::default() }).await;
    let others = store.append(entry(channel(2), 0)).await.unwrap().seq;
    let mut seqs = Vec::new();
    for n in 0..7 {
        seqs.push(store.append(entry(channel(1), n)).await.unwrap().seq);
    }
    assert_eq!(servers.held(STREAM).unwrap().first, others, "the stream still begins where it began");
    for (after, missed) in [(0, true), (seqs[0], true), (seqs[1], true), (seqs[2], false), (seqs[6], false)] {
        let page = store.read(channel(1), after, 10).await.unwrap();
        assert_eq!(after < page.trimmed, missed, "after {after}: {page:?}");
    }
    for after in [0, others] {
        assert!(store.read(channel(2), after, 10).await.unwrap().trimmed <= after);
    }
}

#[tokio::test]
async fn a_channel_that_may_hold_more_from_now_on_hides_no_gap_of_before() {
    let servers = Servers::with(Setup { nodes: 1, ..Setup::default() }).await;
    let holding = |entries| Retention { entries, ..Retention::default() };
    let store = servers.open_with(holding(4)).await;
    // Its first entry stays, so that the stream still begins where it began.
    store.append(entry(channel(2), 0)).await.unwrap();
    let mut seqs = Vec::new();
    for n in 0..10 {
        seqs.push(store.append(entry(channel(1), n)).await.unwrap().seq);
    }
    let epoch = store.epoch();
    let more = servers.open_with(holding(100)).await;
    let page = more.read(channel(1), seqs[1], 10).await.unwrap();
    assert_eq!(page.entries.len(), 4);
    assert!(more.epoch() > epoch || seqs[1] < page.trimmed, "nobody would tell the reader: {page:?}");
    let less = servers.open_with(holding(50)).await;
    assert_eq!(less.epoch(), more.epoch(), "what goes now can be told");
}

#[tokio::test]
async fn a_relay_that_was_started_before_others_held_less_tells_what_went() {
    let servers = Servers::with(Setup { nodes: 1, ..Setup::default() }).await;
    let store = servers.open().await;
    store.append(entry(channel(2), 0)).await.unwrap();
    let mut seqs = Vec::new();
    for n in 0..6 {
        seqs.push(store.append(entry(channel(1), n)).await.unwrap().seq);
    }
    let _less = servers.open_with(Retention { entries: 2, ..Retention::default() }).await;
    let page = store.read(channel(1), seqs[1], 10).await.unwrap();
    assert!(page.entries.len() == 2 && seqs[1] < page.trimmed, "{page:?}");
}

#[tokio::test]
async fn a_position_that_no_store_ever_gave_is_read_like_any_other() {
    let servers = Servers::with(Setup { nodes: 1, ..Setup::default() }).await;
    let store = servers.open().await;
    let seq = store.append(entry(channel(1), 1)).await.unwrap().seq;
    for after in [u64::MAX, u64::MAX - 1] {
        let page = store.read(channel(1), after, 10).await.unwrap();
        assert_eq!((page.entries.len(), page.newest), (0, seq), "after {after}");
    }
}

#[tokio::test]
async fn what_went_of_age_is_a_gap() {
    let servers = Servers::with(Setup { nodes: 1, ..Setup::default() }).await;
    let age = Duration::from_secs(2);
    let store = servers.open_with(Retention { age, ..Retention::default() }).await;
    let first = store.append(entry(channel(1), 1)).await.unwrap().seq;
    let second = store.append(entry(channel(1), 2)).await.unwrap().seq;
    let until = tokio::time::Instant::now() + LIMIT;
    while servers.held(STREAM).unwrap().messages > 0 {
        assert!(tokio::time::Instant::now() < until, "nothing goes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = store.read(channel(1), first, 10).await.unwrap();
    assert!(first < told.trimmed && told.entries.is_empty());
    let then = store.read(channel(1), told.end, 10).await.unwrap();
    assert!(told.end >= then.trimmed, "a gap is told once: {told:?}, {then:?}");
    let third = store.append(entry(channel(1), 3)).await.unwrap().seq;
    for (after, missed) in [(0, true), (first, true), (second, false), (third, false)] {
        let page = store.read(channel(1), after, 10).await.unwrap();
        assert_eq!(after < page.trimmed, missed, "after {after}: {page:?}");
    }
}

#[tokio::test]
async fn the_position_of_a_quiet_channel_moves_on_once_it_is_sure() {
    let servers = Servers::three().await;
    let store = servers.open().await;
    let mine = store.append(entry(channel(1), 1)).await.unwrap().seq;
    let others = store.append(entry(channel(2), 1)).await.unwrap().seq;
    let began = tokio::time::Instant::now();
    for _ in 0..2 {
        let at_once = store.read(channel(1), mine, 10).await.unwrap();
        assert!(began.elapsed() > Duration::from_secs(4) || at_once.end == mine, "too early: {at_once:?}");
        assert_eq!(at_once.newest, others);
    }
    let until = tokio::time::Instant::now() + LIMIT;
    while store.read(channel(1), mine, 10).await.unwrap().end < others {
        assert!(tokio::time::Instant::now() < until, "it never becomes sure");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_leader_killed_in_a_burst_loses_nothing_and_doubles_nothing() {
    let mut servers = Servers::three().await;
    let store = servers.open().await;
    let writer = servers.open().await;
    let reader = {
        let store = store.clone();
        tokio::spawn(async move {
            let mut woken = store.watch(channel(1));
            let (mut after, mut found) = (0, Vec::new());
            while found.len() < 300 {
                let page = store.read(channel(1), after, 16).await.unwrap();
                after = page.end;
                found.extend(page.entries.into_iter().map(|kept| kept.data));
                if !page.more && found.len() < 300 {
                    tokio::time::timeout(LIMIT, woken.changed()).await.unwrap().unwrap();
                }
            }
            found
        })
    };
    let writing = tokio::spawn(async move {
        for n in 0..300 {
            insist(&*writer, entry(channel(1), n)).await;
        }
    });
    let leader = servers.wait_for_leader(STREAM).unwrap();
    while servers.held(STREAM).unwrap().messages < 50 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    servers.kill(leader).unwrap();
    writing.await.unwrap();
    let found = reader.await.unwrap();
    let expected: Vec<_> = (0..300).map(|n| text(n).into_bytes()).collect();
    assert_eq!(found, expected);
    assert_eq!(servers.held(STREAM).unwrap().messages, 300);
}

#[tokio::test]
async fn a_cluster_that_was_killed_whole_comes_back_with_everything() {
    let mut servers = Servers::three().await;
    let store = servers.open().await;
    let epoch = store.epoch();
    let seq = store.append(entry(channel(1), 1)).await.unwrap().seq;
    servers.wait_until_current(STREAM).unwrap();
    for at in 0..3 {
        servers.kill(at).unwrap();
    }
    let refused = tokio::time::timeout(LIMIT, store.health()).await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("no NATS server answers"), "{refused}");
    for at in 0..3 {
        servers.restart(at).unwrap();
    }
    insist(&*store, entry(channel(1), 2)).await;
    assert_eq!(all(&*store, channel(1), 0).await.len(), 2);
    store.health().await.unwrap();
    let later = open(servers.at(), Retention::default()).await.unwrap();
    assert_eq!(later.epoch(), epoch);
    let again = later.append(entry(channel(1), 1)).await.unwrap();
    assert_eq!((again.seq, again.known), (seq, true), "message ids are known after a restart, too");
}
