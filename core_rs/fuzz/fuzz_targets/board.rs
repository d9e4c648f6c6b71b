//! Any bytes on either session, a lost link and the passing of time: the board stays whole and its JSON valid.
//!
//! 0xFF in the input ends a step; the byte after it chooses what comes next.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vss_core::status::{BoardOptions, Moment, Session, StatusBoard};

fuzz_target!(|input: &[u8]| {
    let options = BoardOptions { first_seq: Some(1), ..BoardOptions::default() };
    let mut board = StatusBoard::new(options).expect("the default options are good");
    let mut last_seq = 0;
    for (step, part) in input.split(|byte| *byte == 0xFF).enumerate() {
        let now = Moment(step as i64 * 250);
        let Some((choice, bytes)) = part.split_first() else { continue };
        let batch = match choice % 5 {
            0 => board.feed(bytes, now, Session::Actions),
            1 => board.lost(Session::Events, "fuzz", now),
            2 => board.tick(now),
            _ => board.feed(bytes, now, Session::Events),
        };
        for event in &batch.events {
            assert!(event.seq > last_seq, "seq went back from {last_seq} to {}", event.seq);
            last_seq = event.seq;
            serde_json::from_slice::<serde::de::IgnoredAny>(&event.json).expect("an event is JSON");
        }
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(&board.snapshot()).expect("the snapshot is JSON");
});
