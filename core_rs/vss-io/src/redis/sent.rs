//! Commands under way on one connection, in order: Redis answers them one after the other.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};
use vss_core::status::Table;

use super::keys::Set;

/// What was sent, and what is to be done with the answer.
#[derive(Debug)]
pub enum Sent {
    /// Rows.
    Flush {
        /// Those that were known to stand.
        known: Vec<(Table, Box<str>)>,
        /// Written and removed.
        rows: usize,
        /// Readers see everything up to this number with it.
        seq_to: Option<u64>,
        /// It ends the rewrite that serves requests up to this number.
        ends: Option<u64>,
    },
    /// The end of a rewrite.
    Index {
        /// Readers see everything up to this number with it.
        seq_to: u64,
        /// It serves requests up to this number.
        ends: u64,
    },
    /// The lease is renewed.
    Keep,
    /// Times to live begin anew.
    Renew {
        /// What stands behind each key.
        keys: Vec<Renewed>,
        /// The rewrites begun when it was sent.
        rewrites: u64,
    },
    /// The PBX's name among the others.
    Sources,
}

/// What stands behind a key whose time to live begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// A row.
    Row(Table, Box<str>),
    /// A set.
    Set(Set),
    /// `meta` or `changes`.
    Other,
}

type Answer = Pin<Box<dyn Future<Output = Result<Value, RedisError>> + Send>>;

/// Commands whose answers have not come.
#[derive(Default)]
pub struct UnderWay {
    waiting: VecDeque<(Sent, Instant, Answer)>,
    flushes: usize,
}

impl UnderWay {
    /// Send a command after all those before it.
    pub async fn send(&mut self, mut connection: MultiplexedConnection, sent: Sent, cmd: Cmd, now: Instant) {
        let asked = async move { connection.send_packed_command(&cmd).await?.extract_error() };
        // The first poll puts the command into the connection's queue, which has room for it: in the order of our calls,
        // whatever the runtime does afterwards. Without this tokio may decide that the task has done enough for now.
        let mut answer: Answer = Box::pin(tokio::task::unconstrained(asked));
        if let std::task::Poll::Ready(early) = futures_util::poll!(&mut answer) {
            answer = Box::pin(std::future::ready(early));
        }
        self.flushes += usize::from(matches!(sent, Sent::Flush { .. }));
        self.waiting.push_back((sent, now, answer));
    }

    /// The next answer, with what was sent and when; for ever when nothing is under way.
    pub async fn answer(&mut self) -> (Sent, Instant, Result<Value, RedisError>) {
        let Some((_, _, answer)) = self.waiting.front_mut() else {
            return std::future::pending().await;
        };
        let answer = answer.await;
        match self.waiting.pop_front() {
            Some((sent, at, _)) => {
                self.flushes -= usize::from(matches!(sent, Sent::Flush { .. }));
                (sent, at, answer)
            }
            None => std::future::pending().await,
        }
    }

    /// Nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Flushes under way.
    pub fn flushes(&self) -> usize {
        self.flushes
    }

    /// A renewal is under way.
    pub fn renews(&self) -> bool {
        self.waiting
            .iter()
            .any(|(sent, ..)| matches!(sent, Sent::Renew { .. }))
    }
}
