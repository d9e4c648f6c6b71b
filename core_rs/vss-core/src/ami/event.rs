//! The parts of a message that have a fixed vocabulary.

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// The first line of a session: `Asterisk Call Manager/11.0.0`, or whatever stands there instead.
    Greeting,
    /// `Event: …`
    Event,
    /// `Response: …`: the answer to an action.
    Response,
    /// Neither: the rest of a value that held a blank line, or noise.
    Other,
}

impl MessageKind {
    /// `greeting`, `event`, `response` or `other`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Event => "event",
            Self::Response => "response",
            Self::Other => "other",
        }
    }
}

/// The place of a message in the list an action is answered with (header `EventList`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventList {
    /// `start`: the response; the items follow.
    Start,
    /// `Complete`: the last event; `ListItems` tells how many came before it.
    Complete,
    /// `cancelled`: the list ends here and is not whole.
    Cancelled,
}

impl EventList {
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        // Spelled `Complete` and `start` by different modules, and differently between versions.
        if value.eq_ignore_ascii_case(b"start") {
            Some(Self::Start)
        } else if value.eq_ignore_ascii_case(b"complete") {
            Some(Self::Complete)
        } else if value.eq_ignore_ascii_case(b"cancelled") {
            Some(Self::Cancelled)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_a_list_are_known_in_any_case_and_nothing_else_is() {
        assert_eq!(EventList::parse(b"start"), Some(EventList::Start));
        assert_eq!(EventList::parse(b"Complete"), Some(EventList::Complete));
        assert_eq!(EventList::parse(b"cancelled"), Some(EventList::Cancelled));
        assert_eq!(EventList::parse(b""), None);
        assert_eq!(EventList::parse(b"completed"), None);
    }
}
