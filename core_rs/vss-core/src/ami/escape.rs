//! The C escapes Asterisk writes in some values (`ast_escape_c`), and in which.
//!
//! Since Asterisk 13 the two names of a channel snapshot, its variables and the value of a `VarSet` are escaped; the
//! same keys are not in `QueueEntry`, `OriginateResponse` and Asterisk 11. Versions are not told by the greeting but by
//! what stands beside: a snapshot has a `Linkedid` with the same prefix, and a new `VarSet` writes `Uniqueid` first.

use super::message::Message;

/// Whether Asterisk escaped the value of the header at `index`.
#[cold]
pub(super) fn is_escaped(message: &Message<'_>, index: usize) -> bool {
    let key = message.key_at(index);
    if key.eq_ignore_ascii_case(b"Value") {
        return message.name() == b"VarSet"
            && message
                .position("Uniqueid")
                .is_some_and(|position| position < index);
    }
    [&b"CallerIDName"[..], b"ConnectedLineName", b"ChanVariable"]
        .iter()
        .any(|suffix| {
            strip_suffix_ignore_case(key, suffix).is_some_and(|prefix| {
                message.keys().any(|other| {
                    strip_suffix_ignore_case(other, b"Linkedid")
                        .is_some_and(|found| found.eq_ignore_ascii_case(prefix))
                })
            })
        })
}

/// Undoes `ast_escape_c`; a backslash before anything else stays.
#[cold]
pub(super) fn unescape(value: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [byte, tail @ ..] = rest {
        let escaped = if *byte == b'\\' {
            tail.first().and_then(|escape| escaped_byte(*escape))
        } else {
            None
        };
        plain.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &tail[1..] } else { tail };
    }
    plain
}

fn escaped_byte(escape: u8) -> Option<u8> {
    Some(match escape {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0B,
        b'\\' | b'\'' | b'"' | b'?' => escape,
        _ => return None,
    })
}

fn strip_suffix_ignore_case<'a>(key: &'a [u8], suffix: &[u8]) -> Option<&'a [u8]> {
    let (prefix, end) = key.split_at_checked(key.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(prefix)
}
