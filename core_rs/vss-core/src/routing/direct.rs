//! The table of a direct exchange: a key leads to whatever is bound under exactly it.

use rustc_hash::FxHashMap;

use super::Target;

/// Bindings by whole key.
#[derive(Clone, Debug, Default)]
pub struct DirectTable {
    targets: FxHashMap<Box<str>, Vec<Target>>,
    bindings: usize,
}

impl DirectTable {
    /// Bind `target` under `key`. False when it was bound so already.
    pub fn add(&mut self, key: &str, target: Target) -> bool {
        let added = match self.targets.get_mut(key) {
            Some(targets) => insert(targets, target),
            None => self.targets.insert(key.into(), vec![target]).is_none(),
        };
        self.bindings += usize::from(added);
        added
    }

    /// Take a binding away. False when there was none such.
    pub fn remove(&mut self, key: &str, target: Target) -> bool {
        let Some(targets) = self.targets.get_mut(key) else {
            return false;
        };
        let removed = take(targets, target);
        if targets.is_empty() {
            self.targets.remove(key);
        }
        self.bindings -= usize::from(removed);
        removed
    }

    /// The targets bound under `key`, ascending.
    pub fn find(&self, key: &str) -> &[Target] {
        self.targets.get(key).map_or(&[], Vec::as_slice)
    }

    /// How many bindings there are.
    pub fn len(&self) -> usize {
        self.bindings
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.bindings == 0
    }
}

/// Put a target into its place among ascending ones. False when it stands there.
pub(super) fn insert(targets: &mut Vec<Target>, target: Target) -> bool {
    match targets.binary_search(&target) {
        Ok(_) => false,
        Err(place) => {
            targets.insert(place, target);
            true
        }
    }
}

/// Take a target out of ascending ones. False when it is not among them.
pub(super) fn take(targets: &mut Vec<Target>, target: Target) -> bool {
    match targets.binary_search(&target) {
        Ok(place) => {
            targets.remove(place);
            true
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_mean_nothing_to_a_direct_exchange() {
        let mut table = DirectTable::default();
        assert!(table.add("a.*", 1));
        assert_eq!(table.find("a.*"), [1]);
        assert_eq!(table.find("a.b"), [0; 0]);
    }

    #[test]
    fn a_binding_stands_once_and_goes_once() {
        let mut table = DirectTable::default();
        assert!(table.add("k", 2) && table.add("k", 1) && !table.add("k", 2));
        assert_eq!(table.find("k"), [1, 2]);
        assert_eq!(table.len(), 2);
        assert!(table.remove("k", 1) && !table.remove("k", 1) && !table.remove("other", 1));
        assert!(table.remove("k", 2));
        assert!(table.is_empty() && table.targets.is_empty());
    }
}
