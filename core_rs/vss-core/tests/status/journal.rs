//! What consumers read: events in the format of the messages, ids, sequence.

use serde_json::{Value, json};

use crate::pbx::{Pbx, START};

fn fields(event: &Value) -> Vec<&str> {
    event.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn one_call_is_told_from_start_to_end_in_order() {
    let mut pbx = Pbx::staffed();
    pbx.served_call()
        .at(10.0)
        .complete()
        .exit("b", "a")
        .exit("b", "c")
        .hangup("a")
        .hangup("c");
    let told: Vec<_> = pbx
        .events
        .iter()
        .filter(|(key, _)| key.starts_with("call."))
        .collect();
    assert_eq!(told.first().unwrap().0, "call.start");
    assert_eq!(told.last().unwrap().0, "call.end");
    let updates: Vec<_> = told
        .iter()
        .filter(|(key, _)| *key == "call.update")
        .map(|(_, event)| event["status"].clone())
        .collect();
    assert_eq!(
        updates,
        ["queued", "queued", "talking"],
        "waiting, then with an operator, then in the bridge"
    );
    let position = told
        .iter()
        .find(|(key, event)| *key == "call.update" && event["status"] == "queued")
        .unwrap()
        .1["position"]
        .clone();
    assert_eq!(position, json!(1));
}

#[test]
fn every_kind_of_event_has_its_fields_and_a_uuid_of_its_own() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(10.0).complete().hangup("a").hangup("c");
    let common = ["event", "id", "seq", "source", "timestamp"];
    for (key, own) in [
        (
            "call.start",
            &[
                "call_id",
                "direction",
                "operator_id",
                "phone_number",
                "queue",
                "slot_id",
            ][..],
        ),
        (
            "call.update",
            &["call_id", "operator_id", "position", "queue", "slot_id", "status"][..],
        ),
        (
            "call.end",
            &[
                "call_id",
                "disposition",
                "hangup_cause",
                "hold_seconds",
                "merged_into",
                "operator_id",
                "queue",
                "slot_id",
                "talk_seconds",
                "wait_seconds",
            ][..],
        ),
        ("queue.update", &["row"][..]),
    ] {
        for event in pbx.said(key) {
            let mut expected: Vec<&str> = common.iter().chain(own).copied().collect();
            expected.sort_unstable();
            let mut told = fields(event);
            told.sort_unstable();
            assert_eq!(told, expected, "{key}");
        }
    }
    let ids: std::collections::BTreeSet<_> = pbx
        .events
        .iter()
        .map(|(_, event)| event["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), pbx.events.len());
}

#[test]
fn an_operators_event_carries_the_row_and_the_state_before() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call();
    let event = (*pbx.said("operator.update").last().unwrap()).clone();
    assert_eq!(
        (&event["previous_state"], &event["row"]["state"]),
        (&json!("available"), &json!("ringing"))
    );
    assert_eq!(event["row"]["seq"], event["seq"]);
    assert_eq!(event["row"], pbx.operator("PJSIP/1001"));
}

#[test]
fn a_facts_time_is_its_stamp_by_our_clock() {
    let mut pbx = Pbx::staffed();
    pbx.board.set_clock_offset(250);
    pbx.at(2.0)
        .member_event("QueueMemberPause", "support", "PJSIP/1002", "Paused: 1");
    assert_eq!(pbx.operator("PJSIP/1002")["since"], Pbx::iso(1.75));
}

#[test]
fn the_sequence_begins_with_our_clock_and_not_with_a_stamp_of_asterisks() {
    let mut options = crate::pbx::options();
    options.first_seq = None;
    let mut pbx = Pbx::with(options);
    let ahead = pbx.at(3600.0).text(
        "QueueMemberAdded",
        &[],
        "Queue: support\nInterface: PJSIP/1001\nStatus: 1",
    );
    pbx.at(0.0).bytes(ahead.as_bytes());
    let first = u64::try_from(START).unwrap() * 1_000_000;
    let told: Vec<u64> = pbx
        .events
        .iter()
        .filter_map(|(_, event)| event["seq"].as_u64())
        .collect();
    assert!(!told.is_empty());
    assert!(
        told.iter().all(|seq| (first..first + 1000).contains(seq)),
        "{told:?}"
    );
}
