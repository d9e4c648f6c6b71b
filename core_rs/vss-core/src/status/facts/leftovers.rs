//! What is still live: after every channel hung up, nothing is.

use super::Facts;

impl Facts {
    /// Whatever is live in any table or index, one line each; empty once every channel hung up.
    pub fn leftovers(&self) -> Vec<String> {
        let mut left: Vec<String> = self
            .channels
            .values()
            .map(|channel| format!("channel {}", channel.id))
            .collect();
        left.extend(self.channel_ids.keys().map(|id| format!("index of channel {id}")));
        left.extend(
            self.channel_names
                .keys()
                .map(|name| format!("index of channel name {name}")),
        );
        left.extend(self.bridges.keys().map(|id| format!("bridge {id}")));
        left.extend(self.legs.keys().map(|id| format!("leg {id}")));
        left.extend(
            self.calls
                .values()
                .filter(|call| !call.is_ended())
                .map(|call| format!("call {}", call.id)),
        );
        for operator in self.operators.values() {
            let parts = [
                operator.channels.len(),
                operator.offers.len(),
                operator.services.len(),
            ];
            for (what, count) in ["channels", "offers", "services"]
                .into_iter()
                .zip(parts)
                .filter(|part| part.1 > 0)
            {
                left.push(format!("{count} {what} of {}", operator.id));
            }
        }
        for queue in self.queues.values() {
            left.extend(
                queue
                    .callers
                    .iter()
                    .map(|caller| format!("caller {} in {}", caller.id, queue.name)),
            );
        }
        left
    }

    /// What contradicts itself: counts that are not the members counted anew, rows that point nowhere.
    pub fn contradictions(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (key, queue) in &self.queues {
            let buckets = self.operators.values().flat_map(|operator| &operator.memberships);
            let counted = buckets
                .filter(|member| member.queue == key && member.bucket.is_some())
                .count();
            let counts = &queue.counts;
            let sum = counts.available
                + counts.ringing
                + counts.talking
                + counts.on_hold
                + counts.wrap_up
                + counts.paused
                + counts.unreachable;
            if counted != counts.logged_in as usize || sum != counts.logged_in {
                wrong.push(format!(
                    "queue {} counts {counts:?} of {counted} members",
                    queue.name
                ));
            }
            for caller in queue
                .callers
                .iter()
                .filter(|caller| self.by_id(&caller.id).is_none())
            {
                wrong.push(format!("caller {} in {} has no channel", caller.id, queue.name));
            }
        }
        for (id, bridge) in &self.bridges {
            for member in &bridge.members {
                if self
                    .channels
                    .get(*member)
                    .is_none_or(|channel| channel.bridge != *id)
                {
                    wrong.push(format!("bridge {id} holds a channel that is not in it"));
                }
            }
        }
        for channel in self.channels.values() {
            if self.calls.get(channel.call).is_none() {
                wrong.push(format!("channel {} has no call", channel.id));
            }
        }
        wrong
    }
}
