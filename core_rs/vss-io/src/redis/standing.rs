//! What stands in Redis as far as this writer put it there: which ids its sets hold.
//!
//! A row is sent whenever it changes; the sets only when an id is new, gone, or its operator's queues changed. So the writer
//! remembers ids (not rows). What it remembers is forgotten whenever Redis may know otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use vss_core::status::Table;

use super::keys::{Set, escaped};

/// What one flush changes about the sets.
#[derive(Debug, Default)]
pub struct SetChanges(BTreeMap<Set, SetChange>);

/// What one flush changes about one set: ids that came (true) or went, in that order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SetChange(Vec<(Box<str>, bool)>);

impl SetChange {
    /// Ids that come (true) or go: the last word about each counts.
    pub fn ids(&self, comes: bool) -> Vec<&str> {
        if self.0.iter().all(|(_, came)| *came == comes) {
            return self.0.iter().map(|(id, _)| &**id).collect();
        }
        if self.0.iter().all(|(_, came)| *came != comes) {
            return Vec::new();
        }
        let last: BTreeMap<&str, bool> = self.0.iter().map(|(id, came)| (&**id, *came)).collect();
        last.into_iter()
            .filter(|(_, came)| *came == comes)
            .map(|(id, _)| id)
            .collect()
    }
}

impl SetChanges {
    fn add(&mut self, set: Set, id: &str) {
        self.0.entry(set).or_default().0.push((id.into(), true));
    }

    fn remove(&mut self, set: Set, id: &str) {
        self.0.entry(set).or_default().0.push((id.into(), false));
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
                let count = self.queues.entry(Arc::clone(queue)).or_default();
                *count += 1;
                if *count == 1 {
                    sets.add(Set::Staffed, &escaped(queue));
                }
                sets.add(Set::Members(Arc::clone(queue)), id);
            }
        }
        for queue in distinct(before.as_deref().unwrap_or_default()) {
            if !after.contains(queue) {
                self.leave(queue, sets);
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
            self.leave(queue, sets);
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
                    sets.add(Set::Staffed, &escaped(queue));
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
            .chain((!self.queues.is_empty()).then_some(Set::Staffed))
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

    fn leave(&mut self, queue: &Arc<str>, sets: &mut SetChanges) {
        if let Some(count) = self.queues.get_mut(queue) {
            *count -= 1;
            if *count == 0 {
                self.queues.remove(queue);
                sets.remove(Set::Staffed, &escaped(queue));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sets: &mut SetChanges) -> Vec<String> {
        let told = sets.iter().flat_map(|(set, change)| {
            let name = match set {
                Set::Index(place) => Table::ALL[*place].name().to_owned(),
                Set::Members(queue) => format!("in {queue}"),
                Set::Staffed => "staffed".to_owned(),
            };
            let come = change
                .ids(true)
                .into_iter()
                .flat_map(|id| ["+", id])
                .collect::<String>();
            let go = change
                .ids(false)
                .into_iter()
                .flat_map(|id| ["-", id])
                .collect::<String>();
            [format!("{name} {come}{go}")]
        });
        let told = told.collect();
        sets.clear();
        told
    }

    #[test]
    fn only_what_differs_goes_to_the_sets() {
        let (mut standing, mut sets) = (Standing::default(), SetChanges::default());
        assert!(!standing.put(Table::Operators, "a", &["x", "x"], &mut sets));
        assert_eq!(told(&mut sets), ["operators +a", "in x +a", "staffed +x"]);
        assert!(standing.put(Table::Operators, "a", &["x", "x"], &mut sets));
        assert!(sets.is_empty());
        assert!(standing.put(Table::Operators, "a", &["x"], &mut sets));
        assert!(sets.is_empty(), "still in x once");
        assert!(standing.put(Table::Operators, "a", &["y"], &mut sets));
        assert_eq!(told(&mut sets), ["in x -a", "in y +a", "staffed +y-x"]);
        assert!(!standing.put(Table::Calls, "a", &[], &mut sets));
        assert_eq!(told(&mut sets), ["calls +a"]);
    }

    #[test]
    fn the_last_word_within_one_flush_wins() {
        let (mut standing, mut sets) = (Standing::default(), SetChanges::default());
        standing.put(Table::Operators, "a", &["x"], &mut sets);
        sets.clear();
        standing.put(Table::Operators, "a", &[], &mut sets);
        standing.put(Table::Operators, "b", &["x"], &mut sets);
        assert_eq!(told(&mut sets), ["operators +b", "in x +b-a", "staffed +x"]);
    }

    #[test]
    fn a_row_that_goes_leaves_every_set() {
        let (mut standing, mut sets) = (Standing::default(), SetChanges::default());
        standing.put(Table::Operators, "a", &["x", "y"], &mut sets);
        standing.put(Table::Operators, "b", &["y"], &mut sets);
        sets.clear();
        standing.remove(Table::Operators, "a", &mut sets);
        assert_eq!(
            told(&mut sets),
            ["operators -a", "in x -a", "in y -a", "staffed -x"]
        );
        standing.remove(Table::Operators, "never seen", &mut sets);
        assert_eq!(told(&mut sets), ["operators -never seen"]);
        assert_eq!(standing.sets().count(), 3, "operators, y and staffed");
    }

    #[test]
    fn a_doubted_row_is_indexed_again_unless_it_went() {
        let (mut standing, mut sets) = (Standing::default(), SetChanges::default());
        standing.put(Table::Operators, "a", &["x"], &mut sets);
        standing.put(Table::Operators, "b", &["x"], &mut sets);
        standing.remove(Table::Operators, "b", &mut sets);
        sets.clear();
        standing.doubt(Table::Operators, "a".into());
        standing.doubt(Table::Operators, "b".into());
        assert!(standing.has_doubts());
        standing.resolve_doubts(&mut sets);
        assert_eq!(told(&mut sets), ["operators +a", "in x +a", "staffed +x"]);
        assert!(!standing.has_doubts());
    }
}
