//! Whether a hash was added, answered from a few bits: "no" is sure, "yes" is worth a look.
//!
//! The bits of one hash lie in one machine word, so that asking costs one cache line. With sixteen bits for each hash
//! about one in a hundred others is taken for one that was added.

/// Bits for each hash.
const BITS_EACH: usize = 16;
const WORD_BITS: usize = u64::BITS as usize;
const FEWEST_WORDS: usize = 16;

/// A blocked Bloom filter that only grows; what is to be forgotten is forgotten by making it anew.
#[derive(Clone, Debug)]
pub(super) struct Bloom {
    words: Box<[u64]>,
    /// To bring the high bits of a hash down to a place among the words.
    shift: u32,
    added: usize,
}

impl Default for Bloom {
    fn default() -> Self {
        Self::for_hashes(0)
    }
}

impl Bloom {
    /// An empty one with room for so many hashes, and as many again.
    pub(super) fn for_hashes(count: usize) -> Self {
        let words = (2 * count * BITS_EACH / WORD_BITS)
            .max(FEWEST_WORDS)
            .next_power_of_two();
        Self {
            words: vec![0; words].into(),
            shift: u64::BITS - words.trailing_zeros(),
            added: 0,
        }
    }

    /// False when there is no room: nothing is added then.
    #[must_use]
    pub(super) fn add(&mut self, hash: u64) -> bool {
        if self.added * BITS_EACH >= self.words.len() * WORD_BITS {
            return false;
        }
        self.added += 1;
        let (place, bits) = self.place(hash);
        self.words[place] |= bits;
        true
    }

    #[inline]
    pub(super) fn may_have(&self, hash: u64) -> bool {
        let (place, bits) = self.place(hash);
        // The place is always within; asked this way it costs no branch that could panic.
        self.words.get(place).is_some_and(|word| word & bits == bits)
    }

    /// The word of a hash and its four bits there.
    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        // Of a product the high bits depend on all that went in, so both the place and the bits are taken from there.
        let mixed = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bit = |from: u32| 1 << (mixed >> from & 63);
        let bits = bit(16) | bit(22) | bit(28) | bit(34);
        ((mixed >> self.shift) as usize, bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> u64 {
        number.wrapping_mul(0xd6e8_feb8_6659_fd93)
    }

    #[test]
    fn whatever_was_added_is_found_and_of_the_rest_few() {
        for count in [1, 64, 10_000] {
            let mut bloom = Bloom::for_hashes(count);
            for number in 0..count as u64 {
                assert!(bloom.add(hash(number)));
            }
            assert!((0..count as u64).all(|number| bloom.may_have(hash(number))));
            let others = count as u64..count as u64 + 100_000;
            let taken = others.filter(|number| bloom.may_have(hash(*number))).count();
            assert!(taken < 5_000, "{taken} of 100 000 beside {count}");
        }
    }

    #[test]
    fn a_full_one_adds_nothing_more() {
        let mut bloom = Bloom::default();
        let room = FEWEST_WORDS * WORD_BITS / BITS_EACH;
        assert!((0..room as u64).all(|number| bloom.add(hash(number))));
        let before = bloom.words.clone();
        assert!(!bloom.add(hash(1 << 40)));
        assert_eq!(bloom.words, before);
    }
}
