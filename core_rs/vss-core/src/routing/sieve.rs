//! What stands before the tables: most keys match no pattern, and to say so takes no walk.
//!
//! The literal words a key needs at their places, up to the first `#`, make the shape of a pattern: `call.*.end` and
//! `lead.*.end` have the same. There are few shapes however many patterns; for each of them the words of a key at those
//! places are looked up together, by a hash of them: in a few bits first, which lie near, and when those say yes in the
//! table. What is not found matches no pattern of that shape; what is found may, and the trie or the table of whole
//! keys says.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use super::bloom::Bloom;
use super::key::words;
use super::pattern::{Pattern, Word};

/// With more shapes than this the walk is the shorter way.
const MOST_SHAPES: usize = 16;
/// Words that are looked at; what follows is for the trie.
const WORDS: usize = 16;

/// Which of the first words are literal, and how many words there must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Shape {
    literal: u16,
    words: u8,
    /// A `#` stands behind these words: there may be more.
    is_open: bool,
}

/// The shapes of all patterns and the words they have at their literal places.
#[derive(Clone, Debug, Default)]
pub(super) struct Sieve {
    /// Patterns of each shape.
    counts: FxHashMap<Shape, usize>,
    /// The shapes when they are few, else none.
    shapes: Vec<Shape>,
    /// How often a shape with these words was added, by their hash.
    words: FxHashMap<u64, usize>,
    /// The same hashes, and some that were taken back.
    near: Bloom,
}

impl Sieve {
    /// Let the keys of a pattern through.
    pub(super) fn add(&mut self, pattern: Pattern<'_>) {
        let (shape, hash) = of(pattern);
        let alike = self.words.entry(hash).or_default();
        *alike += 1;
        if *alike == 1 && !self.near.add(hash) {
            self.near = Bloom::for_hashes(self.words.len());
            for hash in self.words.keys() {
                // There is room: it was made for as many.
                let _ = self.near.add(*hash);
            }
        }
        let count = self.counts.entry(shape).or_default();
        *count += 1;
        if *count == 1 {
            self.list();
        }
    }

    /// Take back one [`Self::add`] of the same pattern.
    pub(super) fn remove(&mut self, pattern: Pattern<'_>) {
        let (shape, hash) = of(pattern);
        lower(&mut self.words, &hash);
        if lower(&mut self.counts, &shape) {
            self.list();
        }
    }

    /// False when no pattern matches a key.
    pub(super) fn lets_through(&self, key: &str) -> bool {
        if self.shapes.is_empty() {
            return !self.counts.is_empty();
        }
        let mut hashes = [0; WORDS];
        let mut count = 0;
        for word in words(key) {
            if let Some(hash) = hashes.get_mut(count) {
                *hash = hash_of(word, count);
            }
            count += 1;
        }
        self.shapes.iter().any(|shape| {
            let words = usize::from(shape.words);
            (if shape.is_open {
                count >= words
            } else {
                count == words
            }) && {
                let sum = shape.sum(&hashes);
                self.near.may_have(sum) && self.words.contains_key(&sum)
            }
        })
    }

    fn list(&mut self) {
        self.shapes.clear();
        if self.counts.len() <= MOST_SHAPES {
            self.shapes.extend(self.counts.keys());
        }
    }
}

impl Shape {
    /// The hash of the words at the literal places.
    #[inline]
    fn sum(self, hashes: &[u64; WORDS]) -> u64 {
        let mut sum = u64::from(self.literal) << 16 | u64::from(self.words) << 8 | u64::from(self.is_open);
        let mut left = self.literal;
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            sum = sum.wrapping_add(hashes[place % WORDS]);
            left &= left - 1;
        }
        sum
    }
}

/// The shape of a pattern and the hash of its words in it. Words that cannot be looked at are left out, so that more is
/// let through.
fn of(pattern: Pattern<'_>) -> (Shape, u64) {
    let mut shape = Shape {
        literal: 0,
        words: 0,
        is_open: false,
    };
    let mut hashes = [0; WORDS];
    for (place, word) in pattern.words().enumerate() {
        match word {
            Word::Many => {
                shape.is_open = true;
                break;
            }
            _ if place == WORDS => {
                shape.is_open = true;
                break;
            }
            Word::One => {}
            Word::Literal(text) => {
                shape.literal |= 1 << place;
                hashes[place] = hash_of(text, place);
            }
        }
        shape.words += 1;
    }
    (shape, shape.sum(&hashes))
}

/// The hash of a word at its place.
#[inline]
fn hash_of(word: &str, place: usize) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(word.as_bytes());
    // Another factor for each place: words that change places must not make the same sum.
    hasher
        .finish()
        .wrapping_mul((place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c16) | 1)
}

/// Count one less; true when none is left, and then the key is gone.
fn lower<K: Hash + Eq>(counts: &mut FxHashMap<K, usize>, key: &K) -> bool {
    let Some(count) = counts.get_mut(key) else {
        return false;
    };
    *count -= 1;
    let is_last = *count == 0;
    if is_last {
        counts.remove(key);
    }
    is_last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sieve(patterns: &[&str]) -> Sieve {
        let mut sieve = Sieve::default();
        for text in patterns {
            sieve.add(Pattern::new(text).unwrap());
        }
        sieve
    }

    #[test]
    fn nothing_is_let_through_where_no_literal_word_fits() {
        let sieve = sieve(&["call.*.end", "lead.#", "*.pbx-1.*", "a.b.#.c"]);
        for key in [
            "",
            "call",
            "call.1.start",
            "end.1.call",
            "call.1.end.2",
            "x.lead",
            "1.pbx-1",
            "b.a.c",
            "a.x.c",
        ] {
            assert!(!sieve.lets_through(key), "{key}");
        }
        for key in [
            "call.1.end",
            "call..end",
            "lead",
            "lead.1.2",
            "x.pbx-1.y",
            "a.b",
            "a.b.c",
            "a.b.x",
        ] {
            assert!(sieve.lets_through(key), "{key}");
        }
    }

    #[test]
    fn words_that_are_not_looked_at_are_let_through() {
        let long = "w.".repeat(WORDS + 3) + "*";
        let sieve = sieve(&[&long]);
        assert!(sieve.lets_through(&("w.".repeat(WORDS + 3) + "x")));
        assert!(sieve.lets_through(&("w.".repeat(WORDS) + "other")));
        assert!(!sieve.lets_through(&("v.".repeat(WORDS + 3) + "x")));
    }

    #[test]
    fn many_shapes_let_everything_through_until_they_are_few_again() {
        let texts: Vec<String> = (0..=MOST_SHAPES)
            .map(|length| "*.".repeat(length) + "end")
            .collect();
        let mut sieve = sieve(
            &texts[..MOST_SHAPES]
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        );
        assert!(!sieve.lets_through("a.b"));
        let last = Pattern::new(&texts[MOST_SHAPES]).unwrap();
        sieve.add(last);
        assert!(sieve.lets_through("a.b"));
        sieve.remove(last);
        assert!(!sieve.lets_through("a.b"));
        assert!(sieve.lets_through("a.end"));
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let mut sieve = sieve(&["a.*", "a.*", "#"]);
        sieve.remove(Pattern::new("#").unwrap());
        sieve.remove(Pattern::new("a.*").unwrap());
        assert!(sieve.lets_through("a.b"));
        sieve.remove(Pattern::new("a.*").unwrap());
        assert!(!sieve.lets_through("a.b"));
        assert!(sieve.counts.is_empty() && sieve.words.is_empty() && sieve.shapes.is_empty());
    }
}
