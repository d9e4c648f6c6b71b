//! What a board can be asked wrongly.

use thiserror::Error;

/// A board was asked for what it cannot do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatusError {
    /// An option cannot be used; the text says which and why.
    #[error("{0}")]
    Option(String),
    /// A list action the board cannot read.
    #[error(
        "{0:?} is not a list a resync can use: ask CoreShowChannels, BridgeList, QueueStatus, DeviceStateList, ExtensionStateList or Agents"
    )]
    UnknownList(String),
    /// A resync was asked about while none runs.
    #[error("no resync is under way: call begin_resync first")]
    NoResync,
    /// An ActionID the running resync does not know.
    #[error("no list of the running resync has the ActionID {0:?}: use one given to begin_resync")]
    UnknownActionId(String),
    /// A session name that is neither `events` nor `actions`.
    #[error("{0:?} is not a session: use \"events\" or \"actions\"")]
    UnknownSession(String),
    /// A table that does not exist.
    #[error("{0:?} is not a table: use \"operators\", \"channels\", \"calls\" or \"queues\"")]
    UnknownTable(String),
    /// An origin that does not exist.
    #[error("{0:?} is not an origin of a row: use \"manual\" or \"database\"")]
    UnknownOrigin(String),
    /// A row by hand that cannot stand among rows.
    #[error(
        "the row {0:?} is not a JSON object with at least one field, without seq and as_of: the board adds those"
    )]
    NotARow(String),
}
