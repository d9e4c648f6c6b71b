//! Connection, gap, resync and swap.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::super::difference::Difference;
use super::super::error::StatusError;
use super::super::facts::{Facts, ListKind, Table, number};
use super::super::journal::Event;
use super::super::json::json_object;
use super::super::moment::Moment;
use super::super::resync::{Fence, List, ListState, MAX_PASSES, Resync};
use super::{Batch, NoticeReason, OpenGap, Session, StatusBoard};
use crate::ami::{EventList, Message};

json_object! {
    struct SyncGap<'a> {
        from_seq: u64,
        to_seq: u64,
        reason: &'a str,
        started: Moment,
        ended: Moment,
    }
}

impl StatusBoard {
    /// The events session is logged in. The board shows what it knew until a resync swaps it.
    pub fn connected(&mut self, now: Moment) -> Batch {
        let mut batch = Batch::default();
        self.advance(now, &mut batch);
        batch
    }

    /// A session is gone. Without the events session facts are missed: the gap begins.
    pub fn lost(&mut self, session: Session, reason: &str, now: Moment) -> Batch {
        let mut batch = Batch::default();
        match session {
            Session::Events => {
                self.events_decoder.reset();
                self.open_gap(reason, now);
            }
            Session::Actions => self.actions_decoder.reset(),
        }
        self.drop_resync(&format!("the {} session was lost", session.name()), &mut batch);
        self.passes = None;
        batch
    }

    /// Bytes of the events session had to be dropped.
    pub fn overflowed(&mut self, lost_bytes: u64, now: Moment) -> Batch {
        let mut batch = Batch::default();
        self.counters.lost_bytes += lost_bytes;
        self.events_decoder.lose_place();
        self.open_gap("overflow", now);
        self.drop_resync("events were lost while it ran", &mut batch);
        batch.notice(
            NoticeReason::Overflow,
            format!("{lost_bytes} bytes of events were dropped unread"),
            None,
        );
        batch
    }

    /// Tell at once of a gap that lies before this board's time: whoever spoke for this PBX until `from_seq` is gone.
    /// The numbers go on above it.
    pub fn report_gap(&mut self, from_seq: u64, started: Moment, reason: &str, now: Moment) -> Batch {
        let mut batch = Batch::default();
        self.journal.begin(now);
        self.raise_seq(from_seq);
        self.counters.gaps += 1;
        let event = self.gap_event(
            &OpenGap {
                from_seq,
                reason: reason.to_owned(),
                started,
            },
            now,
        );
        batch.events.push(event);
        batch
    }

    fn gap_event(&mut self, gap: &OpenGap, now: Moment) -> Event {
        let seq = self.journal.next(now);
        let body = SyncGap {
            from_seq: gap.from_seq,
            to_seq: seq,
            reason: &gap.reason,
            started: gap.started,
            ended: now,
        };
        self.journal
            .write_as(seq, "sync.gap", now, |out| body.write_fields(out))
    }

    fn open_gap(&mut self, reason: &str, now: Moment) {
        // A board that never agreed with Asterisk has nothing to miss.
        if self.synchronized && self.gap.is_none() {
            self.gap = Some(OpenGap {
                from_seq: self.journal.seq(),
                reason: reason.to_owned(),
                started: now,
            });
            self.counters.gaps += 1;
        }
        self.synchronized = false;
    }

