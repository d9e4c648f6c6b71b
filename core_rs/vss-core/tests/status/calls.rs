//! Calls: direction, merging, hold, parking, transfers, pickup.

use serde_json::json;
use vss_core::status::Table;

use crate::pbx::Pbx;

/// Two phones talk in bridge `b`: `x` of 1001 (call `x`), `y` of 1002.
fn two_phones() -> Pbx {
    let mut pbx = Pbx::staffed();
    pbx.channel("x", "PJSIP/1001-01", "x")
        .state("x", 4)
        .channel("y", "PJSIP/1002-01", "x")
        .state("y", 5);
    pbx.at(2.0)
        .state("y", 6)
        .state("x", 6)
        .enter("b", "y")
        .enter("b", "x");
    pbx
}

#[test]
fn failed_transfers_change_nothing() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(6.0);
    pbx.say(
        "BlindTransfer",
        &[("Transferer", "a"), ("Transferee", "c")],
        "Result: Fail\nExtension: 9",
    );
    pbx.say(
        "AttendedTransfer",
        &[("OrigTransferer", "a"), ("Transferee", "c")],
        "Result: Invalid\nDestType: Fail",
    );
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.call("c")["transfers"].clone()),
        ("talking".into(), json!([]))
    );
}

#[test]
fn a_blind_transfer_ends_the_service_and_the_talk_goes_on_elsewhere() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(6.0);
    pbx.say(
        "BlindTransfer",
        &[("Transferer", "a"), ("Transferee", "c")],
        "Result: Success\nIsExternal: Yes\nContext: ctx\nExtension: 1002",
    );
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
    pbx.exit("b", "c")
        .exit("b", "a")
        .hangup("a")
        .channel("z", "PJSIP/1002-01", "c")
        .state("z", 5);
    pbx.at(8.0)
        .state("z", 6)
        .enter("n", "z")
        .enter("n", "c")
        .complete();
    assert_eq!(
        (pbx.state_of("PJSIP/1002"), pbx.call("c")["status"].clone()),
        ("other_call".into(), json!("talking"))
    );
    assert_eq!(
        pbx.operator("PJSIP/1001")["wrap_up_ends"],
        Pbx::iso(11.0),
        "the late AgentComplete changes nothing"
    );
    let transfer = pbx.call("c")["transfers"][0].clone();
    assert_eq!(
        transfer,
        json!({"kind": "blind", "at": Pbx::iso(6.0), "by": "PJSIP/1001", "to": "1002"})
    );
    pbx.hangup("z").hangup("c").assert_nothing_left();
}

#[test]
fn an_attended_transfer_merges_the_consultation_into_the_callers_call() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(6.0).say("Hold", &[("", "a")], "");
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.call("c")["status"].clone()),
        ("on_hold".into(), json!("on_hold"))
    );
    pbx.channel("p", "PJSIP/1001-02", "p")
        .state("p", 4)
        .channel("z", "PJSIP/1002-01", "p")
        .state("z", 6)
        .state("p", 6);
    pbx.enter("k", "z").enter("k", "p").at(9.0);
    pbx.say(
        "AttendedTransfer",
        &[
            ("OrigTransferer", "a"),
            ("SecondTransferer", "p"),
            ("Transferee", "c"),
            ("TransferTarget", "z"),
        ],
        "Result: Success\nDestType: Bridge\nDestBridgeUniqueid: b",
    );
    // z takes a's place; the oldest Linkedid is spread in silence.
    pbx.link("z", "c")
        .enter_with(
            "b",
            "z",
            "BridgeType: basic\nBridgeTechnology: simple_bridge\nSwapUniqueid: a",
        )
        .exit("k", "z")
        .exit("b", "a");
    pbx.hangup("a").hangup("p");
    assert_eq!(pbx.leg("z")["linkedid"], "c");
    assert_eq!(pbx.call("p")["status"], "ended");
    assert_eq!(
        (pbx.call("c")["status"].clone(), pbx.state_of("PJSIP/1002")),
        (json!("talking"), "other_call".into())
    );
    assert_eq!(pbx.call("c")["transfers"][0]["to"], "PJSIP/1002");
    assert_eq!(pbx.call("c")["hold_seconds"], json!(3.0));
    pbx.at(12.0).hangup("z").hangup("c").assert_nothing_left();
}

