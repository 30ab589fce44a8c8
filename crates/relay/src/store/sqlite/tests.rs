//! The embedded store by itself: real files, real threads.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::store::{Earlier, MessageId};

mod damage;

fn channel(n: u8) -> ChannelId {
    ChannelId::from_bytes([n; 16])
}

fn entry(channel_number: u8, message: u32, bytes: usize) -> Entry {
    let mut id = [channel_number; 16];
    id[..4].copy_from_slice(&message.to_be_bytes());
    Entry {
        channel: channel(channel_number),
        message: MessageId::from_bytes(id),
        earlier: None,
        received: crate::tasks::now_ms(),
        event: "",
        data: Bytes::from(vec![b'x'; bytes]),
    }
}

struct Bench {
    folder: TempDir,
    store: SqliteStore,
}

impl Bench {
    fn new(retention: Retention) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open_now(folder.path().join("relay.db"), retention, false).unwrap();
        Self { folder, store }
    }

    fn usual() -> Self {
        Self::new(Retention::default())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("relay.db")
    }

    async fn append(&self, entry: Entry) -> Appended {
        self.store.append(entry).await.unwrap()
    }

    async fn all(&self, number: u8) -> Page {
        self.store.read(channel(number), 0, usize::MAX).await.unwrap()
    }

    async fn again(self, restored: bool) -> Self {
        let path = self.path();
        self.store.close().await;
        let Self { folder, store } = self;
        drop(store);
        Self { folder, store: open_now(path, Retention::default(), restored).unwrap() }
    }

    async fn on_writer(&self, work: impl FnOnce(&mut Connection) + Send + 'static) {
        self.store.writer.ask(|answer| write::Job::Work(Box::new(work), answer)).await.unwrap();
    }

    /// Keeps the writing thread busy until the sender is used.
    fn hold(&self, first: impl FnOnce(&mut Connection) + Send + 'static) -> std::sync::mpsc::Sender<()> {
        let (let_go, held) = std::sync::mpsc::channel();
        let (answer, _) = oneshot::channel();
        let work = move |conn: &mut Connection| {
            first(conn);
            held.recv().unwrap();
        };
        self.store.writer.queue(write::Job::Work(Box::new(work), answer)).unwrap();
        let_go
    }

    /// Appends many at the same time.
    async fn append_all(&self, entries: impl Iterator<Item = Entry>) {
        let appended = futures_util::future::join_all(entries.map(|entry| self.store.append(entry))).await;
        assert!(appended.iter().all(|appended| appended.as_ref().is_ok_and(|appended| !appended.known)));
    }
}

fn seqs(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|kept| kept.seq).collect()
}

/// Asks until it is so, for at most ten seconds.
async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    for _ in 0..1_000 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain until {what}");
}

#[tokio::test]
async fn what_was_kept_is_read_in_its_order_and_by_its_channel() {
    let bench = Bench::usual();
    for n in 0..5 {
        bench.append(entry(1, n, 10 + n as usize)).await;
        bench.append(entry(2, n, 1)).await;
    }
    let page = bench.all(1).await;
    assert_eq!(seqs(&page), [1, 3, 5, 7, 9]);
    let lengths: Vec<usize> = page.entries.iter().map(|kept| kept.data.len()).collect();
    assert_eq!(lengths, [10, 11, 12, 13, 14]);
    assert_eq!((page.oldest, page.trimmed, page.end, page.newest, page.more), (Some(1), 0, 10, 10, false));
    let part = bench.store.read(channel(1), 3, 2).await.unwrap();
    assert_eq!((seqs(&part), part.end, part.more), (vec![5, 7], 7, true));
    let none = bench.store.read(channel(9), 4, 10).await.unwrap();
    assert_eq!((seqs(&none), none.oldest, none.end), (vec![], None, 10));
}

