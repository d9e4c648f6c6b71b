//! What stands in Redis as far as this writer put it there: which ids its sets hold.
//!
//! A row is sent whenever it changes; the sets only when an id is new, gone, or its operator's queues changed. So the writer
//! remembers ids (not rows). What it remembers is forgotten whenever Redis may know otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use vss_core::status::Table;

use super::keys::Set;

/// What one flush changes about the sets.
#[derive(Debug, Default)]
pub struct SetChanges(BTreeMap<Set, SetChange>);

/// What one flush changes about one set.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SetChange {
    /// Ids that come.
    pub added: Vec<Box<str>>,
    /// Ids that go.
    pub removed: Vec<Box<str>>,
}

impl SetChanges {
    fn add(&mut self, set: Set, id: &str) {
        self.0.entry(set).or_default().added.push(id.into());
    }

    fn remove(&mut self, set: Set, id: &str) {
        self.0.entry(set).or_default().removed.push(id.into());
    }

    /// Each set that changes.
    pub fn iter(&self) -> impl Iterator<Item = (&Set, &SetChange)> {
        self.0.iter()
    }

    /// Nothing changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forget it all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// The queues of an operator as the board named them; of other rows none.
type Queues = Box<[Arc<str>]>;

/// Ids that stand in Redis.
#[derive(Debug, Default)]
pub struct Standing {
    /// By table.
    ids: [FxHashMap<Box<str>, Queues>; Table::COUNT],
    /// Operators by queue, for one name per queue and to know which sets stand.
    queues: FxHashMap<Arc<str>, usize>,
    /// Rows found missing: their entries may be missing too.
    doubted: FxHashSet<(usize, Box<str>)>,
}

impl Standing {
    /// A row is written: note what that means for the sets. Whether its key was known to stand.
    pub fn put(&mut self, table: Table, id: &str, queues: &[&str], sets: &mut SetChanges) -> bool {
        let place = place(table);
        let before = match self.ids[place].get(id) {
            Some(before) if same(before, queues) => return true,
            Some(before) => Some(before.clone()),
            None => {
                sets.add(Set::Index(place), id);
                None
            }
        };
        let after: Queues = queues.iter().map(|queue| self.name(queue)).collect();
        for queue in distinct(&after) {
            if before.as_ref().is_none_or(|before| !before.contains(queue)) {
                *self.queues.entry(Arc::clone(queue)).or_default() += 1;
                sets.add(Set::Members(Arc::clone(queue)), id);
            }
        }
        for queue in distinct(before.as_deref().unwrap_or_default()) {
            if !after.contains(queue) {
                self.leave(queue);
                sets.remove(Set::Members(Arc::clone(queue)), id);
            }
        }
        let known = before.is_some();
        self.ids[place].insert(id.into(), after);
        known
    }

    /// A row is gone.
    pub fn remove(&mut self, table: Table, id: &str, sets: &mut SetChanges) {
        let place = place(table);
        sets.remove(Set::Index(place), id);
        let before = self.ids[place].remove(id).unwrap_or_default();
        for queue in distinct(&before) {
            self.leave(queue);
            sets.remove(Set::Members(Arc::clone(queue)), id);
        }
    }

    /// A row did not stand there any more; somebody else removed it, and its entries with it.
    pub fn doubt(&mut self, table: Table, id: Box<str>) {
        self.doubted.insert((place(table), id));
    }

    /// Something has to be put right.
    pub fn has_doubts(&self) -> bool {
        !self.doubted.is_empty()
    }

    /// Add the entries of the doubted rows anew.
    pub fn resolve_doubts(&mut self, sets: &mut SetChanges) {
        for (place, id) in std::mem::take(&mut self.doubted) {
            if let Some(queues) = self.ids[place].get(&id) {
                sets.add(Set::Index(place), &id);
                for queue in distinct(queues) {
                    sets.add(Set::Members(Arc::clone(queue)), &id);
                }
            }
        }
    }

    /// Whether a row stands there.
    pub fn has(&self, table: Table, id: &str) -> bool {
        self.ids[place(table)].contains_key(id)
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = (Table, &str)> {
        Table::ALL
            .into_iter()
            .flat_map(|table| self.ids[place(table)].keys().map(move |id| (table, &**id)))
    }

    /// Every set that has a member.
    pub fn sets(&self) -> impl Iterator<Item = Set> + '_ {
        let filled = (0..Table::COUNT).filter(|&place| !self.ids[place].is_empty());
        filled
            .map(Set::Index)
            .chain(self.queues.keys().map(|queue| Set::Members(Arc::clone(queue))))
    }

    /// Every queue that has operators.
    pub fn queues(&self) -> impl Iterator<Item = &Arc<str>> {
        self.queues.keys()
    }

    /// Rows in all tables.
    pub fn len(&self) -> usize {
        self.ids.iter().map(FxHashMap::len).sum()
    }

    /// Forget it all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn name(&self, queue: &str) -> Arc<str> {
        self.queues
            .get_key_value(queue)
            .map_or_else(|| queue.into(), |(name, _)| Arc::clone(name))
    }

    fn leave(&mut self, queue: &Arc<str>) {
        if let Some(count) = self.queues.get_mut(queue) {
            *count -= 1;
            if *count == 0 {
                self.queues.remove(queue);
            }
        }
    }
}

/// A table's place among them.
pub fn place(table: Table) -> usize {
    Table::ALL
        .iter()
        .position(|&other| other == table)
        .unwrap_or_default()
}

fn same(before: &[Arc<str>], queues: &[&str]) -> bool {
    before.len() == queues.len() && before.iter().zip(queues).all(|(a, b)| **a == **b)
}

/// Each queue once: an operator can be in one by several interfaces.
fn distinct(queues: &[Arc<str>]) -> impl Iterator<Item = &Arc<str>> {
    queues
        .iter()
        .enumerate()
        .filter(|(at, queue)| !queues[..*at].contains(queue))
        .map(|(_, queue)| queue)
}
