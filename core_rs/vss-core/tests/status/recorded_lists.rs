//! A resync at each set of lists of each recording: nothing in a core field differs from what the events gave.

use serde_json::Value;
use vss_core::status::resync::Fence;
use vss_core::status::{Moment, Session, StatusBoard};

use crate::properties::board;
use crate::recordings::{RECORDINGS, Recording, header};

const LISTS: [&str; 5] = [
    "CoreShowChannels",
    "QueueStatus",
    "DeviceStateList",
    "ExtensionStateList",
    "Agents",
];
const CHANNEL: [&str; 9] = [
    "name",
    "state",
    "caller",
    "connected",
    "context",
    "exten",
    "linkedid",
    "bridge_id",
    "queue",
];
const MEMBER: [&str; 6] = [
    "status",
    "paused",
    "paused_reason",
    "penalty",
    "membership",
    "login_time",
];
/// So many events of the recording stand between the last list and the fence.
const BEHIND: usize = 12;

/// `snap-3-QueueStatus` → (`snap-3`, `QueueStatus`).
fn set_of(message: &[u8]) -> Option<(&str, &str)> {
    header(message, "ActionID")?
        .rsplit_once('-')
        .filter(|(set, _)| set.starts_with("snap-"))
}

/// The sets of a recording: name, place of the first and of the last message.
fn sets(messages: &[&[u8]]) -> Vec<(String, usize, usize)> {
    let mut sets: Vec<(String, usize, usize)> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let Some((set, _)) = set_of(message) else { continue };
        match sets.last_mut().filter(|last| last.0 == set) {
            Some(last) => last.2 = place,
            None => sets.push((set.to_owned(), place, place)),
        }
    }
    sets
}

fn waiting(callers: &Value) -> Vec<&Value> {
    callers
        .as_array()
        .into_iter()
        .flatten()
        .map(|caller| &caller["channel"])
        .collect()
}

/// Whether a change is one of a core field.
fn is_core(change: &Value) -> bool {
    let (row, field) = (change["row"].as_str().unwrap(), change["field"].as_str().unwrap());
    match row.split_once(':').unwrap().0 {
        "channel" => CHANNEL.contains(&field),
        "queue" => field == "callers" && waiting(&change["was"]) != waiting(&change["now"]),
        "operator" if field.starts_with("memberships.") => {
            let name = field.rsplit_once('.').unwrap().1;
            MEMBER.contains(&name) || change["was"].is_object() || change["now"].is_object()
        }
        _ => false,
    }
}

/// Feed one recording with a resync at each set; the number of swaps, and the core differences after the first.
/// `each` sees the board after each message.
pub fn with_resyncs(
    recording: &Recording,
    mut each: impl FnMut(&mut StatusBoard, usize),
) -> (usize, Vec<String>) {
    let messages = recording.messages();
    let sets = sets(&messages);
    let mut board: StatusBoard = board();
    let now = Moment(1_795_290_600_000);
    let (mut swaps, mut found) = (0, Vec::new());
    let mut fence_at = None;
    for (place, message) in messages.iter().enumerate() {
        if let Some((name, ..)) = sets.iter().find(|set| set.1 == place) {
            let lists: Vec<(&str, String)> = LISTS
                .iter()
                .map(|list| (*list, format!("{name}-{list}")))
                .filter(|(_, id)| {
                    messages
                        .iter()
                        .any(|message| header(message, "ActionID") == Some(id))
                })
                .collect();
            let lists = lists.iter().map(|(list, id)| (*list, id.as_str()));
            board
                .begin_resync(lists, Fence::Setvar("f".into()), "test", now)
                .unwrap();
        }
        // Other lists of the set share names of events with those that are read.
        let of_read_list = set_of(message).is_none_or(|(_, list)| LISTS.contains(&list));
        if of_read_list {
            board.feed(message, now, Session::Events);
        }
        if sets.iter().any(|set| set.2 == place) {
            fence_at = Some((place + BEHIND).min(messages.len() - 1));
        }
        if fence_at == Some(place) {
            fence_at = None;
            let fence = b"Event: VarSet\r\nChannel: none\r\nUniqueid: none\r\nVariable: VSS_FENCE\r\nValue: f\r\n\r\n";
            let batch = board.feed(fence, now, Session::Events);
            let event = batch
                .events
                .iter()
                .find(|event| event.key == "sync.reconciled")
                .expect("the fence swaps");
            let event: Value = serde_json::from_slice(&event.json).unwrap();
            swaps += 1;
            if swaps > 1 {
                let rows = event["added"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .chain(event["removed"].as_array().unwrap());
                found.extend(
                    rows.filter(|row| row.as_str().unwrap().starts_with("channel:"))
                        .map(ToString::to_string),
                );
                found.extend(
                    event["changed"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter(|change| is_core(change))
                        .map(ToString::to_string),
                );
            }
            assert_eq!(board.contradictions(), Vec::<String>::new());
        }
        each(&mut board, place);
    }
    (swaps, found)
}

#[test]
fn a_resync_at_each_set_of_a_recording_finds_no_difference_in_core_fields() {
    for recording in RECORDINGS.iter() {
        let (swaps, found) = with_resyncs(recording, |_, _| ());
        assert!(swaps >= 2, "{}: {swaps} sets", recording.name);
        assert_eq!(found, Vec::<String>::new(), "{}", recording.name);
    }
}
