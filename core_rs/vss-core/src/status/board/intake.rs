//! What a message is for: an answer, an item of a list, a fact.

use super::super::dialect::EventKind;
use super::super::facts::{Facts, kind_of};
use super::super::moment::Moment;
use super::super::resync::Fence;
use super::{Batch, NoticeReason, Response, Session, StatusBoard};
use crate::ami::{Decoded, Message, MessageKind};

/// The variable whose `VarSet` is the fence.
pub const FENCE_VARIABLE: &[u8] = b"VSS_FENCE";

impl StatusBoard {
    /// Decode and apply the bytes of one socket read. Whatever stands in them, this does not fail.
    pub fn feed(&mut self, chunk: &[u8], now: Moment, session: Session) -> Batch {
        self.journal.begin(now);
        let mut batch = Batch {
            encoding: self.events_decoder.encoding(),
            ..Batch::default()
        };
        let mut decoder = std::mem::take(match session {
            Session::Events => &mut self.events_decoder,
            Session::Actions => &mut self.actions_decoder,
        });
        decoder.push(chunk);
        while let Some(decoded) = decoder.next_message() {
            match decoded {
                Decoded::Message(message) => {
                    batch.messages += 1;
                    self.take(&message, now, session, &mut batch);
                }
                Decoded::Skipped(skipped) => {
                    self.counters.skipped += 1;
                    let opening = String::from_utf8_lossy(&skipped.opening).into_owned();
                    batch.notice(
                        NoticeReason::Oversized,
                        format!("{opening} is {}", skipped.reason.describe()),
                        None,
                    );
                }
            }
        }
        self.counters.messages += batch.messages as u64;
        *match session {
            Session::Events => &mut self.events_decoder,
            Session::Actions => &mut self.actions_decoder,
        } = decoder;
        batch
    }

    fn take(&mut self, message: &Message<'_>, now: Moment, session: Session, batch: &mut Batch) {
        match message.kind() {
            MessageKind::Event => {
                if session == Session::Events && self.is_watched(message.name()) {
                    batch.watched.extend_from_slice(message.raw());
                    batch.watched.extend_from_slice(b"\r\n\r\n");
                }
                self.take_event(message, now, batch);
            }
            MessageKind::Response => {
                self.list_answered(message, now, batch);
                batch.responses.push(Response::of(message, session));
            }
            MessageKind::Greeting => {
                batch.greeting = Some(String::from_utf8_lossy(message.name()).into_owned());
            }
            MessageKind::Other => self.counters.ignored += 1,
        }
    }

    fn take_event(&mut self, event: &Message<'_>, now: Moment, batch: &mut Batch) {
        let Some(entry) = kind_of(event) else {
            // Lists may hold items the board does not read (BridgeInfoChannel, …): they count all the same.
            if let Some(action_id) = event.action_id() {
                self.list_item(event, None, action_id, now, batch);
            }
            self.counters.ignored += 1;
            return;
        };
        // Items of lists and live events may share a name: only the ActionID tells them apart.
        if let Some(action_id) = event.action_id() {
            self.list_item(event, Some(entry.kind), action_id, now, batch);
            return;
        }
        let at = self.time_of(event, now);
        match entry.kind {
            EventKind::VarSet if event.get("Variable") == Some(FENCE_VARIABLE) => {
                let value = event.get("Value").unwrap_or_default();
                if self.fence_is(|fence| matches!(fence, Fence::Setvar(token) if token.as_bytes() == value)) {
                    self.finish_resync(at, batch);
                }
                return;
            }
            EventKind::FullyBooted => {
                return batch.notice(NoticeReason::FullyBooted, "Asterisk has finished booting", None);
            }
            EventKind::Shutdown => return batch.notice(NoticeReason::Shutdown, "Asterisk shuts down", None),
            EventKind::Reload => {
                let module = event.text("Module").unwrap_or_default();
                if matches!(module.trim_end_matches(".so"), "" | "All" | "all" | "app_queue") {
                    batch.notice(NoticeReason::Reload, format!("Asterisk reloaded {module}"), None);
                }
                return;
            }
            _ => {}
        }
        self.advance(at, batch);
        if self.facts.apply(event, entry.kind, at) {
            self.counters.applied += 1;
        } else {
            self.counters.ignored += 1;
        }
        self.facts.settle(at);
        self.publish(at, batch);
        if let Some(resync) = &mut self.resync
            && !resync.keep(event, at)
        {
            self.drop_resync("too many events came while it ran", batch);
        }
        if entry.kind == EventKind::QueueMemberPause {
            let interface = event.text("Interface").unwrap_or_default();
            if self.fence_is(|fence| matches!(fence, Fence::QueuePause(member) if *member == *interface)) {
                self.finish_resync(at, batch);
            }
        }
        self.report_impossible(batch);
    }

    fn is_watched(&self, name: &[u8]) -> bool {
        self.watched
            .iter()
            .any(|watched| watched.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Apply an item of a list of the running resync; others are somebody else's.
    fn list_item(
        &mut self,
        item: &Message<'_>,
        kind: Option<EventKind>,
        action_id: &[u8],
        now: Moment,
        batch: &mut Batch,
    ) {
        let Some(resync) = &mut self.resync else { return };
        let Some(list) = resync.list(action_id) else {
            return;
        };
        if kind == Some(EventKind::ListEnd) || item.event_list().is_some() {
            return self.list_ended(item, action_id, now, batch);
        }
        list.items += 1;
        let Some(kind) = kind else { return };
        if let Some((row, print)) = Facts::fingerprint(item, kind) {
            resync.listed.insert(row, print);
        }
        resync.shadow.apply_item(item, kind, now);
        resync.settle(now);
    }

    /// A fact's time: its own stamp by our clock, else the arrival.
    fn time_of(&self, event: &Message<'_>, now: Moment) -> Moment {
        event
            .get("Timestamp")
            .and_then(Moment::from_wire)
            .map_or(now, |stamp| stamp + -self.offset)
    }

    /// Do what is due up to `now`, each at its own moment.
    pub(super) fn advance(&mut self, now: Moment, batch: &mut Batch) {
        while let Some(due) = self.facts.due(now) {
            self.facts.fire(due);
            self.facts.settle(due);
            self.publish(due, batch);
        }
    }

    fn report_impossible(&mut self, batch: &mut Batch) {
        let Some(first) = self.facts.impossible.pop() else {
            return;
        };
        self.facts.impossible.clear();
        if self.synchronized && self.resync.is_none() {
            self.counters.impossible += 1;
            batch.notice(NoticeReason::ImpossibleValue, first, None);
        }
    }
}
