//! Frames as lapin can read them.
//!
//! RabbitMQ delivers short texts that are no UTF-8 and tables as deep as a frame is long. The first ones cost lapin the
//! connection, and the message comes again on the next one, and so on without an end; the second ones can cost it its
//! stack. So both are put right before lapin sees them: what is no UTF-8 is written as `\xff`, as far as there is room,
//! and what is deeper than it could be sent again is left out. Everything else stays as it is, byte for byte.

use std::fmt::Write;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
/// Type, channel and length.
pub(super) const HEAD: usize = 7;
/// Bytes of a short text.
const SHORT: usize = 255;
/// Tables within the table of headers, as many as can be sent again (see vss-py).
const DEEPEST: usize = 31;
/// Class, weight and length of the body in a content header; the flags of its properties come next.
const BEFORE_FLAGS: usize = 12;

/// A piece of a method's arguments.
#[derive(Clone, Copy)]
enum Piece {
    Text,
    Bytes(usize),
}

/// The properties of a message, in the order of their flags from the highest bit.
#[derive(Clone, Copy)]
enum Property {
    Text,
    Table,
    Octet,
    Time,
}

const PROPERTIES: [Property; 14] = [
    Property::Text,  // content_type
    Property::Text,  // content_encoding
    Property::Table, // headers
    Property::Octet, // delivery_mode
    Property::Octet, // priority
    Property::Text,  // correlation_id
    Property::Text,  // reply_to
    Property::Text,  // expiration
    Property::Text,  // message_id
    Property::Time,  // timestamp
    Property::Text,  // type
    Property::Text,  // user_id
    Property::Text,  // app_id
    Property::Text,  // cluster_id
];

/// The arguments of methods with texts of strangers, or with words that RabbitMQ has cut anywhere.
fn pieces(class: usize, method: usize) -> Option<&'static [Piece]> {
    use Piece::{Bytes, Text};
    Some(match (class, method) {
        (60, 60) => &[Text, Bytes(9), Text, Text], // basic.deliver
        (60, 71) => &[Bytes(9), Text, Text],       // basic.get-ok
        (60, 50) => &[Bytes(2), Text, Text, Text], // basic.return
        (20, 40) | (10, 50) => &[Bytes(2), Text],  // channel.close, connection.close
        (10, 60) => &[Text],                       // connection.blocked
        _ => return None,
    })
}

/// Whether a frame of this type is to be looked at as a whole.
pub(super) fn is_looked_at(kind: u8) -> bool {
    matches!(kind, METHOD | HEADER)
}

/// One whole frame, put right, at the end of `out`. What cannot be read stays as it is: lapin is to say so.
pub(super) fn put_right(frame: &[u8], out: &mut Vec<u8>) {
    let begun = out.len();
    if rewrite(frame, out).is_none() {
        out.truncate(begun);
        out.extend_from_slice(frame);
    }
}

fn rewrite(frame: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (head, rest) = frame.split_at_checked(HEAD)?;
    let (end, payload) = rest.split_last()?;
    let begun = out.len();
    out.extend_from_slice(head);
    let mut input = Input(payload);
    if head[0] == METHOD {
        if payload.is_ascii() {
            return None;
        }
        arguments(&mut input, out)?;
    } else {
        properties(&mut input, out)?;
    }
    out.extend_from_slice(input.0);
    let length = u32::try_from(out.len() - begun - HEAD).ok()?;
    out.get_mut(begun + 3..begun + HEAD)?
        .copy_from_slice(&length.to_be_bytes());
    out.push(*end);
    Some(())
}

fn arguments(input: &mut Input<'_>, out: &mut Vec<u8>) -> Option<()> {
    let class = number(input.copy(2, out)?);
    let method = number(input.copy(2, out)?);
    for piece in pieces(class, method)? {
        match piece {
            Piece::Text => text(input, out)?,
            Piece::Bytes(count) => {
                input.copy(*count, out)?;
            }
        }
    }
    Some(())
}