#[tokio::test]
async fn a_page_holds_about_a_megabyte_and_one_entry_at_least() {
    let bench = Bench::usual();
    for n in 0..4 {
        bench.append(entry(1, n, 900_000)).await;
    }
    let page = bench.all(1).await;
    assert_eq!((seqs(&page), page.more), (vec![1, 2], true));
    bench.append(entry(2, 1, 3_000_000)).await;
    assert_eq!(bench.all(2).await.entries.len(), 1);
}

#[tokio::test]
async fn a_double_is_kept_once_even_beside_its_twin() {
    let bench = Bench::usual();
    let twins =
        futures_util::future::join_all((0..50).map(|n| bench.store.append(entry(1, n % 10, 5)))).await;
    let known = twins.iter().filter(|appended| appended.as_ref().unwrap().known).count();
    assert_eq!((known, bench.all(1).await.entries.len()), (40, 10));
    let bench = bench.again(false).await;
    assert!(bench.append(entry(1, 3, 5)).await.known);
    assert!(!bench.append(entry(2, 3, 5)).await.known, "another channel has its own");
}

#[tokio::test]
async fn what_came_a_moment_ago_under_its_earlier_id_is_known_and_what_came_long_ago_is_not() {
    let bench = Bench::usual();
    let first = Entry { received: 1_000_000, ..entry(1, 1, 5) };
    assert!(!bench.append(first.clone()).await.known);
    let at = |since| Entry {
        received: 1_500_000,
        earlier: Some(Earlier { message: first.message, since }),
        ..entry(1, 2, 5)
    };
    assert_eq!(bench.append(at(900_000)).await, Appended { seq: 1, known: true });
    assert_eq!(bench.append(at(1_000_001)).await, Appended { seq: 2, known: false });
}

#[tokio::test]
async fn the_file_shrinks_once_much_has_gone() {
    let bench = Bench::usual();
    for n in 0..50 {
        bench.append(entry(1, n, 1 << 20)).await;
    }
    bench.append(entry(2, 1, 5)).await;
    assert_eq!(bench.store.forget(channel(1)).await, Ok(50));
    until("the disk has its pages back", || async {
        let size = fs::metadata(bench.path()).unwrap().len();
        size < 12 << 20
    })
    .await;
    assert_eq!(bench.all(2).await.entries.len(), 1);
}

#[tokio::test]
async fn what_waits_together_shares_one_commit() {
    let bench = Bench::usual();
    bench.append(entry(1, 1, 5)).await;
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = commits.clone();
    let let_go = bench.hold(move |conn| {
        conn.commit_hook(Some(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            false
        }))
        .unwrap();
    });
    let appending = futures_util::future::join_all((10..310).map(|n| bench.store.append(entry(1, n, 5))));
    let_go.send(()).unwrap();
    let appended = appending.await;
    assert_eq!(appended.iter().filter(|appended| appended.is_ok()).count(), 300);
    let commits = commits.load(Ordering::SeqCst);
    assert!((1..=3).contains(&commits), "{commits} commits for 300 entries");
}

#[tokio::test]
async fn who_stopped_waiting_is_left_out() {
    let bench = Bench::usual();
    let let_go = bench.hold(|_| ());
    drop(bench.store.append(entry(1, 1, 5)));
    let kept = bench.store.append(entry(1, 2, 5));
    let_go.send(()).unwrap();
    assert_eq!(kept.await.unwrap().seq, 1);
    assert_eq!(bench.all(1).await.entries.len(), 1);
}

#[tokio::test]
async fn a_queue_that_is_too_long_is_said_at_once() {
    let bench = Bench::usual();
    let let_go = bench.hold(|_| ());
    let large: Vec<_> = (0..200).map(|n| bench.store.append(entry(1, n, 1 << 20))).collect();
    let refused = bench.store.append(entry(1, 999, 1)).await;
    drop(large);
    let_go.send(()).unwrap();
    assert_eq!(refused, Err(StoreError::Busy));
    until("there is room again", || async { bench.store.append(entry(1, 999, 1)).await.is_ok() }).await;
}

