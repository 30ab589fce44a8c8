//! Room in memory for what is on its way to readers. In: how much a page may take. Out: a wait until there is so much; then the piece, which
//! gives its room back once the socket has taken it.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::PAGE_BYTES;

/// Room is counted in steps of this many bytes.
const STEP: usize = 1024;
/// What a page may take while it is read: about [`PAGE_BYTES`] and one entry more, the largest of which is this large.
const LARGEST: usize = PAGE_BYTES + (2 << 20);

/// The room of all streams.
#[derive(Debug)]
pub(crate) struct Pages {
    free: Arc<Semaphore>,
    all: usize,
}

impl Pages {
    /// Room for so many bytes, but for one page at least.
    pub(crate) fn new(bytes: usize) -> Self {
        let all = (bytes / STEP).clamp(LARGEST.div_ceil(STEP), Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(all)), all }
    }

    /// Waits until there is room for a page, behind those who waited before.
    pub(super) async fn room(&self) -> Room {
        let steps = u32::try_from(LARGEST.div_ceil(STEP)).unwrap_or(u32::MAX);
        // Nobody closes it.
        Room(self.free.clone().acquire_many_owned(steps).await.ok())
    }

    /// How many bytes are taken.
    pub(super) fn taken(&self) -> usize {
        self.all.saturating_sub(self.free.available_permits()) * STEP
    }
}

/// The room of one page.
#[derive(Debug)]
pub(super) struct Room(Option<OwnedSemaphorePermit>);

impl Room {
    /// A piece that keeps as much room as it needs, for as long as anybody holds it.
    pub(super) fn piece(mut self, bytes: Vec<u8>) -> Bytes {
        let needed = bytes.len().div_ceil(STEP);
        let room = self.0.as_mut().and_then(|all| all.split(needed.min(all.num_permits())));
        Bytes::from_owner(Piece { bytes, _room: room })
    }
}

struct Piece {
    bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_piece_keeps_its_room_until_nobody_holds_it() {
        let pages = Pages::new(0);
        let room = pages.room().await;
        assert_eq!(pages.taken(), LARGEST);
        let piece = room.piece(vec![b'x'; 10 * STEP + 1]);
        assert_eq!((piece.len(), pages.taken()), (10 * STEP + 1, 11 * STEP));
        let part = piece.slice(..5);
        drop(piece);
        assert_eq!(pages.taken(), 11 * STEP);
        drop(part);
        assert_eq!(pages.taken(), 0);
        drop(pages.room().await.piece(vec![b'x'; 2 * LARGEST]));
        assert_eq!(pages.taken(), 0);
    }
}
