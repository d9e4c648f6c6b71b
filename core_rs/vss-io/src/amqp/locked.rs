//! What another connection holds for itself is declared again until it is ours.
//!
//! After a cut that other one is our own last connection, until the broker has noticed its end: without this, an
//! exclusive queue would stay away until the next cut.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::client::Shared;
use super::fault::Fault;
use super::note::Answer;
use super::serving::Desk;
use super::topology::Topology;
use crate::backoff::{Backoff, Bounds};

const WAITS: Bounds = Bounds {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(5),
    refused: Duration::from_secs(5),
};

/// When it is tried again, on one connection.
pub(super) struct Locked {
    backoff: Backoff,
    again: Instant,
}

impl Locked {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            backoff: Backoff::new(WAITS, seed),
            again: Instant::now(),
        }
    }

    /// Wait until it is time; for ever while nothing is locked.
    pub(super) async fn due(&self, shared: &Shared) {
        if shared.is_locked() {
            sleep_until(self.again).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Declare everything once more, and tell consumers.
    ///
    /// # Errors
    /// The connection is of no use any more.
    pub(super) async fn declare(
        &mut self,
        desk: &mut Desk,
        topology: &Topology,
        shared: &Shared,
        declared: &Notify,
    ) -> Result<(), Fault> {
        self.again = Instant::now() + self.backoff.wait(false);
        if let Answer::Declared(refusals) = desk.declare(topology).await? {
            declared.notify_waiters();
            shared.update(|status| {
                status.refusals = refusals;
                status.redeclares += 1;
            });
        }
        Ok(())
    }
}
