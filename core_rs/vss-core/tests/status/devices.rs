//! Members and the devices behind them: reachability, other calls, hints, pools, membership.

use serde_json::json;
use vss_core::status::{NoticeReason, Table};

use crate::pbx::Pbx;

#[test]
fn a_removed_member_stays_as_logged_out_and_goes_after_an_hour() {
    let mut pbx = Pbx::staffed();
    pbx.at(7.0)
        .member_event("QueueMemberRemoved", "support", "PJSIP/1002", "");
    let row = pbx.operator("PJSIP/1002");
    assert_eq!(
        (&row["state"], &row["since"], &row["memberships"]),
        (&json!("logged_out"), &json!(Pbx::iso(7.0)), &json!([]))
    );
    assert_eq!(pbx.queue("support")["counts"]["logged_in"], 1);
    pbx.at(3000.0).tick();
    assert!(pbx.has(Table::Operators, "PJSIP/1002"));
    pbx.at(3608.0).tick();
    assert!(!pbx.has(Table::Operators, "PJSIP/1002"));
}

#[test]
fn a_member_removed_twice_or_never_added_is_no_harm() {
    let mut pbx = Pbx::staffed();
    pbx.member_event("QueueMemberRemoved", "support", "PJSIP/1002", "")
        .member_event("QueueMemberRemoved", "support", "PJSIP/1002", "");
    pbx.member_event("QueueMemberRemoved", "nowhere", "PJSIP/9", "");
    let counts = pbx.queue("support")["counts"].clone();
    assert_eq!(
        (&counts["logged_in"], &counts["available"]),
        (&json!(1), &json!(1))
    );
    assert!(!pbx.has(Table::Operators, "PJSIP/9"));
}

#[test]
fn a_member_removed_while_rung_is_no_member_again_because_it_answers() {
    let mut pbx = Pbx::staffed();
    pbx.offered_call()
        .member_event("QueueMemberRemoved", "support", "PJSIP/1001", "");
    pbx.at(4.0).state("a", 6).leave("support", "c").agent(
        "AgentConnect",
        "support",
        "PJSIP/1001",
        "c",
        "a",
        "",
    );
    assert_eq!(
        pbx.operator("PJSIP/1001")["memberships"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.outcome("c")),
        ("talking".into(), serde_json::json!("answered"))
    );
    pbx.complete().member("support", "PJSIP/1001", "");
    assert_eq!(pbx.queue("support")["counts"]["logged_in"], 2);
}

#[test]
fn a_device_that_is_gone_makes_the_operator_unreachable_with_the_cause() {
    for (state, name) in [("UNAVAILABLE", "UNAVAILABLE"), ("INVALID", "INVALID")] {
        let mut pbx = Pbx::staffed();
        pbx.at(2.0).say(
            "DeviceStateChange",
            &[],
            &format!("Device: PJSIP/1001\nState: {state}"),
        );
        let row = pbx.operator("PJSIP/1001");
        assert_eq!(
            (&row["state"], &row["reason"], &row["reachable"]),
            (&json!("unreachable"), &json!(name), &json!(false))
        );
        assert_eq!(pbx.queue("sales")["counts"]["unreachable"], 1);
        assert_eq!(
            pbx.membership("PJSIP/1001", "support")["status"],
            1,
            "a member's status is told by member events"
        );
        pbx.say("DeviceStateChange", &[], "Device: PJSIP/1001\nState: NOT_INUSE");
        assert_eq!(pbx.state_of("PJSIP/1001"), "available");
    }
}

#[test]
fn a_lost_contact_or_peer_is_unreachable_until_it_is_back() {
    for (name, who, lost, back) in [
        (
            "ContactStatus",
            "EndpointName: 1001\nAOR: 1001\nURI: sip:1001@h",
            "ContactStatus: Removed",
            "ContactStatus: Reachable",
        ),
        (
            "ContactStatus",
            "EndpointName: 1001\nAOR: 1001\nURI: sip:1001@h",
            "ContactStatus: Unreachable",
            "ContactStatus: NonQualified",
        ),
        (
            "PeerStatus",
            "Peer: PJSIP/1001",
            "PeerStatus: Unreachable",
            "PeerStatus: Lagged",
        ),
        (
            "PeerStatus",
            "Peer: PJSIP/1001",
            "PeerStatus: Unregistered",
            "PeerStatus: Registered",
        ),
    ] {
        let mut pbx = Pbx::staffed();
        pbx.say(name, &[], &format!("{who}\n{lost}"));
        assert_eq!(pbx.state_of("PJSIP/1001"), "unreachable", "{lost}");
        pbx.say(name, &[], &format!("{who}\n{back}"));
        assert_eq!(pbx.state_of("PJSIP/1001"), "available", "{back}");
    }
}

