//! Any bytes on either session, a lost link, resyncs of every kind, rows by hand and the passing of time: the board stays
//! whole, its JSON valid, and whoever follows its changes has its rows.
//!
//! 0xFF in the input ends a step; the byte after it chooses what comes next.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use vss_core::status::resync::Fence;
use vss_core::status::{Batch, BoardOptions, Change, Moment, Origin, RowByHand, Session, StatusBoard, Table};

const LISTS: [(&str, &str); 3] = [("CoreShowChannels", "l"), ("QueueStatus", "q"), ("DeviceStateList", "d")];

fn step(board: &mut StatusBoard, choice: u8, bytes: &[u8], now: Moment) -> Batch {
    match choice % 16 {
        0 => board.feed(bytes, now, Session::Actions),
        1 => board.lost(Session::Events, "fuzz", now),
        2 => board.lost(Session::Actions, "fuzz", now),
        3 => board.tick(now),
        4 => board.overflowed(bytes.len() as u64, now),
        5 => board.connected(now),
        6 => board.abandon_resync("fuzz"),
        kind @ 7..=9 => {
            let fence = match kind {
                7 => Fence::Setvar("f".into()),
                8 => Fence::QueuePause("PJSIP/1001".into()),
                _ => Fence::None,
            };
            board.begin_resync(LISTS, fence, "fuzz", now).expect("the lists are known");
            board.feed(bytes, now, Session::Actions)
        }
        10 => {
            // Whether a resync runs is the fuzzer's luck; either answer is right.
            let _ = board.list_asked_again("q", "q");
            board.feed(bytes, now, Session::Actions)
        }
        11 => by_hand(board, bytes, now),
        12 => {
            board.remove_row(Table::ALL[bytes.len() % 4], HANDY, now);
            board.feed(bytes, now, Session::Events)
        }
        13 if bytes.is_empty() => {
            board.clear(now);
            Batch::default()
        }
        _ => board.feed(bytes, now, Session::Events),
    }
}

/// An id that events of recordings name too, as an operator, a queue or a channel.
const HANDY: &str = "PJSIP/1001";

fn by_hand(board: &mut StatusBoard, bytes: &[u8], now: Moment) -> Batch {
    let origin = if bytes.len() % 2 == 0 { Origin::Manual } else { Origin::Database };
    let row = RowByHand {
        json: br#"{"state":"paused"}"#,
        origin,
        state: "paused",
        queues: vec!["support".into()],
        extension: "1001",
        name: "",
    };
    let table = Table::ALL[bytes.len() / 2 % 4];
    board.set_row(table, HANDY, row, now).expect("the row is a row")
}

type Rows = BTreeMap<(&'static str, String), Vec<u8>>;

/// Ask for some changes; the new cursor.
fn follow(board: &mut StatusBoard, rows: &mut Rows, since: u64, limit: usize) -> (u64, bool) {
    let span = board.changes(since, limit, |change| match change {
        Change::Put { table, id, row, .. } => {
            rows.insert((table.name(), id.to_owned()), row.to_vec());
        }
        Change::Remove { table, id } => {
            rows.remove(&(table.name(), id.to_owned()));
        }
    });
    assert!(!span.lost && span.to >= since);
    (span.to, span.complete)
}

fuzz_target!(|input: &[u8]| {
    let options = BoardOptions { first_seq: Some(1), ..BoardOptions::default() };
    let mut board = StatusBoard::new(options).expect("the default options are good");
    let mut last_seq = 0;
    let (mut rows, mut cursor) = (Rows::new(), 0);
    for (count, part) in input.split(|byte| *byte == 0xFF).enumerate() {
        let Some((choice, bytes)) = part.split_first() else { continue };
        for event in step(&mut board, *choice, bytes, Moment(count as i64 * 250)).events {
            assert!(event.seq > last_seq, "seq went back from {last_seq} to {}", event.seq);
            last_seq = event.seq;
            serde_json::from_slice::<serde::de::IgnoredAny>(&event.json).expect("an event is JSON");
        }
        assert_eq!(board.contradictions(), Vec::<String>::new());
        cursor = follow(&mut board, &mut rows, cursor, 3).0;
    }
    loop {
        let (to, complete) = follow(&mut board, &mut rows, cursor, 50);
        cursor = to;
        if complete {
            break;
        }
    }
    let mut shown = Rows::new();
    for table in Table::ALL {
        let found = board.rows(table, None, None, None, usize::MAX);
        shown.extend(found.into_iter().map(|(id, row)| ((table.name(), id), row)));
    }
    assert!(rows == shown, "a follower has other rows than the board");
    serde_json::from_slice::<serde::de::IgnoredAny>(&board.snapshot()).expect("the snapshot is JSON");
});
