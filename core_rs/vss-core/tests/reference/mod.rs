//! A slow, obvious AMI parser over a whole stream: what the decoder must agree with.
//!
//! It splits the stream into lines first, looks ahead and back as it likes, and copies everything. The rules are those
//! of the documentation of `vss_core::ami`; nothing of its code is used but the limits.

use vss_core::ami::{AmiDecoder, Decoded, MAX_HEADERS, MAX_MESSAGE_BYTES, Message, MessageKind, SkipReason};

#[derive(Clone, PartialEq, Eq)]
pub enum Item {
    Message {
        kind: MessageKind,
        headers: Vec<(Vec<u8>, Vec<u8>)>,
        output: Vec<Vec<u8>>,
        raw: Vec<u8>,
    },
    Skipped {
        reason: SkipReason,
        opening: Vec<u8>,
    },
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message {
                kind,
                headers,
                output,
                raw,
            } => {
                writeln!(f, "{kind:?} raw {}", raw.escape_ascii())?;
                for (key, value) in headers {
                    writeln!(f, "  {} = {}", key.escape_ascii(), value.escape_ascii())?;
                }
                output
                    .iter()
                    .try_for_each(|line| writeln!(f, "  > {}", line.escape_ascii()))
            }
            Self::Skipped { reason, opening } => writeln!(f, "{reason:?} {}", opening.escape_ascii()),
        }
    }
}

struct Line {
    /// Where it starts in the stream.
    at: usize,
    /// Without the line end.
    text: Vec<u8>,
    crlf: bool,
    /// The stream ended before the line did.
    partial: bool,
}

/// What the decoder under test says of the same stream, `chunk` by `chunk`.
pub fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Item> {
    let mut decoder = AmiDecoder::default();
    let mut items = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk, |decoded| items.push(item(decoded)));
    }
    items
}

/// The same through the owned batches that Python gets; skips stand at the end.
pub fn decode_batches<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Item> {
    let mut decoder = AmiDecoder::default();
    let (mut messages, mut skips) = (Vec::new(), Vec::new());
    for chunk in chunks {
        decoder.push(chunk);
        let batch = decoder.take_batch();
        messages.extend(
            (0..batch.len())
                .filter_map(|index| batch.get(index))
                .map(Decoded::Message)
                .map(item),
        );
        skips.extend(batch.skips().iter().map(Decoded::Skipped).map(item));
    }
    messages.extend(skips);
    messages
}

fn item(decoded: Decoded<'_>) -> Item {
    match decoded {
        Decoded::Message(message) => owned(message),
        Decoded::Skipped(skipped) => Item::Skipped {
            reason: skipped.reason,
            opening: skipped.opening.to_vec(),
        },
    }
}

fn owned(message: Message<'_>) -> Item {
    Item::Message {
        kind: message.kind(),
        headers: message
            .headers()
            .map(|header| (header.key.to_vec(), header.value.to_vec()))
            .collect(),
        output: message.output().map(<[u8]>::to_vec).collect(),
        raw: message.raw().to_vec(),
    }
}

/// What the stream holds.
pub fn parse(stream: &[u8]) -> Vec<Item> {
    let lines = lines(stream);
    let mut items = Vec::new();
    let mut next = 0;
    let mut session_opens = true;
    while let Some(line) = lines.get(next) {
        if line.text.is_empty() {
            next += 1;
            continue;
        }
        let Some((item, after)) = message(stream, &lines, next, session_opens) else {
            break;
        };
        items.push(item);
        next = after;
        session_opens = false;
    }
    items
}

fn lines(stream: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut at = 0;
    for piece in stream.split_inclusive(|byte| *byte == b'\n') {
        let partial = !piece.ends_with(b"\n");
        let crlf = piece.ends_with(b"\r\n");
        let mut text = piece.to_vec();
        if !partial {
            text.pop();
        }
        if text.ends_with(b"\r") {
            text.pop();
        }
        lines.push(Line {
            at,
            text,
            crlf,
            partial,
        });
        at += piece.len();
    }
    lines
}

