//! The same facts in the words of Asterisk 11, 13 and 16.

use serde_json::json;

use crate::pbx::{Pbx, options};

/// The events of Asterisk 11, which know no Linkedid, no ChannelState beside the queue, and other names.
#[test]
fn asterisk_11_tells_the_same_story_in_its_own_words() {
    let mut pbx = Pbx::with(options());
    let say = |pbx: &mut Pbx, at: f64, name: &str, headers: &str| {
        pbx.at(at).say(name, &[], headers);
    };
    say(
        &mut pbx,
        0.0,
        "QueueMemberAdded",
        "Queue: support\nLocation: SIP/1001\nMemberName: One\nMembership: static\nPenalty: 0\nCallsTaken: 0\nLastCall: 0\nStatus: 1\nPaused: 0",
    );
    say(
        &mut pbx,
        0.0,
        "Newchannel",
        "Channel: SIP/trunk-01\nChannelState: 4\nChannelStateDesc: Ring\nCallerIDNum: 79001\nCallerIDName: \nAccountCode: \nExten: 600\nContext: in\nUniqueid: 1.1",
    );
    say(
        &mut pbx,
        1.0,
        "Newstate",
        "Channel: SIP/trunk-01\nChannelState: 6\nChannelStateDesc: Up\nCallerIDNum: 79001\nCallerIDName: \nConnectedLineNum: \nConnectedLineName: \nUniqueid: 1.1",
    );
    say(
        &mut pbx,
        1.0,
        "Join",
        "Channel: SIP/trunk-01\nCallerIDNum: 79001\nCallerIDName: unknown\nConnectedLineNum: unknown\nConnectedLineName: unknown\nQueue: support\nPosition: 1\nCount: 1\nUniqueid: 1.1",
    );
    assert_eq!(pbx.line("support"), ["1.1"]);
    assert_eq!(pbx.queue("support")["callers"][0]["number"], "79001");
    say(
        &mut pbx,
        2.0,
        "Newchannel",
        "Channel: SIP/1001-02\nChannelState: 0\nChannelStateDesc: Down\nCallerIDNum: \nCallerIDName: \nAccountCode: \nExten: \nContext: internal\nUniqueid: 1.2",
    );
    say(
        &mut pbx,
        2.0,
        "AgentCalled",
        "Queue: support\nAgentCalled: SIP/1001\nAgentName: One\nChannelCalling: SIP/trunk-01\nDestinationChannel: SIP/1001-02\nCallerIDNum: 79001\nCallerIDName: unknown\nContext: in\nExtension: 600\nPriority: 2\nUniqueid: 1.1",
    );
    say(
        &mut pbx,
        2.0,
        "Dial",
        "SubEvent: Begin\nChannel: SIP/trunk-01\nDestination: SIP/1001-02\nUniqueID: 1.1\nDestUniqueID: 1.2\nDialstring: 1001",
    );
    assert_eq!(pbx.state_of("SIP/1001"), "ringing");
    say(
        &mut pbx,
        4.0,
        "Newstate",
        "Channel: SIP/1001-02\nChannelState: 6\nChannelStateDesc: Up\nUniqueid: 1.2",
    );
    say(
        &mut pbx,
        4.0,
        "Leave",
        "Channel: SIP/trunk-01\nQueue: support\nCount: 0\nPosition: 1\nUniqueid: 1.1",
    );
    // The Channel of AgentConnect is the operator's, its Uniqueid the caller's.
    say(
        &mut pbx,
        4.0,
        "AgentConnect",
        "Queue: support\nUniqueid: 1.1\nChannel: SIP/1001-02\nMember: SIP/1001\nMemberName: One\nHoldtime: 3\nBridgedChannel: 1.2\nRingtime: 2",
    );
    say(
        &mut pbx,
        4.0,
        "Bridge",
        "Bridgestate: Link\nBridgetype: core\nChannel1: SIP/trunk-01\nChannel2: SIP/1001-02\nUniqueid1: 1.1\nUniqueid2: 1.2\nCallerID1: 79001\nCallerID2: 1001",
    );
    assert_eq!(pbx.leg("1.1")["name"], "SIP/trunk-01");
    assert_eq!(
        (pbx.state_of("SIP/1001"), pbx.call("1.1")["status"].clone()),
        ("talking".into(), json!("talking"))
    );
    assert_eq!(pbx.call("1.2")["merged_into"], "1.1");
    say(
        &mut pbx,
        6.0,
        "Hold",
        "Status: On\nChannel: SIP/1001-02\nUniqueid: 1.2",
    );
    assert_eq!(pbx.state_of("SIP/1001"), "on_hold");
    say(
        &mut pbx,
        7.0,
        "Hold",
        "Status: Off\nChannel: SIP/1001-02\nUniqueid: 1.2",
    );
    assert_eq!(pbx.state_of("SIP/1001"), "talking");
    say(
        &mut pbx,
        10.0,
        "Unlink",
        "Channel1: SIP/trunk-01\nChannel2: SIP/1001-02\nUniqueid1: 1.1\nUniqueid2: 1.2",
    );
    say(
        &mut pbx,
        10.0,
        "AgentComplete",
        "Queue: support\nUniqueid: 1.1\nChannel: SIP/1001-02\nMember: SIP/1001\nMemberName: One\nHoldTime: 3\nTalkTime: 6\nReason: caller",
    );
    say(
        &mut pbx,
        10.0,
        "QueueMemberPaused",
        "Queue: support\nLocation: SIP/1001\nMemberName: One\nPaused: 1\nReason: lunch",
    );
    say(
        &mut pbx,
        10.0,
        "Hangup",
        "Channel: SIP/1001-02\nUniqueid: 1.2\nCallerIDNum: 1001\nCause: 16\nCause-txt: x",
    );
    say(
        &mut pbx,
        10.0,
        "Hangup",
        "Channel: SIP/trunk-01\nUniqueid: 1.1\nCallerIDNum: 79001\nCause: 16\nCause-txt: x",
    );
    pbx.at(15.0).tick();
    let row = pbx.operator("SIP/1001");
    assert_eq!(
        (&row["state"], &row["reason"]),
        (&json!("paused"), &json!("lunch"))
    );
    assert_eq!(
        pbx.states_told("SIP/1001"),
        [
            "available",
            "ringing",
            "talking",
            "on_hold",
            "talking",
            "wrap_up",
            "paused"
        ]
    );
    let call = pbx.call("1.1");
    assert_eq!(
        (&call["disposition"], &call["hold_seconds"]),
        (&json!("answered"), &json!(1.0))
    );
    pbx.assert_nothing_left();
}

#[test]
fn asterisk_11_shows_where_a_caller_goes_on_in_its_extension_header() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller().at(3.0).leave("support", "c");
    pbx.say("Newexten", &[], "Channel: PJSIP/trunk-01\nContext: ctx\nExtension: h\nPriority: 1\nApplication: NoOp\nAppData: \nUniqueid: c");
    assert_eq!(pbx.outcome("c"), json!(null));
    assert_eq!(pbx.leg("c")["exten"], "h");
    pbx.hangup("c");
    assert_eq!(pbx.outcome("c"), "abandoned");
}

#[test]
fn a_pause_reason_is_read_under_its_old_and_new_name() {
    for (name, interface, reason) in [
        ("QueueMemberPaused", "Location", "Reason"),
        ("QueueMemberPause", "Interface", "Reason"),
        ("QueueMemberPause", "Interface", "PausedReason"),
    ] {
        let mut pbx = Pbx::staffed();
        pbx.say(
            name,
            &[],
            &format!("Queue: support\n{interface}: PJSIP/1002\nPaused: 1\n{reason}: lunch"),
        );
        assert_eq!(pbx.operator("PJSIP/1002")["reason"], "lunch", "{name} {reason}");
    }
}
