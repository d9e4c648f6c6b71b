//! AMI events handed out as they came, and gaps that lie before the board's time.

use serde_json::{Value, json};
use vss_core::ami::AmiDecoder;
use vss_core::status::{BoardOptions, Moment, Session, StatusBoard};

fn board() -> StatusBoard {
    StatusBoard::new(BoardOptions::default()).unwrap()
}

fn names(bytes: &[u8]) -> Vec<String> {
    let mut decoder = AmiDecoder::default();
    decoder.push(bytes);
    let batch = decoder.take_batch();
    (0..batch.len())
        .map(|index| String::from_utf8_lossy(batch.get(index).unwrap().name()).into_owned())
        .collect()
}

const EVENTS: &[u8] = b"Event: UserEvent\r\nUserEvent: Sale\r\nAmount: 5\r\n\r\n\
    Event: Hangup\r\nUniqueid: 1.0\r\n\r\nEvent: userevent\r\nUserEvent: Other\r\n\r\n";

#[test]
fn nothing_is_handed_out_unless_it_was_asked_for() {
    let mut board = board();
    assert!(board.feed(EVENTS, Moment(0), Session::Events).watched.is_empty());
}

#[test]
fn events_of_a_watched_name_come_in_order_whatever_their_case() {
    let mut board = board();
    board.watch("USEREVENT");
    board.watch("UserEvent");
    let batch = board.feed(EVENTS, Moment(0), Session::Events);
    assert_eq!(names(&batch.watched), ["UserEvent", "userevent"]);
}

#[test]
fn a_watched_event_is_whole_however_its_bytes_were_split() {
    let whole = {
        let mut board = board();
        board.watch("UserEvent");
        board.feed(EVENTS, Moment(0), Session::Events).watched
    };
    for at in 0..EVENTS.len() {
        let mut board = board();
        board.watch("UserEvent");
        let mut watched = board.feed(&EVENTS[..at], Moment(0), Session::Events).watched;
        watched.extend(board.feed(&EVENTS[at..], Moment(0), Session::Events).watched);
        assert_eq!(watched, whole, "split at {at}");
    }
}

#[test]
fn items_of_lists_on_the_other_session_are_not_live_events() {
    let mut board = board();
    board.watch("Hangup");
    assert!(board.feed(EVENTS, Moment(0), Session::Actions).watched.is_empty());
}

#[test]
fn a_gap_before_our_time_is_told_at_once_and_the_numbers_go_on_above_it() {
    let mut board = board();
    let now = Moment(1_795_290_561_000);
    let far_ahead = 1_795_290_999_000_000;
    let batch = board.report_gap(
        far_ahead,
        Moment(1_795_290_500_000),
        "the router was started again",
        now,
    );
    let [event] = batch.events.as_slice() else {
        panic!("one event, not {:?}", batch.events);
    };
    let told: Value = serde_json::from_slice(&event.json).unwrap();
    assert_eq!(event.key, "sync.gap");
    assert!(event.seq > far_ahead);
    assert_eq!(told["from_seq"], json!(far_ahead));
    assert_eq!(told["to_seq"], json!(event.seq));
    assert_eq!(told["reason"], "the router was started again");
    assert_eq!(told["started"], "2026-11-21T19:48:20.000Z");
    assert_eq!(told["ended"], "2026-11-21T19:49:21.000Z");
}

#[test]
fn a_gap_behind_our_clock_does_not_hold_the_numbers_back() {
    let mut board = board();
    let now = Moment(1_795_290_561_000);
    let batch = board.report_gap(17, Moment(0), "the router was started again", now);
    assert_eq!(batch.events[0].seq, 1_795_290_561_000_001);
}
