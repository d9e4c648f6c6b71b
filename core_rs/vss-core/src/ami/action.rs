//! What we send: one action, refused when Asterisk would misread it.

use super::error::ActionError;

/// Bytes of one line, its CRLF included. Asterisk's input buffer holds so many (`inbuf` in manager.c) and drops the
/// whole action when a line end is not among them.
pub const MAX_ACTION_LINE_BYTES: usize = 1024;

/// Headers of one action, `Action` and `ActionID` included (`AST_MAX_MANHEADERS` in manager.h).
pub const MAX_ACTION_HEADERS: usize = 128;

/// One action, ready to be sent.
///
/// ```
/// use vss_core::ami::AmiAction;
///
/// let action = AmiAction::new("QueuePause", Some("p-1"), [("Interface", "PJSIP/1001"), ("Paused", "true")])?;
/// assert_eq!(
///     action.encode(),
///     b"Action: QueuePause\r\nActionID: p-1\r\nInterface: PJSIP/1001\r\nPaused: true\r\n\r\n",
/// );
/// # Ok::<(), vss_core::ami::ActionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmiAction {
    name: String,
    action_id: Option<String>,
    encoded: Vec<u8>,
}

impl AmiAction {
    /// An action with its headers in order; keys may repeat (`Variable`).
    ///
    /// # Errors
    ///
    /// An empty name or key; CR, LF or NUL anywhere; a colon or white space in a key; a line of more than
    /// [`MAX_ACTION_LINE_BYTES`] bytes; more than [`MAX_ACTION_HEADERS`] headers; `Action` or a second `ActionID` as
    /// a key.
    pub fn new<K, V>(
        name: &str,
        action_id: Option<&str>,
        headers: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ActionError>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        if name.trim().is_empty() {
            return Err(ActionError::Empty { part: "name" });
        }
        let mut encoded = Vec::with_capacity(128);
        let mut action_id = action_id.map(str::to_owned);
        push_line(&mut encoded, "Action", name)?;
        if let Some(action_id) = &action_id {
            push_line(&mut encoded, "ActionID", action_id)?;
        }
        let mut count = 1 + usize::from(action_id.is_some());
        for (key, value) in headers {
            let (key, value) = (key.as_ref(), value.as_ref());
            refuse_key(key)?;
            let is_second_id =
                key.eq_ignore_ascii_case("ActionID") && action_id.replace(value.to_owned()).is_some();
            if is_second_id || key.eq_ignore_ascii_case("Action") {
                return Err(ActionError::SecondHeader { key: key.to_owned() });
            }
            push_line(&mut encoded, key, value)?;
            count += 1;
        }
        if count > MAX_ACTION_HEADERS {
            return Err(ActionError::TooManyHeaders { count });
        }
        encoded.extend_from_slice(b"\r\n");
        Ok(Self {
            name: name.to_owned(),
            action_id,
            encoded,
        })
    }

    /// The action's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the answer will be known by.
    pub fn action_id(&self) -> Option<&str> {
        self.action_id.as_deref()
    }

    /// The bytes for the wire, the blank line at the end included.
    pub fn encode(&self) -> &[u8] {
        &self.encoded
    }
}

fn refuse_key(key: &str) -> Result<(), ActionError> {
    if key.is_empty() {
        return Err(ActionError::Empty { part: "key" });
    }
    refuse_characters(key, || format!("key {key:?}"))?;
    if key.contains(|character: char| character == ':' || character.is_whitespace()) {
        return Err(ActionError::MalformedKey { key: key.to_owned() });
    }
    Ok(())
}

fn refuse_characters(text: &str, part: impl FnOnce() -> String) -> Result<(), ActionError> {
    let character = match text.bytes().find(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        None => return Ok(()),
        Some(b'\r') => "CR",
        Some(b'\n') => "LF",
        Some(_) => "NUL",
    };
    Err(ActionError::ForbiddenCharacter {
        part: part(),
        character,
    })
}

fn push_line(encoded: &mut Vec<u8>, key: &str, value: &str) -> Result<(), ActionError> {
    refuse_characters(value, || format!("value of `{key}`"))?;
    let bytes = key.len() + ": ".len() + value.len() + "\r\n".len();
    if bytes > MAX_ACTION_LINE_BYTES {
        return Err(ActionError::LineTooLong {
            key: key.to_owned(),
            bytes,
        });
    }
    for part in [key, ": ", value, "\r\n"] {
        encoded.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, headers: &[(&str, &str)]) -> String {
        AmiAction::new(name, None, headers.iter().copied())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn line_ends_and_nul_are_refused_wherever_they_stand() {
        for character in ["\r", "\n", "\r\n", "\0"] {
            let bad = format!("a{character}b");
            for message in [
                refused(&bad, &[]),
                refused("Ping", &[(&bad, "v")]),
                refused("Ping", &[("Key", &bad)]),
                AmiAction::new("Ping", Some(&bad), [("K", "v")])
                    .unwrap_err()
                    .to_string(),
            ] {
                assert!(message.contains("take it out"), "{message}");
            }
        }
    }

    #[test]
    fn the_secret_of_a_login_is_not_in_the_error() {
        assert!(!refused("Login", &[("Secret", "hunter2\n")]).contains("hunter2"));
    }

    #[test]
    fn a_key_that_asterisk_would_read_as_another_is_refused() {
        for key in ["", "A: b", "A:", "A b"] {
            assert!(AmiAction::new("Ping", None, [(key, "v")]).is_err(), "{key:?}");
        }
        assert!(AmiAction::new(" ", None, [("K", "v")]).is_err());
        assert!(refused("Ping", &[("action", "Originate")]).contains("two actions"));
        assert!(refused("Ping", &[("ActionID", "1"), ("actionid", "2")]).contains("leave the second out"));
    }

    #[test]
    fn a_line_fills_the_buffer_of_asterisk_with_its_line_end_and_no_more() {
        let value = "x".repeat(MAX_ACTION_LINE_BYTES - "Key: \r\n".len());
        let action = AmiAction::new("Ping", None, [("Key", &value)]).unwrap();
        let longest = action
            .encode()
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::len)
            .max();
        assert_eq!(longest, Some(MAX_ACTION_LINE_BYTES));
        assert!(refused("Ping", &[("Key", &(value + "x"))]).contains("has 1025 bytes"));
    }

    #[test]
    fn the_action_s_own_lines_count_as_headers() {
        let headers = |count| (0..count).map(|_| ("Variable", "a=b"));
        assert!(AmiAction::new("Originate", Some("1"), headers(MAX_ACTION_HEADERS - 2)).is_ok());
        let error = AmiAction::new("Originate", Some("1"), headers(MAX_ACTION_HEADERS - 1)).unwrap_err();
        assert_eq!(error, ActionError::TooManyHeaders { count: 129 });
    }

    #[test]
    fn headers_keep_their_order_and_an_action_id_among_them_is_the_action_s() {
        let action = AmiAction::new(
            "Setvar",
            None,
            [("Variable", "Имя"), ("ActionID", "7"), ("Variable", "")],
        )
        .unwrap();
        assert_eq!(action.action_id(), Some("7"));
        let expected = "Action: Setvar\r\nVariable: Имя\r\nActionID: 7\r\nVariable: \r\n\r\n";
        assert_eq!(action.encode(), expected.as_bytes());
    }
}
