//! Publishing with confirms, on one connection.
//!
//! Messages leave in the order of the calls, up to a bound ahead of their confirms. What the broker can never take (no
//! right, too large) closes the channel, and every message under way with it; which one it was nobody says. So they are
//! published again, in order and one at a time, until the channel closes on the culprit. An exchange is looked for,
//! on a channel of its own, before the first message to it: the most common mistake thus harms no other message.
//!
//! ```text
//!             channel closed: publish again what was under way
//!  at full speed ─────────────────────────────────────▶ one at a time ──┐ channel closed: that one is refused
//!        ▲                                                    │  ▲      │
//!        └──────────── all of them answered for ──────────────┘  └──────┘
//! ```

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicPublishOptions, ExchangeDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Confirmation, ExchangeKind};
use rustc_hash::FxHashSet;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::fault::{Fault, FaultKind};
use super::flight::{Answers, Entry, Flight};
use super::message::{Failure, Outgoing};
use super::note::Note;
use super::session::Session;
use crate::mailbox::Mailbox;

/// A channel that closes so often without the broker's saying why makes the connection useless.
const CLOSED_WITHOUT_A_WORD: u32 = 3;

/// Messages of one call. Dropped before it is taken, it says that they are lost: it may meet a publisher's end.
#[derive(Debug)]
pub(super) struct Batch {
    number: u64,
    messages: Vec<Outgoing>,
    notes: Arc<Mailbox<Note>>,
}

impl Batch {
    pub(super) fn new(number: u64, messages: Vec<Outgoing>, notes: Arc<Mailbox<Note>>) -> Self {
        Self {
            number,
            messages,
            notes,
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !self.messages.is_empty() {
            let places = 0..self.messages.len();
            self.notes.push_now(Note::Confirms {
                batch: self.number,
                failures: places.map(|place| (place, Failure::Lost)).collect(),
            });
        }
    }
}

type Confirmed = (u64, lapin::Result<Confirmation>);

/// What publishes on one connection. Whatever ends it, each message taken is answered for.
pub(super) struct Publisher {
    session: Arc<Session>,
    channel: Channel,
    batches: UnboundedReceiver<Batch>,
    most: usize,
    waiting: VecDeque<Entry>,
    flight: Flight,
    flying: FuturesUnordered<Pin<Box<dyn Future<Output = Confirmed> + Send>>>,
    /// Answers that have come and are not booked.
    came: Vec<Confirmed>,
    answers: Answers,
    /// Exchanges that were there when they were looked for.
    known: FxHashSet<ShortString>,
    /// Where they are looked for.
    looking: Option<Channel>,
    /// So many messages go one at a time; it outlives the connection.
    careful: Arc<AtomicUsize>,
    /// Why the channel closed.
    cause: Option<Fault>,
    is_broken: bool,
    wordless: u32,
}

impl Publisher {
    pub(super) fn new(
        session: Arc<Session>,
        channel: Channel,
        batches: UnboundedReceiver<Batch>,
        most: usize,
        careful: Arc<AtomicUsize>,
        notes: Arc<Mailbox<Note>>,
    ) -> Self {
        Self {
            session,
            channel,
            batches,
            most,
            waiting: VecDeque::new(),
            flight: Flight::default(),
            flying: FuturesUnordered::new(),
            came: Vec::new(),
            answers: Answers::new(notes),
            known: FxHashSet::default(),
            looking: None,
            careful,
            cause: None,
            is_broken: false,
            wordless: 0,
        }
    }

    /// Publish until the last sender of batches is gone and everything is answered for.
    ///
    /// # Errors
    /// The connection is of no use any more; `useless` is called before anybody hears that a message is lost for it.
    pub(super) async fn run(mut self, useless: impl FnOnce()) -> Result<(), Fault> {
        let ended = self.publish().await;
        if ended.is_err() {
            useless();
        }
        ended
    }

    async fn publish(&mut self) -> Result<(), Fault> {
        let mut is_open = true;
        loop {
            self.send_waiting();
            if self.is_broken {
                self.mend().await?;
                continue;
            }
            if self.is_next_unknown() {
                self.look().await?;
                continue;
            }
            if !is_open && self.flight.len() == 0 {
                return Ok(());
            }
            tokio::select! {
                biased;
                Some(confirmed) = self.flying.next(), if !self.flying.is_empty() => {
                    self.came.push(confirmed);
                    self.book_all();
                }
                batch = self.batches.recv(), if is_open && self.waiting.is_empty() => match batch {
                    Some(batch) => self.take(batch),
                    None => is_open = false,
                },
                else => return Err(Fault::absent()),
            }
        }
    }

    fn take(&mut self, mut batch: Batch) {
        let (number, messages) = (batch.number, std::mem::take(&mut batch.messages));
        self.answers.open(number, messages.len());
        let entries = messages.into_iter().enumerate();
        self.waiting.extend(entries.map(|(place, message)| Entry {
            batch: number,
            place,
            message: Arc::new(message),
        }));
    }

