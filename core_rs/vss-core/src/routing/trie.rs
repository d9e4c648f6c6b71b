//! Patterns with wildcards as a trie over their words.
//!
//! A node is a place in a pattern, its edges the words that may follow. A key is read word by word with the set of nodes
//! it can stand at. Two things keep that set small: a node that is not `#` is reached at most once a word, only from its
//! one parent; and a `#` that was reached once stays reached until the key ends, so it is entered once and its targets
//! match at once. The cost of a key is therefore at most its words times the nodes, however many `#` there are.
//!
//! All literal edges stand in one table, by a hash of node and word: asking for a word that does not follow is one probe
//! of it, whatever the number of bindings. Edges whose hashes are the same hang in a chain.

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};

use super::Target;
use super::direct::{insert, take};
use super::pattern::{Pattern, Word};
use super::spelling::Spelling;

/// The place of a node; `NONE` where there is none. The root is nobody's child, so it can stand for that.
type Place = u32;
const ROOT: Place = 0;
const NONE: Place = 0;

#[derive(Clone, Debug)]
enum Edge {
    Literal(Spelling),
    One,
    Many,
}

#[derive(Clone, Debug)]
struct Node {
    one: Place,
    many: Place,
    /// How many literal words follow.
    literals: u32,
    parent: Place,
    /// The next node whose literal edge has the same hash.
    chained: Place,
    /// How its parent leads to it.
    edge: Edge,
    targets: Vec<Target>,
}

impl Node {
    fn new(parent: Place, edge: Edge) -> Self {
        Self {
            one: NONE,
            many: NONE,
            literals: 0,
            parent,
            chained: NONE,
            edge,
            targets: Vec::new(),
        }
    }

    fn has_children(&self) -> bool {
        self.one != NONE || self.many != NONE || self.literals > 0
    }
}

/// The trie. `HASH_BITS` is for tests: few bits make edges share their hashes.
#[derive(Clone, Debug)]
pub(super) struct Trie<const HASH_BITS: u32 = 64> {
    nodes: Vec<Node>,
    /// Literal edges of all nodes, by `edge_hash`: the first of each chain.
    edges: FxHashMap<u64, Place>,
    free: Vec<Place>,
}

/// Where a key stands in a trie: kept between keys so that nothing is allocated.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    here: Vec<Place>,
    next: Vec<Place>,
    /// The `#` nodes entered that something follows.
    many: Vec<Place>,
    /// By node: the number of the key that entered it last; kept for `#` nodes only.
    entered: Vec<u32>,
    key: u32,
}

impl<const HASH_BITS: u32> Default for Trie<HASH_BITS> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new(NONE, Edge::Many)],
            edges: FxHashMap::default(),
            free: Vec::new(),
        }
    }
}

impl<const HASH_BITS: u32> Trie<HASH_BITS> {
    /// Add a target under a pattern. False when it stands there.
    pub(super) fn add(&mut self, pattern: Pattern<'_>, target: Target) -> bool {
        let mut at = ROOT;
        for word in pattern.words() {
            at = match self.child(at, word) {
                Some(child) => child,
                None => self.grow(at, word),
            };
        }
        insert(&mut self.nodes[at as usize].targets, target)
    }

    /// Take a target from under a pattern, with the nodes that then lead nowhere. False when it was not there.
    pub(super) fn remove(&mut self, pattern: Pattern<'_>, target: Target) -> bool {
        let mut at = ROOT;
        for word in pattern.words() {
            let Some(child) = self.child(at, word) else {
                return false;
            };
            at = child;
        }
        let removed = take(&mut self.nodes[at as usize].targets, target);
        while at != ROOT {
            let node = &self.nodes[at as usize];
            if node.has_children() || !node.targets.is_empty() {
                break;
            }
            at = self.prune(at);
        }
        removed
    }

