//! An answered queue call from Join to wrap-up.

use serde_json::json;

use crate::pbx::Pbx;

#[test]
fn an_answered_call_goes_through_every_state_once() {
    let mut pbx = Pbx::staffed();
    pbx.served_call();
    assert_eq!(pbx.state_of("PJSIP/1001"), "talking");
    assert_eq!(pbx.call("c")["status"], "talking");
    pbx.at(10.0)
        .exit("b", "a")
        .exit("b", "c")
        .complete()
        .hangup("a")
        .hangup("c");
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
    pbx.at(15.0).tick();
    assert_eq!(
        pbx.states_told("PJSIP/1001"),
        ["available", "ringing", "talking", "wrap_up", "available"]
    );
    let row = pbx.call("c");
    assert_eq!(row["direction"], "inbound");
    assert_eq!(row["operator_id"], "PJSIP/1001");
    assert_eq!(
        (&row["wait_seconds"], &row["talk_seconds"], &row["disposition"]),
        (&json!(3.0), &json!(6.0), &json!("answered"))
    );
    let visit = &row["queue_visits"][0];
    assert_eq!(
        (&visit["outcome"], &visit["wait_seconds"], &visit["talk_seconds"]),
        (&json!("answered"), &json!(3.0), &json!(6.0))
    );
    assert_eq!(visit["operator_id"], "PJSIP/1001");
    let queue = pbx.queue("support");
    assert_eq!(
        (&queue["answered"], &queue["average_wait"], &queue["average_talk"]),
        (&json!(1), &json!(3.0), &json!(6.0))
    );
    pbx.assert_nothing_left();
}

#[test]
fn between_leave_and_connect_the_caller_is_still_queued_and_nobody_flickers() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call().at(4.0).state("a", 6).say(
        "DialEnd",
        &[("", "c"), ("Dest", "a")],
        "DialStatus: ANSWER",
    );
    pbx.leave("support", "c");
    assert_eq!(pbx.call("c")["status"], "queued");
    assert_eq!(pbx.state_of("PJSIP/1001"), "ringing");
    assert_eq!(pbx.line("support").len(), 0);
}

#[test]
fn a_phone_not_answered_rings_no_more_and_the_caller_waits_on() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call();
    assert_eq!(
        pbx.queue("support")["callers"][0]["ringing"],
        json!(["PJSIP/1001"])
    );
    pbx.at(17.0)
        .say("DialEnd", &[("", "c"), ("Dest", "a")], "DialStatus: NOANSWER");
    pbx.agent(
        "AgentRingNoAnswer",
        "support",
        "PJSIP/1001",
        "c",
        "a",
        "RingTime: 15000",
    )
    .hangup("a");
    assert_eq!(pbx.state_of("PJSIP/1001"), "available");
    assert_eq!(pbx.line("support"), ["c"]);
    assert_eq!(pbx.queue("support")["callers"][0]["ringing"], json!([]));
    assert_eq!(pbx.call("c")["status"], "queued");
}

#[test]
fn an_operator_who_hangs_up_during_the_announcement_leaves_the_caller_waiting() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call().at(4.0).state("a", 6).say(
        "DialEnd",
        &[("", "c"), ("Dest", "a")],
        "DialStatus: ANSWER",
    );
    pbx.agent("AgentDump", "support", "PJSIP/1001", "c", "a", "")
        .hangup("a");
    assert_eq!(
        (pbx.line("support"), pbx.state_of("PJSIP/1001")),
        (vec!["c".to_owned()], "available".to_owned())
    );
    assert_eq!(pbx.call("c")["status"], "queued");
}

#[test]
fn a_ringall_offer_ends_for_the_others_when_their_legs_go() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call().channel("z", "PJSIP/1002-01", "c");
    pbx.agent("AgentCalled", "support", "PJSIP/1002", "c", "z", "");
    assert_eq!(
        pbx.queue("support")["callers"][0]["ringing"],
        json!(["PJSIP/1001", "PJSIP/1002"])
    );
    pbx.at(4.0).state("a", 6).leave("support", "c");
    pbx.agent("AgentConnect", "support", "PJSIP/1001", "c", "a", "")
        .hangup_cause("z", 26);
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.state_of("PJSIP/1002")),
        ("talking".into(), "available".into())
    );
}

