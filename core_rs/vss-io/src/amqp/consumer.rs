//! One consumption: it outlives connections, and each attempt to consume has a channel of its own.
//!
//! ```text
//!            ┌──── wait, or until something was declared ◀────┐
//!            ▼                                                │ no queue, no right; cancelled by the broker
//!         open a channel, qos, consume ──▶ deliver ───────────┘
//!                                            │ cancel
//!                                            ▼
//!                                     only settling is left ── close, or the connection goes ──▶ end
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::declaring::name;
use super::fault::{Fault, FaultKind};
use super::message::Incoming;
use super::note::Note;
use super::session::Session;
use super::settling::Line;
use crate::backoff::{Backoff, Bounds};
use crate::mailbox::Mailbox;

/// How often a queue that is not there is looked for, unless something is declared meanwhile.
const WAITS: Bounds = Bounds {
    first: Duration::from_millis(50),
    longest: Duration::from_secs(2),
    refused: Duration::from_secs(2),
};

/// A consumption as its owner asked for it, and how it stands.
#[derive(Debug)]
pub(super) struct Consumption {
    pub(super) number: u64,
    queue: String,
    prefetch: u16,
    exclusive: bool,
    is_over: AtomicBool,
    standing: Mutex<Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    fault: Option<Fault>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    channel: Channel,
    tag: ShortString,
    line: Arc<Line>,
    settling: JoinHandle<()>,
}

enum End {
    /// The broker ended it.
    Cancelled,
    Failed(Fault),
}

impl Consumption {
    pub(super) fn new(number: u64, queue: String, prefetch: u16, exclusive: bool) -> Self {
        Self {
            number,
            queue,
            prefetch,
            exclusive,
            is_over: AtomicBool::new(false),
            standing: Mutex::default(),
        }
    }

    /// Why nothing can be delivered now.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.standing().fault.clone()
    }

    /// From now on nothing is handed out; what was stays with its reader.
    pub(super) fn stop(&self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(open) = &self.standing().open {
            open.line.cancel();
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Tell the broker that no more is wanted.
    pub(super) async fn cancel(&self, session: &Session) -> Result<(), Fault> {
        self.stop();
        let open = self
            .standing()
            .open
            .as_ref()
            .map(|open| (open.channel.clone(), open.tag.clone()));
        match open {
            Some((channel, tag)) if channel.status().connected() => {
                session
                    .answer(channel.basic_cancel(tag, BasicCancelOptions::default()))
                    .await
            }
            _ => Ok(()),
        }
    }

    /// Let the acks given so far go out, and give the channel up: the rest is redelivered.
    pub(super) async fn release(&self, session: &Session) -> Result<(), Fault> {
        let open = self.standing().open.take();
        if let Some(open) = open {
            open.line.close();
            let _ = tokio::time::timeout(session.answer_within, open.settling).await;
            if open.channel.status().connected() {
                session.answer(open.channel.close(200, "OK".into())).await?;
            }
        }
        Ok(())
    }

    /// Hear no more acks and let those given go out.
    pub(super) async fn settle_out(&self) {
        let open = self.standing().open.take();
        if let Some(open) = open {
            open.line.close();
            let _ = open.settling.await;
        }
    }

    /// The connection is gone.
    pub(super) fn lost(&self, fault: &Fault) {
        let mut standing = self.standing();
        standing.fault = Some(fault.clone());
        if let Some(open) = standing.open.take() {
            open.line.close();
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Consume on one connection until it ends; `first` hears of the first attempt.
pub(super) async fn run(
    consumption: Arc<Consumption>,
    session: Arc<Session>,
    notes: Arc<Mailbox<Note>>,
    declared: Arc<Notify>,
    first: oneshot::Sender<()>,
    seed: u64,
) {
    let mut backoff = Backoff::new(WAITS, seed);
    let mut first = Some(first);
    while session.is_alive() && !consumption.is_over() {
        let fault = match start(&consumption, &session).await {
            Ok((consumer, line)) => {
                backoff.reset();
                tell(&mut first);
                match deliver(&consumption, consumer, line, &notes).await {
                    End::Cancelled => {
                        notes.push_now(Note::Cancelled {
                            consumer: consumption.number,
                        });
                        Fault {
                            kind: FaultKind::Answered,
                            code: 404,
                            text: "the broker cancelled the consumer".to_owned(),
                        }
                    }
                    End::Failed(fault) => fault,
                }
            }
            Err(fault) => fault,
        };
        consumption.lost(&fault);
        // To be seen before whoever waits for the first attempt looks.
        tell(&mut first);
        tokio::select! {
            () = sleep(backoff.wait(false)) => {}
            () = declared.notified() => {}
        }
    }
}

fn tell(first: &mut Option<oneshot::Sender<()>>) {
    if let Some(first) = first.take() {
        let _ = first.send(());
    }
}

async fn start(consumption: &Consumption, session: &Session) -> Result<(Consumer, Arc<Line>), Fault> {
    let queue = name(&consumption.queue)?;
    let channel = session.channel().await?;
    session
        .answer(channel.basic_qos(consumption.prefetch, BasicQosOptions::default()))
        .await?;
    let options = BasicConsumeOptions {
        exclusive: consumption.exclusive,
        ..BasicConsumeOptions::default()
    };
    let consumer = session
        .answer(channel.basic_consume(queue, "".into(), options, FieldTable::default()))
        .await?;
    let (line, settling) = Line::open(channel.clone());
    {
        let mut standing = consumption.standing();
        standing.fault = None;
        standing.open = Some(Open {
            tag: consumer.tag(),
            channel,
            line: Arc::clone(&line),
            settling,
        });
    }
    if consumption.is_over() {
        // Who cancelled it meanwhile found nothing to cancel.
        consumption.cancel(session).await?;
    }
    Ok((consumer, line))
}

async fn deliver(
    consumption: &Consumption,
    mut consumer: Consumer,
    line: Arc<Line>,
    notes: &Mailbox<Note>,
) -> End {
    while let Some(delivery) = consumer.next().await {
        match delivery {
            Ok(delivery) => {
                let message = Incoming::new(delivery, None, Arc::clone(&line));
                notes
                    .push(Note::Delivery {
                        consumer: consumption.number,
                        message,
                    })
                    .await;
            }
            Err(error) => return End::Failed(Fault::of(&error)),
        }
    }
    if consumption.is_over() {
        // What was handed out may still be settled: the channel stays, until it is released or the connection goes.
        std::future::pending::<()>().await;
    }
    if consumption
        .standing()
        .open
        .as_ref()
        .is_some_and(|open| open.channel.status().connected())
    {
        return End::Cancelled;
    }
    End::Failed(Fault::absent())
}