#[tokio::test]
async fn too_many_or_too_large_goes_oldest_first_and_is_remembered() {
    let bench = Bench::new(Retention { entries: 3, bytes: 1_000, ..Retention::default() });
    for n in 0..5 {
        bench.append(entry(1, n, 10)).await;
    }
    bench.append(entry(2, 1, 10)).await;
    let page = bench.all(1).await;
    assert_eq!((seqs(&page), page.oldest, page.trimmed), (vec![3, 4, 5], Some(3), 2));
    bench.append(entry(1, 9, 985)).await;
    let page = bench.all(1).await;
    assert_eq!((seqs(&page), page.trimmed), (vec![5, 7], 4));
    bench.append(entry(1, 10, 5_000)).await;
    let page = bench.all(1).await;
    assert_eq!((seqs(&page), page.trimmed), (vec![8], 7), "the newest stays, whatever its size");
    assert_eq!(bench.all(2).await.trimmed, 0, "another channel lost nothing");
    assert!(bench.append(entry(1, 0, 10)).await.known, "a retry of what went is still no news");
}

#[tokio::test]
async fn what_is_too_old_goes_by_itself_and_its_ids_later() {
    let retention = Retention {
        age: Duration::from_millis(300),
        doubles: Duration::from_millis(1_500),
        ..Retention::default()
    };
    let bench = Bench::new(retention);
    bench.append_all((0..1_200).map(|n| entry(1, n, 10))).await;
    until("all are gone", || async { bench.all(1).await.oldest.is_none() }).await;
    let page = bench.all(1).await;
    assert_eq!((page.trimmed, page.end), (1_200, 1_200));
    until("the ids are gone", || async {
        let (say, count) = tokio::sync::oneshot::channel();
        bench
            .on_writer(move |conn| {
                say.send(conn.query_row("SELECT count(*) FROM known", [], |row| row.get(0)).unwrap())
                    .unwrap();
            })
            .await;
        count.await == Ok(0_i64)
    })
    .await;
    let bench = bench.again(false).await;
    assert_eq!(bench.append(entry(1, 1, 10)).await, Appended { seq: 1_201, known: false });
    assert_eq!(bench.all(1).await.trimmed, 1_200);
}

#[tokio::test]
async fn above_the_limit_of_all_the_largest_channel_gives_way() {
    let retention =
        Retention { total_bytes: 20_000, age: Duration::from_millis(60_000), ..Retention::default() };
    let bench = Bench::new(retention.clone());
    for n in 0..30 {
        bench.append(entry(1, n, 1_000)).await;
    }
    bench.append(entry(2, 1, 4_000)).await;
    let bench = {
        let path = bench.path();
        bench.store.close().await;
        let Bench { folder, store } = bench;
        drop(store);
        Bench { folder, store: open_now(path, retention, false).unwrap() }
    };
    until("the largest gave way", || async { bench.all(1).await.entries.len() <= 16 }).await;
    let page = bench.all(1).await;
    assert!(page.trimmed >= 14 && page.oldest == Some(page.trimmed + 1), "{page:?}");
    assert_eq!(bench.all(2).await.entries.len(), 1);
}

#[tokio::test]
async fn a_forgotten_channel_is_gone_and_its_numbers_never_come_again() {
    let bench = Bench::usual();
    bench.append_all((0..1_300).map(|n| entry(1, n, 5))).await;
    bench.append(entry(2, 0, 5)).await;
    assert_eq!(bench.store.forget(channel(1)).await, Ok(1_300));
    assert_eq!(bench.all(1).await.entries, []);
    until("its rows are gone", || async {
        let (say, count) = tokio::sync::oneshot::channel();
        let sql = "SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM known) + (SELECT count(*) FROM channel)";
        bench
            .on_writer(move |conn| say.send(conn.query_row(sql, [], |row| row.get(0)).unwrap()).unwrap())
            .await;
        count.await == Ok(3_i64)
    })
    .await;
    assert_eq!(bench.store.forget(channel(1)).await, Ok(0));
    assert_eq!(bench.store.forget(channel(2)).await, Ok(1));
    let bench = bench.again(false).await;
    let appended = bench.append(entry(1, 0, 5)).await;
    assert_eq!(appended, Appended { seq: 1_302, known: false });
    assert_eq!(bench.all(1).await.trimmed, 0, "what its reader wished away is no gap");
}

