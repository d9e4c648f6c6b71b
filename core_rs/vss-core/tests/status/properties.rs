//! What must hold whatever comes: over recordings cut, thinned and shuffled, and over made-up traffic.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use vss_core::status::{Batch, BoardOptions, Moment, Session, StatusBoard};

use crate::recordings::{RECORDINGS, header};

/// More cases for a machine that has the time: `VSS_STATUS_CASES=500`.
pub fn cases(usual: u32) -> ProptestConfig {
    let cases = std::env::var("VSS_STATUS_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(usual);
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    }
}

pub fn board() -> StatusBoard {
    let mut options = BoardOptions {
        first_seq: Some(1),
        ..BoardOptions::default()
    };
    options.wrapup.insert("*".into(), 3000);
    StatusBoard::new(options).unwrap()
}

/// A small generator of our own, so that a case is named by one number.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

const NOW: Moment = Moment(1_795_290_600_000);

fn run(board: &mut StatusBoard, chunks: &[&[u8]]) -> Vec<Batch> {
    chunks
        .iter()
        .map(|chunk| board.feed(chunk, NOW, Session::Events))
        .collect()
}

fn told(batches: Vec<Batch>) -> Vec<(u64, Vec<u8>)> {
    batches
        .into_iter()
        .flat_map(|batch| batch.events)
        .map(|event| (event.seq, event.json))
        .collect()
}

/// Feed messages, then the Hangup of every channel any of them names; nothing live may be left.
fn nothing_is_left_after(messages: &[&[u8]]) -> Result<(), TestCaseError> {
    let mut board = board();
    let mut last = 0;
    for (count, message) in messages.iter().enumerate() {
        for event in board.feed(message, NOW, Session::Events).events {
            prop_assert!(event.seq > last);
            last = event.seq;
        }
        if count % 64 == 0 {
            prop_assert_eq!(board.contradictions(), Vec::<String>::new());
        }
    }
    prop_assert_eq!(board.contradictions(), Vec::<String>::new());
    prop_assert_eq!(board.leftovers(), Vec::<String>::new());
    let snapshot: serde_json::Value = serde_json::from_slice(&board.snapshot()).unwrap();
    for operator in snapshot["operators"].as_array().unwrap() {
        let in_call = operator["memberships"]
            .as_array()
            .unwrap()
            .iter()
            .any(|member| member["in_call"] == true);
        prop_assert!(!in_call && operator["call"].is_null(), "{}", operator);
        let state = operator["state"].as_str().unwrap();
        prop_assert!(!matches!(state, "talking"), "{}", operator);
    }
    Ok(())
}

/// A window of a recording, with a Hangup at its end for every channel that has none in it.
fn window<'a>(
    events: &[&'a [u8]],
    hangups: &'a [(String, Vec<u8>)],
    from: usize,
    length: usize,
) -> Vec<&'a [u8]> {
    let mut window: Vec<&[u8]> = events[from..(from + length).min(events.len())].to_vec();
    let named: Vec<String> = window.iter().flat_map(|event| uniqueids(event)).collect();
    let ended = |id: &str| {
        window
            .iter()
            .any(|event| header(event, "Event") == Some("Hangup") && header(event, "Uniqueid") == Some(id))
    };
    let missing: Vec<&[u8]> = hangups
        .iter()
        .filter(|(id, _)| named.contains(id) && !ended(id))
        .map(|(_, hangup)| hangup.as_slice())
        .collect();
    window.extend(missing);
    window
}

fn uniqueids(event: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(event);
    text.split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .filter(|(key, id)| {
            key.to_ascii_lowercase().ends_with("uniqueid") && !key.starts_with("Bridge") && *id != "none"
        })
        .map(|(_, id)| id.to_owned())
        .collect()
}

/// A Hangup for every channel of the recording.
fn hangups(events: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
    let mut ids: Vec<String> = events.iter().flat_map(|event| uniqueids(event)).collect();
    ids.sort_unstable();
    ids.dedup();
    let hangup = |id: &String| {
        format!("Event: Hangup\r\nChannel: x-{id}\r\nUniqueid: {id}\r\nCause: 16\r\n\r\n").into_bytes()
    };
    ids.iter().map(|id| (id.clone(), hangup(id))).collect()
}

proptest! {
    #![proptest_config(cases(3))]

    #[test]
    fn any_chunking_of_a_recording_gives_the_same_events_and_snapshot(recording in 0..5_usize, seed: u64) {
        let bytes = &RECORDINGS[recording].bytes[..RECORDINGS[recording].bytes.len().min(600_000)];
        let mut dice = Dice(seed);
        let (mut whole, mut cut) = (board(), board());
        let expected = told(run(&mut whole, &[bytes]));
        let mut chunks = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let limit = [1, 7, 100, 5000, 100_000][dice.below(5)];
            let (chunk, tail) = rest.split_at((1 + dice.below(limit)).min(rest.len()));
            chunks.push(chunk);
            rest = tail;
        }
        prop_assert!(told(run(&mut cut, &chunks)) == expected, "{}: events differ", RECORDINGS[recording].name);
        prop_assert!(whole.snapshot() == cut.snapshot(), "{}: snapshots differ", RECORDINGS[recording].name);
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn after_all_hangups_nothing_is_left_of_a_recording_thinned_and_shuffled(recording in 0..5_usize, seed: u64) {
        let events = RECORDINGS[recording].events();
        let hangups = hangups(&events);
        let mut dice = Dice(seed);
        let length = 400 + dice.below(1200);
        let from = dice.below(events.len().saturating_sub(length));
        let mut window = window(&events, &hangups, from, length);
        // Lose up to a third of everything but Hangups.
        let loss = dice.below(34);
        window.retain(|event| header(event, "Event") == Some("Hangup") || dice.below(100) >= loss);
        // Swap neighbours up to `reach` apart.
        let reach = [1, 2, 5, 20, 200][dice.below(5)];
        for place in 0..window.len() {
            let other = (place + dice.below(reach)).min(window.len() - 1);
            window.swap(place, other);
        }
        nothing_is_left_after(&window)?;
    }

    #[test]
    fn random_bytes_on_either_session_leave_whole_json(chunks in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 0..12)) {
        let mut board = board();
        for (events, chunk) in chunks {
            board.feed(&chunk, NOW, if events { Session::Events } else { Session::Actions });
        }
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&board.snapshot()).is_ok());
    }
}
