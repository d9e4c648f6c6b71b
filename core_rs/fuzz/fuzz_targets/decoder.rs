//! Any bytes, split anyhow: the decoder agrees with the obvious parser of its tests.
//!
//! The first byte of the input is the size of the chunks (0: all at once).
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../vss-core/tests/reference/mod.rs"]
mod reference;

fuzz_target!(|input: &[u8]| {
    let Some((size, stream)) = input.split_first() else { return };
    let expected = reference::parse(stream);
    let chunk = if *size == 0 { stream.len().max(1) } else { usize::from(*size) };
    assert_eq!(reference::decode(stream.chunks(chunk)), expected);
    let messages = expected.iter().filter(|item| matches!(item, reference::Item::Message { .. })).count();
    assert_eq!(reference::decode_batches(stream.chunks(chunk)).len() - (expected.len() - messages), messages);
});