fn properties(input: &mut Input<'_>, out: &mut Vec<u8>) -> Option<()> {
    input.copy(BEFORE_FLAGS, out)?;
    let flags = number(input.copy(2, out)?);
    for (place, property) in PROPERTIES.iter().enumerate() {
        if flags & (0x8000 >> place) == 0 {
            continue;
        }
        match property {
            Property::Text => text(input, out)?,
            Property::Table => table(input, out)?,
            Property::Octet => {
                input.copy(1, out)?;
            }
            Property::Time => {
                input.copy(8, out)?;
            }
        }
    }
    Some(())
}

fn text(input: &mut Input<'_>, out: &mut Vec<u8>) -> Option<()> {
    let length = *input.take(1)?.first()?;
    let raw = input.take(usize::from(length))?;
    if std::str::from_utf8(raw).is_ok() {
        out.push(length);
        out.extend_from_slice(raw);
        return Some(());
    }
    let readable = readable(raw);
    out.push(u8::try_from(readable.len()).ok()?);
    out.extend_from_slice(readable.as_bytes());
    Some(())
}

/// Of different bytes different texts, as long as there is room: a message's id tells messages apart.
fn readable(raw: &[u8]) -> String {
    let mut readable = String::with_capacity(SHORT);
    for chunk in raw.utf8_chunks() {
        readable.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(readable, "\\x{byte:02x}"); // writing to a text does not fail
        }
    }
    let fits = (0..=SHORT).rev().find(|end| readable.is_char_boundary(*end));
    readable.truncate(fits.unwrap_or_default());
    readable
}

/// A table or a list that is being read: where its length stands in the output, and what is left of it.
struct Open<'a> {
    length_at: usize,
    after: Input<'a>,
    is_table: bool,
}

/// The table of a message's headers, with what is within, without recursion: the broker bounds its depth by nothing.
fn table(input: &mut Input<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut open = vec![enter(input, out, true)?];
    while let Some(inner) = open.last() {
        if input.0.is_empty() {
            let length = u32::try_from(out.len() - inner.length_at - 4).ok()?;
            out.get_mut(inner.length_at..inner.length_at + 4)?
                .copy_from_slice(&length.to_be_bytes());
            *input = open.pop()?.after;
            continue;
        }
        if inner.is_table {
            text(input, out)?;
        }
        let kind = *input.take(1)?.first()?;
        match kind {
            b'F' | b'A' if open.len() > DEEPEST => {
                let length = number(input.take(4)?);
                input.take(length)?;
                out.push(b'V');
            }
            b'F' | b'A' => {
                out.push(kind);
                open.push(enter(input, out, kind == b'F')?);
            }
            _ => {
                out.push(kind);
                let length = match kind {
                    b'S' | b'x' => number(input.copy(4, out)?),
                    b't' | b'b' | b'B' => 1,
                    b's' | b'u' | b'U' => 2,
                    b'I' | b'i' | b'f' => 4,
                    b'D' => 5,
                    b'l' | b'L' | b'd' | b'T' => 8,
                    b'V' => 0,
                    _ => return None,
                };
                input.copy(length, out)?;
            }
        }
    }
    Some(())
}

fn enter<'a>(input: &mut Input<'a>, out: &mut Vec<u8>, is_table: bool) -> Option<Open<'a>> {
    let length_at = out.len();
    let length = number(input.copy(4, out)?);
    let within = input.take(length)?;
    let after = std::mem::replace(input, Input(within));
    Some(Open {
        length_at,
        after,
        is_table,
    })
}

/// What is left to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    fn copy(&mut self, count: usize, out: &mut Vec<u8>) -> Option<&'a [u8]> {
        let taken = self.take(count)?;
        out.extend_from_slice(taken);
        Some(taken)
    }
}