#[tokio::test]
async fn the_epoch_stays_until_a_backup_is_put_back() {
    let bench = Bench::usual();
    let epoch = bench.store.epoch();
    let bench = bench.again(false).await;
    assert_eq!(bench.store.epoch(), epoch);
    let bench = bench.again(true).await;
    assert!(bench.store.epoch() > epoch);
}

#[tokio::test]
async fn those_who_wait_wake_once_it_is_kept() {
    let bench = Bench::usual();
    let mut here = bench.store.watch(channel(1));
    let elsewhere = bench.store.watch(channel(2));
    bench.append(entry(1, 1, 5)).await;
    assert!(here.has_changed().unwrap() && !elsewhere.has_changed().unwrap());
    here.mark_unchanged();
    bench.append(entry(1, 1, 5)).await;
    assert!(!here.has_changed().unwrap(), "a double is no news");
}

#[tokio::test]
async fn a_full_disk_is_said_and_later_all_goes_on() {
    let bench = Bench::usual();
    bench.append(entry(1, 1, 5)).await;
    let limit = |pages: i64| {
        move |conn: &mut Connection| {
            conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
        }
    };
    bench.on_writer(limit(1)).await;
    assert_eq!(bench.store.append(entry(1, 2, 100_000)).await, Err(StoreError::Full));
    assert_eq!(seqs(&bench.all(1).await), [1]);
    bench.on_writer(limit(1_000_000)).await;
    assert!(!bench.append(entry(1, 2, 100_000)).await.known);
    assert_eq!(bench.store.health().await, Ok(()));
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_unwell() {
    let bench = Bench::usual();
    bench.on_writer(|conn| conn.execute_batch("PRAGMA query_only = ON").unwrap()).await;
    assert!(matches!(bench.store.health().await, Err(StoreError::Disk(_))));
    assert!(matches!(bench.store.append(entry(1, 1, 5)).await, Err(StoreError::Disk(_))));
}

#[tokio::test]
async fn a_commit_outlives_a_power_cut_and_the_files_are_private() {
    let bench = Bench::usual();
    bench
        .on_writer(|conn| {
            let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!((pragma("synchronous"), pragma("mmap_size"), pragma("auto_vacuum")), (2, 0, 2));
            let journal: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(journal, "wal");
        })
        .await;
    #[cfg(unix)]
    for name in ["relay.db", "relay.db-wal", "relay.keys", "relay.lock"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(bench.folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_second_relay_is_refused_and_the_first_goes_on() {
    let bench = Bench::usual();
    let refused = open_now(bench.path(), Retention::default(), false).unwrap_err();
    assert!(refused.to_string().contains("Another belfry-relay uses"), "{refused}");
    bench.append(entry(1, 1, 5)).await;
}

#[tokio::test]
async fn an_orderly_end_leaves_one_whole_file() {
    let bench = Bench::usual();
    bench.append(entry(1, 1, 5)).await;
    bench.store.close().await;
    assert!(!bench.folder.path().join("relay.db-wal").exists());
    assert_eq!(bench.store.append(entry(1, 2, 5)).await, Err(StoreError::Closed));
    assert_eq!(bench.store.read(channel(1), 0, 1).await, Err(StoreError::Closed));
}

/// A closed store with entries in it.
async fn closed() -> (TempDir, PathBuf, Keys, u64) {
    let bench = Bench::usual();
    bench.append_all((0..300).map(|n| entry(1, n, 1_000))).await;
    bench.store.close().await;
    let (path, keys, epoch) = (bench.path(), bench.store.keys.clone(), bench.store.epoch);
    (bench.folder, path, keys, epoch)
}

fn set_aside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// What is done to a closed store's file.
type Harm = fn(&Path);

#[tokio::test]
async fn a_damaged_file_is_set_aside_whole_and_the_channels_keep_their_names() {
    let harms: [(&str, Harm); 3] = [
        ("no database at all", |path| fs::write(path, b"it was one once ".repeat(999)).unwrap()),
        ("cut in the middle", |path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        }),
        ("scribbled over, then a crash", |path| {
            let conn = raw(path);
            conn.execute("UPDATE setting SET value = 0 WHERE name = 'closed_cleanly'", []).unwrap();
            drop(conn);
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..middle + 40_000].fill(0x5a);
            fs::write(path, bytes).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let (folder, path, keys, epoch) = closed().await;
        harm(&path);
        let damaged = fs::read(&path).unwrap();
        let store = open_now(path, Retention::default(), false).expect(what);
        let [aside] = &set_aside(folder.path())[..] else { panic!("{what}: not set aside") };
        assert_eq!(fs::read(aside.join("relay.db")).unwrap(), damaged, "{what}: nothing is deleted");
        assert!(store.remarks()[0].contains("damaged"), "{what}");
        assert_eq!(store.keys.relay.as_bytes(), keys.relay.as_bytes(), "{what}");
        assert_eq!(store.keys.join_code, keys.join_code, "{what}");
        assert!(store.epoch() > epoch, "{what}: its numbers begin anew");
        assert_eq!(store.append(entry(1, 1, 5)).await, Ok(Appended { seq: 1, known: false }), "{what}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the test looks at the file from outside")]
fn raw(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

#[tokio::test]
async fn an_unclean_end_alone_changes_nothing() {
    let (folder, path, ..) = closed().await;
    raw(&path).execute("UPDATE setting SET value = 0 WHERE name = 'closed_cleanly'", []).unwrap();
    let store = open_now(path, Retention::default(), false).unwrap();
    assert_eq!(store.read(channel(1), 0, usize::MAX).await.unwrap().entries.len(), 300);
    assert_eq!(set_aside(folder.path()), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn another_programs_database_and_a_newer_one_are_left_alone() {
    let harms: [(&str, Harm, &str); 2] = [
        (
            "another program's",
            |path| {
                fs::remove_file(path).unwrap();
                raw(path)
                    .execute_batch("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('keep')")
                    .unwrap();
            },
            "another program",
        ),
        (
            "a newer one",
            |path| raw(path).execute_batch("PRAGMA user_version = 7").unwrap(),
            "newer belfry-relay",
        ),
    ];
    for (what, change, says) in harms {
        let (folder, path, ..) = closed().await;
        change(&path);
        let before = fs::read(&path).unwrap();
        let refused = open_now(path.clone(), Retention::default(), false).unwrap_err();
        assert!(refused.to_string().contains(says), "{what}: {refused}");
        assert_eq!(fs::read(&path).unwrap(), before, "{what}");
        assert_eq!(set_aside(folder.path()), [] as [PathBuf; 0], "{what}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_never_made_anew_in_silence() {
    let (folder, path, ..) = closed().await;
    fs::write(folder.path().join("relay.keys"), "{}").unwrap();
    let refused = open_now(path.clone(), Retention::default(), false).unwrap_err();
    assert!(refused.to_string().contains("backup"), "{refused}");
    fs::remove_file(folder.path().join("relay.keys")).unwrap();
    let store = open_now(path, Retention::default(), false).unwrap();
    assert!(store.remarks()[0].contains("made anew"), "{:?}", store.remarks());
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = open_now(file.join("relay.db"), Retention::default(), false).unwrap_err().to_string();
    assert!(refused.contains("--data") && !refused.contains('\n'), "{refused}");
}
