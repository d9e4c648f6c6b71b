//! How a visit of a queue ends, told by what the caller does after Leave.

use serde_json::json;

use crate::pbx::Pbx;

#[test]
fn an_abandon_event_alone_decides_nothing() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller()
        .at(9.0)
        .say("QueueCallerAbandon", &[("", "c")], "Queue: support\nHoldTime: 8");
    assert_eq!(pbx.line("support"), ["c"]);
    assert_eq!(pbx.outcome("c"), json!(null));
    pbx.leave("support", "c");
    assert_eq!(
        pbx.outcome("c"),
        json!(null),
        "the caller's next step is not known yet"
    );
    assert_eq!(pbx.queue("support")["abandoned"], 0);
}

#[test]
fn a_caller_who_hangs_up_after_leaving_abandoned() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller()
        .at(9.0)
        .say("QueueCallerAbandon", &[("", "c")], "Queue: support");
    pbx.leave("support", "c").hangup("c");
    assert_eq!(pbx.outcome("c"), "abandoned");
    let row = pbx.call("c");
    assert_eq!(
        (&row["disposition"], &row["wait_seconds"], &row["hangup_cause"]),
        (&json!("abandoned"), &json!(8.0), &json!(16))
    );
    let queue = pbx.queue("support");
    assert_eq!(
        (&queue["offered"], &queue["abandoned"], &queue["timed_out"]),
        (&json!(1), &json!(1), &json!(0))
    );
    pbx.assert_nothing_left();
}

#[test]
fn the_h_extension_and_hangup_handlers_are_not_going_on() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller()
        .at(5.0)
        .say("HangupRequest", &[("", "c")], "");
    pbx.leave("support", "c")
        .dialplan("c", "h", 1, "NoOp")
        .dialplan("c", "handler", 1, "Return")
        .hangup("c");
    assert_eq!(pbx.outcome("c"), "abandoned");
}

#[test]
fn a_caller_who_goes_on_after_an_abandon_event_timed_out() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller()
        .at(9.0)
        .say("QueueCallerAbandon", &[("", "c")], "Queue: support");
    pbx.leave("support", "c")
        .dialplan("c", "600", 4, "Playback")
        .hangup("c");
    assert_eq!(pbx.outcome("c"), "timeout");
    assert_eq!(pbx.queue("support")["timed_out"], 1);
    assert_eq!(pbx.call("c")["disposition"], "timeout");
}

#[test]
fn queuestatus_tells_the_exit_apart() {
    for (value, outcome) in [
        ("TIMEOUT", "timeout"),
        ("LEAVEEMPTY", "left_empty"),
        ("LEAVEUNAVAIL", "left_empty"),
        ("WITHDRAW", "left_empty"),
    ] {
        let mut pbx = Pbx::staffed();
        pbx.waiting_caller()
            .at(9.0)
            .say("QueueCallerAbandon", &[("", "c")], "Queue: support");
        pbx.leave("support", "c").say(
            "VarSet",
            &[("", "c")],
            &format!("Variable: QUEUESTATUS\nValue: {value}"),
        );
        pbx.dialplan("c", "600", 4, "Playback").hangup("c");
        assert_eq!(pbx.outcome("c"), outcome, "{value}");
        assert_eq!(pbx.queue("support")["timed_out"], 1);
    }
}

#[test]
fn a_caller_who_goes_on_without_an_abandon_event_pressed_a_key() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller()
        .at(9.0)
        .leave("support", "c")
        .dialplan("c", "0", 1, "Voicemail");
    assert_eq!(pbx.outcome("c"), "exit_key");
    assert_eq!(pbx.call("c")["queue"], "support");
    assert_eq!(pbx.leg("c")["queue"], json!(null));
}

#[test]
fn an_agi_run_on_the_way_to_an_operator_is_not_an_exit() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call().at(4.0).leave("support", "c");
    // The queue runs it on the caller's channel, which stays at the same place of the dialplan.
    pbx.dialplan("c", "600", 1, "AGI");
    pbx.agent(
        "AgentConnect",
        "support",
        "PJSIP/1001",
        "c",
        "a",
        "HoldTime: 3\nRingTime: 2",
    );
    assert_eq!(pbx.outcome("c"), "answered");
    assert_eq!(pbx.queue("support")["answered"], 1);
}

#[test]
fn a_hangup_without_leave_is_an_abandon_and_a_late_leave_changes_nothing() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller().at(6.0).hangup("c");
    assert_eq!(
        (pbx.outcome("c"), pbx.line("support").len()),
        (json!("abandoned"), 0)
    );
    pbx.say(
        "QueueCallerLeave",
        &[("", "c")],
        "Queue: support\nPosition: 1\nCount: 0",
    );
    assert_eq!(pbx.queue("support")["abandoned"], 1);
    pbx.assert_nothing_left();
}

#[test]
fn a_leave_that_was_lost_does_not_make_a_served_caller_an_abandoned_one() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call()
        .at(4.0)
        .agent("AgentConnect", "support", "PJSIP/1001", "c", "a", "");
    assert_eq!(
        pbx.line("support").len(),
        1,
        "only a Leave, or a resync, takes a caller out of the line"
    );
    pbx.at(10.0).hangup("c").hangup("a");
    assert_eq!(pbx.outcome("c"), "answered");
    let queue = pbx.queue("support");
    assert_eq!((&queue["answered"], &queue["abandoned"]), (&json!(1), &json!(0)));
    pbx.assert_nothing_left();
}

#[test]
fn a_bridge_after_leave_without_agent_connect_is_an_answer() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call()
        .at(4.0)
        .leave("support", "c")
        .state("a", 6)
        .enter("b", "a")
        .enter("b", "c");
    pbx.at(9.0)
        .exit("b", "c")
        .exit("b", "a")
        .dialplan("c", "600", 4, "Playback")
        .hangup("a")
        .hangup("c");
    assert_eq!(pbx.outcome("c"), "answered");
}

#[test]
fn a_caller_sent_round_makes_one_visit_each_time() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller();
    for round in 0..3 {
        pbx.at(10.0 + f64::from(round))
            .say("QueueCallerAbandon", &[("", "c")], "Queue: support");
        pbx.leave("support", "c")
            .dialplan("c", "600", 4, "Goto")
            .dialplan("c", "600", 3, "Queue")
            .join("support", "c", 1);
    }
    assert_eq!(pbx.call("c")["queue_visits"].as_array().unwrap().len(), 4);
    assert_eq!(pbx.queue("support")["offered"], 4);
    assert_eq!(pbx.queue("support")["timed_out"], 3);
}