    /// Append the targets of every pattern that matches a key of these words, in no order; a target may repeat.
    pub(super) fn find<'a>(
        &self,
        words: impl Iterator<Item = &'a str>,
        standing: &mut Standing,
        found: &mut Vec<Target>,
    ) {
        standing.begin(self.nodes.len());
        self.enter(ROOT, standing, found);
        std::mem::swap(&mut standing.here, &mut standing.next);
        for word in words {
            if standing.here.is_empty() && standing.many.is_empty() {
                return;
            }
            let hash = hash_of(word.as_bytes());
            // What `#` this very word enters begins with the next one.
            let entered = standing.many.len();
            for place in 0..standing.here.len() {
                self.follow(standing.here[place], word, hash, standing, found);
            }
            for place in 0..entered {
                self.follow(standing.many[place], word, hash, standing, found);
            }
            standing.here.clear();
            std::mem::swap(&mut standing.here, &mut standing.next);
        }
        for at in &standing.here {
            found.extend_from_slice(&self.nodes[*at as usize].targets);
        }
    }

    /// Nodes in use, the root not counted.
    pub(super) fn nodes(&self) -> usize {
        self.nodes.len() - 1 - self.free.len()
    }

    #[inline]
    fn follow(&self, at: Place, word: &str, hash: u64, standing: &mut Standing, found: &mut Vec<Target>) {
        let node = &self.nodes[at as usize];
        if node.one != NONE {
            self.enter(node.one, standing, found);
        }
        if node.literals > 0
            && let Some(child) = self.literal(at, word, hash)
        {
            self.enter(child, standing, found);
        }
    }

    /// Stand at a node that is not `#`, and at the `#` behind it, which may take no word.
    #[inline]
    fn enter(&self, at: Place, standing: &mut Standing, found: &mut Vec<Target>) {
        standing.next.push(at);
        let mut many = self.nodes[at as usize].many;
        while many != NONE && standing.entered[many as usize] != standing.key {
            standing.entered[many as usize] = standing.key;
            let node = &self.nodes[many as usize];
            found.extend_from_slice(&node.targets);
            if node.one != NONE || node.literals > 0 {
                standing.many.push(many);
            }
            many = node.many;
        }
    }

    #[inline]
    fn literal(&self, at: Place, word: &str, hash: u64) -> Option<Place> {
        let mut child = *self.edges.get(&Self::edge_hash(at, hash))?;
        while child != NONE {
            let node = &self.nodes[child as usize];
            if node.parent == at && matches!(&node.edge, Edge::Literal(spelling) if spelling.is(word)) {
                return Some(child);
            }
            child = node.chained;
        }
        None
    }

    fn child(&self, at: Place, word: Word<'_>) -> Option<Place> {
        let node = &self.nodes[at as usize];
        match word {
            Word::One => (node.one != NONE).then_some(node.one),
            Word::Many => (node.many != NONE).then_some(node.many),
            Word::Literal(text) => self.literal(at, text, hash_of(text.as_bytes())),
        }
    }

    fn grow(&mut self, at: Place, word: Word<'_>) -> Place {
        let edge = match word {
            Word::One => Edge::One,
            Word::Many => Edge::Many,
            Word::Literal(text) => Edge::Literal(Spelling::new(text)),
        };
        let node = Node::new(at, edge);
        let child = if let Some(free) = self.free.pop() {
            self.nodes[free as usize] = node;
            free
        } else {
            self.nodes.push(node);
            (self.nodes.len() - 1) as Place
        };
        let parent = &mut self.nodes[at as usize];
        match word {
            Word::One => parent.one = child,
            Word::Many => parent.many = child,
            Word::Literal(text) => {
                parent.literals += 1;
                let chained = self
                    .edges
                    .insert(Self::edge_hash(at, hash_of(text.as_bytes())), child);
                self.nodes[child as usize].chained = chained.unwrap_or(NONE);
            }
        }
        child
    }

    /// Remove a node without children and targets; where its parent is.
    fn prune(&mut self, at: Place) -> Place {
        let node = std::mem::replace(&mut self.nodes[at as usize], Node::new(NONE, Edge::Many));
        let parent = node.parent;
        let above = &mut self.nodes[parent as usize];
        match node.edge {
            Edge::One => above.one = NONE,
            Edge::Many => above.many = NONE,
            Edge::Literal(word) => {
                above.literals -= 1;
                self.unchain(
                    at,
                    node.chained,
                    Self::edge_hash(parent, hash_of(word.as_bytes())),
                );
            }
        }
        self.free.push(at);
        parent
    }

    fn unchain(&mut self, at: Place, next: Place, hash: u64) {
        let Some(first) = self.edges.get_mut(&hash) else {
            return;
        };
        if *first == at {
            if next == NONE {
                self.edges.remove(&hash);
            } else {
                *first = next;
            }
            return;
        }
        let mut before = *first;
        while before != NONE {
            let chained = &mut self.nodes[before as usize].chained;
            if *chained == at {
                *chained = next;
                return;
            }
            before = *chained;
        }
    }

    /// The hash of an edge: of the node it leaves and of its word's hash.
    fn edge_hash(at: Place, word: u64) -> u64 {
        word.wrapping_add(u64::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> (64 - HASH_BITS)
    }
}

