//! Snapshot, fence, swap: what a resync publishes, and what it must not.

use serde_json::json;
use vss_core::status::resync::Fence;
use vss_core::status::{NoticeReason as Reason, Session, StatusError, Table};

use crate::pbx::Pbx;

pub const BOTH: [(&str, &str); 2] = [("CoreShowChannels", "L1"), ("QueueStatus", "L2")];
pub const MEMBER: &str = "Queue: support\nName: One\nLocation: PJSIP/1001\nStateInterface: PJSIP/1001\nMembership: static\nPenalty: 0\nCallsTaken: 0\nLastCall: 0\nInCall: 0\nStatus: 1\nPaused: 0\nPausedReason: \nWrapuptime: 0";
pub const PARAMS: (&str, &[(&str, &str)], &str) = (
    "QueueParams",
    &[],
    "Queue: support\nMax: 0\nStrategy: ringall\nServiceLevel: 20\nWeight: 0",
);

/// A board in step with a PBX that has one member in `support` and nobody on the phone.
pub fn in_step() -> Pbx {
    let mut pbx = Pbx::default();
    pbx.resync(&BOTH)
        .list("CoreShowChannels", "L1", &[])
        .list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert!(pbx.board.is_synchronized());
    pbx.notices.clear();
    pbx
}

#[test]
fn asking_wrongly_is_answered_by_name() {
    let mut pbx = Pbx::default();
    let now = pbx.now();
    let error = pbx
        .board
        .begin_resync([("SIPpeers", "1")], Fence::None, "x", now)
        .unwrap_err();
    assert_eq!(error, StatusError::UnknownList("SIPpeers".into()));
    assert_eq!(pbx.board.list_asked_again("1", "2"), Err(StatusError::NoResync));
    pbx.resync(&BOTH);
    assert_eq!(
        pbx.board.list_asked_again("1", "2"),
        Err(StatusError::UnknownActionId("1".into()))
    );
}

