//! The surface: orders go in, notes come out through the mailbox.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::consumer::Consumption;
use super::fault::Fault;
use super::life::Life;
use super::message::Outgoing;
use super::note::{Answer, Note};
use super::options::Options;
use super::publisher::Batch;
use super::serving::Order;
use super::status::{State, Status};
use super::topology::Topology;
use crate::mailbox::Mailbox;

const RESOURCE_LOCKED: u16 = 405;

/// What the client's tasks and its owner share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) notes: Arc<Mailbox<Note>>,
    pub(super) careful: Arc<AtomicUsize>,
    /// How long closing may take, once it is asked for.
    pub(super) closing: watch::Sender<Option<Duration>>,
    status: Mutex<Status>,
    publishing: Mutex<Option<UnboundedSender<Batch>>>,
    consumptions: Mutex<BTreeMap<u64, Arc<Consumption>>>,
}

impl Shared {
    /// Change the status and tell.
    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
        self.notes.push_now(Note::Status);
    }

    /// Whether something could not be declared because another connection holds it for itself.
    pub(super) fn is_locked(&self) -> bool {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status
            .refusals
            .iter()
            .any(|refusal| refusal.fault.is_answer(RESOURCE_LOCKED))
    }

    /// Say where messages are published from now on.
    pub(super) fn publish_by(&self, publishing: Option<UnboundedSender<Batch>>) {
        *self.publishing.lock().unwrap_or_else(PoisonError::into_inner) = publishing;
    }

    /// The connection is of no use any more; to be said before anybody hears that a message is lost for it.
    pub(super) fn unready(&self) {
        self.publish_by(None);
        if self.closing.borrow().is_none() {
            self.update(|status| {
                status.state = State::Connecting;
                status.blocked = None;
            });
        }
    }

    pub(super) fn done(&self, order: u64, answer: Answer) {
        self.notes.push_now(Note::Done { order, answer });
    }

    pub(super) fn consumptions(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Consumption>>> {
        self.consumptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A way to one broker, over as many connections as it takes.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    orders: UnboundedSender<Order>,
    waiting_orders: Mutex<Option<UnboundedReceiver<Order>>>,
    next: AtomicU64,
    is_closed: AtomicBool,
    /// A child of a fork holds a copy, and the descriptors are the parent's too.
    process: u32,
}

impl Client {
    /// A client that has not started.
    ///
    /// # Errors
    /// The system has no more file descriptors.
    pub fn new(options: Options) -> io::Result<Self> {
        let (orders, waiting_orders) = unbounded_channel();
        let notes = Arc::new(Mailbox::new(options.waiting)?);
        Ok(Self {
            shared: Arc::new(Shared {
                options,
                notes,
                careful: Arc::default(),
                closing: watch::Sender::new(None),
                status: Mutex::default(),
                publishing: Mutex::default(),
                consumptions: Mutex::default(),
            }),
            orders,
            waiting_orders: Mutex::new(Some(waiting_orders)),
            next: AtomicU64::new(1),
            is_closed: AtomicBool::new(false),
            process: std::process::id(),
        })
    }

    /// Begin to connect. The order is done when the first attempt is; a second call does nothing and gives none.
    pub fn start(&self, runtime: &Handle) -> Option<u64> {
        let orders = self
            .waiting_orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        let order = self.number();
        self.shared.update(|status| status.state = State::Connecting);
        runtime.spawn(Life::new(Arc::clone(&self.shared), order).run(orders));
        Some(order)
    }

    /// Publish in this order: the number of the batch, none when there is no connection. At least one message.
    pub fn publish(&self, messages: Vec<Outgoing>) -> Option<u64> {
        let publishing = self
            .shared
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let sender = publishing.as_ref()?;
        let number = self.number();
        // One that nobody takes any more answers for itself.
        let _ = sender.send(Batch::new(number, messages, Arc::clone(&self.shared.notes)));
        Some(number)
    }

    /// Declare, now and on every connection to come; the order's number.
    pub fn declare(&self, topology: Topology) -> u64 {
        self.order(|order| Order::Declare { order, topology })
    }

    /// Consume; the order's number is the consumption's.
    pub fn consume(&self, queue: String, prefetch: u16, exclusive: bool) -> u64 {
        let number = self.number();
        let consumption = Arc::new(Consumption::new(number, queue, prefetch, exclusive));
        self.shared
            .consumptions()
            .insert(number, Arc::clone(&consumption));
        self.send(number, Order::Consume { consumption })
    }

    /// Why a consumption gets nothing now.
    pub fn consumption_fault(&self, consumer: u64) -> Option<Fault> {
        self.shared.consumptions().get(&consumer)?.fault()
    }

    /// Get no more deliveries; with `release` the channel is given up as well.
    pub fn cancel(&self, consumer: u64, release: bool) -> u64 {
        if let Some(consumption) = self.shared.consumptions().get(&consumer) {
            consumption.stop();
        }
        self.order(|order| Order::Cancel {
            order,
            consumer,
            release,
        })
    }

    /// Take one message of a queue.
    pub fn get(&self, queue: String) -> u64 {
        self.order(|order| Order::Get { order, queue })
    }

    /// Look how full a queue is.
    pub fn inspect(&self, queue: String) -> u64 {
        self.order(|order| Order::Inspect { order, queue })
    }

    /// Drop the ready messages of a queue.
    pub fn purge(&self, queue: String) -> u64 {
        self.order(|order| Order::Purge { order, queue })
    }

    /// Delete a queue and forget its declaration.
    pub fn delete_queue(&self, queue: String) -> u64 {
        self.order(|order| Order::DeleteQueue { order, queue })
    }

    /// End: acks given and messages published go out if that takes no longer than this. `Status` tells when it is done.
    pub fn close(&self, within: Duration) {
        self.is_closed.store(true, Ordering::Release);
        self.shared.publish_by(None);
        let started = self
            .waiting_orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .is_none();
        if started {
            self.shared.closing.send_replace(Some(within));
        } else {
            self.shared.update(|status| status.state = State::Closed);
        }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.shared
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Take up to `most` notes; none in a child of a fork, which would silence its parent's.
    pub fn drain(&self, most: usize) -> Vec<Note> {
        if self.is_ours() {
            self.shared.notes.drain(most)
        } else {
            Vec::new()
        }
    }

    /// Whether this is the process that made it.
    pub fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn order(&self, make: impl FnOnce(u64) -> Order) -> u64 {
        let number = self.number();
        self.send(number, make(number))
    }

    fn send(&self, number: u64, order: Order) -> u64 {
        if self.orders.send(order).is_err() || self.is_closed.load(Ordering::Acquire) {
            self.shared.done(number, Answer::Failed(Fault::absent()));
        }
        number
    }
}

impl AsFd for Client {
    /// Readable while there are notes.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.notes.as_fd()
    }
}

impl Drop for Client {
    /// A client that nobody holds ends without a word.
    fn drop(&mut self) {
        if self.is_ours() {
            self.close(Duration::ZERO);
        }
    }
}