#[test]
fn an_old_contact_that_goes_leaves_a_phone_with_a_live_one_reachable() {
    let mut pbx = Pbx::staffed();
    let contact = |port: &str, status: &str| {
        format!("EndpointName: 1001\nAOR: 1001\nURI: sip:1001@h:{port}\nContactStatus: {status}")
    };
    pbx.say("ContactStatus", &[], &contact("5061", "NonQualified"));
    pbx.say("ContactStatus", &[], &contact("5060", "Removed"));
    assert_eq!(pbx.state_of("PJSIP/1001"), "available");
    pbx.say("ContactStatus", &[], &contact("5061", "Removed"));
    assert_eq!(pbx.state_of("PJSIP/1001"), "unreachable");
}

#[test]
fn a_refused_registration_says_nothing_about_the_phone_that_is_registered() {
    let mut pbx = Pbx::staffed();
    pbx.say(
        "PeerStatus",
        &[],
        "Peer: PJSIP/1001\nPeerStatus: Rejected\nCause: AUTH_SECRET_FAILED",
    );
    assert_eq!(pbx.state_of("PJSIP/1001"), "available");
}

#[test]
fn a_call_of_ones_own_is_an_other_call_and_ends_with_it() {
    let mut pbx = Pbx::staffed();
    pbx.at(3.0).channel("x", "PJSIP/1001-01", "x").state("x", 4);
    assert_eq!(pbx.state_of("PJSIP/1001"), "other_call");
    pbx.say("DeviceStateChange", &[], "Device: PJSIP/1001\nState: INUSE");
    pbx.at(5.0).hangup("x");
    assert_eq!(
        pbx.state_of("PJSIP/1001"),
        "available",
        "the device says so a moment later"
    );
    pbx.say("DeviceStateChange", &[], "Device: PJSIP/1001\nState: NOT_INUSE");
    assert_eq!(
        pbx.states_told("PJSIP/1001"),
        ["available", "other_call", "available"]
    );
}

#[test]
fn a_device_in_use_without_a_channel_we_see_is_an_other_call() {
    let mut pbx = Pbx::staffed();
    for (state, shown) in [
        ("INUSE", "other_call"),
        ("RINGING", "ringing"),
        ("ONHOLD", "on_hold"),
        ("BUSY", "other_call"),
        ("NOT_INUSE", "available"),
    ] {
        pbx.say(
            "DeviceStateChange",
            &[],
            &format!("Device: PJSIP/1001\nState: {state}"),
        );
        assert_eq!(pbx.state_of("PJSIP/1001"), shown, "{state}");
    }
}

#[test]
fn a_member_known_by_a_hint_follows_extension_status() {
    let mut pbx = Pbx::default();
    pbx.member(
        "support",
        "Local/998@from-queue/n",
        "StateInterface: hint:998@ext-local",
    );
    for (status, state) in [
        (8, "ringing"),
        (1, "other_call"),
        (16, "on_hold"),
        (4, "unreachable"),
        (0, "available"),
        (-1, "unreachable"),
    ] {
        pbx.say(
            "ExtensionStatus",
            &[],
            &format!("Exten: 998\nContext: ext-local\nHint: PJSIP/998\nStatus: {status}"),
        );
        assert_eq!(pbx.state_of("hint:998@ext-local"), state, "{status}");
    }
    assert_eq!(pbx.operator("hint:998@ext-local")["extension"], "998");
}

#[test]
fn an_agent_of_the_pool_is_logged_in_without_a_queue() {
    let mut pbx = Pbx::default();
    pbx.say("AgentLogoff", &[], "Agent: 12\nLogintime: 5");
    assert!(!pbx.has(Table::Operators, "Agent/12"));
    pbx.channel("x", "PJSIP/7-01", "x")
        .say("AgentLogin", &[("", "x")], "Agent: 12");
    assert_eq!(pbx.state_of("Agent/12"), "available");
    pbx.at(9.0).say("AgentLogoff", &[], "Agent: 12\nLogintime: 5");
    assert_eq!(pbx.state_of("Agent/12"), "logged_out");
    pbx.at(3700.0).tick();
    assert!(!pbx.has(Table::Operators, "Agent/12"));
}