/// A whole number of two or four bytes.
fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 1][..], &length, payload, &[0xce]].concat()
    }

    fn right(frame: &[u8]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        put_right(frame, &mut out);
        out.split_off(b"before".len())
    }

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    fn short(bytes: &[u8]) -> Vec<u8> {
        [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    /// A content header with these properties.
    fn header(flags: u16, properties: &[u8]) -> Vec<u8> {
        let before = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
        frame(HEADER, &[&before[..], &flags.to_be_bytes(), properties].concat())
    }

    fn deliver(key: &[u8]) -> Vec<u8> {
        let before = b"\x00\x3c\x00\x3c\x03tag\x00\x00\x00\x00\x00\x00\x00\xff\x00\x02ex";
        frame(METHOD, &[&before[..], &short(key)].concat())
    }

    #[test]
    fn a_key_that_is_no_utf_8_is_readable() {
        assert_eq!(right(&deliver(b"call.\xff\xd0")), deliver(br"call.\xff\xd0"));
        assert_eq!(right(&deliver("вызов".as_bytes())), deliver("вызов".as_bytes()));
    }

    #[test]
    fn what_has_no_room_is_cut_and_stays_utf_8() {
        let key = right(&deliver(&[0xff; 255]));
        assert_eq!(key, deliver(&r"\xff".repeat(64).as_bytes()[..255]));
        let cyrillic = [&[0xff][..], "ж".repeat(127).as_bytes()].concat();
        let wanted = format!(r"\xff{}", "ж".repeat(125));
        assert_eq!(right(&deliver(&cyrillic)), deliver(wanted.as_bytes()));
    }

    #[test]
    fn texts_and_names_of_headers_are_readable_wherever_they_stand() {
        let table = |name: &[u8]| {
            let inner = [name, b"S", &long(b"\xff")].concat();
            let listed = [&b"F"[..], &long(&inner), b"T\xff\xff\xff\xff\xff\xff\xff\xff"].concat();
            long(&[&b"\x01aA"[..], &long(&listed), name, b"V"].concat())
        };
        let with = |id: &[u8], name: &[u8]| {
            // headers, delivery mode, message_id, timestamp, app_id
            let rest = [&[2][..], id, &[0xff; 8], b"\x03app"].concat();
            header(0b0011_0000_1100_1000, &[table(name), rest].concat())
        };
        assert_eq!(
            right(&with(b"\x02\xfe\xff", b"\x02n\xff")),
            with(&short(br"\xfe\xff"), &short(br"n\xff"))
        );
        assert_eq!(right(&with(b"\x02id", b"\x01n")), with(b"\x02id", b"\x01n"));
    }

    #[test]
    fn tables_deeper_than_could_be_sent_again_are_left_out() {
        let nested = |depth: usize, innermost: &[u8]| {
            let value = (0..depth).fold(innermost.to_vec(), |inner, _| {
                [&b"F"[..], &long(&[&b"\x01n"[..], &inner].concat())].concat()
            });
            header(0x2000, &long(&[&b"\x01n"[..], &value].concat()))
        };
        assert_eq!(right(&nested(DEEPEST, b"t\x01")), nested(DEEPEST, b"t\x01"));
        assert_eq!(right(&nested(DEEPEST + 1, b"t\x01")), nested(DEEPEST, b"V"));
        assert_eq!(right(&nested(10_000, b"t\x01")), nested(DEEPEST, b"V"));
    }

    #[test]
    fn what_cannot_be_read_stays_as_it_is() {
        for bad in [
            frame(HEADER, b"\xff"),
            header(0x8000, b"\x05abc\xff"),
            header(0x2000, &long(b"\x01a?\xff")),
            header(0x2000, b"\xff\xff\xff\xff"),
            frame(METHOD, b"\x00\x3c\x00\x3c\xff\xff"),
            frame(METHOD, b"\x00\x32\x00\x0b\x01\xff"),
        ] {
            assert_eq!(right(&bad), bad);
        }
    }
}
