//! The table `run`: one row per run of the engine, so that a claim of an earlier run can be told from one of this run.

use jiff::Timestamp;

use super::{Store, StoreError};

impl Store {
    /// Begins a run and gives its number, larger than any before.
    pub async fn next_run(&self, now: Timestamp) -> Result<i64, StoreError> {
        self.write("next run", move |tx| {
            tx.prepare_cached("INSERT INTO run (started_at) VALUES (?1)")?.execute([now.as_millisecond()])?;
            Ok(tx.last_insert_rowid())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use crate::store::testing::{Bench, at};

    #[tokio::test]
    async fn each_run_has_a_larger_number_even_after_a_restart() {
        let mut bench = Bench::new();
        let first = bench.store.next_run(at(1)).await.unwrap();
        bench.reopen().await;
        assert!(bench.store.next_run(at(2)).await.unwrap() > first);
    }
}