#[test]
fn a_list_with_a_wrong_count_is_reported_and_the_fence_is_not_asked_for_until_it_is_right() {
    let mut pbx = in_step();
    pbx.resync(&BOTH).list("CoreShowChannels", "L1", &[]);
    pbx.list_claiming("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)], 3);
    assert_eq!(pbx.reasons(), [Reason::ListIncomplete]);
    assert_eq!(pbx.notices[0].action_id.as_deref(), Some("L2"));
    assert_eq!(
        (pbx.board.resync_state(), pbx.board.resync_pending()),
        ("collecting", vec!["L2".to_owned()])
    );
    pbx.board.list_asked_again("L2", "L3").unwrap();
    pbx.list("QueueStatus", "L3", &[PARAMS, ("QueueMember", &[], MEMBER)]);
    assert_eq!(
        (pbx.reasons()[1..].to_vec(), pbx.board.resync_state()),
        (vec![Reason::FenceWanted], "fencing")
    );
    pbx.fence("token");
    assert_eq!(pbx.reasons().last(), Some(&Reason::Resynced));
}

#[test]
fn a_cancelled_list_is_incomplete() {
    let mut pbx = in_step();
    pbx.resync(&[("QueueStatus", "L2")]);
    pbx.answer_bytes(
        b"Event: QueueStatusComplete\r\nActionID: L2\r\nEventList: cancelled\r\nListItems: 0\r\n\r\n",
    );
    assert_eq!(pbx.reasons(), [Reason::ListIncomplete]);
}

#[test]
fn a_row_of_an_incomplete_list_that_the_repeated_one_lacks_does_not_stay() {
    let mut pbx = in_step();
    pbx.resync(&[("QueueStatus", "L2")]);
    let other = MEMBER.replace("1001", "1002");
    pbx.list_claiming(
        "QueueStatus",
        "L2",
        &[PARAMS, ("QueueMember", &[], MEMBER), ("QueueMember", &[], &other)],
        9,
    );
    pbx.board.list_asked_again("L2", "L3").unwrap();
    pbx.list("QueueStatus", "L3", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert_eq!(pbx.queue("support")["counts"]["logged_in"], 1);
}

#[test]
fn a_refused_list_is_named_and_its_rows_are_left_alone() {
    let mut pbx = in_step();
    pbx.resync(&[("CoreShowChannels", "L1"), ("QueueStatus", "L2")]);
    pbx.answer_bytes(b"Response: Error\r\nActionID: L2\r\nMessage: Permission denied\r\n\r\n");
    assert_eq!(pbx.reasons(), [Reason::ListRefused]);
    pbx.list("CoreShowChannels", "L1", &[]).fence("token");
    assert_eq!(pbx.queue("support")["counts"]["logged_in"], 1);
    assert_eq!(
        pbx.reasons(),
        [Reason::ListRefused, Reason::FenceWanted, Reason::Resynced]
    );
}

#[test]
fn a_foreign_or_early_fence_does_not_swap() {
    let mut pbx = in_step();
    pbx.resync(&BOTH)
        .fence("token")
        .list("CoreShowChannels", "L1", &[])
        .list("QueueStatus", "L2", &[])
        .fence("another");
    assert_eq!(pbx.board.resync_state(), "fencing");
    pbx.fence("token");
    assert_eq!(pbx.board.resync_state(), "none");
}

#[test]
fn items_of_somebody_elses_list_change_nothing() {
    let mut pbx = in_step();
    let before = pbx.events.len();
    pbx.list(
        "QueueStatus",
        "mine-not",
        &[("QueueMember", &[], &MEMBER.replace("1001", "1009"))],
    );
    assert_eq!(pbx.keys(before), [] as [&str; 0]);
    assert!(!pbx.has(Table::Operators, "PJSIP/1009"));
}

#[test]
fn a_lost_session_drops_the_resync_and_the_board_stands() {
    for session in [Session::Events, Session::Actions] {
        let mut pbx = in_step();
        pbx.resync(&BOTH).list("CoreShowChannels", "L1", &[]);
        let batch = pbx.board.lost(session, "cut", pbx.now());
        pbx.keep(batch);
        assert_eq!(pbx.reasons().last(), Some(&Reason::ResyncDropped));
        assert_eq!(pbx.board.resync_state(), "none");
        assert_eq!(pbx.board.is_synchronized(), session == Session::Actions);
        assert_eq!(pbx.queue("support")["counts"]["logged_in"], 1);
        pbx.fence("token");
        assert_eq!(
            pbx.said("sync.reconciled").len(),
            1,
            "a fence that comes late is nobody's"
        );
    }
}

#[test]
fn an_overflow_opens_a_gap_that_the_next_resync_closes_once() {
    let mut pbx = in_step();
    pbx.bytes(b"Event: Newstate\r\nUniqueid: 17");
    let batch = pbx.board.overflowed(1000, pbx.now());
    pbx.keep(batch);
    let batch = pbx.board.overflowed(500, pbx.now());
    pbx.keep(batch);
    assert_eq!(pbx.reasons(), [Reason::Overflow, Reason::Overflow]);
    assert!(!pbx.board.is_synchronized());
    // Nothing comes on a quiet PBX before the fence: the first message after what was lost counts.
    pbx.resync(&BOTH).list("CoreShowChannels", "L1", &[]);
    pbx.list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert_eq!(
        (pbx.said("sync.gap").len(), pbx.said("sync.reconciled").len()),
        (1, 2)
    );
    assert_eq!(pbx.said("sync.gap")[0]["reason"], "overflow");
}

#[test]
fn after_a_reconnect_there_is_one_gap_and_one_difference_and_never_an_empty_board() {
    let mut pbx = in_step();
    pbx.waiting_caller().at(5.0);
    let from = pbx.board.seq();
    let batch = pbx.board.lost(Session::Events, "connection reset", pbx.now());
    pbx.keep(batch);
    pbx.at(8.0);
    let batch = pbx.board.connected(pbx.now());
    pbx.keep(batch);
    let before = pbx.events.len();
    pbx.channel("d", "PJSIP/trunk-02", "d");
    pbx.resync(&BOTH).list(
        "CoreShowChannels",
        "L1",
        &[(
            "CoreShowChannel",
            &[("", "d")],
            "Duration: 00:00:02\nBridgeId: \nApplication: Queue\nApplicationData: support",
        )],
    );
    assert_eq!(
        pbx.line("support"),
        ["c"],
        "the old board is shown until the swap"
    );
    let entry: (&str, &[(&str, &str)], &str) =
        ("QueueEntry", &[("", "d")], "Queue: support\nPosition: 1\nWait: 1");
    pbx.list(
        "QueueStatus",
        "L2",
        &[PARAMS, ("QueueMember", &[], MEMBER), entry],
    )
    .at(9.0)
    .fence("token");
    assert_eq!(pbx.line("support"), ["d"]);
    let told = pbx.keys(before);
    assert_eq!(
        told.iter()
            .filter(|key| key.starts_with("sync."))
            .collect::<Vec<_>>(),
        [&"sync.gap", &"sync.reconciled"]
    );
    let gap = pbx.said("sync.gap")[0].clone();
    assert_eq!(
        (&gap["from_seq"], &gap["reason"]),
        (&json!(from), &json!("connection reset"))
    );
    assert_eq!(
        (&gap["started"], &gap["ended"]),
        (&json!(Pbx::iso(5.0)), &json!(Pbx::iso(9.0)))
    );
    let reconciled = (*pbx.said("sync.reconciled").last().unwrap()).clone();
    assert_eq!(reconciled["removed"], json!(["channel:c"]));
    assert_eq!(pbx.call("c")["status"], "ended");
    assert!(pbx.said("call.end").iter().any(|event| event["call_id"] == "c"));
}

#[test]
fn a_resync_that_finds_nothing_says_nothing_else() {
    let mut pbx = in_step();
    pbx.served_call();
    let before = pbx.events.len();
    let shown = "Duration: 00:00:04\nBridgeId: b\nApplication: \nApplicationData: ";
    pbx.resync(&BOTH).list(
        "CoreShowChannels",
        "L1",
        &[
            ("CoreShowChannel", &[("", "c")], shown),
            ("CoreShowChannel", &[("", "a")], shown),
        ],
    );
    pbx.list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert_eq!(pbx.keys(before), ["sync.reconciled"]);
    let event = (*pbx.said("sync.reconciled").last().unwrap()).clone();
    assert_eq!(
        (&event["added"], &event["removed"], &event["changed"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert_eq!(pbx.state_of("PJSIP/1001"), "talking");
}

#[test]
fn events_behind_the_lists_converge_at_the_fence() {
    let mut pbx = in_step();
    // Asterisk made the lists before all of this; it comes before the fence.
    pbx.resync(&BOTH).served_call().at(6.0);
    pbx.list("CoreShowChannels", "L1", &[])
        .list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert_eq!(pbx.state_of("PJSIP/1001"), "talking");
    assert_eq!(pbx.queue("support")["answered"], 1);
    pbx.at(10.0)
        .complete()
        .hangup("a")
        .hangup("c")
        .assert_nothing_left();
}

#[test]
fn a_wrap_up_that_ends_while_a_resync_begins_is_told() {
    let mut pbx = in_step();
    pbx.served_call()
        .at(10.0)
        .complete()
        .hangup("a")
        .hangup("c")
        .at(16.0);
    pbx.resync(&BOTH).tick();
    assert_eq!(pbx.states_told("PJSIP/1001").last().unwrap(), "available");
    pbx.list("CoreShowChannels", "L1", &[])
        .list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert_eq!(
        pbx.states_told("PJSIP/1001"),
        ["available", "ringing", "talking", "wrap_up", "available"]
    );
}

#[test]
fn a_vanished_member_and_queue_are_swept_and_a_pause_is_healed() {
    let mut pbx = in_step();
    pbx.member("support", "PJSIP/1002", "")
        .member("old", "PJSIP/1002", "");
    pbx.resync(&BOTH).list("CoreShowChannels", "L1", &[]);
    pbx.list(
        "QueueStatus",
        "L2",
        &[
            PARAMS,
            ("QueueMember", &[], &MEMBER.replace("Paused: 0", "Paused: 1")),
        ],
    )
    .fence("token");
    assert_eq!(
        (pbx.state_of("PJSIP/1002"), pbx.state_of("PJSIP/1001")),
        ("logged_out".into(), "paused".into())
    );
    assert!(!pbx.has(Table::Queues, "old"));
    assert_eq!(pbx.board.drift().get("member.paused"), Some(&1));
    assert_eq!(pbx.board.contradictions(), Vec::<String>::new());
}

#[test]
fn abandoning_a_resync_is_told_once_and_only_when_one_runs() {
    let mut pbx = in_step();
    let batch = pbx.board.abandon_resync("too long");
    assert!(batch.notices.is_empty());
    pbx.resync(&BOTH);
    let batch = pbx.board.abandon_resync("too long");
    assert_eq!(
        (batch.notices.len(), batch.notices[0].reason),
        (1, Reason::ResyncDropped)
    );
}

#[test]
fn a_board_that_starts_into_a_running_call_infers_who_serves_whom() {
    let mut pbx = Pbx::default();
    pbx.unannounced("c", "PJSIP/trunk-01", "c")
        .unannounced("a", "PJSIP/1001-01", "c")
        .at(60.0);
    let queue =
        "Duration: 00:00:30\nBridgeId: b\nApplication: Queue\nApplicationData: support,t\nChannelState: 6";
    let member = "Duration: 00:00:20\nBridgeId: b\nApplication: AppQueue\nApplicationData: (Outgoing Line)\nChannelState: 6";
    pbx.resync(&BOTH).list(
        "CoreShowChannels",
        "L1",
        &[
            ("CoreShowChannel", &[("", "c")], queue),
            ("CoreShowChannel", &[("", "a")], member),
        ],
    );
    pbx.list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert_eq!(pbx.state_of("PJSIP/1001"), "talking");
    assert_eq!(pbx.leg("c")["created_at"], Pbx::iso(30.0));
    pbx.at(70.0)
        .agent("AgentComplete", "support", "PJSIP/1001", "c", "a", "")
        .hangup("a")
        .hangup("c");
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
    pbx.assert_nothing_left();
}

#[test]
fn reload_shutdown_and_boot_are_noticed_and_other_modules_are_not() {
    let mut pbx = in_step();
    pbx.say("Reload", &[], "Module: chan_pjsip.so\nStatus: 0").say(
        "Reload",
        &[],
        "Module: app_queue.so\nStatus: 0",
    );
    pbx.say("Reload", &[], "Module: All\nStatus: 0")
        .say("Shutdown", &[], "Shutdown: Cleanly\nRestart: True")
        .say("FullyBooted", &[], "Status: Fully Booted");
    assert_eq!(
        pbx.reasons(),
        [
            Reason::Reload,
            Reason::Reload,
            Reason::Shutdown,
            Reason::FullyBooted
        ]
    );
}

#[test]
fn a_count_that_cannot_be_is_reported_and_repairs_nothing() {
    let mut pbx = in_step();
    pbx.channel("c", "PJSIP/trunk-01", "c").say(
        "QueueCallerJoin",
        &[("", "c")],
        "Queue: support\nPosition: 4\nCount: 4",
    );
    assert_eq!(pbx.reasons(), [Reason::ImpossibleValue]);
    assert_eq!(pbx.line("support"), ["c"]);
}

#[test]
fn a_message_over_the_limit_asks_for_a_resync() {
    let mut pbx = in_step();
    pbx.bytes(format!("Event: Hangup\r\nX: {}\r\n\r\n", "x".repeat(2 << 20)).as_bytes());
    assert_eq!(pbx.reasons(), [Reason::Oversized]);
}
