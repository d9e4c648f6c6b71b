//! Properties of the decoder over streams made of the pieces that are hard to tell apart.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod reference;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use reference::{Item, decode, decode_batches, parse};
use vss_core::ami::{AmiDecoder, MAX_HEADERS, MAX_MESSAGE_BYTES};

/// Pieces whose seams are where a decoder goes wrong.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\n\n",
    b"\r",
    b"Event: ",
    b"Event: Hangup\r\n",
    b"Response: ",
    b"Response: Success\r\n",
    b"Response: Follows\r\n",
    b"Privilege: Command\r\n",
    b"ActionID: 1\r\n",
    b"Output: a line\r\n",
    b"--END COMMAND--",
    b"--END COMMAND--\r\n\r\n",
    b"Asterisk Call Manager/11.0.0\r\n",
    b"Key",
    b": ",
    b":",
    b" ",
    b"value",
    b"ChanVariable(SIP/a b-1): k=v\r\n",
    b"DestChanVariable(",
    b"): ",
    b"CallStarted: 5\n",
    b"\"json\": 1\n",
    b"_X: 1\r\n",
    b"\xd0\x9a\xff\x00",
];

/// A stream that fails legibly.
#[derive(Clone)]
struct Stream(Vec<u8>);

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} bytes: {}",
            self.0.len(),
            self.0[..self.0.len().min(2000)].escape_ascii()
        )
    }
}

impl std::ops::Deref for Stream {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

fn streams() -> impl Strategy<Value = Stream> {
    let piece = prop_oneof![
        12 => select(PIECES).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..80),
    ];
    vec(piece, 0..60).prop_map(|pieces| Stream(pieces.concat()))
}

/// Streams with messages near and over the limits among small ones.
fn large_streams() -> impl Strategy<Value = Stream> {
    let bytes_over = (0..40_usize).prop_map(|over| MAX_MESSAGE_BYTES - 20 + over);
    let large = prop_oneof![
        bytes_over
            .clone()
            .prop_map(|size| [b"Event: A\r\nX: ", vec![b'x'; size].as_slice(), b"\r\n\r\n"].concat()),
        bytes_over
            .clone()
            .prop_map(|size| [b"Event: A\r\n".to_vec(), b"X: 1234\r\n".repeat(size / 9)].concat()),
        bytes_over
            .clone()
            .prop_map(|size| [b"Output: 1\r\n".repeat(size / 11), b"\r\n".to_vec()].concat()),
        bytes_over
            .clone()
            .prop_map(|size| [vec![b'y'; size], b"\r\n".to_vec()].concat()),
        bytes_over
            .prop_map(|size| [b"Response: Follows\r\n".to_vec(), b"a: b\n\n".repeat(size / 6)].concat()),
        (0..3_usize).prop_map(|over| b"K: v\r\n".repeat(MAX_HEADERS - 1 + over)),
    ];
    vec(
        prop_oneof![3 => select(PIECES).prop_map(<[u8]>::to_vec), 1 => large],
        1..12,
    )
    .prop_map(|parts| Stream(parts.concat()))
}

/// Cuts `stream` at the given places (fractions of its length).
fn cut<'a>(stream: &'a [u8], cuts: &[f64]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts
        .iter()
        .map(|cut| (cut * stream.len() as f64) as usize)
        .collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([stream.len()]);
    let starts = [0].into_iter().chain(places.iter().copied());
    starts.zip(ends).map(|(start, end)| &stream[start..end]).collect()
}

fn messages_then_skips(items: Vec<Item>) -> Vec<Item> {
    let (messages, skips): (Vec<_>, Vec<_>) = items
        .into_iter()
        .partition(|item| matches!(item, Item::Message { .. }));
    [messages, skips].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_decoder_agrees_with_the_obvious_parser(stream in streams()) {
        prop_assert_eq!(decode([&*stream]), parse(&stream));
    }

    #[test]
    fn any_split_gives_the_same_messages(stream in streams(), cuts in vec(0.0..1.0_f64, 0..20)) {
        let whole = decode([&*stream]);
        prop_assert_eq!(&decode(stream.chunks(1)), &whole);
        prop_assert_eq!(&decode(cut(&stream, &cuts)), &whole);
        prop_assert_eq!(decode_batches(cut(&stream, &cuts)), messages_then_skips(whole));
    }

    #[test]
    fn random_bytes_are_decoded_to_something(stream in vec(any::<u8>(), 0..600).prop_map(Stream)) {
        prop_assert_eq!(decode([&*stream]), parse(&stream));
        prop_assert_eq!(decode(stream.chunks(7)), parse(&stream));
    }

    #[test]
    fn taking_messages_late_loses_none(stream in streams(), cuts in vec(0.0..1.0_f64, 0..9), takes in vec(0..4_usize, 9)) {
        let mut decoder = AmiDecoder::default();
        let mut taken = 0;
        for (chunk, takes) in cut(&stream, &cuts).into_iter().zip(takes.iter().chain(&[usize::MAX])) {
            decoder.push(chunk);
            taken += (0..*takes).map_while(|_| decoder.next_message().map(drop)).count();
        }
        taken += std::iter::from_fn(|| decoder.next_message().map(drop)).count();
        prop_assert_eq!(taken, decode([&*stream]).len());
        prop_assert_eq!(decoder.messages() + decoder.skipped(), taken as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_fall_at_the_same_place_however_the_stream_is_split(
        stream in large_streams(),
        cuts in vec(0.0..1.0_f64, 0..30),
    ) {
        let whole = decode([&*stream]);
        prop_assert_eq!(&parse(&stream), &whole);
        prop_assert_eq!(&decode(cut(&stream, &cuts)), &whole);
        prop_assert_eq!(&decode(stream.chunks(1021)), &whole);
    }
}
