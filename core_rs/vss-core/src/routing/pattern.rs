//! A binding pattern: its words, and whether it matches one key.

use super::error::{RoutingError, start_of};
use super::key::{MAX_KEY_BYTES, RoutingKey, words};

/// One word of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word<'a> {
    /// This word and no other.
    Literal(&'a str),
    /// `*`: exactly one word.
    One,
    /// `#`: zero or more words.
    Many,
}

/// A binding pattern that fits into a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pattern<'a>(&'a str);

impl<'a> Pattern<'a> {
    /// Take `text` as a pattern.
    ///
    /// # Errors
    ///
    /// It has more than [`MAX_KEY_BYTES`].
    pub fn new(text: &'a str) -> Result<Self, RoutingError> {
        if text.len() > MAX_KEY_BYTES {
            return Err(RoutingError::PatternTooLong {
                start: start_of(text),
                bytes: text.len(),
            });
        }
        Ok(Self(text))
    }

    /// The pattern as it was given.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Its words, told apart.
    pub fn words(self) -> impl Iterator<Item = Word<'a>> {
        words(self.0).map(|word| match word {
            "*" => Word::One,
            "#" => Word::Many,
            other => Word::Literal(other),
        })
    }

    /// Whether it has no wildcard, so that it matches just the key it is.
    pub fn is_exact(self) -> bool {
        self.words().all(|word| matches!(word, Word::Literal(_)))
    }

    /// Whether it matches `key`. For many patterns at once there is [`super::TopicMatcher`].
    ///
    /// When something fails after a `#`, only the last `#` has to take one word more: what an earlier one could take
    /// instead, the last one can too. So the cost is at most the product of the lengths, not exponential.
    pub fn matches(self, key: RoutingKey<'_>) -> bool {
        let pattern: Vec<Word<'_>> = self.words().collect();
        let key: Vec<&str> = key.words().collect();
        let (mut at, mut word) = (0, 0);
        // After the last `#` seen: where the pattern goes on, and how far that `#` reaches.
        let mut last: Option<(usize, usize)> = None;
        loop {
            match (pattern.get(at), key.get(word)) {
                (None, None) => return true,
                (Some(Word::Many), _) => {
                    at += 1;
                    last = Some((at, word));
                    continue;
                }
                (Some(Word::One), Some(_)) => {
                    (at, word) = (at + 1, word + 1);
                    continue;
                }
                (Some(Word::Literal(literal)), Some(found)) if literal == found => {
                    (at, word) = (at + 1, word + 1);
                    continue;
                }
                _ => {}
            }
            let Some((after, reach)) = last else { return false };
            if reach == key.len() {
                return false;
            }
            last = Some((after, reach + 1));
            (at, word) = (after, reach + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_over_255_bytes_is_refused_with_its_length() {
        let long = "a.".repeat(128);
        let error = Pattern::new(&long).unwrap_err();
        assert!(error.to_string().contains("256 bytes, over 255"), "{error}");
        assert!(Pattern::new(&long[1..]).is_ok());
    }

    #[test]
    fn wildcards_stand_alone_in_their_word() {
        let words: Vec<_> = Pattern::new("a*.*.#.##..*#").unwrap().words().collect();
        assert_eq!(
            words,
            [
                Word::Literal("a*"),
                Word::One,
                Word::Many,
                Word::Literal("##"),
                Word::Literal(""),
                Word::Literal("*#")
            ]
        );
    }

    #[test]
    fn only_a_pattern_without_wildcards_is_exact() {
        let exact = |text| Pattern::new(text).unwrap().is_exact();
        assert!(exact("") && exact("a.b*") && exact(".."));
        assert!(!exact("#") && !exact("a.*") && !exact("a.#.b"));
    }

    #[test]
    fn a_pattern_of_wildcards_alone_ends_in_time_on_a_key_that_fails_at_its_end() {
        let many = "#.a.".repeat(63) + "b";
        let key = "a.".repeat(126) + "c";
        assert!(
            !Pattern::new(&many)
                .unwrap()
                .matches(RoutingKey::new(&key).unwrap())
        );
    }
}
