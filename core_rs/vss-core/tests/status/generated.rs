//! Made-up traffic: any event about any of a few channels, queues and members, in any order.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use vss_core::status::dialect::event_names;
use vss_core::status::resync::Fence;
use vss_core::status::{Moment, Session, StatusBoard};

use crate::properties::{board, cases};

const CHANNELS: [(&str, &str); 6] = [
    ("1.1", "PJSIP/trunk-01"),
    ("1.2", "PJSIP/1001-02"),
    ("1.3", "PJSIP/1002-03"),
    ("1.4", "Local/1001@internal-04;1"),
    ("1.5", "Local/1001@internal-04;2"),
    ("1.6", "PJSIP/1001-06"),
];
const PREFIXES: [&str; 12] = [
    "",
    "",
    "",
    "Dest",
    "LocalOne",
    "LocalTwo",
    "Target",
    "Parkee",
    "Transferer",
    "Transferee",
    "OrigTransferer",
    "Swap",
];
const QUEUES: [&str; 2] = ["support", "sales"];
const MEMBERS: [&str; 3] = ["PJSIP/1001", "PJSIP/1002", "Local/1001@internal/n"];
const BRIDGES: [&str; 2] = ["b1", "b2"];
/// Headers with the values that matter.
const EXTRAS: [&str; 18] = [
    "BridgeTechnology: simple_bridge\r\nBridgeType: basic",
    "BridgeTechnology: holding_bridge\r\nBridgeType: holding",
    "Result: Success",
    "Result: Fail",
    "DestType: Threeway",
    "DialStatus: ANSWER",
    "DialStatus: BUSY",
    "Success: Yes",
    "Paused: 1",
    "Paused: 0",
    "Status: 2",
    "Variable: QUEUESTATUS\r\nValue: TIMEOUT",
    "Position: 1",
    "Position: 3\r\nCount: 2",
    "Wrapuptime: 2",
    "StateInterface: PJSIP/1001",
    "SubEvent: Begin\r\nUniqueID: 1.1\r\nDestUniqueID: 1.2",
    "Uniqueid1: 1.1\r\nUniqueid2: 1.2",
];
/// The events that make and end things come more often than the others.
const USUAL: [&str; 14] = [
    "Newchannel",
    "Newchannel",
    "QueueCallerJoin",
    "QueueCallerLeave",
    "AgentCalled",
    "AgentConnect",
    "AgentComplete",
    "BridgeEnter",
    "BridgeLeave",
    "Hold",
    "QueueMemberAdded",
    "QueueMemberRemoved",
    "BlindTransfer",
    "LocalOptimizationEnd",
];

/// One event, as places in the tables above.
#[derive(Clone, Debug)]
struct Made {
    name: usize,
    legs: Vec<(usize, usize, usize)>,
    queue: usize,
    member: usize,
    bridge: usize,
    extras: Vec<usize>,
}

fn made() -> impl Strategy<Value = Made> {
    let leg = (0..PREFIXES.len(), 0..CHANNELS.len(), 0..CHANNELS.len());
    (
        0..200_usize,
        prop::collection::vec(leg, 0..4),
        0..2_usize,
        0..3_usize,
        0..2_usize,
        prop::collection::vec(0..EXTRAS.len(), 0..3),
    )
        .prop_map(|(name, legs, queue, member, bridge, extras)| Made {
            name,
            legs,
            queue,
            member,
            bridge,
            extras,
        })
}

impl Made {
    fn bytes(&self) -> Vec<u8> {
        let all: Vec<&str> = event_names().collect();
        let name = if self.name < 120 {
            USUAL[self.name % USUAL.len()]
        } else {
            all[self.name % all.len()]
        };
        let mut text = format!("Event: {name}\r\n");
        for &(prefix, channel, linked) in &self.legs {
            let (prefix, (id, name)) = (PREFIXES[prefix], CHANNELS[channel]);
            text += &format!(
                "{prefix}Channel: {name}\r\n{prefix}Uniqueid: {id}\r\n{prefix}ChannelState: {}\r\n",
                linked + 1
            );
            text += &format!("{prefix}Linkedid: {}\r\n", CHANNELS[linked].0);
        }
        text += &format!(
            "Queue: {}\r\nInterface: {}\r\n",
            QUEUES[self.queue], MEMBERS[self.member]
        );
        text += &format!("BridgeUniqueid: {}\r\n", BRIDGES[self.bridge]);
        for &extra in &self.extras {
            text += &format!("{}\r\n", EXTRAS[extra]);
        }
        (text + "\r\n").into_bytes()
    }
}

