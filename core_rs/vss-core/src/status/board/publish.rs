//! Events about what a message changed, in the order calls, operators, queues; channels only get their new mark.

use super::super::call::{Announced, Call, CallStatus, Direction, Disposition};
use super::super::changes::ChangedRow;
use super::super::facts::{Table, Touched};
use super::super::json::{Seconds, json_object};
use super::super::keys::{CallKey, ChannelKey, OperatorKey, QueueKey};
use super::super::moment::Moment;
use super::super::operator::OperatorState;
use super::{Batch, StatusBoard};

json_object! {
    struct CallStart<'a> {
        call_id: &'a str,
        slot_id: Option<u32>,
        phone_number: &'a str,
        operator_id: Option<&'a str>,
        queue: Option<&'a str>,
        direction: Direction,
    }
}

json_object! {
    struct CallUpdate<'a> {
        call_id: &'a str,
        status: CallStatus,
        operator_id: Option<&'a str>,
        slot_id: Option<u32>,
        queue: Option<&'a str>,
        position: Option<usize>,
    }
}

json_object! {
    struct CallEnd<'a> {
        call_id: &'a str,
        disposition: Option<Disposition>,
        wait_seconds: Seconds,
        talk_seconds: Seconds,
        hold_seconds: Seconds,
        hangup_cause: Option<u32>,
        operator_id: Option<&'a str>,
        slot_id: Option<u32>,
        queue: Option<&'a str>,
        merged_into: Option<&'a str>,
    }
}

impl StatusBoard {
    /// So many rows may share one sequence number.
    pub(super) const TOGETHER: usize = 256;

    /// Stamp what was touched and write the events about it.
    pub(super) fn publish(&mut self, now: Moment, batch: &mut Batch) {
        let Touched {
            channels,
            calls,
            operators,
            queues,
        } = std::mem::take(&mut self.facts.touched);
        for key in calls {
            self.publish_call(key, now, batch);
        }
        for key in operators {
            self.publish_operator(key, now, batch);
        }
        for key in queues {
            self.publish_queue(key, now, batch);
        }
        // One number serves all channels of a message, and all rows that went: no event speaks of them. After a swap
        // they can be thousands, and whoever follows takes those of one number together.
        for chunk in channels.chunks(Self::TOGETHER) {
            self.publish_channels(chunk, now);
        }
        let gone = std::mem::take(&mut self.facts.gone);
        for chunk in gone.chunks(Self::TOGETHER) {
            let seq = self.journal.next(now);
            for (table, id) in chunk {
                if !self.facts.has(*table, id) {
                    self.overlay.lift(*table, id);
                }
                self.changes
                    .push(seq, ChangedRow::Gone(*table, id.as_str().into()));
            }
        }
        self.compact_changes();
    }

    fn publish_channels(&mut self, keys: &[ChannelKey], now: Moment) {
        let mut number = None;
        for &key in keys {
            let Some(channel) = self.facts.channels.get_mut(key) else {
                continue;
            };
            let seq = *number.get_or_insert_with(|| self.journal.next(now));
            channel.mark.touched = false;
            channel.mark.seq = seq;
            channel.mark.as_of = now;
            self.changes.push(seq, ChangedRow::Channel(key));
            self.lift(Table::Channels, |board| {
                Some(board.facts.channels.get(key)?.id.clone())
            });
        }
    }

