//! A routing key and its words.

use super::error::{RoutingError, start_of};

/// The longest key or pattern: AMQP 0-9-1 writes them as short strings, whose length is one byte.
pub const MAX_KEY_BYTES: usize = 255;

/// A routing key that fits into a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoutingKey<'a>(&'a str);

impl<'a> RoutingKey<'a> {
    /// Take `text` as a key.
    ///
    /// # Errors
    ///
    /// It has more than [`MAX_KEY_BYTES`].
    pub fn new(text: &'a str) -> Result<Self, RoutingError> {
        if text.len() > MAX_KEY_BYTES {
            return Err(RoutingError::KeyTooLong {
                start: start_of(text),
                bytes: text.len(),
            });
        }
        Ok(Self(text))
    }

    /// The key as it was given.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Its words. The empty key has none; any other has one more than it has dots.
    pub fn words(self) -> impl Iterator<Item = &'a str> {
        words(self.0)
    }
}

pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = (!text.is_empty()).then_some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        // Keys are short: a plain loop ends before a vectorised search has begun.
        let Some(dot) = text.as_bytes().iter().position(|byte| *byte == b'.') else {
            return rest.take();
        };
        rest = Some(&text[dot + 1..]);
        Some(&text[..dot])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        RoutingKey::new(text).unwrap().words().collect()
    }

    #[test]
    fn a_key_over_255_bytes_is_refused_with_its_length() {
        let long = "ü".repeat(128);
        let error = RoutingKey::new(&long).unwrap_err();
        assert!(error.to_string().contains("256 bytes, over 255"), "{error}");
        assert!(RoutingKey::new(&long[2..]).is_ok());
    }

    #[test]
    fn the_empty_key_has_no_words() {
        assert_eq!(split(""), [""; 0]);
    }

    #[test]
    fn empty_words_are_words() {
        assert_eq!(split("."), ["", ""]);
        assert_eq!(split("a..b"), ["a", "", "b"]);
        assert_eq!(split("a."), ["a", ""]);
        assert_eq!(split(".a"), ["", "a"]);
    }
}