/// The message that starts at line `first`, and the line after it; `None` when it has not ended.
fn message(stream: &[u8], lines: &[Line], first: usize, session_opens: bool) -> Option<(Item, usize)> {
    let opening = &lines[first];
    if opening.text.len() > MAX_MESSAGE_BYTES {
        return Some(skip(lines, first, first, false, SkipReason::TooLong));
    }
    if opening.partial {
        return None;
    }
    let header = split_header(&opening.text).or_else(|| split_tight_header(&opening.text));
    if opening.text.starts_with(b"Asterisk Call Manager") || (session_opens && header.is_none()) {
        let raw = opening.text.clone();
        return Some((
            Item::Message {
                kind: MessageKind::Greeting,
                headers: vec![],
                output: vec![],
                raw,
            },
            first + 1,
        ));
    }
    if let Some((key, value)) = &header
        && key.eq_ignore_ascii_case(b"Response")
        && value.trim_ascii().eq_ignore_ascii_case(b"Follows")
    {
        return command(stream, lines, first);
    }
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = header.into_iter().collect();
    let counts = |header: &(Vec<u8>, Vec<u8>)| usize::from(header.0 != b"Output");
    let mut count: usize = headers.iter().map(counts).sum();
    let mut index = first + 1;
    loop {
        let mut line = lines.get(index)?;
        if line.text.is_empty() && !line.partial {
            let end = line.at;
            if line.crlf || !opening.crlf || lines[index - 1].crlf {
                return Some((finished(stream, opening.at, end, headers), index + 1));
            }
            while line.text.is_empty() && !line.crlf && !line.partial {
                index += 1;
                line = lines.get(index)?;
            }
            if line.text.is_empty() && !line.partial {
                return Some((finished(stream, opening.at, end, headers), index + 1));
            }
            if opens_message(&line.text) {
                return Some((finished(stream, opening.at, end, headers), index));
            }
        }
        if !line.text.is_empty() && line.at + line.text.len() - opening.at > MAX_MESSAGE_BYTES {
            return Some(skip(lines, first, index, false, SkipReason::TooLong));
        }
        if line.partial {
            return None;
        }
        if let Some(header) = split_header(&line.text) {
            count += counts(&header);
            if count > MAX_HEADERS {
                return Some(skip(lines, first, index, false, SkipReason::TooManyHeaders));
            }
            headers.push(header);
        } else if let Some((_, value)) = headers.last_mut() {
            // The value goes on: everything from where it began to the end of this line.
            let end = line.at + line.text.len();
            let start = value_start(
                stream,
                opening.at,
                lines[index - 1].at + lines[index - 1].text.len(),
                value,
            );
            *value = stream[start..end].to_vec();
        }
        index += 1;
    }
}

/// Where `value` stands: it ends at the last text above, blank lines apart.
fn value_start(stream: &[u8], message: usize, above: usize, value: &[u8]) -> usize {
    let mut end = above;
    while !stream[message..end].ends_with(value) || stream[..end].ends_with(b"\n") {
        end -= 1;
    }
    end - value.len()
}

fn finished(stream: &[u8], start: usize, end: usize, headers: Vec<(Vec<u8>, Vec<u8>)>) -> Item {
    let has = |name: &[u8]| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    let opens_as_response = headers
        .first()
        .is_some_and(|(key, _)| key.eq_ignore_ascii_case(b"Response"))
        && split_tight_header(&stream[start..end]).is_some();
    let kind = if opens_as_response {
        MessageKind::Response
    } else if has(b"Event") {
        MessageKind::Event
    } else if has(b"Response") {
        MessageKind::Response
    } else {
        MessageKind::Other
    };
    let output = headers
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(b"Output"))
        .map(|(_, value)| value.clone());
    Item::Message {
        kind,
        output: output.collect(),
        raw: stream[start..end].to_vec(),
        headers,
    }
}

