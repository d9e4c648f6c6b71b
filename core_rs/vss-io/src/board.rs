//! A board that one side feeds and tasks of the runtime read.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use vss_core::status::StatusBoard;

/// A board behind a lock, and the news that it changed.
#[derive(Debug)]
pub struct SharedBoard {
    board: Mutex<StatusBoard>,
    /// The board's last sequence number, to be read without the lock.
    seq: AtomicU64,
    changed: Notify,
}

impl SharedBoard {
    /// Share a board.
    pub fn new(board: StatusBoard) -> Self {
        Self {
            seq: AtomicU64::new(board.seq()),
            board: Mutex::new(board),
            changed: Notify::new(),
        }
    }

    /// The board, for one of its calls: they are short and never wait. Whoever waits in [`Self::changed`] is woken when the
    /// sequence has grown meanwhile.
    pub fn lock(&self) -> LockedBoard<'_> {
        // A panic elsewhere must not make every later call fail: the board itself is consistent between calls.
        let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        LockedBoard {
            seq: board.seq(),
            board,
            shared: self,
        }
    }

    /// The board's last sequence number.
    pub fn seq(&self) -> u64 {
        self.seq.load(Ordering::Acquire)
    }

    /// Wait until the board has changed since the last time this was waited for. One task may wait.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// The board while it is locked.
#[derive(Debug)]
pub struct LockedBoard<'a> {
    board: MutexGuard<'a, StatusBoard>,
    seq: u64,
    shared: &'a SharedBoard,
}

impl Deref for LockedBoard<'_> {
    type Target = StatusBoard;

    fn deref(&self) -> &StatusBoard {
        &self.board
    }
}

impl DerefMut for LockedBoard<'_> {
    fn deref_mut(&mut self) -> &mut StatusBoard {
        &mut self.board
    }
}

impl Drop for LockedBoard<'_> {
    fn drop(&mut self) {
        let seq = self.board.seq();
        if seq != self.seq {
            self.shared.seq.store(seq, Ordering::Release);
            self.shared.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use vss_core::status::{BoardOptions, Moment};

    use super::*;

    #[tokio::test]
    async fn a_change_wakes_who_waits_and_a_look_does_not() {
        let shared = SharedBoard::new(StatusBoard::new(BoardOptions::default()).unwrap());
        drop(shared.lock());
        assert!(futures_util::poll!(std::pin::pin!(shared.changed())).is_pending());
        let lines = b"Event: DeviceStateChange\r\nDevice: PJSIP/1\r\nState: INUSE\r\n\r\n\
            Event: QueueMemberAdded\r\nQueue: q\r\nInterface: PJSIP/1\r\nMemberName: A\r\nStateInterface: PJSIP/1\r\n\
            Membership: dynamic\r\nPenalty: 0\r\nCallsTaken: 0\r\nLastCall: 0\r\nStatus: 1\r\nPaused: 0\r\n\r\n";
        shared
            .lock()
            .feed(lines, Moment(1), vss_core::status::Session::Events);
        assert!(shared.seq() > 0);
        shared.changed().await;
    }
}