fn whole(board: &StatusBoard) -> Result<(), TestCaseError> {
    prop_assert_eq!(board.contradictions(), Vec::<String>::new());
    Ok(())
}

fn hang_up(board: &mut StatusBoard, now: Moment) -> Result<(), TestCaseError> {
    for (id, name) in CHANNELS {
        let hangup = format!("Event: Hangup\r\nChannel: {name}\r\nUniqueid: {id}\r\nCause: 16\r\n\r\n");
        board.feed(hangup.as_bytes(), now, Session::Events);
    }
    whole(board)?;
    prop_assert_eq!(board.leftovers(), Vec::<String>::new());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 3000, ..cases(200) })]

    #[test]
    fn after_all_hangups_nothing_is_left_of_any_traffic(events in prop::collection::vec(made(), 1..60)) {
        let mut board = board();
        for (second, event) in events.iter().enumerate() {
            let now = Moment(1_800_000_000_000 + 700 * second as i64);
            board.feed(&event.bytes(), now, Session::Events);
            whole(&board)?;
            if second % 5 == 0 {
                board.tick(now);
            }
        }
        hang_up(&mut board, Moment(1_800_000_100_000))?;
    }

    #[test]
    fn a_swap_in_the_middle_of_any_traffic_leaves_a_whole_board(
        events in prop::collection::vec(made(), 1..40),
        listed in prop::collection::vec((0..CHANNELS.len(), 0..3_usize, 0..2_usize), 0..6),
        begun in 0..40_usize,
        fenced in 0..40_usize,
    ) {
        let mut board = board();
        let now = Moment(1_800_000_000_000);
        for (place, event) in events.iter().enumerate() {
            if place == begun {
                board.begin_resync([("CoreShowChannels", "l"), ("QueueStatus", "q")], Fence::Setvar("f".into()), "test", now).unwrap();
                let mut answer = String::new();
                for &(channel, member, queue) in &listed {
                    let ((id, name), queue) = (CHANNELS[channel], QUEUES[queue]);
                    answer += &format!("Event: CoreShowChannel\r\nActionID: l\r\nChannel: {name}\r\nUniqueid: {id}\r\nLinkedid: {id}\r\nChannelState: 6\r\nBridgeId: b1\r\n\r\n");
                    answer += &format!("Event: QueueMember\r\nActionID: q\r\nQueue: {queue}\r\nLocation: {}\r\nPaused: 0\r\nStatus: 1\r\n\r\n", MEMBERS[member]);
                    answer += &format!("Event: QueueEntry\r\nActionID: q\r\nQueue: {queue}\r\nUniqueid: {id}\r\nChannel: {name}\r\nPosition: 1\r\nWait: 3\r\n\r\n");
                }
                answer += &format!("Event: CoreShowChannelsComplete\r\nActionID: l\r\nEventList: Complete\r\nListItems: {}\r\n\r\n", listed.len());
                answer += &format!("Event: QueueStatusComplete\r\nActionID: q\r\nEventList: Complete\r\nListItems: {}\r\n\r\n", listed.len() * 2);
                board.feed(answer.as_bytes(), now, Session::Actions);
            }
            board.feed(&event.bytes(), now, Session::Events);
            if place == fenced {
                board.feed(b"Event: VarSet\r\nChannel: none\r\nUniqueid: none\r\nVariable: VSS_FENCE\r\nValue: f\r\n\r\n", now, Session::Events);
            }
            whole(&board)?;
        }
        hang_up(&mut board, now)?;
    }
}
