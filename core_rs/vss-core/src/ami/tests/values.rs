//! What belongs to a value, and how it is read.

use super::super::{AmiDecoder, Decoded, Encoding};
use super::{headers, names, pairs};

/// The text of `key` in the one message of `stream`.
fn text(encoding: Encoding, stream: &[u8], key: &str) -> Option<String> {
    let mut decoder = AmiDecoder::new(encoding);
    decoder.push(stream);
    let Some(Decoded::Message(message)) = decoder.next_message() else {
        panic!("no message")
    };
    message.text(key).map(std::borrow::Cow::into_owned)
}

#[test]
fn a_line_that_is_no_header_continues_the_value_above() {
    for (rest, value) in [
        ("second line\r\n", "first\r\nsecond line"),
        ("see http://example.org\r\n", "first\r\nsee http://example.org"),
        ("http://example.org\r\n", "first\r\nhttp://example.org"),
        ("12:30\r\n", "first\r\n12:30"),
        (": x\r\n", "first\r\n: x"),
        ("{\"a\": 1}\r\n \t\r\n", "first\r\n{\"a\": 1}\r\n \t"),
    ] {
        let stream = format!("Event: VarSet\r\nValue: first\r\n{rest}Uniqueid: 1\r\n\r\n");
        let expected = [("Event", "VarSet"), ("Value", value), ("Uniqueid", "1")];
        assert_eq!(headers(stream.as_bytes()), pairs(&expected), "{rest:?}");
    }
}

#[test]
fn an_lf_only_blank_line_within_a_crlf_message_belongs_to_the_value() {
    let stream = b"Event: Newexten\r\nAppData: one\n\n\ntwo\r\nUniqueid: 1\r\n\r\nEvent: B\r\n\r\n";
    assert_eq!(names(stream), ["Newexten", "B"]);
    assert_eq!(headers(&stream[..60])[1].1, "one\n\n\ntwo");
}

#[test]
fn an_lf_only_blank_line_ends_a_message_when_another_opens_after_it() {
    assert_eq!(
        names(b"Event: A\r\nX: 1\n\nEvent: B\r\nY: 2\r\n\nEvent: C\n\n"),
        ["A", "B", "C"]
    );
}

#[test]
fn a_lone_cr_stays_in_its_value() {
    assert_eq!(headers(b"Event: A\r\nX: a\rb\r\r\n\r\n")[1].1, "a\rb\r");
}

#[test]
fn an_empty_value_may_lack_its_space() {
    assert_eq!(
        headers(b"Event: A\r\nX:\r\nY: \r\nZ:  z \r\n\r\n")[1..],
        pairs(&[("X", ""), ("Y", ""), ("Z", " z ")])
    );
}

#[test]
fn repeated_headers_keep_their_order_and_the_first_is_got() {
    let stream = b"Event: A\r\nVariable: 1\r\nX: x\r\nvariable: 2\r\n\r\n";
    AmiDecoder::default().feed(stream, |decoded| {
        let Decoded::Message(message) = decoded else {
            panic!("skipped")
        };
        assert_eq!(message.get("VARIABLE"), Some(&b"1"[..]));
        assert_eq!(message.get_all("Variable").collect::<Vec<_>>(), [b"1", b"2"]);
        assert_eq!(message.get("Vari"), None);
    });
    assert_eq!(headers(stream).len(), 4);
}

#[test]
fn both_forms_of_channel_variables_are_headers_with_any_prefix() {
    let stream = b"Event: A\r\nChanVariable: a=b: c\r\nDestChanVariable: d=\r\nChanVariable(SIP/my peer-1): e=f\r\nDestChanVariable(PJSIP/sip:7@h-1): g=h\r\n\r\n";
    let expected = [
        ("ChanVariable", "a=b: c"),
        ("DestChanVariable", "d="),
        ("ChanVariable(SIP/my peer-1)", "e=f"),
        ("DestChanVariable(PJSIP/sip:7@h-1)", "g=h"),
    ];
    assert_eq!(headers(stream)[1..], pairs(&expected));
}

#[test]
fn names_and_variables_of_a_channel_snapshot_lose_their_escapes() {
    let stream = br#"Event: AgentCalled
CallerIDName: O\'Brien \\ \?\t\x
ConnectedLineName: a\nb
ChanVariable: q=\"x\"
Exten: a\nb
Linkedid: 1
DestCallerIDName: D\'Arcy
DestLinkedid: 1

"#;
    let utf8 = Encoding::Utf8;
    assert_eq!(text(utf8, stream, "calleridname").unwrap(), "O'Brien \\ ?\t\\x");
    assert_eq!(text(utf8, stream, "ConnectedLineName").unwrap(), "a\nb");
    assert_eq!(text(utf8, stream, "ChanVariable").unwrap(), "q=\"x\"");
    assert_eq!(text(utf8, stream, "DestCallerIDName").unwrap(), "D'Arcy");
    assert_eq!(
        text(utf8, stream, "Exten").unwrap(),
        r"a\nb",
        "not a value Asterisk escapes"
    );
}

#[test]
fn the_same_keys_keep_their_backslashes_where_asterisk_does_not_escape() {
    let entry = b"Event: QueueEntry\nCallerIDName: a\\nb\n\n";
    assert_eq!(text(Encoding::Utf8, entry, "CallerIDName").unwrap(), r"a\nb");
    let other_leg = b"Event: Dial\nCallerIDName: a\\nb\nDestLinkedid: 1\n\n";
    assert_eq!(text(Encoding::Utf8, other_leg, "CallerIDName").unwrap(), r"a\nb");
}

#[test]
fn the_value_of_a_varset_is_escaped_since_asterisk_13_only() {
    let new = b"Event: VarSet\nChannel: none\nUniqueid: none\nVariable: X\nValue: a\\nb\n\n";
    let old = b"Event: VarSet\nChannel: none\nVariable: X\nValue: a\\nb\nUniqueid: none\n\n";
    assert_eq!(text(Encoding::Utf8, new, "Value").unwrap(), "a\nb");
    assert_eq!(text(Encoding::Utf8, old, "Value").unwrap(), r"a\nb");
}

#[test]
fn bytes_that_are_not_utf_8_are_read_by_the_session_s_encoding_and_kept_raw() {
    let stream = b"Event: A\r\nPausedReason: \xce\xe1\xe5\xe4\r\n\r\n";
    assert_eq!(text(Encoding::Cp1251, stream, "PausedReason").unwrap(), "Обед");
    assert_eq!(
        text(Encoding::Utf8, stream, "PausedReason").unwrap(),
        "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
    );
    AmiDecoder::new(Encoding::Cp1251).feed(stream, |decoded| {
        let Decoded::Message(message) = decoded else {
            panic!("skipped")
        };
        assert_eq!(message.get("PausedReason"), Some(&b"\xce\xe1\xe5\xe4"[..]));
    });
}

#[test]
fn an_unset_value_stays_as_asterisk_wrote_it() {
    assert_eq!(
        text(
            Encoding::Utf8,
            b"Event: A\nCallerIDNum: <unknown>\n\n",
            "CallerIDNum"
        )
        .unwrap(),
        "<unknown>"
    );
}
