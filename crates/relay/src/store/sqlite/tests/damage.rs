//! Damage that is met while the store is in use.

use super::*;

/// Scribbles over the root of the index by which entries are found, as a failing disk does. Everything that a start looks at stays whole.
fn scribble(conn: &mut Connection) {
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let path = PathBuf::from(conn.path().unwrap());
    let root: u32 = conn
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'entry_channel'", [], |row| row.get(0))
        .unwrap();
    let size: u32 = conn.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let at = |page: u32| usize::try_from(page * size).unwrap();
    bytes[at(root - 1)..at(root)].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    // What lies in memory is let go, so that the next look is at the disk.
    conn.execute_batch("PRAGMA cache_size = 0; PRAGMA shrink_memory").unwrap();
}

#[tokio::test]
async fn damage_met_while_in_use_is_set_aside_at_the_next_start() {
    let bench = Bench::usual();
    bench.append_all((0..300).map(|n| entry(1, n, 1_000))).await;
    bench.on_writer(scribble).await;
    assert_eq!(bench.store.append(entry(1, 999, 1_000)).await, Err(StoreError::Damaged));
    let epoch = bench.store.epoch();
    let bench = bench.again(false).await;
    let aside = set_aside(bench.folder.path());
    assert_eq!(aside.len(), 1, "it is kept aside");
    assert!(aside[0].join("relay.db").exists());
    assert!(bench.store.epoch() > epoch);
    assert_eq!(bench.append(entry(1, 1, 5)).await, Appended { seq: 1, known: false });
    let bench = bench.again(false).await;
    assert_eq!(set_aside(bench.folder.path()).len(), 1, "the new one is whole");
    assert_eq!(bench.all(1).await.entries.len(), 1);
}

#[tokio::test]
async fn what_only_seemed_damaged_is_kept_once_all_of_it_was_checked() {
    let (folder, path, ..) = closed().await;
    files::Damage::new(&path).note(&StoreError::Damaged);
    assert!(folder.path().join("relay.damaged").exists());
    let store = open_now(path, Retention::default(), false).unwrap();
    assert_eq!(store.read(channel(1), 0, usize::MAX).await.unwrap().entries.len(), 300);
    assert_eq!(set_aside(folder.path()), [] as [PathBuf; 0]);
    assert!(!folder.path().join("relay.damaged").exists());
}

#[tokio::test]
async fn damage_in_what_a_reader_reads_is_remembered_too() {
    let bench = Bench::usual();
    bench.append_all((0..300).map(|n| entry(1, n, 1_000))).await;
    bench.on_writer(scribble).await;
    assert_eq!(bench.store.read(channel(1), 0, 10).await, Err(StoreError::Damaged));
    let bench = bench.again(false).await;
    assert_eq!(set_aside(bench.folder.path()).len(), 1);
}
