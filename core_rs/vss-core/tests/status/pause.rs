//! Pause per queue and in all, and wrap-up by the clock.

use serde_json::json;

use crate::pbx::{Pbx, options};

#[test]
fn a_pause_in_one_queue_leaves_the_operator_available_elsewhere() {
    let mut pbx = Pbx::staffed();
    pbx.at(3.0).member_event(
        "QueueMemberPause",
        "support",
        "PJSIP/1001",
        "Paused: 1\nPausedReason: lunch",
    );
    let row = pbx.operator("PJSIP/1001");
    assert_eq!(
        (&row["state"], &row["intent"], &row["paused_queues"]),
        (&json!("available"), &json!("available"), &json!(["support"]))
    );
    assert_eq!(pbx.queue("support")["counts"]["paused"], 1);
    assert_eq!(pbx.queue("sales")["counts"]["available"], 1);
    let member = pbx.membership("PJSIP/1001", "support");
    assert_eq!(
        (&member["paused_reason"], &member["paused_since"]),
        (&json!("lunch"), &json!(Pbx::iso(3.0)))
    );
}

#[test]
fn a_pause_in_all_queues_is_a_state_with_reason_and_since() {
    let mut pbx = Pbx::staffed();
    pbx.at(3.0).member_event(
        "QueueMemberPause",
        "support",
        "PJSIP/1001",
        "Paused: 1\nPausedReason: lunch",
    );
    pbx.at(4.0).member_event(
        "QueueMemberPause",
        "sales",
        "PJSIP/1001",
        "Paused: 1\nPausedReason: lunch",
    );
    let row = pbx.operator("PJSIP/1001");
    assert_eq!(
        (&row["state"], &row["reason"], &row["since"]),
        (&json!("paused"), &json!("lunch"), &json!(Pbx::iso(4.0)))
    );
    pbx.at(5.0).member_event(
        "QueueMemberPause",
        "sales",
        "PJSIP/1001",
        "Paused: 1\nPausedReason: doctor",
    );
    let row = pbx.operator("PJSIP/1001");
    assert_eq!(row["since"], Pbx::iso(4.0), "another reason is the same state");
    assert_eq!(
        pbx.membership("PJSIP/1001", "sales")["paused_since"],
        Pbx::iso(4.0)
    );
    assert_eq!(pbx.membership("PJSIP/1001", "sales")["paused_reason"], "doctor");
}

#[test]
fn an_unpause_that_carries_a_reason_has_none() {
    let mut pbx = Pbx::staffed();
    pbx.member_event(
        "QueueMemberPause",
        "support",
        "PJSIP/1002",
        "Paused: 1\nPausedReason: lunch",
    );
    pbx.member_event(
        "QueueMemberPause",
        "support",
        "PJSIP/1002",
        "Paused: 0\nPausedReason: lunch",
    );
    let member = pbx.membership("PJSIP/1002", "support");
    assert_eq!(
        (
            &member["paused"],
            &member["paused_reason"],
            &member["paused_since"]
        ),
        (&json!(false), &json!(null), &json!(null))
    );
    assert_eq!(pbx.operator("PJSIP/1002")["reason"], json!(null));
}

#[test]
fn a_repeated_event_that_changes_nothing_is_not_told_again() {
    let mut pbx = Pbx::staffed();
    let before = pbx.events.len();
    for name in [
        "QueueMemberStatus",
        "QueueMemberPause",
        "QueueMemberPenalty",
        "QueueMemberAdded",
    ] {
        pbx.member_event(name, "support", "PJSIP/1001", "");
    }
    assert_eq!(pbx.keys(before), [] as [&str; 0]);
}

#[test]
fn a_paused_operator_who_talks_is_both() {
    let mut pbx = Pbx::staffed();
    pbx.member_event("QueueMemberPause", "support", "PJSIP/1002", "Paused: 1");
    pbx.channel("x", "PJSIP/1002-01", "x").state("x", 6);
    let row = pbx.operator("PJSIP/1002");
    assert_eq!(
        (&row["state"], &row["intent"], &row["activity"]),
        (&json!("other_call"), &json!("paused"), &json!("other_call"))
    );
    pbx.hangup("x");
    assert_eq!(pbx.state_of("PJSIP/1002"), "paused");
}

#[test]
fn wrap_up_ends_to_the_millisecond_whenever_the_clock_is_looked_at() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(10.25).complete().hangup("a").hangup("c");
    assert_eq!(pbx.operator("PJSIP/1001")["wrap_up_ends"], Pbx::iso(15.25));
    pbx.at(15.2).tick();
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
    pbx.at(400.0).tick();
    let row = pbx.operator("PJSIP/1001");
    assert_eq!(
        (&row["state"], &row["since"], &row["wrap_up_ends"]),
        (&json!("available"), &json!(Pbx::iso(15.25)), &json!(null))
    );
}

#[test]
fn an_event_ends_a_wrap_up_that_is_over_without_a_tick() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(10.0).complete().hangup("a").hangup("c");
    pbx.at(16.0).channel("y", "PJSIP/1002-09", "y");
    assert_eq!(pbx.operator("PJSIP/1001")["since"], Pbx::iso(15.0));
}

#[test]
fn the_members_own_wrap_up_wins_over_the_queues_setting() {
    let mut pbx = Pbx::staffed();
    pbx.member("support", "PJSIP/1001", "Wrapuptime: 2");
    assert_eq!(
        pbx.membership("PJSIP/1001", "support")["wrapup_seconds"],
        json!(2.0)
    );
    pbx.served_call().at(10.0).complete();
    assert_eq!(pbx.operator("PJSIP/1001")["wrap_up_ends"], Pbx::iso(12.0));
}

#[test]
fn a_queue_without_wrap_up_frees_the_operator_at_once() {
    let mut pbx = Pbx::with({
        let mut options = options();
        options.wrapup.clear();
        options
    });
    pbx.member("support", "PJSIP/1001", "")
        .served_call()
        .at(10.0)
        .complete()
        .hangup("a")
        .hangup("c");
    assert_eq!(pbx.state_of("PJSIP/1001"), "available");
}

#[test]
fn the_next_call_ends_a_wrap_up_and_the_old_timer_does_not_touch_the_new_one() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().at(10.0).complete().hangup("a").hangup("c");
    pbx.at(12.0)
        .channel("d", "PJSIP/trunk-02", "d")
        .join("support", "d", 1)
        .channel("e", "PJSIP/1001-02", "d");
    pbx.agent("AgentCalled", "support", "PJSIP/1001", "d", "e", "")
        .leave("support", "d");
    pbx.agent("AgentConnect", "support", "PJSIP/1001", "d", "e", "");
    assert_eq!(pbx.operator("PJSIP/1001")["wrap_up_ends"], json!(null));
    pbx.at(13.0).hangup("e").hangup("d").at(16.0).tick();
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
    assert_eq!(pbx.operator("PJSIP/1001")["wrap_up_ends"], Pbx::iso(18.0));
}
