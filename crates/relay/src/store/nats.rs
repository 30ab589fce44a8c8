//! Entries in a stream of a NATS cluster.

use std::sync::Arc;

use super::{Store, StoreError};
use crate::config::{NatsAt, Retention};

/// Opens the stream, making it and its buckets if they are missing.
pub(super) async fn open(_at: NatsAt, _retention: Retention) -> Result<Arc<dyn Store>, StoreError> {
    Err(StoreError::Unfit("This build has no NATS store yet: leave out --store".to_owned()))
}
