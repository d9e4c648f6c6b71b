//! Behaviours of the decoder, one by one; `tests/decoder_properties.rs` holds the whole against another parser.

mod framing;
mod limits;
mod values;

use super::{AmiDecoder, Decoded, MessageKind};

/// A message's kind, name and headers as text.
type Seen = (MessageKind, String, Vec<(String, String)>);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What one push of `stream` gives; a skipped message shows as its reason.
fn seen(stream: &[u8]) -> Vec<Seen> {
    let mut items = Vec::new();
    AmiDecoder::default().feed(stream, |decoded| {
        items.push(match decoded {
            Decoded::Message(message) => {
                let headers = message
                    .headers()
                    .map(|header| (text(header.key), text(header.value)));
                (message.kind(), text(message.name()), headers.collect())
            }
            Decoded::Skipped(skipped) => (MessageKind::Other, skipped.reason.describe(), Vec::new()),
        });
    });
    items
}

fn names(stream: &[u8]) -> Vec<String> {
    seen(stream).into_iter().map(|(_, name, _)| name).collect()
}

/// The one message of `stream`, which must hold exactly one.
fn headers(stream: &[u8]) -> Vec<(String, String)> {
    let mut items = seen(stream);
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0).2
}

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