/// `Response: Follows`: its few headers, then lines up to `--END COMMAND--` and a blank line.
fn command(stream: &[u8], lines: &[Line], first: usize) -> Option<(Item, usize)> {
    let opening = &lines[first];
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = split_header(&opening.text)
        .or_else(|| split_tight_header(&opening.text))
        .into_iter()
        .collect();
    let mut index = first + 1;
    let mut body = None;
    loop {
        let line = lines.get(index)?;
        if body.is_some()
            && line.text.is_empty()
            && !line.partial
            && let Some(last) = lines[index - 1].text.strip_suffix(b"--END COMMAND--")
            && index > body?
        {
            let start = lines[body?].at;
            let end = lines[index - 1].at + last.len();
            let text = &stream[start..end];
            let mut output: Vec<Vec<u8>> = Vec::new();
            if !text.is_empty() {
                let text = text.strip_suffix(b"\n").unwrap_or(text);
                for line in text.split(|byte| *byte == b'\n') {
                    output.push(line.strip_suffix(b"\r").unwrap_or(line).to_vec());
                }
            }
            let raw = stream[opening.at..line.at].to_vec();
            return Some((
                Item::Message {
                    kind: MessageKind::Response,
                    headers,
                    output,
                    raw,
                },
                index + 1,
            ));
        }
        if !line.text.is_empty() && line.at + line.text.len() - opening.at > MAX_MESSAGE_BYTES {
            return Some(skip(lines, first, index, true, SkipReason::TooLong));
        }
        if line.partial {
            return None;
        }
        let header = split_header(&line.text).filter(|(key, _)| {
            let is_known = key.eq_ignore_ascii_case(b"Privilege") || key.eq_ignore_ascii_case(b"ActionID");
            is_known && headers.iter().all(|(seen, _)| !seen.eq_ignore_ascii_case(key))
        });
        match header {
            Some(header) if body.is_none() => headers.push(header),
            _ => body = body.or(Some(index)),
        }
        index += 1;
    }
}

/// Skips the message that starts at line `first` and was over a limit at line `at`.
fn skip(lines: &[Line], first: usize, at: usize, is_command: bool, reason: SkipReason) -> (Item, usize) {
    let text = &lines[first].text;
    let item = Item::Skipped {
        reason,
        opening: text[..text.len().min(80)].to_vec(),
    };
    let mut index = at + 1;
    while let Some(line) = lines.get(index) {
        let above = &lines[index - 1];
        let above_is_blank = index > at + 1 && above.text.is_empty();
        if above_is_blank && opens_message(&line.text) {
            return (item, index);
        }
        let after_marker = index > at + 1 && above.text.ends_with(b"--END COMMAND--");
        if line.text.is_empty() && !line.partial && (!is_command || after_marker) {
            return (item, index + 1);
        }
        index += 1;
    }
    (item, index)
}

fn opens_message(text: &[u8]) -> bool {
    [&b"Event: "[..], b"Response: ", b"Asterisk Call Manager"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// A header: a key without white space or control bytes, a colon, and a space or the end of the line.
fn split_header(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if !opens_key(text) {
        return None;
    }
    let colon = (1..text.len()).filter(|at| text[*at] == b':').find(|at| {
        let key = &text[..*at];
        let is_plain = key.iter().all(|byte| *byte > b' ' && *byte != b':');
        let is_last = *at + 1 == text.len();
        let before_space = text.get(*at + 1) == Some(&b' ');
        (is_plain && (is_last || before_space))
            || (before_space && key.ends_with(b")") && variable_prefix(key))
    })?;
    let value = &text[colon + 1..];
    Some((
        text[..colon].to_vec(),
        value.strip_prefix(b" ").unwrap_or(value).to_vec(),
    ))
}

/// `ChanVariable(<channel>)`, with or without a prefix such as `Dest`.
fn variable_prefix(key: &[u8]) -> bool {
    let Some(opening) = key.iter().position(|byte| *byte == b'(') else {
        return false;
    };
    key[..opening].ends_with(b"ChanVariable")
        && key[..opening].iter().all(|byte| *byte > b' ' && *byte != b':')
}

/// `Key:value`, which is a header in the first line of a message only.
fn split_tight_header(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let colon = text.iter().position(|byte| *byte == b':' || *byte <= b' ')?;
    if colon == 0 || text[colon] != b':' || !opens_key(text) {
        return None;
    }
    let value = &text[colon + 1..];
    Some((
        text[..colon].to_vec(),
        value.strip_prefix(b" ").unwrap_or(value).to_vec(),
    ))
}

/// Keys start with a letter, a digit or an underscore.
fn opens_key(text: &[u8]) -> bool {
    text.first()
        .is_some_and(|first| first.is_ascii_alphanumeric() || *first == b'_')
}
