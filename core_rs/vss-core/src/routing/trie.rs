//! Patterns with wildcards as a trie over their words.
//!
//! A node is a place in a pattern, its edges the words that may follow. A key is read word by word with the set of nodes
//! it can stand at. Two things keep that set small: a node that is not `#` is reached at most once a word, only from its
//! one parent; and a `#` that was reached once stays reached until the key ends, so it is entered once and its targets
//! match at once. The cost of a key is therefore at most its words times the nodes, however many `#` there are.

use rustc_hash::FxHashMap;

use super::Target;
use super::direct::{insert, take};
use super::pattern::{Pattern, Word};

/// The place of a node; `NONE` where there is none. The root is nobody's child, so it can stand for that.
type Place = u32;
const ROOT: Place = 0;
const NONE: Place = 0;

/// The number of a word that stands in some pattern.
type WordId = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Literal(WordId),
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
            edge,
            targets: Vec::new(),
        }
    }

    fn has_children(&self) -> bool {
        self.one != NONE || self.many != NONE || self.literals > 0
    }
}

/// The trie.
#[derive(Clone, Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// Literal edges of all nodes, by `edge_key`.
    edges: FxHashMap<u64, Place>,
    words: FxHashMap<Box<str>, WordId>,
    /// By word: its text and how many edges have it.
    spelling: Vec<(Box<str>, u32)>,
    free_nodes: Vec<Place>,
    free_words: Vec<WordId>,
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

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new(NONE, Edge::Many)],
            edges: FxHashMap::default(),
            words: FxHashMap::default(),
            spelling: Vec::new(),
            free_nodes: Vec::new(),
            free_words: Vec::new(),
        }
    }
}

impl Trie {
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
                break;
            }
            let word = self.words.get(word).copied();
            // What `#` this very word enters begins with the next one.
            let (singles, entered) = (standing.here.len(), standing.many.len());
            for place in 0..singles + entered {
                let at = match place.checked_sub(singles) {
                    None => standing.here[place],
                    Some(place) => standing.many[place],
                };
                self.follow(at, word, standing, found);
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
        self.nodes.len() - 1 - self.free_nodes.len()
    }

    /// Words in use.
    pub(super) fn words(&self) -> usize {
        self.words.len()
    }

    #[inline]
    fn follow(&self, at: Place, word: Option<WordId>, standing: &mut Standing, found: &mut Vec<Target>) {
        let node = &self.nodes[at as usize];
        if node.one != NONE {
            self.enter(node.one, standing, found);
        }
        if node.literals > 0
            && let Some(word) = word
            && let Some(child) = self.edges.get(&edge_key(at, word))
        {
            self.enter(*child, standing, found);
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

    fn child(&self, at: Place, word: Word<'_>) -> Option<Place> {
        let node = &self.nodes[at as usize];
        match word {
            Word::One => (node.one != NONE).then_some(node.one),
            Word::Many => (node.many != NONE).then_some(node.many),
            Word::Literal(text) => {
                let word = self.words.get(text)?;
                self.edges.get(&edge_key(at, *word)).copied()
            }
        }
    }

    fn grow(&mut self, at: Place, word: Word<'_>) -> Place {
        let edge = match word {
            Word::One => Edge::One,
            Word::Many => Edge::Many,
            Word::Literal(text) => Edge::Literal(self.spell(text)),
        };
        let node = Node::new(at, edge);
        let child = if let Some(free) = self.free_nodes.pop() {
            self.nodes[free as usize] = node;
            free
        } else {
            self.nodes.push(node);
            (self.nodes.len() - 1) as Place
        };
        let parent = &mut self.nodes[at as usize];
        match edge {
            Edge::One => parent.one = child,
            Edge::Many => parent.many = child,
            Edge::Literal(word) => {
                parent.literals += 1;
                self.edges.insert(edge_key(at, word), child);
            }
        }
        child
    }

    /// Remove a node without children and targets; where its parent is.
    fn prune(&mut self, at: Place) -> Place {
        let Node { parent, edge, .. } = self.nodes[at as usize];
        let above = &mut self.nodes[parent as usize];
        match edge {
            Edge::One => above.one = NONE,
            Edge::Many => above.many = NONE,
            Edge::Literal(word) => {
                above.literals -= 1;
                self.edges.remove(&edge_key(parent, word));
                self.forget(word);
            }
        }
        self.nodes[at as usize].targets = Vec::new();
        self.free_nodes.push(at);
        parent
    }

    /// The number of a word, one edge more having it.
    fn spell(&mut self, text: &str) -> WordId {
        if let Some(word) = self.words.get(text) {
            self.spelling[*word as usize].1 += 1;
            return *word;
        }
        let spelling = (Box::from(text), 1);
        let word = if let Some(free) = self.free_words.pop() {
            self.spelling[free as usize] = spelling;
            free
        } else {
            self.spelling.push(spelling);
            (self.spelling.len() - 1) as WordId
        };
        self.words.insert(text.into(), word);
        word
    }

    /// One edge less has this word.
    fn forget(&mut self, word: WordId) {
        let (text, edges) = &mut self.spelling[word as usize];
        *edges -= 1;
        if *edges == 0 {
            self.words.remove(text);
            *text = Box::default();
            self.free_words.push(word);
        }
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

fn edge_key(at: Place, word: WordId) -> u64 {
    u64::from(at) << 32 | u64::from(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::RoutingKey;

    fn pattern(text: &str) -> Pattern<'_> {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn places_and_words_given_back_are_used_again() {
        let mut trie = Trie::default();
        for round in 0..100_u32 {
            let text = format!("call.{round}.*.#");
            assert!(trie.add(pattern(&text), 1));
            assert!(trie.remove(pattern(&text), 1));
        }
        assert_eq!((trie.nodes(), trie.words()), (0, 0));
        assert!(trie.edges.is_empty());
        assert_eq!((trie.nodes.len(), trie.spelling.len()), (5, 2));
    }

    #[test]
    fn a_pattern_that_is_not_there_is_not_removed_and_its_beginning_stays() {
        let mut trie = Trie::default();
        trie.add(pattern("a.*.b"), 1);
        for missing in ["a.*", "a.*.c", "a.*.b.#", "*", "#"] {
            assert!(!trie.remove(pattern(missing), 1), "{missing}");
        }
        assert!(!trie.remove(pattern("a.*.b"), 2));
        assert_eq!(trie.nodes(), 3);
    }

    #[test]
    fn the_numbers_of_keys_may_go_round() {
        let mut trie = Trie::default();
        trie.add(pattern("#.a.#"), 1);
        let mut standing = Standing {
            key: u32::MAX - 1,
            ..Standing::default()
        };
        for _ in 0..4 {
            let mut found = Vec::new();
            trie.find(RoutingKey::new("a.a").unwrap().words(), &mut standing, &mut found);
            assert_eq!(found, [1]);
        }
        assert!(standing.key < 4);
    }
}
