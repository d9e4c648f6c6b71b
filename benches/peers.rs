//! The Rust peers, each doing over one capture what its own client would do.

use asterisk_rs_ami::{AmiCodec, AmiError, AmiEvent};
use bytes::BytesMut;
use tokio_util::codec::Decoder;

/// `asterisk-rs-ami`, its codec only: the messages of a capture fed in chunks, counted.
///
/// # Errors
///
/// What its codec does not take.
pub fn asterisk_rs_messages(chunks: &[&[u8]]) -> Result<usize, AmiError> {
    let mut messages = 0;
    asterisk_rs(chunks, |_| messages += 1)?;
    Ok(messages)
}

/// `asterisk-rs-ami` as its subscribers see it: codec and typed events, counted.
///
/// # Errors
///
/// What its codec does not take.
pub fn asterisk_rs_events(chunks: &[&[u8]]) -> Result<usize, AmiError> {
    let mut events = 0;
    asterisk_rs(chunks, |message| {
        if let Some(event) = AmiEvent::from_raw(&message) {
            std::hint::black_box(&event);
            events += 1;
        }
    })?;
    Ok(events)
}

fn asterisk_rs(
    chunks: &[&[u8]],
    mut visit: impl FnMut(asterisk_rs_ami::RawAmiMessage),
) -> Result<(), AmiError> {
    let mut codec = AmiCodec::new();
    let mut buffer = BytesMut::new();
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        while let Some(message) = codec.decode(&mut buffer)? {
            visit(message);
        }
    }
    Ok(())
}

/// The floor of all line parsers: find every newline. The places are used, not only counted: `count()` alone takes a
/// short cut that finds none of them.
pub fn newlines(chunks: &[&[u8]]) -> usize {
    chunks
        .iter()
        .flat_map(|chunk| memchr::memchr_iter(b'\n', chunk))
        .fold(0, |lines, at| {
            std::hint::black_box(at);
            lines + 1
        })
}
