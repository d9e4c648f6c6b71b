//! Where messages begin and end.

use super::super::{AmiDecoder, Decoded, EventList, MessageKind};
use super::{headers, names, pairs, seen, text};

#[test]
fn whoever_is_no_asterisk_is_greeted_all_the_same_for_the_session_to_judge() {
    for line in [
        "SSH-2.0-OpenSSH_9.6",
        "HTTP/1.1 400 Bad Request",
        "220 mail.example.org ESMTP",
    ] {
        let stream = format!("{line}\r\n");
        assert_eq!(
            seen(stream.as_bytes()),
            [(MessageKind::Greeting, line.to_owned(), vec![])]
        );
    }
}

#[test]
fn the_greeting_needs_no_blank_line_and_counts_at_the_start_of_any_message() {
    let session = b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\n\r\n";
    let twice = session.repeat(2);
    assert_eq!(
        names(&twice),
        [
            "Asterisk Call Manager/11.0.0",
            "Success",
            "Asterisk Call Manager/11.0.0",
            "Success"
        ]
    );
}

#[test]
fn lines_may_end_in_crlf_or_in_a_lone_lf() {
    let crlf = b"Asterisk Call Manager/1.1\r\nEvent: Hangup\r\nCause: 16\r\n\r\nEvent: Newchannel\r\n\r\n";
    let lf: Vec<u8> = crlf.iter().copied().filter(|byte| *byte != b'\r').collect();
    assert_eq!(seen(crlf).len(), 3);
    assert_eq!(seen(crlf), seen(&lf));
}

#[test]
fn one_line_may_end_in_lf_within_a_crlf_message() {
    let agents = b"Event: Agents\r\nAgent: 1\r\nCallStarted: 1795290834\nActionID: a\r\n\r\n";
    let expected = [
        ("Event", "Agents"),
        ("Agent", "1"),
        ("CallStarted", "1795290834"),
        ("ActionID", "a"),
    ];
    assert_eq!(headers(agents), pairs(&expected));
    assert_eq!(
        headers(b"Event: Agents\r\nCallStarted: 5\n\r\n"),
        pairs(&[("Event", "Agents"), ("CallStarted", "5")])
    );
}

#[test]
fn extra_blank_lines_are_no_messages_and_lose_none() {
    assert_eq!(
        names(b"\r\n\r\nEvent: A\r\n\r\n\r\n\n\r\nEvent: B\r\n\r\n\r\n"),
        ["A", "B"]
    );
}

#[test]
fn a_message_is_given_when_its_blank_line_is_whole_and_not_before() {
    let mut decoder = AmiDecoder::default();
    decoder.push(b"Event: A\r\nKey: v\r\n\r");
    assert!(decoder.next_message().is_none());
    assert_eq!(decoder.pending(), 19);
    decoder.push(b"\n");
    assert!(
        matches!(decoder.next_message(), Some(Decoded::Message(message)) if message.raw() == b"Event: A\r\nKey: v\r\n")
    );
    assert!(decoder.next_message().is_none());
    assert_eq!((decoder.pending(), decoder.messages()), (0, 1));
}

#[test]
fn the_kind_is_told_by_event_or_response_wherever_it_stands_in_any_case() {
    assert_eq!(seen(b"EVENT: A\r\n\r\n")[0].0, MessageKind::Event);
    assert_eq!(
        seen(b"ActionID: 1\r\nResponse: Success\r\n\r\n")[0].0,
        MessageKind::Response
    );
    assert_eq!(
        seen(b"Event: OriginateResponse\r\nResponse: Failure\r\n\r\n")[0].1,
        "OriginateResponse"
    );
    assert_eq!(seen(b"Key: value\r\n\r\n")[0].0, MessageKind::Other);
}

