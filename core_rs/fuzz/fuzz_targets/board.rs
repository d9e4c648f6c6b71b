//! Any bytes on either session, a lost link, resyncs of every kind and the passing of time: the board stays whole and
//! its JSON valid.
//!
//! 0xFF in the input ends a step; the byte after it chooses what comes next.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vss_core::status::resync::Fence;
use vss_core::status::{Batch, BoardOptions, Moment, Session, StatusBoard};

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
        _ => board.feed(bytes, now, Session::Events),
    }
}

fuzz_target!(|input: &[u8]| {
    let options = BoardOptions { first_seq: Some(1), ..BoardOptions::default() };
    let mut board = StatusBoard::new(options).expect("the default options are good");
    let mut last_seq = 0;
    for (count, part) in input.split(|byte| *byte == 0xFF).enumerate() {
        let Some((choice, bytes)) = part.split_first() else { continue };
        for event in step(&mut board, *choice, bytes, Moment(count as i64 * 250)).events {
            assert!(event.seq > last_seq, "seq went back from {last_seq} to {}", event.seq);
            last_seq = event.seq;
            serde_json::from_slice::<serde::de::IgnoredAny>(&event.json).expect("an event is JSON");
        }
        assert_eq!(board.contradictions(), Vec::<String>::new());
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(&board.snapshot()).expect("the snapshot is JSON");
});
