//! The sweep at the end of a resync: what neither a list nor a later event named goes, what the lists imply comes.

use super::super::call::Phase;
use super::super::channel::Leg;
use super::super::keys::{ChannelKey, OperatorKey, QueueKey};
use super::super::moment::Moment;
use super::super::operator::Service;
use super::{Facts, ListKind};

impl Facts {
    /// Remove what neither a list of this generation nor a later event named.
    pub fn sweep_unseen(&mut self, kind: ListKind, now: Moment) {
        let generation = self.generation;
        match kind {
            ListKind::CoreShowChannels => {
                let gone: Vec<ChannelKey> = self
                    .channels
                    .iter()
                    .filter(|(_, channel)| channel.seen != generation)
                    .map(|(key, _)| key)
                    .collect();
                for key in gone {
                    self.remove_channel(key, None, now);
                }
                self.bridges.retain(|_, bridge| !bridge.members.is_empty());
                self.end_services_without_legs(now);
                self.infer_services();
            }
            ListKind::QueueStatus => self.sweep_queues(generation, now),
            _ => {}
        }
    }

    /// A list is asked again: what it named so far counts no more.
    pub fn forget_seen(&mut self, kind: ListKind) {
        match kind {
            ListKind::CoreShowChannels => self.channels.values_mut().for_each(|channel| channel.seen = 0),
            ListKind::QueueStatus => {
                for queue in self.queues.values_mut() {
                    queue.seen = 0;
                    queue.callers.iter_mut().for_each(|caller| caller.seen = 0);
                }
                for operator in self.operators.values_mut() {
                    operator.memberships.iter_mut().for_each(|member| member.seen = 0);
                }
            }
            _ => {}
        }
    }

    fn sweep_queues(&mut self, generation: u32, now: Moment) {
        let members: Vec<_> = self
            .operators
            .iter()
            .flat_map(|(key, operator)| {
                let unseen = operator
                    .memberships
                    .iter()
                    .filter(|member| member.seen != generation);
                unseen.map(move |member| (key, member.queue, member.interface.clone()))
            })
            .collect();
        for (key, queue, interface) in members {
            self.remove_membership(key, queue, &interface, now);
        }
        let callers: Vec<_> = self
            .queues
            .iter()
            .flat_map(|(key, queue)| {
                queue
                    .callers
                    .iter()
                    .filter(|c| c.seen != generation)
                    .map(move |c| (key, c.id.clone()))
            })
            .collect();
        for (queue, id) in callers {
            if let Some(caller) = self.take_caller(queue, &id) {
                self.close_offers_for(&caller);
                self.visit_lost(queue, &id, now);
                self.touch_around(caller.channel);
            }
        }
        let queues: Vec<_> = self
            .queues
            .iter()
            .filter(|(_, queue)| {
                queue.seen != generation && queue.memberships == 0 && queue.callers.is_empty()
            })
            .map(|(key, _)| key)
            .collect();
        for key in queues {
            if let Some(queue) = self.queues.remove(key) {
                self.queue_names.remove(&queue.name);
            }
        }
    }

    /// A visit ended unseen: it has no outcome and counts nowhere.
    fn visit_lost(&mut self, queue: QueueKey, id: &str, now: Moment) {
        let name = self.queue_name(queue).to_owned();
        let Some(channel) = self.by_id(id).and_then(|key| self.channels.get_mut(key)) else {
            return;
        };
        channel.queue = None;
        let call = channel.call;
        if let Some(visit) = self
            .calls
            .get_mut(call)
            .and_then(|call| call.open_visit(&name, id))
        {
            visit.left_at.get_or_insert(now);
            visit.phase = Phase::Over;
        }
    }

    fn end_services_without_legs(&mut self, now: Moment) {
        let dead: Vec<String> = self
            .legs
            .keys()
            .filter(|leg| self.by_id(leg).is_none())
            .cloned()
            .collect();
        for leg in dead {
            self.close_offers_of_leg(&leg);
            self.end_services_of_leg(&leg, now);
            self.legs.remove(&leg);
        }
    }

    /// Queue calls that began before the router did: a caller in `Queue(…)` who stands in a talking bridge with the
    /// phone of an operator, itself called by a queue (`AppQueue`), is being served.
    fn infer_services(&mut self) {
        let mut found: Vec<(OperatorKey, Service)> = Vec::new();
        for bridge in self.bridges.values().filter(|bridge| bridge.is_talk()) {
            for caller in bridge.members.iter().filter_map(|&key| self.channels.get(key)) {
                if caller.application != "Queue" {
                    continue;
                }
                let name = caller.application_data.split(',').next().unwrap_or_default();
                let Some(&queue) = self.queue_names.get(name) else {
                    continue;
                };
                for leg in bridge.members.iter().filter_map(|&key| self.channels.get(key)) {
                    let served = leg.application == "AppQueue"
                        && leg.leg == Leg::None
                        && !self.legs.contains_key(&leg.id);
                    if let (true, Some(key)) = (served, leg.operator)
                        && let Some(operator) = self.operators.get(key)
                        && let Some(member) = operator.memberships.iter().find(|member| member.queue == queue)
                    {
                        found.push((
                            key,
                            Service {
                                queue,
                                interface: member.interface.clone(),
                                caller: caller.id.clone(),
                                dest: Some(leg.id.clone()),
                                call: caller.call,
                                since: leg.created_at,
                            },
                        ));
                    }
                }
            }
        }
        for (key, service) in found {
            let Some(leg) = service.dest.clone() else { continue };
            if let Some(channel) = self.by_id(&leg).and_then(|key| self.channels.get_mut(key)) {
                channel.leg = Leg::Served;
                channel.queue = Some(service.queue);
            }
            let name = self.operators.get(key).map(|operator| operator.id.clone());
            let queue = self.queue_name(service.queue).to_owned();
            if let Some(call) = self.calls.get_mut(service.call) {
                call.operator = name;
                call.queue = Some(queue);
            }
            self.touch_call(service.call);
            self.legs.insert(leg, key);
            if let Some(operator) = self.operators.get_mut(key) {
                operator.services.push(service);
            }
            self.touch_operator(key);
        }
    }
}