#[test]
fn old_command_answers_hold_blank_lines_and_colons_up_to_their_mark() {
    let answer = b"Response: Follows\r\nPrivilege: Command\r\nActionID: c\r\nActionID: not ours\n\nEvent: x\n  last\n--END COMMAND--\r\n\r\nEvent: A\r\n\r\n";
    let mut outputs = Vec::new();
    AmiDecoder::default().feed(answer, |decoded| {
        if let Decoded::Message(message) = decoded {
            outputs.push((
                text(message.name()),
                message.output().map(text).collect::<Vec<_>>(),
                message.headers().len(),
            ));
        }
    });
    let lines = ["ActionID: not ours", "", "Event: x", "  last"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(
        outputs,
        [("Follows".to_owned(), lines, 3), ("A".to_owned(), vec![], 1)]
    );
}

#[test]
fn an_old_command_answer_may_be_empty_or_lack_its_last_line_end() {
    for (body, expected) in [
        ("", vec![]),
        ("No such command", vec!["No such command"]),
        ("\r\n", vec![""]),
    ] {
        let answer = format!("Response: Follows\r\nPrivilege: Command\r\n{body}--END COMMAND--\r\n\r\n");
        let mut seen = Vec::new();
        AmiDecoder::default().feed(answer.as_bytes(), |decoded| {
            if let Decoded::Message(message) = decoded {
                seen.extend(message.output().map(text));
            }
        });
        assert_eq!(seen, expected, "{body:?}");
    }
}

#[test]
fn new_command_answers_have_output_headers() {
    let answer = b"Response: Success\r\nActionID: c\r\nMessage: Command output follows\r\nOutput: a: b\r\nOutput: \r\nOutput:   c\r\n\r\n";
    AmiDecoder::default().feed(answer, |decoded| {
        let Decoded::Message(message) = decoded else {
            panic!("skipped")
        };
        assert_eq!(
            message.output().map(text).collect::<Vec<_>>(),
            ["a: b", "", "  c"]
        );
        assert_eq!(message.action_id(), Some(&b"c"[..]));
    });
}

#[test]
fn the_place_in_a_list_is_told() {
    let list = b"Response: Success\r\nEventList: start\r\n\r\nEvent: X\r\n\r\nEvent: XComplete\r\nEventList: Complete\r\n\r\n";
    let mut places = Vec::new();
    AmiDecoder::default().feed(list, |decoded| {
        if let Decoded::Message(message) = decoded {
            places.push(message.event_list());
        }
    });
    assert_eq!(places, [Some(EventList::Start), None, Some(EventList::Complete)]);
}

#[test]
fn a_new_connection_forgets_the_half_message_and_expects_a_greeting() {
    let mut decoder = AmiDecoder::default();
    decoder.push(b"Event: Hangup\r\nUniqueid: 17");
    decoder.reset();
    assert_eq!(decoder.pending(), 0);
    decoder.push(b"Asterisk Call Manager/11.0.0\r\nEvent: A\r\n\r\n");
    let mut names = Vec::new();
    while let Some(Decoded::Message(message)) = decoder.next_message() {
        names.push(text(message.name()));
    }
    assert_eq!(names, ["Asterisk Call Manager/11.0.0", "A"]);
}

#[test]
fn after_lost_bytes_the_stream_goes_on_at_the_next_blank_line() {
    let mut decoder = AmiDecoder::default();
    decoder.push(b"Event: Hangup\r\nUniqueid: 17");
    decoder.lose_place();
    decoder.push(b"5.3\r\nCause: 16\r\n\r\nEvent: A\r\n\r\n");
    assert!(matches!(decoder.next_message(), Some(Decoded::Message(message)) if message.name() == b"A"));
    assert!(decoder.next_message().is_none());
    assert_eq!(decoder.skipped(), 0);
}

#[test]
fn a_message_that_begins_where_the_lost_bytes_end_is_whole() {
    for pieces in [
        vec![&b"Event: VarSet\r\nValue: 1\r\n\r\n"[..]],
        vec![b"Eve", b"nt: VarSet\r\nVal", b"ue: 1\r\n\r\n"],
    ] {
        let mut decoder = AmiDecoder::default();
        decoder.push(b"Event: Hangup\r\nUniqueid: 17");
        decoder.lose_place();
        for piece in pieces {
            decoder.push(piece);
        }
        assert!(
            matches!(decoder.next_message(), Some(Decoded::Message(message)) if message.name() == b"VarSet" && message.get("Value") == Some(b"1"))
        );
        assert!(decoder.next_message().is_none());
    }
}