#[test]
fn a_member_whose_state_is_a_pool_agents_is_that_agent() {
    let mut pbx = Pbx::default();
    pbx.member("support", "Local/12@agents", "StateInterface: Agent:12");
    pbx.channel("x", "PJSIP/7-01", "x")
        .say("AgentLogin", &[("", "x")], "Agent: 12");
    assert!(!pbx.has(Table::Operators, "Agent/12"), "one person, one row");
    assert_eq!(pbx.state_of("Agent:12"), "available");
    pbx.at(5.0).member_event(
        "QueueMemberRemoved",
        "support",
        "Local/12@agents",
        "StateInterface: Agent:12",
    );
    assert_eq!(pbx.state_of("Agent:12"), "available", "still in the pool");
    pbx.say("AgentLogoff", &[], "Agent: 12\nLogintime: 5");
    assert_eq!(pbx.state_of("Agent:12"), "logged_out");
}

#[test]
fn a_member_is_removed_from_the_device_it_stood_for_in_that_queue() {
    let mut pbx = Pbx::default();
    pbx.member("a", "Local/1@x", "StateInterface: SIP/1").member(
        "b",
        "Local/1@x",
        "StateInterface: hint:1@x",
    );
    pbx.member_event("QueueMemberRemoved", "a", "Local/1@x", "StateInterface: SIP/1");
    assert_eq!(pbx.state_of("SIP/1"), "logged_out");
    assert_eq!(pbx.operator("hint:1@x")["memberships"][0]["queue"], "b");
}

#[test]
fn two_members_of_a_queue_on_one_phone_are_one_operator_counted_once() {
    let mut pbx = Pbx::staffed();
    pbx.member("support", "Local/1001@internal/n", "StateInterface: PJSIP/1001");
    let row = pbx.operator("PJSIP/1001");
    assert_eq!(row["memberships"].as_array().unwrap().len(), 3);
    assert_eq!(pbx.queue("support")["counts"]["logged_in"], 2);
    pbx.served_call();
    let row = pbx.operator("PJSIP/1001");
    let in_call: Vec<_> = row["memberships"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|m| m["in_call"] == true)
        .map(|m| &m["interface"])
        .collect();
    assert_eq!(in_call, ["PJSIP/1001"]);
    assert_eq!(pbx.queue("support")["counts"]["talking"], 1);
    pbx.member_event("QueueMemberRemoved", "support", "PJSIP/1001", "");
    assert_eq!(
        pbx.queue("support")["counts"]["logged_in"],
        2,
        "the Local member is still there"
    );
    assert_eq!(pbx.board.contradictions(), Vec::<String>::new());
}

#[test]
fn kinds_of_membership_penalty_and_ringinuse_are_kept() {
    let mut pbx = Pbx::default();
    pbx.member(
        "support",
        "PJSIP/5",
        "Membership: realtime\nPenalty: 3\nRinginuse: 1\nLoginTime: 1700000000\nCallsTaken: 4",
    );
    let member = pbx.membership("PJSIP/5", "support");
    assert_eq!(
        (
            &member["membership"],
            &member["penalty"],
            &member["ringinuse"],
            &member["calls_taken"]
        ),
        (&json!("realtime"), &json!(3), &json!(true), &json!(4))
    );
    pbx.member_event(
        "QueueMemberPenalty",
        "support",
        "PJSIP/5",
        "Penalty: 9\nMembership: dynamic",
    );
    assert_eq!(pbx.membership("PJSIP/5", "support")["penalty"], 9);
    assert_eq!(pbx.membership("PJSIP/5", "support")["membership"], "dynamic");
}

#[test]
fn values_asterisk_does_not_have_are_not_taken_over() {
    let mut pbx = Pbx::staffed();
    pbx.member_event(
        "QueueMemberStatus",
        "support",
        "PJSIP/1001",
        "Status: 99\nPenalty: many\nCallsTaken: -4",
    );
    let member = pbx.membership("PJSIP/1001", "support");
    assert_eq!(
        (&member["status"], &member["penalty"], &member["calls_taken"]),
        (&json!(1), &json!(0), &json!(0))
    );
    pbx.say("DeviceStateChange", &[], "Device: PJSIP/1001\nState: SLEEPING");
    assert_eq!(pbx.state_of("PJSIP/1001"), "available");
}

#[test]
fn an_unknown_member_that_is_rung_asks_for_a_resync_once_the_board_was_in_step() {
    let mut pbx = Pbx::staffed();
    pbx.resync(&[]).fence("token");
    // Without lists the fence alone is not waited for: nothing was asked.
    let stepped = pbx.board.is_synchronized();
    pbx.waiting_caller().channel("n", "PJSIP/1009-01", "c");
    pbx.agent("AgentCalled", "support", "PJSIP/1009", "c", "n", "");
    assert_eq!(pbx.state_of("PJSIP/1009"), "ringing");
    assert_eq!(pbx.reasons().contains(&NoticeReason::ImpossibleValue), stepped);
}
