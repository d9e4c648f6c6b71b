//! How rows are written, found and listed.

use super::super::call::CallRow;
use super::super::channel::{ChannelRow, PartyRow, known};
use super::super::json::{Seconds, ToJson};
use super::super::keys::{CallKey, ChannelKey, OperatorKey, QueueKey};
use super::super::membership::{MembershipRow, same_interface};
use super::super::moment::Moment;
use super::super::operator::{DEVICE_STATES, OperatorRow};
use super::super::queue::{CallerRow, QueueRow, ServiceLevel};
use super::Facts;

impl Facts {
    /// Encode an operator's row; true when its content changed since the last time.
    pub fn encode_operator(&mut self, key: OperatorKey) -> bool {
        let mut json = std::mem::take(&mut self.scratch);
        let Some(operator) = self.operators.get(key) else {
            return false;
        };
        let source = &self.options.source;
        let call = operator.services.first().map(|service| service.call).or_else(|| {
            operator
                .channels
                .iter()
                .filter_map(|&key| self.channels.get(key))
                .map(|channel| channel.call)
                .next()
        });
        let row = OperatorRow {
            source,
            id: &operator.id,
            extension: &operator.extension,
            name: &operator.name,
            state: operator.state,
            since: operator.since,
            reason: known(&operator.reason),
            intent: operator.intent,
            activity: operator.activity,
            reachable: operator.reachable,
            device_state: DEVICE_STATES[usize::from(operator.device.min(8))],
            memberships: operator
                .memberships
                .iter()
                .map(|member| {
                    let queue = self.queue_name(member.queue);
                    let in_call = operator.services.iter().any(|service| {
                        service.queue == member.queue && same_interface(&service.interface, &member.interface)
                    });
                    MembershipRow::new(
                        member,
                        queue,
                        in_call,
                        self.options.wrapup_of(queue, member.wrapup),
                    )
                })
                .collect(),
            paused_queues: operator
                .memberships
                .iter()
                .filter(|m| m.paused)
                .map(|m| self.queue_name(m.queue))
                .collect(),
            channels: operator
                .channels
                .iter()
                .filter_map(|&key| self.channels.get(key))
                .map(|c| c.id.as_str())
                .collect(),
            call: call
                .and_then(|key| self.calls.get(key))
                .map(|call| call.id.as_str()),
            wrap_up_ends: operator.wrap_up_ends,
        };
        row.write_json(&mut json);
        let changed = self
            .operators
            .get_mut(key)
            .is_some_and(|operator| operator.mark.replace(&json));
        self.keep_scratch(json);
        changed
    }

    /// Encode a queue's row as of `now`; true when its content changed since the last time.
    pub fn encode_queue(&mut self, key: QueueKey, now: Moment) -> bool {
        let mut json = std::mem::take(&mut self.scratch);
        let Some(queue) = self.queues.get(key) else {
            return false;
        };
        let callers = self.caller_rows(key);
        let row = QueueRow {
            source: &self.options.source,
            name: &queue.name,
            strategy: &queue.strategy,
            weight: queue.weight,
            max: queue.max,
            service_level_seconds: queue.service_level,
            counts: &queue.counts,
            callers,
            longest_wait: queue
                .callers
                .iter()
                .map(|caller| now.millis_since(caller.joined_at))
                .max()
                .map_or(Seconds(0), Seconds),
            offered: queue.window.offered(),
            answered: queue.window.answered(),
            abandoned: queue.window.abandoned(),
            timed_out: queue.window.timed_out(),
            service_level_percent: ServiceLevel {
                of_answered: queue.window.service_level_of_answered(),
                of_offered: queue.window.service_level_of_offered(),
            },
            average_wait: queue.window.average_wait(),
            average_talk: queue.window.average_talk(),
            p90_wait: queue.window.p90_wait(),
        };
        row.write_json(&mut json);
        let changed = self
            .queues
            .get_mut(key)
            .is_some_and(|queue| queue.mark.replace(&json));
        self.keep_scratch(json);
        changed
    }

