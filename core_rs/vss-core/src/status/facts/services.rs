//! Offers and services: what an operator is to a caller, and the legs they hang on.

use super::super::call::Phase;
use super::super::channel::Leg;
use super::super::keys::{OperatorKey, QueueKey};
use super::super::moment::Moment;
use super::super::operator::Offer;
use super::Facts;
use super::timers::Timer;

impl Facts {
    /// From now on this channel is the operator's leg of a queue call. It can be one operator's only.
    pub(super) fn tie_leg(&mut self, leg: &str, key: OperatorKey, now: Moment) {
        if self.legs.get(leg).is_some_and(|&other| other != key) {
            self.close_offers_of_leg(leg);
            self.end_services_of_leg(leg, now);
        }
        self.legs.insert(leg.to_owned(), key);
    }

    /// The leg is forgotten once neither an offer nor a service hangs on it.
    pub(super) fn untie_leg(&mut self, leg: &str, key: OperatorKey) {
        let hangs = self.operators.get(key).is_some_and(|operator| {
            operator
                .offers
                .iter()
                .any(|offer| offer.dest.as_deref() == Some(leg))
                || operator.services.iter().any(|s| s.leg() == leg)
        });
        if !hangs && self.legs.get(leg) == Some(&key) {
            self.legs.remove(leg);
        }
    }

    /// A service that is told anew, perhaps on another leg.
    pub(super) fn forget_service(&mut self, key: OperatorKey, queue: QueueKey, caller: &str) {
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        let Some(place) = operator
            .services
            .iter()
            .position(|s| s.queue == queue && s.caller == caller)
        else {
            return;
        };
        let service = operator.services.remove(place);
        self.untie_leg(service.leg(), key);
    }

    /// Remove an operator's offers that fit; the caller's list of rung phones follows.
    pub(super) fn remove_offers(&mut self, key: OperatorKey, fits: impl Fn(&Offer) -> bool) {
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        let (gone, kept): (Vec<Offer>, Vec<Offer>) = std::mem::take(&mut operator.offers)
            .into_iter()
            .partition(|offer| fits(offer));
        operator.offers = kept;
        for offer in gone {
            if let Some(dest) = &offer.dest {
                self.untie_leg(dest, key);
                if let Some(channel) = self.by_id(dest).and_then(|key| self.channels.get_mut(key))
                    && channel.leg == Leg::Offered
                {
                    channel.leg = Leg::Finished;
                }
            }
            if let Some(caller) = self
                .queues
                .get_mut(offer.queue)
                .and_then(|queue| queue.callers.iter_mut().find(|c| c.id == offer.caller))
            {
                caller.ringing.retain(|&other| other != key);
                self.touch_queue(offer.queue);
            }
            self.touch_operator(key);
            self.touch_call(offer.call);
        }
    }

    /// The rung leg is gone, or was not answered.
    pub(super) fn close_offers_of_leg(&mut self, leg: &str) {
        if let Some(&key) = self.legs.get(leg) {
            self.remove_offers(key, |offer| offer.dest.as_deref() == Some(leg));
        }
    }

    /// The operator's leg is gone, or transferred its caller: the service is over, with or without AgentComplete.
    pub(super) fn end_services_of_leg(&mut self, leg: &str, now: Moment) {
        let Some(&key) = self.legs.get(leg) else { return };
        while let Some(place) = self
            .operators
            .get(key)
            .and_then(|operator| operator.services.iter().position(|s| s.leg() == leg))
        {
            self.end_service(key, place, now);
        }
    }

    /// End one service: talk goes on the accounts, wrap-up begins.
    pub(super) fn end_service(&mut self, key: OperatorKey, place: usize, now: Moment) {
        let options = self.options.clone();
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        let service = operator.services.remove(place);
        let queue_name = self
            .queues
            .get(service.queue)
            .map_or_else(String::new, |queue| queue.name.clone());
        let mut wrapup = options.wrapup_of(&queue_name, 0);
        if let Some(member) = operator.membership(service.queue, &service.interface) {
            wrapup = options.wrapup_of(&queue_name, member.wrapup);
            member.last_call = Some(now);
            if let Some(before) = member.taken_before.take() {
                member.calls_taken = member.calls_taken.max(before + 1);
            }
        }
        if wrapup > 0 {
            let ends = operator
                .wrap_up_ends
                .map_or(now + wrapup, |other| other.max(now + wrapup));
            operator.wrap_up_ends = Some(ends);
            self.set_timer(ends, Timer::WrapUp(key));
        }
        let talk = now.millis_since(service.since);
        if let Some(queue) = self.queues.get_mut(service.queue) {
            queue.window.talked(now, talk);
        }
        if let Some(call) = self.calls.get_mut(service.call)
            && let Some(visit) = call.open_visit(&queue_name, &service.caller)
        {
            visit.talk = talk;
            visit.phase = Phase::Over;
        }
        self.untie_leg(service.leg(), key);
        for id in [Some(service.caller.as_str()), service.dest.as_deref()]
            .into_iter()
            .flatten()
        {
            if let Some(channel) = self.by_id(id)
                && let Some(entry) = self.channels.get_mut(channel)
            {
                if entry.leg == Leg::Served {
                    entry.leg = Leg::Finished;
                }
                if entry.queue == Some(service.queue)
                    && self
                        .queues
                        .get(service.queue)
                        .is_some_and(|q| q.place_of(id).is_none())
                {
                    entry.queue = None;
                }
                self.touch_channel(channel);
            }
        }
        self.touch_queue(service.queue);
        self.touch_operator(key);
        self.touch_call(service.call);
    }
}
