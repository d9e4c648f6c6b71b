//! Acks of one channel: given in Python's thread, sent by a task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::message::Settlement;

/// So many acks leave in one go.
const BATCH: usize = 512;

/// Where deliveries of one channel are settled. It closes with its channel; what is settled later is not heard.
#[derive(Debug)]
pub struct Line {
    orders: Mutex<Option<UnboundedSender<(u64, Settlement)>>>,
    cancelled: AtomicBool,
}

impl Line {
    /// A line, and the task that sends what comes along it. The task ends when the line is closed and empty.
    pub(super) fn open(channel: Channel) -> (Arc<Self>, JoinHandle<()>) {
        let (sender, receiver) = unbounded_channel();
        let line = Arc::new(Self {
            orders: Mutex::new(Some(sender)),
            cancelled: AtomicBool::new(false),
        });
        (line, tokio::spawn(send_all(channel, receiver)))
    }

    /// False when the channel is gone.
    pub fn settle(&self, tag: u64, how: Settlement) -> bool {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders
            .as_ref()
            .is_some_and(|orders| orders.send((tag, how)).is_ok())
    }

    /// Hear no more.
    pub fn close(&self) {
        *self.orders.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the channel is gone.
    pub fn is_closed(&self) -> bool {
        self.orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    /// What is not handed out yet is not to be.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether what is not handed out yet goes back into its queue.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

async fn send_all(channel: Channel, mut orders: UnboundedReceiver<(u64, Settlement)>) {
    let mut batch = Vec::with_capacity(BATCH);
    while orders.recv_many(&mut batch, BATCH).await > 0 {
        let sent = join_all(batch.drain(..).map(|(tag, how)| settle(&channel, tag, how))).await;
        if sent.iter().any(Result::is_err) {
            // The channel is gone, and with it what it had delivered.
            break;
        }
    }
}

async fn settle(channel: &Channel, tag: u64, how: Settlement) -> lapin::Result<()> {
    match how {
        Settlement::Ack => channel.basic_ack(tag, BasicAckOptions { multiple: false }).await,
        Settlement::Requeue | Settlement::Reject => {
            let requeue = how == Settlement::Requeue;
            let options = BasicNackOptions {
                multiple: false,
                requeue,
            };
            channel.basic_nack(tag, options).await
        }
    }
}