    /// Encode a channel's row.
    pub fn encode_channel(&mut self, key: ChannelKey) -> bool {
        let mut json = std::mem::take(&mut self.scratch);
        let Some(channel) = self.channels.get(key) else {
            return false;
        };
        let peers = self
            .bridges
            .get(&channel.bridge)
            .map_or(&[][..], |bridge| &bridge.members);
        let row = ChannelRow {
            source: &self.options.source,
            id: &channel.id,
            name: &channel.name,
            state: channel.state,
            state_name: super::super::channel::state_name(channel.state),
            caller: PartyRow::from(&channel.caller),
            connected: PartyRow::from(&channel.connected),
            context: &channel.context,
            exten: &channel.exten,
            priority: channel.priority,
            application: &channel.application,
            application_data: &channel.application_data,
            linkedid: self.calls.get(channel.call).map_or("", |call| &call.id),
            bridge_id: known(&channel.bridge),
            bridge_peers: peers
                .iter()
                .filter(|&&peer| peer != key)
                .filter_map(|&peer| self.channels.get(peer))
                .map(|c| c.id.as_str())
                .collect(),
            on_hold: channel.on_hold,
            queue: channel.queue.map(|key| self.queue_name(key)),
            operator: channel
                .operator
                .and_then(|key| self.operators.get(key))
                .map(|operator| operator.id.as_str()),
            account_code: &channel.account_code,
            language: &channel.language,
            created_at: channel.created_at,
            answered_at: channel.answered_at,
        };
        row.write_json(&mut json);
        let changed = self
            .channels
            .get_mut(key)
            .is_some_and(|channel| channel.mark.replace(&json));
        self.keep_scratch(json);
        changed
    }

    /// Encode a call's row.
    pub fn encode_call(&mut self, key: CallKey) -> bool {
        let Some(call) = self.calls.get(key) else {
            return false;
        };
        let mut json = Vec::with_capacity(1024);
        CallRow::new(&self.options.source, call).write_json(&mut json);
        self.calls
            .get_mut(key)
            .is_some_and(|call| call.mark.replace(&json))
    }

    fn keep_scratch(&mut self, mut json: Vec<u8>) {
        json.clear();
        self.scratch = json;
    }

    fn caller_rows(&self, key: QueueKey) -> Vec<CallerRow<'_>> {
        let Some(queue) = self.queues.get(key) else {
            return Vec::new();
        };
        let row = |(place, caller)| {
            let caller: &super::super::queue::Caller = caller;
            let ringing = caller
                .ringing
                .iter()
                .filter_map(|&key| self.operators.get(key))
                .map(|o| o.id.as_str())
                .collect();
            CallerRow::new(
                place,
                caller,
                self.calls.get(caller.call).map_or("", |call| &call.id),
                ringing,
            )
        };
        queue.callers.iter().enumerate().map(row).collect()
    }

    /// The waiting callers of a queue as a JSON array.
    pub fn callers_json(&self, name: &str) -> Option<Vec<u8>> {
        let &key = self.queue_names.get(name)?;
        let mut out = Vec::new();
        self.caller_rows(key).write_json(&mut out);
        Some(out)
    }

    /// Append one operator's row to `out`.
    pub fn write_operator(&mut self, key: OperatorKey, out: &mut Vec<u8>) {
        if self
            .operators
            .get(key)
            .is_some_and(|operator| operator.mark.is_stale())
        {
            self.encode_operator(key);
        }
        if let Some(operator) = self.operators.get(key) {
            operator.mark.write(out);
        }
    }

    /// Append one queue's row to `out`.
    pub fn write_queue(&mut self, key: QueueKey, out: &mut Vec<u8>) {
        if let Some(queue) = self.queues.get(key)
            && queue.mark.is_stale()
        {
            let as_of = queue.mark.as_of;
            self.encode_queue(key, as_of);
        }
        if let Some(queue) = self.queues.get(key) {
            queue.mark.write(out);
        }
    }

    /// Append one channel's row to `out`.
    pub fn write_channel(&mut self, key: ChannelKey, out: &mut Vec<u8>) {
        if self
            .channels
            .get(key)
            .is_some_and(|channel| channel.mark.is_stale())
        {
            self.encode_channel(key);
        }
        if let Some(channel) = self.channels.get(key) {
            channel.mark.write(out);
        }
    }

    /// Append one call's row to `out`.
    pub fn write_call(&mut self, key: CallKey, out: &mut Vec<u8>) {
        if self.calls.get(key).is_some_and(|call| call.mark.is_stale()) {
            self.encode_call(key);
        }
        if let Some(call) = self.calls.get(key) {
            call.mark.write(out);
        }
    }
}