    /// Note this place in the event stream and expect the lists; a second call while passes are compared begins the
    /// next pass.
    ///
    /// # Errors
    /// [`StatusError::UnknownList`] for an action that is no list a resync can use.
    pub fn begin_resync<'a>(
        &mut self,
        lists: impl IntoIterator<Item = (&'a str, &'a str)>,
        fence: Fence,
        reason: &str,
        now: Moment,
    ) -> Result<(), StatusError> {
        let lists = lists
            .into_iter()
            .map(|(action, action_id)| {
                let kind =
                    ListKind::of_action(action).ok_or_else(|| StatusError::UnknownList(action.to_owned()))?;
                Ok(List {
                    kind,
                    action_id: action_id.to_owned(),
                    state: ListState::Pending,
                    items: 0,
                })
            })
            .collect::<Result<Vec<_>, StatusError>>()?;
        let before = self
            .passes
            .take()
            .or_else(|| self.resync.take())
            .filter(|old| old.fence == Fence::None && fence == Fence::None);
        let mut resync = Resync::new(
            lists,
            fence,
            reason.to_owned(),
            self.gap.is_some(),
            self.facts.clone(),
        );
        resync.catch_up(now);
        if resync.fence == Fence::None {
            if let Some(before) = before.filter(super::super::resync::Resync::is_complete) {
                resync.pass = before.pass + 1;
                resync.listed_before = Some(before.listed);
            } else {
                self.facts.named = Some(FxHashSet::default());
            }
        }
        self.resync = Some(resync);
        Ok(())
    }

    /// A list was asked anew under another ActionID.
    ///
    /// # Errors
    /// [`StatusError::NoResync`], [`StatusError::UnknownActionId`].
    pub fn list_asked_again(&mut self, action_id: &str, new_action_id: &str) -> Result<(), StatusError> {
        let resync = self.resync.as_mut().ok_or(StatusError::NoResync)?;
        let list = resync
            .list(action_id.as_bytes())
            .ok_or_else(|| StatusError::UnknownActionId(action_id.to_owned()))?;
        new_action_id.clone_into(&mut list.action_id);
        list.state = ListState::Pending;
        list.items = 0;
        Ok(())
    }

    /// Give a running resync up.
    pub fn abandon_resync(&mut self, reason: &str) -> Batch {
        let mut batch = Batch::default();
        self.drop_resync(reason, &mut batch);
        self.passes = None;
        batch
    }

    pub(super) fn drop_resync(&mut self, reason: &str, batch: &mut Batch) {
        let passes = self.passes.take();
        let running = self.resync.take().or(passes).is_some();
        self.facts.named = None;
        if running {
            batch.notice(NoticeReason::ResyncDropped, reason, None);
        }
    }

    /// `none`, `collecting` or `fencing`.
    pub fn resync_state(&self) -> &'static str {
        match &self.resync {
            None => "none",
            Some(resync) if resync.fencing => "fencing",
            Some(_) => "collecting",
        }
    }

    /// ActionIDs of lists that have not ended yet.
    pub fn resync_pending(&self) -> Vec<String> {
        let lists = self.resync.iter().flat_map(|resync| &resync.lists);
        lists
            .filter(|list| list.state == ListState::Pending)
            .map(|list| list.action_id.clone())
            .collect()
    }

    pub(super) fn fence_is(&self, wanted: impl Fn(&Fence) -> bool) -> bool {
        self.resync
            .as_ref()
            .is_some_and(|resync| resync.fencing && wanted(&resync.fence))
    }

    /// The response to a list action: `Success` begins it, `Error` refuses it.
    pub(super) fn list_answered(&mut self, response: &Message<'_>, now: Moment, batch: &mut Batch) {
        let Some(action_id) = response.action_id() else {
            return;
        };
        let Some(list) = self.resync.as_mut().and_then(|resync| resync.list(action_id)) else {
            return;
        };
        if response.name() == b"Error" {
            list.state = ListState::Refused;
            let id = list.action_id.clone();
            let message = response.text("Message").unwrap_or_default().into_owned();
            batch.notice(NoticeReason::ListRefused, message, Some(&id));
            if self.lists_complete(batch) {
                self.compare_passes(now, batch);
            }
        } else {
            list.items = 0;
        }
    }

    /// The last event of a list: it counts only when the number of items is right.
    pub(super) fn list_ended(&mut self, end: &Message<'_>, action_id: &[u8], now: Moment, batch: &mut Batch) {
        let Some(resync) = &mut self.resync else { return };
        let Some(list) = resync.list(action_id) else {
            return;
        };
        if end.event_list() == Some(EventList::Start) {
            return;
        }
        let told = ["ListItems", "Items"]
            .iter()
            .find_map(|name| number::<usize>(end, name));
        if end.event_list() == Some(EventList::Cancelled) || told.is_some_and(|told| told != list.items) {
            let detail = format!(
                "{} items came, {} were announced",
                list.items,
                told.map_or_else(|| "none".into(), |n| n.to_string())
            );
            let (id, kind) = (list.action_id.clone(), list.kind);
            list.items = 0;
            resync.shadow.forget_seen(kind);
            return batch.notice(NoticeReason::ListIncomplete, detail, Some(&id));
        }
        list.state = ListState::Done;
        if self.lists_complete(batch) {
            self.compare_passes(now, batch);
        }
    }

    /// All lists are in: ask for the fence. True when there is no fence and passes are to be compared.
    fn lists_complete(&mut self, batch: &mut Batch) -> bool {
        let Some(resync) = &mut self.resync else {
            return false;
        };
        if resync.fencing || !resync.is_complete() {
            return false;
        }
        resync.fencing = true;
        if resync.fence == Fence::None {
            return true;
        }
        batch.notice(NoticeReason::FenceWanted, "all lists are in", None);
        false
    }

    fn compare_passes(&mut self, now: Moment, batch: &mut Batch) {
        let Some(resync) = &self.resync else { return };
        let agrees = self
            .facts
            .named
            .as_ref()
            .is_some_and(|named| resync.agrees(named));
        if agrees || resync.pass >= MAX_PASSES {
            return self.finish_resync(now, batch);
        }
        let detail = format!(
            "pass {} of at most {MAX_PASSES} is not confirmed yet",
            resync.pass
        );
        self.passes = self.resync.take();
        batch.notice(NoticeReason::PassesDisagree, detail, None);
    }

    /// The fence was seen: swap, and publish the difference.
    pub(super) fn finish_resync(&mut self, now: Moment, batch: &mut Batch) {
        let Some(resync) = self.resync.take() else { return };
        self.passes = None;
        let reason = resync.reason.clone();
        let mut old = std::mem::replace(&mut self.facts, resync.finish(now));
        self.facts.named = None;
        let mut difference = Difference {
            reason,
            ..Difference::default()
        };
        self.facts.forget_touched();
        self.facts.hung_up = old.hung_up.take();
        self.inherit(&mut old, &mut difference, now);
        self.lift_at_swap();
        self.counters.resyncs += 1;
        // What was never compared, or was missed in a gap, has not drifted.
        let compared = std::mem::replace(&mut self.synchronized, true);
        if let Some(gap) = self.gap.take() {
            let event = self.gap_event(&gap, now);
            batch.events.push(event);
        }
        batch.events.push(
            self.journal
                .write("sync.reconciled", now, |out| difference.write_fields(out)),
        );
        self.drift = if compared {
            difference.drift
        } else {
            BTreeMap::new()
        };
        self.facts.settle(now);
        self.publish(now, batch);
        self.rebuild_changes();
        batch.notice(NoticeReason::Resynced, "the board agrees with Asterisk", None);
    }

    /// The new facts take over what was published of the old: marks, so that only what differs is published again.
    fn inherit(&mut self, old: &mut Facts, difference: &mut Difference, now: Moment) {
        for table in Table::ALL {
            let name = table.name().trim_end_matches('s');
            let ids = self.facts.ids(table, None, None, None, usize::MAX);
            let old_ids: FxHashSet<String> =
                old.ids(table, None, None, None, usize::MAX).into_iter().collect();
            for id in &ids {
                if !old_ids.contains(id) {
                    difference.add(name, id);
                    self.facts.touch_row(table, id);
                } else if let Some(pair) = self.facts.inherit(table, id, old) {
                    difference.compare(name, id, &pair.was, &pair.is);
                }
            }
            let present: FxHashSet<&String> = ids.iter().collect();
            let mut gone: Vec<_> = old_ids.iter().filter(|id| !present.contains(id)).collect();
            gone.sort_unstable();
            for id in gone {
                difference.remove(name, id);
                if table == Table::Channels {
                    self.facts.keep_vanished(old, id, now);
                }
                self.facts.gone.push((table, id.clone()));
            }
        }
    }
}