#[test]
fn a_three_way_call_keeps_the_transferer_in() {
    let mut pbx = Pbx::staffed();
    pbx.served_call()
        .channel("p", "PJSIP/1001-02", "p")
        .channel("z", "PJSIP/1002-01", "p")
        .state("z", 6)
        .at(6.0);
    pbx.say(
        "AttendedTransfer",
        &[
            ("OrigTransferer", "a"),
            ("SecondTransferer", "p"),
            ("Transferee", "c"),
            ("TransferTarget", "z"),
        ],
        "Result: Success\nDestType: Threeway",
    );
    assert_eq!(pbx.state_of("PJSIP/1001"), "talking");
    pbx.link("z", "c").enter("b", "z");
    assert_eq!(pbx.leg("c")["bridge_peers"], json!(["a", "z"]));
    pbx.hangup("c");
    assert_eq!(pbx.call("c")["status"], "talking", "two of three still talk");
}

#[test]
fn a_linkedid_spreads_at_bridge_enter_and_the_younger_call_ends_merged() {
    let mut pbx = Pbx::staffed();
    pbx.at(1.0)
        .channel("x", "PJSIP/1001-01", "x")
        .state("x", 6)
        .at(2.0)
        .channel("y", "PJSIP/1002-01", "y")
        .state("y", 6);
    pbx.enter("b", "y").link("x", "x").enter("b", "x");
    assert_eq!(pbx.leg("y")["linkedid"], "x");
    let ended = pbx.said("call.end");
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (
            &ended[0]["call_id"],
            &ended[0]["merged_into"],
            &ended[0]["disposition"]
        ),
        (&json!("y"), &json!("x"), &json!(null))
    );
    pbx.hangup("x").hangup("y").assert_nothing_left();
    assert_eq!(pbx.said("call.end").len(), 2);
}

#[test]
fn a_holding_bridge_is_not_talk_and_spreads_no_linkedid() {
    let mut pbx = Pbx::staffed();
    pbx.channel("x", "PJSIP/1001-01", "x")
        .state("x", 6)
        .channel("y", "PJSIP/1002-01", "y")
        .state("y", 6);
    for id in ["x", "y"] {
        pbx.enter_with("h", id, "BridgeType: holding\nBridgeTechnology: holding_bridge");
    }
    assert_eq!(
        (pbx.call("x")["status"].clone(), pbx.leg("y")["linkedid"].clone()),
        (json!("initiating"), json!("y"))
    );
    pbx.say(
        "BridgeCreate",
        &[],
        "BridgeUniqueid: other\nBridgeTechnology: holding_bridge\nBridgeNumChannels: 0",
    );
    pbx.hangup("x").hangup("y").assert_nothing_left();
}

#[test]
fn hold_is_of_its_sender_and_ends_with_the_bridge() {
    let mut pbx = two_phones();
    pbx.at(4.0).say("Hold", &[("", "x")], "MusicClass: default");
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.state_of("PJSIP/1002")),
        ("on_hold".into(), "other_call".into())
    );
    pbx.at(5.0)
        .say("MusicOnHoldStart", &[("", "y")], "Class: default");
    assert_eq!(pbx.leg("y")["on_hold"], false);
    pbx.at(7.0).exit("b", "x");
    assert_eq!(
        (pbx.leg("x")["on_hold"].clone(), pbx.call("x")["status"].clone()),
        (json!(false), json!("talking"))
    );
    assert_eq!(pbx.call("x")["hold_seconds"], json!(3.0));
}

#[test]
fn a_bridge_that_is_destroyed_lets_its_channels_go() {
    let mut pbx = two_phones();
    pbx.say("BridgeDestroy", &[], "BridgeUniqueid: b");
    assert_eq!(pbx.leg("x")["bridge_id"], json!(null));
    pbx.say("BridgeMerge", &[], "ToBridgeUniqueid: n\nFromBridgeUniqueid: b")
        .enter("n", "x")
        .exit("b", "x");
    assert_eq!(
        pbx.leg("x")["bridge_id"],
        "n",
        "a late leave of the old bridge does not pull it out of the new one"
    );
}