#[test]
fn an_offer_without_a_leg_ends_when_its_caller_leaves() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller().at(2.0);
    for operator in ["PJSIP/1001", "PJSIP/1002"] {
        pbx.say(
            "AgentCalled",
            &[("", "c")],
            &format!("Queue: support\nInterface: {operator}\nMemberName: x"),
        );
        assert_eq!(pbx.state_of(operator), "ringing");
    }
    pbx.leave("support", "c").say(
        "AgentConnect",
        &[("", "c")],
        "Queue: support\nInterface: PJSIP/1001\nMemberName: x",
    );
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.state_of("PJSIP/1002")),
        ("talking".into(), "available".into())
    );
    pbx.hangup("c");
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
    pbx.assert_nothing_left();
}

#[test]
fn in_call_is_derived_for_the_member_that_serves_alone() {
    let mut pbx = Pbx::staffed();
    pbx.served_call();
    assert_eq!(pbx.membership("PJSIP/1001", "support")["in_call"], true);
    assert_eq!(pbx.membership("PJSIP/1001", "sales")["in_call"], false);
    pbx.member_event(
        "QueueMemberStatus",
        "support",
        "PJSIP/1001",
        "InCall: 0\nStatus: 2",
    );
    assert_eq!(
        pbx.membership("PJSIP/1001", "support")["in_call"],
        true,
        "Asterisk's own flag is stale"
    );
    pbx.complete();
    assert_eq!(pbx.membership("PJSIP/1001", "support")["in_call"], false);
}

#[test]
fn a_complete_that_never_comes_is_made_up_for_by_the_hangup() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(10.0).exit("b", "a").hangup("a");
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
    assert_eq!(pbx.call("c")["queue_visits"][0]["talk_seconds"], json!(6.0));
    pbx.at(12.0).complete();
    assert_eq!(
        pbx.operator("PJSIP/1001")["wrap_up_ends"],
        Pbx::iso(15.0),
        "a late one changes nothing"
    );
}

#[test]
fn a_complete_without_the_callers_ids_ends_the_service() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(10.0).say(
        "AgentComplete",
        &[],
        "Queue: support\nInterface: PJSIP/1001\nTalkTime: 6\nReason: agent",
    );
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
}

#[test]
fn ringinuse_gives_two_services_and_talking_lasts_until_the_second_ends() {
    let mut pbx = Pbx::staffed();
    pbx.served_call()
        .channel("d", "PJSIP/trunk-02", "d")
        .state("d", 6)
        .join("sales", "d", 1);
    pbx.channel("e", "PJSIP/1001-02", "d")
        .agent("AgentCalled", "sales", "PJSIP/1001", "d", "e", "");
    assert_eq!(
        pbx.state_of("PJSIP/1001"),
        "talking",
        "ringing does not hide the talk"
    );
    pbx.leave("sales", "d")
        .agent("AgentConnect", "sales", "PJSIP/1001", "d", "e", "");
    pbx.at(10.0).complete().hangup("a").hangup("c");
    assert_eq!(pbx.state_of("PJSIP/1001"), "talking");
    assert_eq!(pbx.membership("PJSIP/1001", "support")["in_call"], false);
    assert_eq!(pbx.membership("PJSIP/1001", "sales")["in_call"], true);
    pbx.at(11.0).hangup("e").hangup("d");
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
    assert_eq!(pbx.operator("PJSIP/1001")["wrap_up_ends"], Pbx::iso(15.0));
}

#[test]
fn positions_close_up_when_someone_in_the_middle_leaves() {
    let mut pbx = Pbx::staffed();
    for (place, id) in ["c", "d", "e"].into_iter().enumerate() {
        pbx.channel(id, &format!("PJSIP/trunk-0{place}"), id)
            .join("support", id, place + 1);
    }
    pbx.channel("f", "PJSIP/trunk-9", "f").join("support", "f", 2);
    assert_eq!(
        pbx.line("support"),
        ["c", "f", "d", "e"],
        "a priority caller stands where Asterisk says"
    );
    pbx.leave("support", "f").hangup("d");
    assert_eq!(pbx.line("support"), ["c", "e"]);
}

#[test]
fn agent_complete_does_not_put_back_whom_the_caller_was_connected_to_before_a_transfer() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(8.0);
    let after = pbx
        .text("NewConnectedLine", &[("", "c")], "")
        .replace("ConnectedLineNum: <unknown>", "ConnectedLineNum: 1002");
    pbx.bytes(after.as_bytes()).at(9.0).complete();
    let channel: serde_json::Value =
        serde_json::from_slice(&pbx.board.channel("c").unwrap_or_default()).unwrap_or_default();
    assert_eq!(channel["connected"]["number"], "1002");
}
