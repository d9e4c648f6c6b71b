//! One connection after the other, each given everything anew: topology, then publishing, then consumers.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::Event;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::client::Shared;
use super::consumer::{self, Consumption};
use super::fault::{Fault, FaultKind};
use super::locked::Locked;
use super::note::Answer;
use super::patience::Patience;
use super::publisher::Publisher;
use super::serving::{Desk, Order};
use super::session::Session;
use super::status::State;
use super::topology::Topology;

/// lapin tells when a connection ends; should it ever not, this looks.
const LOOK: Duration = Duration::from_millis(500);
/// A good-bye gets so long even when closing has used its time up.
const GOODBYE: Duration = Duration::from_millis(100);

/// The client's task and what it remembers over connections.
pub(super) struct Life {
    shared: Arc<Shared>,
    topology: Topology,
    /// The order that is done with the first attempt to connect.
    first: Option<u64>,
    closing: watch::Receiver<Option<Duration>>,
    attempts: usize,
}

enum End {
    Closing,
    Lost(Fault),
}

/// What runs on one connection.
struct Running {
    session: Arc<Session>,
    desk: Desk,
    tasks: JoinSet<Result<(), Fault>>,
    consumers: HashMap<u64, AbortHandle>,
    declared: Arc<Notify>,
}

impl Life {
    pub(super) fn new(shared: Arc<Shared>, first: u64) -> Self {
        let closing = shared.closing.subscribe();
        Self {
            shared,
            topology: Topology::default(),
            first: Some(first),
            closing,
            attempts: 0,
        }
    }

    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        let mut patience = Patience::new(self.shared.options.retry, self.shared.options.seed);
        loop {
            let fault = match self.connect(&mut orders).await {
                None => break,
                Some(Ok(session)) => match self.serve(Arc::new(session), &mut orders, &mut patience).await {
                    End::Closing => break,
                    End::Lost(fault) => fault,
                },
                Some(Err(fault)) => fault,
            };
            self.lost(&fault);
            let wait = sleep(patience.wait(Instant::now().into_std(), fault.is_refusal()));
            if self.meanwhile(wait, &mut orders).await.is_none() {
                break;
            }
        }
        self.shared.publish_by(None);
        orders.close();
        while let Some(order) = orders.recv().await {
            self.refuse(order);
        }
        if let Some(order) = self.first.take() {
            self.shared.done(order, Answer::Failed(Fault::absent()));
        }
        self.shared.update(|status| status.state = State::Closed);
    }

    /// One attempt; none when closing is asked for.
    async fn connect(&mut self, orders: &mut UnboundedReceiver<Order>) -> Option<Result<Session, Fault>> {
        let shared = Arc::clone(&self.shared);
        let addresses = &shared.options.addresses;
        let address = addresses.get(self.attempts % addresses.len().max(1))?;
        self.attempts += 1;
        shared.update(|status| {
            status.state = State::Connecting;
            status.address = format!("{}:{}", address.0, address.1);
        });
        self.meanwhile(Session::open(&shared.options, address), orders)
            .await
    }

    /// Wait for something without a connection; none when closing is asked for.
    async fn meanwhile<T>(
        &mut self,
        waited_for: impl Future<Output = T>,
        orders: &mut UnboundedReceiver<Order>,
    ) -> Option<T> {
        let mut closing = self.closing.clone();
        let mut waited_for = pin!(waited_for);
        loop {
            tokio::select! {
                biased;
                () = asked(&mut closing) => return None,
                Some(order) = orders.recv() => self.refuse(order),
                done = &mut waited_for => return Some(done),
            }
        }
    }

    /// Without a connection: what can wait for one is remembered.
    fn refuse(&mut self, order: Order) {
        let (number, answer) = match order {
            Order::Declare { order, topology } => {
                self.topology.add(topology);
                (order, Answer::Declared(Vec::new()))
            }
            Order::Consume { consumption } => (consumption.number, Answer::Done),
            Order::Cancel { order, consumer, .. } => {
                self.shared.consumptions().remove(&consumer);
                (order, Answer::Done)
            }
            Order::Get { order, .. }
            | Order::Inspect { order, .. }
            | Order::Purge { order, .. }
            | Order::DeleteQueue { order, .. } => (order, Answer::Failed(Fault::absent())),
        };
        self.shared.done(number, answer);
    }

    fn lost(&mut self, fault: &Fault) {
        self.shared.update(|status| {
            status.state = State::Connecting;
            status.fault = Some(fault.clone());
            status.failures += 1;
            status.blocked = None;
        });
        if let Some(order) = self.first.take() {
            self.shared.done(order, Answer::Failed(fault.clone()));
        }
    }

    /// Use a connection until it is of no use, or closing is asked for.
    async fn serve(
        &mut self,
        session: Arc<Session>,
        orders: &mut UnboundedReceiver<Order>,
        patience: &mut Patience,
    ) -> End {
        let mut closing = self.closing.clone();
        let mut events = pin!(session.connection.events_listener());
        let mut running = tokio::select! {
            biased;
            () = asked(&mut closing) => return End::Closing,
            stood = self.stand(Arc::clone(&session)) => match stood {
                Ok(running) => running,
                Err(fault) => return self.end(&session, fault),
            },
        };
        patience.stands(Instant::now().into_std());
        if let Some(order) = self.first.take() {
            self.shared.done(order, Answer::Done);
        }
        let mut locked = Locked::new(self.shared.options.seed);
        let fault = loop {
            tokio::select! {
                biased;
                () = asked(&mut closing) => {
                    self.close(running).await;
                    return End::Closing;
                }
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(why)) => {
                        self.shared.update(|status| status.blocked = Some(why));
                    }
                    Some(Event::ConnectionUnblocked) => self.shared.update(|status| status.blocked = None),
                    Some(Event::Error(error)) if !session.is_alive() => break Fault::of(&error),
                    _ if !session.is_alive() => break Fault::absent(),
                    _ => {}
                },
                Some(ended) = running.tasks.join_next() => if let Ok(Err(fault)) = ended {
                    break fault;
                },
                Some(order) = orders.recv() => {
                    let mut closing = self.closing.clone();
                    tokio::select! {
                        biased;
                        () = asked(&mut closing) => {}
                        done = self.carry_out(order, &mut running) => if let Err(fault) = done {
                            break fault;
                        },
                    }
                }
                () = locked.due(&self.shared) => {
                    let Running { desk, declared, .. } = &mut running;
                    if let Err(fault) = locked.declare(desk, &self.topology, &self.shared, declared).await {
                        break fault;
                    }
                }
                () = sleep(LOOK) => if !session.is_alive() {
                    break Fault::absent();
                },
            }
        };
        // The reason of the end is among the events even when something else met it first.
        let fault = match timeout(Duration::ZERO, events.next()).await {
            Ok(Some(Event::Error(error))) if fault.kind == FaultKind::Broken => Fault::of(&error),
            _ => fault,
        };
        self.shared.unready();
        drop(running);
        self.end(&session, fault)
    }

    fn end(&self, session: &Session, fault: Fault) -> End {
        for consumption in self.shared.consumptions().values() {
            consumption.lost(&fault);
        }
        session.cut();
        End::Lost(fault)
    }

    /// Everything anew: declare, let publish, consume.
    async fn stand(&mut self, session: Arc<Session>) -> Result<Running, Fault> {
        let mut desk = Desk::open(Arc::clone(&session)).await?;
        let refusals = match desk.declare(&self.topology).await? {
            Answer::Declared(refusals) => refusals,
            _ => Vec::new(),
        };
        let channel = session.confirming_channel().await?;
        let (sender, batches) = unbounded_channel();
        let mut tasks = JoinSet::new();
        let publisher = Publisher::new(
            Arc::clone(&session),
            channel,
            batches,
            self.shared.options.outstanding.max(1),
            Arc::clone(&self.shared.careful),
            Arc::clone(&self.shared.notes),
        );
        let shared = Arc::clone(&self.shared);
        tasks.spawn(publisher.run(move || shared.unready()));
        self.shared.publish_by(Some(sender));
        let mut running = Running {
            session,
            desk,
            tasks,
            consumers: HashMap::new(),
            declared: Arc::default(),
        };
        let consumptions: Vec<_> = {
            let mut all = self.shared.consumptions();
            all.retain(|_, consumption| !consumption.is_over());
            all.values().cloned().collect()
        };
        let firsts: Vec<_> = consumptions
            .into_iter()
            .map(|consumption| self.begin(consumption, &mut running))
            .collect();
        for first in firsts {
            let _ = timeout(running.session.answer_within, first).await;
        }
        self.shared.update(|status| {
            status.state = State::Ready;
            status.fault = None;
            status.refusals = refusals;
            status.connects += 1;
        });
        Ok(running)
    }

    fn begin(&self, consumption: Arc<Consumption>, running: &mut Running) -> oneshot::Receiver<()> {
        let (sender, first) = oneshot::channel();
        let number = consumption.number;
        let (session, notes) = (Arc::clone(&running.session), Arc::clone(&self.shared.notes));
        let declared = Arc::clone(&running.declared);
        let seed = self.shared.options.seed ^ number;
        let task = running.tasks.spawn(async move {
            consumer::run(consumption, session, notes, declared, sender, seed).await;
            Ok(())
        });
        running.consumers.insert(number, task);
        first
    }

    async fn carry_out(&mut self, order: Order, running: &mut Running) -> Result<(), Fault> {
        let (number, answer) = match order {
            Order::Declare { order, topology } => {
                self.topology.add(topology.clone());
                let answer = running.desk.declare(&topology).await;
                running.declared.notify_waiters();
                if let Ok(Answer::Declared(now)) = &answer {
                    self.shared.update(|status| status.renew(&topology, now));
                }
                (order, answer)
            }
            Order::Consume { consumption } => {
                let number = consumption.number;
                let first = self.begin(consumption, running);
                let _ = timeout(running.session.answer_within, first).await;
                (number, Ok(Answer::Done))
            }
            Order::Cancel {
                order,
                consumer,
                release,
            } => (order, self.cancel(consumer, release, running).await),
            Order::Get { order, queue } => (order, running.desk.get(&queue).await),
            Order::Inspect { order, queue } => (order, running.desk.inspect(&queue).await),
            Order::Purge { order, queue } => (order, running.desk.purge(&queue).await),
            Order::DeleteQueue { order, queue } => {
                self.topology.forget_queue(&queue);
                (order, running.desk.delete_queue(&queue).await)
            }
        };
        match answer {
            Ok(answer) => {
                self.shared.done(number, answer);
                Ok(())
            }
            Err(fault) => {
                self.shared.done(number, Answer::Failed(fault.clone()));
                if fault.kind == FaultKind::Answered && running.session.is_alive() {
                    Ok(())
                } else {
                    Err(fault)
                }
            }
        }
    }

    async fn cancel(&self, consumer: u64, release: bool, running: &mut Running) -> Result<Answer, Fault> {
        let consumption = self.shared.consumptions().get(&consumer).cloned();
        if let Some(consumption) = consumption {
            consumption.cancel(&running.session).await?;
            if release {
                let released = consumption.release(&running.session).await;
                self.shared.consumptions().remove(&consumer);
                if let Some(task) = running.consumers.remove(&consumer) {
                    task.abort();
                }
                released?;
            }
        }
        Ok(Answer::Done)
    }

    /// What is under way comes to its end, if time allows.
    async fn close(&self, mut running: Running) {
        let within = self.shared.closing.borrow().unwrap_or_default();
        let deadline = Instant::now() + within;
        self.shared.publish_by(None);
        for (_, task) in running.consumers.drain() {
            task.abort();
        }
        let consumptions: Vec<_> = self.shared.consumptions().values().cloned().collect();
        running.desk.close();
        let _ = timeout_at(deadline, async {
            for consumption in consumptions {
                consumption.settle_out().await;
            }
            while running.tasks.join_next().await.is_some() {}
        })
        .await;
        let left = deadline.saturating_duration_since(Instant::now());
        running.session.close(left.max(GOODBYE)).await;
        running.session.cut();
    }
}

/// Wait until closing is asked for.
async fn asked(closing: &mut watch::Receiver<Option<Duration>>) {
    // Its sender lives as long as the client's task.
    let _ = closing.wait_for(Option::is_some).await;
}
