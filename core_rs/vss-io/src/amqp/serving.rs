//! Orders carried out on one connection.

use std::sync::Arc;

use lapin::Channel;
use lapin::options::{BasicGetOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions};
use lapin::types::FieldTable;

use super::consumer::Consumption;
use super::declaring::{declare, name};
use super::fault::{Fault, FaultKind};
use super::message::Incoming;
use super::note::Answer;
use super::session::Session;
use super::settling::Line;
use super::topology::Topology;

/// What is asked of the client, with the number under which it is answered.
#[derive(Debug)]
pub(super) enum Order {
    Declare {
        order: u64,
        topology: Topology,
    },
    Consume {
        consumption: Arc<Consumption>,
    },
    Cancel {
        order: u64,
        consumer: u64,
        release: bool,
    },
    Get {
        order: u64,
        queue: String,
    },
    Inspect {
        order: u64,
        queue: String,
    },
    Purge {
        order: u64,
        queue: String,
    },
    DeleteQueue {
        order: u64,
        queue: String,
    },
}

/// The channels for everything but publishing and consuming.
pub(super) struct Desk {
    session: Arc<Session>,
    /// For what may close it.
    errands: Channel,
    /// Messages taken by `get` are settled here: it must not be closed by something else.
    getting: Option<(Channel, Arc<Line>)>,
}

impl Desk {
    pub(super) async fn open(session: Arc<Session>) -> Result<Self, Fault> {
        let errands = session.channel().await?;
        Ok(Self {
            session,
            errands,
            getting: None,
        })
    }

    /// Declare, and say what was refused.
    pub(super) async fn declare(&mut self, topology: &Topology) -> Result<Answer, Fault> {
        let refusals = declare(&self.session, &mut self.errands, topology).await?;
        Ok(Answer::Declared(refusals))
    }

    pub(super) async fn get(&mut self, queue: &str) -> Result<Answer, Fault> {
        // A queue that is not there closes the channel, and takes along what was taken before: look first.
        if let Some(missing) = self.look(queue).await?.err() {
            return Ok(Answer::Failed(missing));
        }
        if self
            .getting
            .as_ref()
            .is_none_or(|(channel, _)| !channel.status().connected())
        {
            let channel = self.session.channel().await?;
            let (line, _) = Line::open(channel.clone());
            self.close();
            self.getting = Some((channel, line));
        }
        let Some((channel, line)) = &self.getting else {
            return Err(Fault::absent());
        };
        let options = BasicGetOptions { no_ack: false };
        match self
            .session
            .answer(channel.basic_get(name(queue)?, options))
            .await
        {
            Ok(message) => Ok(Answer::Message(message.map(|message| {
                let waiting = Some(message.message_count);
                Box::new(Incoming::new(message.delivery, waiting, Arc::clone(line)))
            }))),
            Err(fault) => {
                self.close();
                self.failed(fault).await
            }
        }
    }

    pub(super) async fn inspect(&mut self, queue: &str) -> Result<Answer, Fault> {
        Ok(match self.look(queue).await? {
            Ok(counts) => Answer::Counts(Some(counts)),
            Err(fault) if fault.code == 404 => Answer::Counts(None),
            Err(fault) => Answer::Failed(fault),
        })
    }

    pub(super) async fn purge(&mut self, queue: &str) -> Result<Answer, Fault> {
        let purging = self
            .errands
            .queue_purge(name(queue)?, QueuePurgeOptions::default());
        match self.session.answer(purging).await {
            Ok(count) => Ok(Answer::Purged(count)),
            Err(fault) => self.failed(fault).await,
        }
    }

    pub(super) async fn delete_queue(&mut self, queue: &str) -> Result<Answer, Fault> {
        let deleting = self
            .errands
            .queue_delete(name(queue)?, QueueDeleteOptions::default());
        match self.session.answer(deleting).await {
            Ok(_) => Ok(Answer::Done),
            Err(fault) if fault.is_answer(404) => {
                self.failed(fault).await?;
                Ok(Answer::Done)
            }
            Err(fault) => self.failed(fault).await,
        }
    }

    /// What was taken by `get` is settled no more.
    pub(super) fn close(&mut self) {
        if let Some((_, line)) = self.getting.take() {
            line.close();
        }
    }

    /// Ready messages and consumers of a queue, or the broker's no.
    async fn look(&mut self, queue: &str) -> Result<Result<(u32, u32), Fault>, Fault> {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let looking = self
            .errands
            .queue_declare(name(queue)?, options, FieldTable::default());
        match self.session.answer(looking).await {
            Ok(queue) => Ok(Ok((queue.message_count(), queue.consumer_count()))),
            Err(fault) => match self.failed(fault).await? {
                Answer::Failed(fault) => Ok(Err(fault)),
                _ => Err(Fault::absent()),
            },
        }
    }

    /// The broker's no closes the channel; anything else ends the connection.
    async fn failed(&mut self, fault: Fault) -> Result<Answer, Fault> {
        if fault.kind != FaultKind::Answered || !self.session.is_alive() {
            return Err(fault);
        }
        if !self.errands.status().connected() {
            self.errands = self.session.channel().await?;
        }
        Ok(Answer::Failed(fault))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.close();
    }
}
