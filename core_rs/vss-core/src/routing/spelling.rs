//! A word kept where it is compared: most words are short, and a pointer to them would be one more cache line to wait
//! for.

const SHORT: usize = 22;

/// A word of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Spelling {
    /// Its length and its bytes.
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

impl Spelling {
    pub(super) fn new(word: &str) -> Self {
        let word = word.as_bytes();
        let mut short = [0; SHORT];
        match short.get_mut(..word.len()) {
            Some(place) => {
                place.copy_from_slice(word);
                Self::Short(word.len() as u8, short)
            }
            None => Self::Long(word.into()),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }

    #[inline]
    pub(super) fn is(&self, word: &str) -> bool {
        self.as_bytes() == word.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_any_length_is_itself_and_no_other() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 255] {
            let word = "x".repeat(length);
            let spelling = Spelling::new(&word);
            assert!(spelling.is(&word));
            assert_eq!(matches!(spelling, Spelling::Short(..)), length <= SHORT);
            assert!(!spelling.is(&(word.clone() + "x")));
            assert!(!spelling.is(&(word + "\0")));
        }
    }

    #[test]
    fn a_short_word_takes_three_machine_words() {
        assert_eq!(size_of::<Spelling>(), 24);
    }
}
