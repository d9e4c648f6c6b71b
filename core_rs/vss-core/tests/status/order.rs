//! Events that come late, early, twice or about nobody.

use serde_json::json;
use vss_core::status::Table;

use crate::pbx::Pbx;

#[test]
fn a_hangup_before_newchannel_leaves_nothing() {
    let mut pbx = Pbx::staffed();
    pbx.unannounced("x", "PJSIP/1001-01", "x")
        .hangup("x")
        .say("Newchannel", &[("", "x")], "")
        .state("x", 6);
    assert!(!pbx.has(Table::Channels, "x") && !pbx.has(Table::Calls, "x"));
    pbx.assert_nothing_left();
}

#[test]
fn a_late_event_about_a_channel_that_is_gone_changes_nothing() {
    let mut pbx = Pbx::staffed();
    pbx.served_call().hangup("a").hangup("c");
    let before = pbx.events.len();
    pbx.say("NewConnectedLine", &[("", "a")], "")
        .enter("b", "a")
        .join("support", "c", 1);
    pbx.agent("AgentCalled", "support", "PJSIP/1002", "c", "a", "")
        .say("Hold", &[("", "a")], "");
    assert_eq!(pbx.keys(before), [] as [&str; 0]);
    pbx.assert_nothing_left();
}

#[test]
fn any_event_makes_a_channel_nobody_announced() {
    let mut pbx = Pbx::staffed();
    pbx.unannounced("x", "PJSIP/1001-01", "x")
        .say("NewCallerid", &[("", "x")], "");
    assert_eq!(pbx.leg("x")["operator"], "PJSIP/1001");
    assert_eq!(pbx.operator("PJSIP/1001")["channels"], json!(["x"]));
}

#[test]
fn a_prefixed_snapshot_does_not_overwrite_what_the_channel_said_itself() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call();
    let stale = pbx
        .text(
            "AgentCalled",
            &[("", "c"), ("Dest", "a")],
            "Queue: support\nInterface: PJSIP/1001",
        )
        .replace("DestExten: 600", "DestExten: old");
    pbx.bytes(stale.as_bytes());
    assert_eq!(pbx.leg("a")["exten"], "600");
}

#[test]
fn a_leave_before_its_join_leaves_nobody_waiting() {
    let mut pbx = Pbx::staffed();
    pbx.channel("c", "PJSIP/trunk-01", "c");
    let join = pbx
        .at(1.0)
        .text("QueueCallerJoin", &[("", "c")], "Queue: support\nPosition: 1");
    pbx.at(2.0).leave("support", "c").bytes(join.as_bytes());
    assert_eq!(pbx.line("support").len(), 0);
    pbx.at(3.0).join("support", "c", 1);
    assert_eq!(pbx.line("support"), ["c"], "a later join is a new visit");
}

#[test]
fn a_join_said_twice_is_one_caller_and_a_second_queue_is_a_move() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller().join("support", "c", 1);
    assert_eq!(
        (pbx.line("support"), pbx.queue("support")["offered"].clone()),
        (vec!["c".to_owned()], json!(1))
    );
    pbx.join("sales", "c", 1);
    assert_eq!(
        (pbx.line("support").len(), pbx.line("sales")),
        (0, vec!["c".to_owned()])
    );
    pbx.hangup("c").assert_nothing_left();
}

#[test]
fn connect_before_leave_and_called_after_connect_are_put_right() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call()
        .at(4.0)
        .agent("AgentConnect", "support", "PJSIP/1001", "c", "a", "");
    pbx.leave("support", "c")
        .agent("AgentCalled", "support", "PJSIP/1001", "c", "a", "");
    assert_eq!(
        (
            pbx.state_of("PJSIP/1001"),
            pbx.line("support").len(),
            pbx.outcome("c")
        ),
        ("talking".into(), 0, json!("answered"))
    );
    pbx.hangup("c").hangup("a").assert_nothing_left();
}

#[test]
fn one_leg_claimed_by_two_operators_belongs_to_the_last() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call()
        .agent("AgentCalled", "support", "PJSIP/1002", "c", "a", "");
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.state_of("PJSIP/1002")),
        ("available".into(), "ringing".into())
    );
    pbx.hangup("a").hangup("c").assert_nothing_left();
}

#[test]
fn events_without_the_fields_they_need_are_harmless() {
    let mut pbx = Pbx::staffed();
    let names: Vec<&str> = vss_core::status::dialect::event_names().collect();
    for name in &names {
        pbx.say(name, &[], "").say(
            name,
            &[],
            "Uniqueid: \nQueue: \nInterface: \nPosition: -1\nCount: x",
        );
    }
    pbx.served_call();
    for name in names.iter().filter(|name| !matches!(**name, "Hangup")) {
        pbx.say(name, &[("", "c")], "Queue: support")
            .say(name, &[("", "a")], "");
    }
    pbx.hangup("a").hangup("c").assert_nothing_left();
    assert_eq!(pbx.board.contradictions(), Vec::<String>::new());
}
