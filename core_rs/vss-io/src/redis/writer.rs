//! The writer: finds Redis, takes the lease or stands by, writes, and begins anew whatever happens.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until};

use super::commands::{self, Meta};
use super::connect::{Connection, connect};
use super::keys::Keys;
use super::lead::{Lead, LeadEnd};
use super::options::WriterOptions;
use super::status::{WriterState, WriterStatus};
use super::tenure::{LeaseAnswer, Tenure};
use super::trouble::Trouble;
use crate::backoff::{Backoff, Bounds};
use crate::board::SharedBoard;

/// A Redis that is back is found within 0.4 s.
const WAITS: Bounds = Bounds {
    first: Duration::from_millis(25),
    longest: Duration::from_millis(400),
    refused: Duration::from_secs(5),
};

/// What the writer's task and its owner share.
pub(super) struct Shared {
    pub(super) board: Arc<SharedBoard>,
    pub(super) source: String,
    pub(super) options: WriterOptions,
    pub(super) keys: Keys,
    /// Rings when there is an order: stop, rewrite, another description.
    pub(super) wake: Notify,
    status: Mutex<WriterStatus>,
    meta: Mutex<Meta>,
    asked_rewrites: AtomicU64,
    stopping: AtomicBool,
}

impl Shared {
    pub(super) fn update(&self, change: impl FnOnce(&mut WriterStatus)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn meta(&self) -> Meta {
        self.meta.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn asked_rewrites(&self) -> u64 {
        self.asked_rewrites.load(Ordering::Acquire)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Wait, but not when we are told to stop.
    async fn pause(&self, until: Instant) {
        while !self.is_stopping() && Instant::now() < until {
            tokio::select! {
                () = sleep_until(until.into()) => {}
                () = self.wake.notified() => {}
            }
        }
    }
}

/// Writes the rows of one board to Redis, on a runtime of the caller's.
pub struct StatusWriter {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl StatusWriter {
    /// A writer that has not started.
    pub fn new(board: Arc<SharedBoard>, options: WriterOptions) -> Self {
        let source = board.lock().source().to_owned();
        Self {
            shared: Arc::new(Shared {
                board,
                keys: Keys::new(&options.prefix, &source),
                source,
                options,
                wake: Notify::new(),
                status: Mutex::default(),
                meta: Mutex::new(Meta {
                    state: "resync".to_owned(),
                    asterisk_version: String::new(),
                }),
                asked_rewrites: AtomicU64::new(0),
                stopping: AtomicBool::new(false),
            }),
            task: Mutex::new(None),
        }
    }

    /// Begin; a second call, or one after [`Self::stop`], does nothing.
    pub fn start(&self, runtime: &Handle) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_none() && !self.shared.is_stopping() {
            self.shared
                .update(|status| status.state = WriterState::Connecting);
            *task = Some(runtime.spawn(supervise(Arc::clone(&self.shared))));
        }
    }

    /// Write what is left, give the lease up, end. What takes longer than `within` is left undone.
    pub async fn stop(&self, within: Duration) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.wake.notify_one();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = task
            && tokio::time::timeout(within, &mut task).await.is_err()
        {
            task.abort();
            let _ = task.await;
        }
        self.shared.update(|status| status.state = WriterState::Stopped);
    }

    /// Ask for the whole board to be written anew and what is not on it to go; the number of this request.
    pub fn rewrite(&self) -> u64 {
        let number = self.shared.asked_rewrites.fetch_add(1, Ordering::AcqRel) + 1;
        self.shared.wake.notify_one();
        number
    }

    /// What `meta` is to say.
    pub fn describe(&self, meta: Meta) {
        *self.shared.meta.lock().unwrap_or_else(PoisonError::into_inner) = meta;
        self.shared.wake.notify_one();
    }

    /// How it is doing.
    pub fn status(&self) -> WriterStatus {
        self.shared
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The board's last sequence number: what [`WriterStatus::seq`] is on its way to.
    pub fn board_seq(&self) -> u64 {
        self.shared.board.seq()
    }
}

impl Drop for StatusWriter {
    /// A writer that nobody holds ends without a word; its lease ends by itself.
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// Run the writer; should it ever panic, say so and run it anew.
async fn supervise(shared: Arc<Shared>) {
    let mut backoff = Backoff::new(WAITS, seed(&shared.options.writer));
    loop {
        // Aborted with this task: a set of one.
        let mut running = tokio::task::JoinSet::new();
        running.spawn(run(Arc::clone(&shared)));
        match running.join_next().await {
            Some(Err(failure)) if failure.is_panic() => {
                let panic = failure.into_panic();
                let why = panic
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_else(|| "a panic without words".to_owned());
                shared.update(|status| {
                    status.state = WriterState::Connecting;
                    status.failures += 1;
                    status.trouble = Some(Trouble::Inside { why }.to_string());
                });
                sleep(backoff.wait(false)).await;
            }
            _ => break,
        }
    }
    shared.update(|status| status.state = WriterState::Stopped);
}

async fn run(shared: Arc<Shared>) {
    let mut tenure = Tenure::new(&shared.options.writer);
    let mut backoff = Backoff::new(WAITS, seed(&shared.options.writer));
    while !shared.is_stopping() {
        let trouble = match find(&shared).await {
            Ok(connection) => {
                shared.update(|status| status.connects += 1);
                match serve(&shared, &connection, &mut tenure, &mut backoff).await {
                    Ok(()) => break,
                    Err(trouble) => trouble,
                }
            }
            Err(Some(trouble)) => trouble,
            Err(None) => break,
        };
        tenure.lost();
        let refused = trouble.is_refusal();
        shared.update(|status| {
            status.state = if refused {
                WriterState::Refused
            } else {
                WriterState::Connecting
            };
            status.trouble = Some(trouble.to_string());
            status.failures += 1;
        });
        shared.pause(Instant::now() + backoff.wait(refused)).await;
    }
}

/// A connection; none and no trouble when we were told to stop meanwhile.
async fn find(shared: &Shared) -> Result<Connection, Option<Trouble>> {
    let stopped = async {
        while !shared.is_stopping() {
            shared.wake.notified().await;
        }
    };
    tokio::select! {
        found = connect(&shared.options.endpoint, &shared.keys, shared.options.in_flight) => found.map_err(Some),
        () = stopped => Err(None),
    }
}

/// Use a connection until it is of no use, or we are told to stop.
async fn serve(
    shared: &Shared,
    connection: &Connection,
    tenure: &mut Tenure,
    backoff: &mut Backoff,
) -> Result<(), Trouble> {
    let options = &shared.options;
    let mut connection = connection.clone();
    loop {
        shared.pause(tenure.due(Instant::now())).await;
        if shared.is_stopping() {
            return Ok(());
        }
        let take = commands::take(
            &shared.keys,
            &options.writer,
            options.lease,
            tenure.greatest(),
            options.ttl,
        );
        let answer = commands::lease_answer(connection.ask(&take).await?)
            .map_err(|error| Trouble::of(&error, &connection.address, false))?;
        match &answer {
            LeaseAnswer::Taken { epoch, seq } => {
                shared.board.lock().raise_seq(*seq);
                shared.update(|status| {
                    status.state = WriterState::Writing;
                    status.epoch = *epoch;
                    status.holder = Some(format!("{epoch}:{}", options.writer));
                    status.leases += 1;
                });
            }
            LeaseAnswer::Held { lease, .. } => {
                backoff.reset();
                shared.update(|status| {
                    status.state = WriterState::Standby;
                    status.trouble = None;
                    status.holder = Some(lease.clone());
                });
            }
            _ => {}
        }
        tenure.answered(answer, Instant::now(), backoff.jitter());
        let Some(lease) = tenure.lease() else { continue };
        let rewrites = shared.rewrites();
        let ended = Lead::new(shared, &connection, tenure, lease.clone()).run().await;
        if shared.rewrites() > rewrites {
            backoff.reset();
        }
        if ended? == LeadEnd::Stopped {
            connection.ask(&commands::give(&shared.keys, &lease)).await?;
            return Ok(());
        }
    }
}

impl Shared {
    fn rewrites(&self) -> u64 {
        self.status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .rewrites
    }
}

/// Writers differ by name, and so do their waits.
fn seed(writer: &str) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault};
    BuildHasherDefault::<rustc_hash::FxHasher>::default().hash_one(writer)
}
