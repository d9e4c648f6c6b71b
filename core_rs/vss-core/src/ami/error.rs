//! What a caller can do wrong. Each message names the thing and the way out.

use thiserror::Error;

use super::action::{MAX_ACTION_HEADERS, MAX_ACTION_LINE_BYTES};

/// An action that Asterisk would misread, so it is not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ActionError {
    /// No name of the action, or an empty key.
    #[error("the {part} of an action is empty: give it a name such as `QueueStatus`")]
    Empty {
        /// Which part: `name` or `key`.
        part: &'static str,
    },
    /// CR, LF or NUL, which would end the line early: whatever follows would be read as a header or an action.
    #[error("the {part} of an action holds {character}, which would end the line early: take it out")]
    ForbiddenCharacter {
        /// Which part, such as ``value of `Variable` ``.
        part: String,
        /// The character's name: `CR`, `LF` or `NUL`.
        character: &'static str,
    },
    /// A key with a colon or white space in it, which Asterisk would read as another key.
    #[error("the key {key:?} of an action holds a colon or a space: Asterisk would read another key")]
    MalformedKey {
        /// The key as given.
        key: String,
    },
    /// Asterisk drops the whole action when one line is longer than its buffer.
    #[error(
        "the line `{key}` of an action has {bytes} bytes with its line end, over {MAX_ACTION_LINE_BYTES}: split it into several headers"
    )]
    LineTooLong {
        /// The header's key.
        key: String,
        /// Bytes of the line, line end included.
        bytes: usize,
    },
    /// Asterisk refuses an action of more lines than it has room for.
    #[error(
        "an action has {count} headers, over {MAX_ACTION_HEADERS} (`Action` and `ActionID` count too): send several actions"
    )]
    TooManyHeaders {
        /// Headers of the action, `Action` and `ActionID` included.
        count: usize,
    },
    /// A second `Action` or `ActionID`.
    #[error("an action has one `{key}`: leave the second out, or send two actions")]
    SecondHeader {
        /// The key as given.
        key: String,
    },
}

/// An encoding that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown encoding {name:?}: use utf-8, cp1251 or latin-1")]
pub struct EncodingError {
    /// The name as given.
    pub name: String,
}