#[test]
fn parking_times_out_is_given_up_or_ends_in_a_talk() {
    for (event, then) in [
        ("ParkedCallTimeOut", "initiating"),
        ("ParkedCallGiveUp", "initiating"),
        ("UnParkedCall", "initiating"),
    ] {
        let mut pbx = two_phones();
        pbx.at(4.0).exit("b", "y").exit("b", "x").hangup("x");
        pbx.say(
            "ParkedCall",
            &[("Parkee", "y")],
            "ParkingSpace: 701\nParkingLot: default",
        );
        pbx.enter_with("park", "y", "BridgeType: base\nBridgeTechnology: holding_bridge");
        assert_eq!(pbx.call("x")["status"], "parked");
        pbx.at(9.0)
            .say(event, &[("Parkee", "y")], "ParkingSpace: 701")
            .exit("park", "y");
        assert_eq!(pbx.call("x")["status"], then, "{event}");
        pbx.channel("r", "PJSIP/1001-05", "x")
            .state("r", 6)
            .enter("b2", "r")
            .enter("b2", "y");
        assert_eq!(pbx.call("x")["status"], "talking", "{event}");
        pbx.hangup("r").hangup("y").assert_nothing_left();
    }
}

#[test]
fn a_pickup_ends_the_ringing_of_the_phone_it_rang_on() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call()
        .channel("k", "PJSIP/1002-07", "k")
        .state("k", 6);
    pbx.say("Pickup", &[("", "k"), ("Target", "a")], "");
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.state_of("PJSIP/1002")),
        ("available".into(), "other_call".into())
    );
}

#[test]
fn the_direction_follows_who_is_outside() {
    let mut pbx = two_phones();
    assert_eq!(pbx.call("x")["direction"], "internal");
    pbx.channel("i", "PJSIP/trunk-01", "i");
    assert_eq!(pbx.call("i")["direction"], "inbound");
    pbx.channel("o", "PJSIP/1002-03", "o")
        .channel("t", "PJSIP/trunk-04", "o");
    assert_eq!(pbx.call("o")["direction"], "outbound");
}

#[test]
fn an_unanswered_call_ends_by_what_the_dial_or_the_cause_says() {
    for (status, cause, disposition) in [
        ("BUSY", 16, "busy"),
        ("CHANUNAVAIL", 16, "failed"),
        ("NOANSWER", 16, "no_answer"),
        ("", 17, "busy"),
        ("", 20, "failed"),
        ("", 19, "no_answer"),
    ] {
        let mut pbx = Pbx::staffed();
        pbx.channel("x", "PJSIP/1001-01", "x")
            .channel("y", "PJSIP/1002-01", "x");
        if !status.is_empty() {
            pbx.say(
                "DialEnd",
                &[("", "x"), ("Dest", "y")],
                &format!("DialStatus: {status}"),
            );
        }
        pbx.hangup_cause("y", cause).hangup_cause("x", cause);
        assert_eq!(pbx.call("x")["disposition"], disposition, "{status} {cause}");
    }
}

#[test]
fn an_ended_call_is_readable_for_its_time_and_then_gone() {
    let mut pbx = two_phones();
    pbx.at(10.0).hangup("x").hangup("y").at(69.9).tick();
    assert_eq!(pbx.call("x")["status"], "ended");
    pbx.at(70.0).tick();
    assert!(!pbx.has(Table::Calls, "x"));
}

#[test]
fn a_call_transferred_in_circles_does_not_grow_its_row_for_ever() {
    let mut pbx = Pbx::default();
    pbx.channel("t", "PJSIP/1001-01", "t");
    for extension in 0..100 {
        pbx.say(
            "BlindTransfer",
            &[("Transferer", "t"), ("Transferee", "t")],
            &format!("Result: Success\nExtension: {extension}"),
        );
    }
    let transfers = pbx.call("t")["transfers"].clone();
    let transfers = transfers.as_array().unwrap();
    assert_eq!((transfers.len(), &transfers[63]["to"]), (64, &json!("99")));
}