    fn publish_call(&mut self, key: CallKey, now: Moment, batch: &mut Batch) {
        let Some(call) = self.facts.calls.get_mut(key) else {
            return;
        };
        call.mark.touched = false;
        call.mark.as_of = now;
        let seen = Announced {
            status: call.status,
            operator: call.operator.clone(),
            queue: call.queue.clone(),
        };
        let mut before = call.announced.replace(seen.clone());
        if before.is_none() {
            // Whatever the call already is, its story begins with call.start.
            let start = CallStart {
                call_id: &call.id,
                slot_id: None,
                phone_number: &call.phone_number,
                operator_id: call.operator.as_deref(),
                queue: call.queue.as_deref(),
                direction: call.direction,
            };
            batch.events.push(
                self.journal
                    .write("call.start", now, |out| start.write_fields(out)),
            );
            before = Some(Announced {
                status: CallStatus::Initiating,
                ..seen.clone()
            });
        }
        if before.as_ref() != Some(&seen) {
            if call.is_ended() {
                batch.events.push(
                    self.journal
                        .write("call.end", now, |out| end_of(call).write_fields(out)),
                );
            } else {
                let position = call
                    .visits
                    .last()
                    .and_then(|visit| {
                        self.facts
                            .queue_names
                            .get(&visit.queue)
                            .map(|&queue| (visit, queue))
                    })
                    .and_then(|(visit, queue)| self.facts.queues.get(queue)?.place_of(&visit.channel))
                    .map(|place| place + 1);
                let update = CallUpdate {
                    call_id: &call.id,
                    status: call.status,
                    operator_id: call.operator.as_deref(),
                    slot_id: None,
                    queue: call.queue.as_deref(),
                    position,
                };
                batch.events.push(
                    self.journal
                        .write("call.update", now, |out| update.write_fields(out)),
                );
            }
        } else if call.mark.seq > 0 {
            self.journal.next(now);
        }
        call.mark.seq = self.journal.seq();
        self.changes.push(call.mark.seq, ChangedRow::Call(key));
        self.lift(Table::Calls, |board| Some(board.facts.calls.get(key)?.id.clone()));
    }

    fn publish_operator(&mut self, key: OperatorKey, now: Moment, batch: &mut Batch) {
        if let Some(operator) = self.facts.operators.get_mut(key) {
            operator.mark.touched = false;
        }
        let lifted = self.lift(Table::Operators, |board| {
            Some(board.facts.operators.get(key)?.id.clone())
        });
        if !self.facts.encode_operator(key) && !lifted {
            return;
        }
        let Some(operator) = self.facts.operators.get_mut(key) else {
            return;
        };
        let previous = operator
            .announced
            .replace(operator.state)
            .filter(|&state| state != operator.state);
        let seq = self.journal.next(now);
        operator.mark.seq = seq;
        operator.mark.as_of = now;
        self.changes.push(seq, ChangedRow::Operator(key));
        let event = self.journal.write_as(seq, "operator.update", now, |out| {
            write_previous(out, previous);
            out.extend_from_slice(b"\"row\":");
            operator.mark.write(out);
        });
        batch.events.push(event);
    }

    fn publish_queue(&mut self, key: QueueKey, now: Moment, batch: &mut Batch) {
        if let Some(queue) = self.facts.queues.get_mut(key) {
            queue.mark.touched = false;
        }
        let lifted = self.lift(Table::Queues, |board| {
            Some(board.facts.queues.get(key)?.name.clone())
        });
        if !self.facts.encode_queue(key, now) && !lifted {
            return;
        }
        let Some(queue) = self.facts.queues.get_mut(key) else {
            return;
        };
        let seq = self.journal.next(now);
        queue.mark.seq = seq;
        queue.mark.as_of = now;
        self.changes.push(seq, ChangedRow::Queue(key));
        let event = self.journal.write_as(seq, "queue.update", now, |out| {
            out.extend_from_slice(b"\"row\":");
            queue.mark.write(out);
        });
        batch.events.push(event);
    }
}

fn end_of(call: &Call) -> CallEnd<'_> {
    CallEnd {
        call_id: &call.id,
        disposition: call.disposition,
        wait_seconds: Seconds(call.wait),
        talk_seconds: Seconds(call.talk),
        hold_seconds: Seconds(call.hold),
        hangup_cause: call.hangup_cause,
        operator_id: call.operator.as_deref(),
        slot_id: None,
        queue: call.queue.as_deref(),
        merged_into: call.merged_into.as_deref(),
    }
}

fn write_previous(out: &mut Vec<u8>, previous: Option<OperatorState>) {
    if let Some(state) = previous {
        out.extend_from_slice(format!("\"previous_state\":\"{}\",", state.name()).as_bytes());
    }
}