    fn send_waiting(&mut self) {
        let most = if self.careful() > 0 { 1 } else { self.most };
        while !self.is_broken && self.flight.len() < most && !self.is_next_unknown() {
            let Some(entry) = self.waiting.pop_front() else {
                return;
            };
            let message = Arc::clone(&entry.message);
            let number = self.flight.add(entry);
            let channel = self.channel.clone();
            let mut publishing: Pin<Box<dyn Future<Output = Confirmed> + Send>> =
                Box::pin(async move { (number, publish(&channel, &message).await) });
            // The first poll puts the frames in line: so they leave in this order.
            match publishing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => self.flying.push(publishing),
                Poll::Ready(confirmed) => {
                    self.came.push(confirmed);
                    self.book_all();
                }
            }
        }
    }

    fn is_next_unknown(&self) -> bool {
        self.waiting.front().is_some_and(|entry| {
            let exchange = &entry.message.exchange;
            !exchange.as_str().is_empty() && !self.known.contains(exchange)
        })
    }

    /// Whether the exchange of the next message is there; the message is refused when it is not.
    async fn look(&mut self) -> Result<(), Fault> {
        let channel = match self.looking.take() {
            Some(channel) if channel.status().connected() => channel,
            _ => self.session.channel().await?,
        };
        let Some(entry) = self.waiting.front() else {
            return Ok(());
        };
        let exchange = entry.message.exchange.clone();
        let options = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        // Looked for passively, its kind is not compared.
        let looked = channel.exchange_declare(
            exchange.clone(),
            ExchangeKind::Direct,
            options,
            FieldTable::default(),
        );
        match self.session.answer(looked).await {
            Ok(()) => {
                self.looking = Some(channel);
                self.known.insert(exchange);
            }
            Err(fault) if is_final(&fault) && self.session.is_alive() => {
                if let Some(entry) = self.waiting.pop_front() {
                    self.answers.give(&entry, Some(Failure::Refused(fault)));
                }
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Book what has come, with everything else that is there by now: what came back may hang on a later confirm.
    fn book_all(&mut self) {
        while let Some(Some(confirmed)) = self.flying.next().now_or_never() {
            self.came.push(confirmed);
        }
        let before = self.flight.len();
        for (number, result) in self.came.drain(..) {
            match result {
                Ok(confirmation) => self.flight.confirm(number, confirmation),
                Err(error) => {
                    self.is_broken = true;
                    let fault = Fault::of(&error);
                    if fault.kind == FaultKind::Answered {
                        self.cause.get_or_insert(fault);
                    }
                }
            }
        }
        self.flight.settle(&mut self.answers);
        let answered = before - self.flight.len();
        let careful = self.careful();
        if answered > 0 && careful > 0 {
            self.set_careful(careful.saturating_sub(answered));
            self.wordless = 0;
        }
    }

    /// The channel is closed: open another one and begin anew with what was under way.
    async fn mend(&mut self) -> Result<(), Fault> {
        let within = self.session.answer_within;
        while let Ok(Some(confirmed)) = timeout(within, self.flying.next()).await {
            self.came.push(confirmed);
        }
        self.book_all();
        self.flying = FuturesUnordered::new();
        self.is_broken = false;
        // One of them may be gone.
        self.known.clear();
        let cause = self.cause.take();
        let under_way = self.flight.take();
        match (&cause, under_way.as_slice()) {
            (Some(cause), [culprit]) if is_final(cause) => {
                self.answers.give(culprit, Some(Failure::Refused(cause.clone())));
                self.set_careful(self.careful().saturating_sub(1));
                self.wordless = 0;
            }
            _ => {
                let count = under_way.len();
                if cause.as_ref().is_some_and(is_final) {
                    self.set_careful(count.max(self.careful()));
                } else {
                    self.wordless += 1;
                }
                for entry in under_way.into_iter().rev() {
                    self.waiting.push_front(entry);
                }
            }
        }
        if !self.session.is_alive() || self.wordless > CLOSED_WITHOUT_A_WORD {
            return Err(cause.unwrap_or_else(Fault::absent));
        }
        self.channel = self.session.confirming_channel().await?;
        Ok(())
    }

    fn careful(&self) -> usize {
        self.careful.load(Ordering::Relaxed)
    }

    fn set_careful(&self, count: usize) {
        self.careful.store(count, Ordering::Relaxed);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // What is still in line answers for itself when the line is dropped.
        for entry in self.flight.take().into_iter().chain(self.waiting.drain(..)) {
            self.answers.give(&entry, Some(Failure::Lost));
        }
    }
}

async fn publish(channel: &Channel, message: &Outgoing) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions {
        mandatory: message.mandatory,
        immediate: false,
    };
    channel
        .basic_publish(
            message.exchange.clone(),
            message.routing_key.clone(),
            options,
            &message.body,
            message.properties.clone(),
        )
        .await?
        .await
}

/// Whether the broker would say the same of the same message again.
fn is_final(fault: &Fault) -> bool {
    // Of the hard errors those about what was sent; 320 is an operator, 504 what follows a closed channel, 541 a crash.
    fault.kind == FaultKind::Answered
        && matches!(
            fault.code,
            311..=313 | 403..=406 | 501..=503 | 505 | 530 | 540
        )
}
