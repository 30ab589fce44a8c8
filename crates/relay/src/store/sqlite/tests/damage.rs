//! Damage that is met while the store is in use.

use super::*;

/// Scribbles over all pages but the first ones, as a failing disk does, so that the next look at them is at the disk.
fn scribble(conn: &mut Connection) {
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let path = PathBuf::from(conn.path().unwrap());
    let mut bytes = fs::read(&path).unwrap();
    let after_the_first = bytes.len() / 8;
    bytes[after_the_first..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    // What lies in memory is let go.
    conn.release_memory().unwrap();
    conn.execute_batch("PRAGMA cache_size = 0; PRAGMA shrink_memory").unwrap();
}

#[tokio::test]
async fn damage_met_while_in_use_is_set_aside_at_the_next_start() {
    let bench = Bench::usual();
    bench.append_all((0..300).map(|n| entry(1, n, 1_000))).await;
    bench.on_writer(scribble).await;
    until("the damage was met", || async {
        bench.store.append(entry(1, 999, 1_000)).await == Err(StoreError::Damaged)
    })
    .await;
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
