//! Messages over a limit: skipped, counted, told, and never in the way of the next one.

use super::super::{AmiDecoder, Decoded, MAX_HEADERS, MAX_MESSAGE_BYTES, SkipReason};
use super::{names, text};

const NEXT: &[u8] = b"Event: Next\r\n\r\n";

#[test]
fn a_message_of_just_the_limit_is_taken_and_one_byte_more_is_skipped() {
    let start = b"Event: A\r\nX: ";
    for (over, expected) in [(0, "A"), (1, "over 1048576 bytes")] {
        let value = vec![b'x'; MAX_MESSAGE_BYTES - start.len() + over];
        assert_eq!(
            names(&[start, value.as_slice(), b"\r\n\r\n", NEXT].concat()),
            [expected, "Next"]
        );
    }
}

#[test]
fn headers_are_counted_and_output_lines_are_not() {
    let headers = b"K: v\r\n".repeat(MAX_HEADERS - 1);
    let output = b"Output: line\r\n".repeat(MAX_HEADERS * 2);
    for (extra, expected) in [(&b""[..], "A"), (b"K: v\r\n", "over 4096 headers")] {
        let stream = [b"Event: A\r\n", headers.as_slice(), &output, extra, b"\r\n", NEXT].concat();
        assert_eq!(names(&stream), [expected, "Next"]);
    }
}

#[test]
fn a_skipped_message_is_told_with_its_first_line_as_soon_as_it_is_too_long() {
    let mut decoder = AmiDecoder::default();
    decoder.push(b"Event: Flood\r\nX: ");
    decoder.push(&vec![b'x'; MAX_MESSAGE_BYTES]);
    let Some(Decoded::Skipped(skipped)) = decoder.next_message() else {
        panic!("not skipped")
    };
    assert_eq!(
        (skipped.reason, text(&skipped.opening)),
        (SkipReason::TooLong, "Event: Flood".to_owned())
    );
    decoder.push(b"xx\r\nY: y\r\n\r\n");
    decoder.push(NEXT);
    assert!(matches!(decoder.next_message(), Some(Decoded::Message(message)) if message.name() == b"Next"));
    assert_eq!((decoder.messages(), decoder.skipped()), (1, 1));
}

#[test]
fn an_endless_line_takes_no_endless_memory() {
    let mut decoder = AmiDecoder::default();
    let chunk = vec![b'x'; 64 * 1024];
    let mut skips = 0;
    for _ in 0..200 {
        decoder.push(&chunk);
        skips += std::iter::from_fn(|| decoder.next_message().map(drop)).count();
        assert!(decoder.pending() <= MAX_MESSAGE_BYTES);
    }
    assert_eq!(skips, 1);
    assert!(decoder.pending() < 100, "a line being skipped is not kept");
    decoder.push(&[b"\r\n\r\n", NEXT].concat());
    assert!(matches!(decoder.next_message(), Some(Decoded::Message(message)) if message.name() == b"Next"));
}

#[test]
fn a_command_answer_over_the_limit_ends_at_its_mark() {
    let body = b"a line\n\n".repeat(MAX_MESSAGE_BYTES / 8 + 1);
    let stream = [
        b"Response: Follows\r\nPrivilege: Command\r\n",
        body.as_slice(),
        b"--END COMMAND--\r\n\r\n",
        NEXT,
    ]
    .concat();
    assert_eq!(names(&stream), ["over 1048576 bytes", "Next"]);
}

#[test]
fn a_command_answer_that_never_ends_gives_way_to_the_message_that_opens_after_a_blank_line() {
    let body = b"a line\n\n".repeat(MAX_MESSAGE_BYTES / 8 + 1);
    let stream = [b"Response: Follows\r\n", body.as_slice(), NEXT].concat();
    assert_eq!(names(&stream), ["over 1048576 bytes", "Next"]);
}