impl Standing {
    fn begin(&mut self, nodes: usize) {
        self.here.clear();
        self.next.clear();
        self.many.clear();
        if self.entered.len() < nodes {
            self.entered.resize(nodes, self.key);
        }
        // The numbers have gone round: one given long ago must not be taken for this one.
        self.key = self.key.checked_add(1).unwrap_or_else(|| {
            self.entered.fill(0);
            1
        });
    }
}

#[inline]
fn hash_of(word: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(word);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::RoutingKey;

    fn pattern(text: &str) -> Pattern<'_> {
        Pattern::new(text).unwrap()
    }

    fn found<const HASH_BITS: u32>(
        trie: &Trie<HASH_BITS>,
        key: &str,
        standing: &mut Standing,
    ) -> Vec<Target> {
        let mut found = Vec::new();
        trie.find(RoutingKey::new(key).unwrap().words(), standing, &mut found);
        found
    }

    #[test]
    fn places_given_back_are_used_again() {
        let mut trie = Trie::<64>::default();
        for round in 0..100_u32 {
            let text = format!("call.{round}.*.#");
            assert!(trie.add(pattern(&text), 1));
            assert!(trie.remove(pattern(&text), 1));
        }
        assert_eq!(trie.nodes(), 0);
        assert!(trie.edges.is_empty());
        assert_eq!(trie.nodes.len(), 5);
    }

    #[test]
    fn a_pattern_that_is_not_there_is_not_removed_and_its_beginning_stays() {
        let mut trie = Trie::<64>::default();
        trie.add(pattern("a.*.b"), 1);
        for missing in ["a.*", "a.*.c", "a.*.b.#", "*", "#"] {
            assert!(!trie.remove(pattern(missing), 1), "{missing}");
        }
        assert!(!trie.remove(pattern("a.*.b"), 2));
        assert_eq!(trie.nodes(), 3);
    }

    #[test]
    fn edges_with_one_hash_are_told_apart_and_taken_away_in_any_order() {
        let texts: Vec<String> = (0..60_u64)
            .map(|number| format!("w{number}.x{}.#", number % 7))
            .collect();
        let mut standing = Standing::default();
        for step in [1, 7, 23] {
            let mut trie = Trie::<1>::default();
            for (target, text) in texts.iter().enumerate() {
                assert!(trie.add(pattern(text), target as Target));
            }
            assert!(trie.edges.len() <= 2);
            for taken in 0..texts.len() {
                let target = taken * step % texts.len();
                let key = texts[target].trim_end_matches(".#");
                assert_eq!(found(&trie, key, &mut standing), [target as Target]);
                assert!(trie.remove(pattern(&texts[target]), target as Target));
                assert!(found(&trie, key, &mut standing).is_empty());
            }
            assert_eq!((trie.nodes(), trie.edges.len()), (0, 0));
        }
    }

    #[test]
    fn the_numbers_of_keys_may_go_round() {
        let mut trie = Trie::<64>::default();
        trie.add(pattern("#.a.#"), 1);
        let mut standing = Standing {
            key: u32::MAX - 1,
            ..Standing::default()
        };
        for _ in 0..4 {
            assert_eq!(found(&trie, "a.a", &mut standing), [1]);
        }
        assert!(standing.key < 4);
    }
}
