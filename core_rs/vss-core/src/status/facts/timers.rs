//! What changes without an event: wrap-up ends, ended calls and old figures go.

use std::cmp::Reverse;

use super::super::keys::{CallKey, OperatorKey};
use super::super::moment::Moment;
use super::{Facts, Table};

/// How often the windows of all queues are looked through, milliseconds.
const SWEEP_EVERY: i64 = 5_000;

/// What is due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// An operator's wrap-up may be over.
    WrapUp(OperatorKey),
    /// An ended call is forgotten.
    CallGone(CallKey),
    /// An operator without a queue is forgotten.
    OperatorGone(OperatorKey),
}

impl Facts {
    pub(super) fn set_timer(&mut self, at: Moment, timer: Timer) {
        self.timer_count += 1;
        self.timers.push(Reverse((at, self.timer_count, timer)));
    }

    /// The next moment at which something is due, not later than `now`.
    pub fn due(&self, now: Moment) -> Option<Moment> {
        self.timers
            .peek()
            .map(|Reverse((at, _, _))| *at)
            .filter(|&at| at <= now)
    }

    /// Do what is due at `at`.
    pub fn fire(&mut self, at: Moment) {
        while let Some(Reverse((due, _, timer))) = self.timers.peek().copied()
            && due <= at
        {
            self.timers.pop();
            match timer {
                Timer::WrapUp(key) => {
                    if let Some(operator) = self.operators.get_mut(key)
                        && operator.wrap_up_ends.is_some_and(|ends| ends <= at)
                    {
                        operator.wrap_up_ends = None;
                        self.touch_operator(key);
                    }
                }
                Timer::CallGone(key) => {
                    let kept = self.options.ended;
                    if self
                        .calls
                        .get(key)
                        .and_then(|call| call.ended_at)
                        .is_some_and(|ended| ended + kept <= at)
                        && let Some(call) = self.calls.remove(key)
                    {
                        self.call_ids.remove(&call.id);
                        self.gone.push((Table::Calls, call.id));
                    }
                }
                Timer::OperatorGone(key) => {
                    if self.operators.get(key).is_some_and(|o| {
                        o.memberships.is_empty() && !o.agent_logged_in && o.channels.is_empty()
                    }) {
                        self.forget_operator(key);
                    }
                }
            }
        }
    }

    /// Forget what is too old to matter; called with the clock, not with events.
    pub fn sweep(&mut self, now: Moment) {
        if now.millis_since(self.swept_at) < SWEEP_EVERY {
            return;
        }
        self.swept_at = now;
        let oldest = now + -self.options.window;
        let keys: Vec<_> = self.queues.keys().collect();
        for key in keys {
            if self
                .queues
                .get_mut(key)
                .is_some_and(|queue| queue.window.expire(oldest))
            {
                self.touch_queue(key);
            }
        }
        let kept = now + -self.options.ended.max(60_000);
        while self.tombstones.front().is_some_and(|(at, _)| *at < kept) {
            if let Some((_, id)) = self.tombstones.pop_front() {
                self.tombstone_ids.remove(&id);
            }
        }
        while self.early_leaves.front().is_some_and(|(at, _, _)| *at < kept) {
            self.early_leaves.pop_front();
        }
    }
}
