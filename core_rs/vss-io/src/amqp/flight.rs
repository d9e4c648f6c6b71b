//! What is published and not yet answered for, in the order of publishing; and which batches wait for it.

use std::collections::VecDeque;
use std::sync::Arc;

use lapin::Confirmation;
use lapin::message::BasicReturnMessage;
use rustc_hash::FxHashMap;

use super::message::{Failure, Outgoing};
use super::note::Note;
use super::returned::is_same;
use crate::mailbox::Mailbox;

/// A message and its place in a batch.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) batch: u64,
    pub(super) place: usize,
    pub(super) message: Arc<Outgoing>,
}

#[derive(Debug)]
struct Slot {
    entry: Entry,
    /// True for an ack, false for a nack.
    confirmed: Option<bool>,
    returned: bool,
    answered: bool,
}

/// Messages under way on one channel. A message's number is its place in the order of publishing.
#[derive(Debug, Default)]
pub(super) struct Flight {
    first: u64,
    slots: VecDeque<Slot>,
    unanswered: usize,
    /// Confirmed and not answered for.
    fresh: Vec<u64>,
    came_back: Vec<BasicReturnMessage>,
}

impl Flight {
    /// Take a message in; its number.
    pub(super) fn add(&mut self, entry: Entry) -> u64 {
        self.unanswered += 1;
        self.slots.push_back(Slot {
            entry,
            confirmed: None,
            returned: false,
            answered: false,
        });
        self.first + self.slots.len() as u64 - 1
    }

    /// How many wait for their answer.
    pub(super) fn len(&self) -> usize {
        self.unanswered
    }

    /// A confirm of the broker's. Nobody hears of it before [`Self::settle`]: what came back may hang on another one.
    pub(super) fn confirm(&mut self, number: u64, confirmation: Confirmation) {
        let confirmed = !confirmation.is_nack();
        if let Some(slot) = number
            .checked_sub(self.first)
            .and_then(|index| self.slots.get_mut(index as usize))
        {
            slot.confirmed = Some(confirmed);
            self.fresh.push(number);
        }
        if let Some(message) = confirmation.take_message() {
            self.came_back.push(message);
        }
    }

    /// Answer for everything confirmed. To be called when no further confirm is at hand.
    pub(super) fn settle(&mut self, answers: &mut Answers) {
        for message in self.came_back.drain(..) {
            let found = self
                .slots
                .iter_mut()
                .find(|slot| !slot.answered && !slot.returned && is_same(&slot.entry.message, &message));
            if let Some(slot) = found {
                slot.returned = true;
            }
        }
        for number in self.fresh.drain(..) {
            let place = number.checked_sub(self.first);
            let Some(slot) = place.and_then(|index| self.slots.get_mut(index as usize)) else {
                continue;
            };
            let Some(confirmed) = slot.confirmed else { continue };
            if !std::mem::replace(&mut slot.answered, true) {
                self.unanswered -= 1;
                let failure = match (confirmed, slot.returned) {
                    (_, true) => Some(Failure::Returned),
                    (false, false) => Some(Failure::Nacked),
                    (true, false) => None,
                };
                answers.give(&slot.entry, failure);
            }
        }
        while self.slots.front().is_some_and(|slot| slot.answered) {
            self.slots.pop_front();
            self.first += 1;
        }
    }

    /// Give up waiting: what is not answered for, in order.
    pub(super) fn take(&mut self) -> Vec<Entry> {
        self.first += self.slots.len() as u64;
        self.unanswered = 0;
        self.fresh.clear();
        self.slots
            .drain(..)
            .filter(|slot| !slot.answered)
            .map(|slot| slot.entry)
            .collect()
    }
}

/// Batches of which some messages are not answered for.
#[derive(Debug)]
pub(super) struct Answers {
    open: FxHashMap<u64, Open>,
    notes: Arc<Mailbox<Note>>,
}

#[derive(Debug)]
struct Open {
    missing: usize,
    failures: Vec<(usize, Failure)>,
}

impl Answers {
    pub(super) fn new(notes: Arc<Mailbox<Note>>) -> Self {
        Self {
            open: FxHashMap::default(),
            notes,
        }
    }

    /// Expect so many answers for a batch.
    pub(super) fn open(&mut self, batch: u64, messages: usize) {
        let open = Open {
            missing: messages,
            failures: Vec::new(),
        };
        self.open.insert(batch, open);
    }

    /// An answer; with the last one of a batch a note goes out.
    pub(super) fn give(&mut self, entry: &Entry, failure: Option<Failure>) {
        let Some(open) = self.open.get_mut(&entry.batch) else {
            return;
        };
        open.missing -= 1;
        if let Some(failure) = failure {
            open.failures.push((entry.place, failure));
        }
        if open.missing == 0
            && let Some(open) = self.open.remove(&entry.batch)
        {
            self.notes.push_now(Note::Confirms {
                batch: entry.batch,
                failures: open.failures,
            });
        }
    }
}
