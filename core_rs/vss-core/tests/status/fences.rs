//! Resyncs of accounts that may not set a variable: another fence, or none.

use vss_core::status::resync::Fence;
use vss_core::status::{NoticeReason as Reason, Session};

use crate::resync::{BOTH, MEMBER, PARAMS, in_step};

#[test]
fn the_pause_of_a_fence_member_is_a_fence() {
    let mut pbx = in_step();
    pbx.resync_with(&BOTH, Fence::QueuePause("PJSIP/1001".into()))
        .list("CoreShowChannels", "L1", &[]);
    pbx.member_event("QueueMemberPause", "support", "PJSIP/1001", "");
    assert_eq!(pbx.board.resync_state(), "collecting");
    pbx.list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .member_event("QueueMemberPause", "support", "PJSIP/1001", "");
    assert_eq!(pbx.reasons().last(), Some(&Reason::Resynced));
}

#[test]
fn without_a_fence_two_passes_that_agree_are_enough() {
    let mut pbx = in_step();
    for pass in ["p1", "p2"] {
        pbx.resync_with(&[("QueueStatus", pass)], Fence::None).list(
            "QueueStatus",
            pass,
            &[PARAMS, ("QueueMember", &[], MEMBER)],
        );
    }
    assert_eq!(pbx.reasons(), [Reason::PassesDisagree, Reason::Resynced]);
}

#[test]
fn without_a_fence_a_row_that_never_settles_ends_after_five_passes() {
    let mut pbx = in_step();
    for pass in 1..=5 {
        let id = format!("p{pass}");
        pbx.resync_with(&[("QueueStatus", &id)], Fence::None);
        pbx.list(
            "QueueStatus",
            &id,
            &[
                PARAMS,
                (
                    "QueueMember",
                    &[],
                    &MEMBER.replace("Penalty: 0", &format!("Penalty: {pass}")),
                ),
            ],
        );
    }
    assert_eq!(
        pbx.reasons(),
        [[Reason::PassesDisagree; 4].as_slice(), &[Reason::Resynced]].concat()
    );
    assert_eq!(pbx.membership("PJSIP/1001", "support")["penalty"], 5);
}

#[test]
fn without_a_fence_a_row_that_an_event_touched_may_differ() {
    let mut pbx = in_step();
    pbx.resync_with(&[("QueueStatus", "p1")], Fence::None).list(
        "QueueStatus",
        "p1",
        &[PARAMS, ("QueueMember", &[], MEMBER)],
    );
    pbx.member_event("QueueMemberPenalty", "support", "PJSIP/1001", "Penalty: 7");
    pbx.resync_with(&[("QueueStatus", "p2")], Fence::None);
    pbx.list(
        "QueueStatus",
        "p2",
        &[
            PARAMS,
            ("QueueMember", &[], &MEMBER.replace("Penalty: 0", "Penalty: 7")),
        ],
    );
    assert_eq!(pbx.reasons().last(), Some(&Reason::Resynced));
    assert_eq!(pbx.membership("PJSIP/1001", "support")["penalty"], 7);
}

#[test]
fn without_a_channel_list_a_hangup_missed_in_a_gap_leaves_no_phantom() {
    let mut pbx = in_step();
    pbx.at(1.0)
        .channel("a", "PJSIP/1001-1", "a")
        .channel("b", "PJSIP/1001-2", "b");
    let (now, refusal) = (
        pbx.now(),
        b"Response: Error\r\nActionID: L1\r\nMessage: Permission denied\r\n\r\n",
    );
    let batch = pbx.board.lost(Session::Events, "cut", now);
    pbx.keep(batch);
    pbx.resync(&BOTH).answer_bytes(refusal);
    pbx.state("b", 6);
    pbx.list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert!(
        pbx.board.channel("a").is_none(),
        "nothing has named it since the gap"
    );
    assert!(pbx.board.channel("b").is_some());
    pbx.resync(&BOTH).answer_bytes(refusal);
    pbx.list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert!(
        pbx.board.channel("b").is_some(),
        "without a gap nothing is dropped"
    );
}
