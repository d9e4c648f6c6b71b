//! Local members: a queue rings a pair of halves, and a phone stands behind it.

use serde_json::json;

use crate::pbx::Pbx;

#[test]
fn a_local_member_keeps_the_service_when_its_pair_is_optimised_away() {
    let mut pbx = Pbx::default();
    pbx.member("support", "Local/1001@internal/n", "StateInterface: PJSIP/1001")
        .waiting_caller()
        .at(2.0);
    pbx.channel("l1", "Local/1001@internal-00;1", "c")
        .channel("l2", "Local/1001@internal-00;2", "c");
    pbx.say(
        "LocalBridge",
        &[("LocalOne", "l1"), ("LocalTwo", "l2")],
        "LocalOptimization: Yes",
    );
    pbx.agent("AgentCalled", "support", "Local/1001@internal/n", "c", "l1", "")
        .channel("a", "PJSIP/1001-01", "c")
        .state("a", 5);
    assert_eq!(pbx.state_of("PJSIP/1001"), "ringing");
    pbx.at(4.0)
        .state("a", 6)
        .state("l1", 6)
        .enter("far", "l2")
        .enter("far", "a")
        .leave("support", "c");
    pbx.agent("AgentConnect", "support", "Local/1001@internal/n", "c", "l1", "")
        .enter("near", "l1")
        .enter("near", "c");
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.call("c")["status"].clone()),
        ("talking".into(), json!("talking"))
    );
    pbx.say(
        "LocalOptimizationEnd",
        &[("LocalOne", "l1"), ("LocalTwo", "l2"), ("Source", "a")],
        "Success: Yes\nId: 1",
    );
    pbx.enter_with(
        "near",
        "a",
        "BridgeType: basic\nBridgeTechnology: simple_bridge\nSwapUniqueid: l1",
    )
    .hangup("l1")
    .hangup("l2");
    assert_eq!(
        (pbx.state_of("PJSIP/1001"), pbx.call("c")["status"].clone()),
        ("talking".into(), json!("talking"))
    );
    pbx.at(9.0).hangup("a");
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
    pbx.hangup("c").assert_nothing_left();
}

#[test]
fn a_local_member_without_optimisation_serves_until_its_near_half_goes() {
    let mut pbx = Pbx::default();
    pbx.member("support", "Local/1001@internal/n", "StateInterface: PJSIP/1001")
        .waiting_caller()
        .at(2.0);
    pbx.channel("l1", "Local/1001@internal-00;1", "c")
        .channel("l2", "Local/1001@internal-00;2", "c");
    pbx.agent("AgentCalled", "support", "Local/1001@internal/n", "c", "l1", "")
        .channel("a", "PJSIP/1001-01", "c")
        .state("a", 6);
    pbx.at(4.0).leave("support", "c").agent(
        "AgentConnect",
        "support",
        "Local/1001@internal/n",
        "c",
        "l1",
        "",
    );
    pbx.enter("far", "l2")
        .enter("far", "a")
        .enter("near", "l1")
        .enter("near", "c");
    assert_eq!(pbx.state_of("PJSIP/1001"), "talking");
    assert_eq!(pbx.membership("PJSIP/1001", "support")["in_call"], true);
    pbx.at(7.0).hangup("l1").hangup("l2").hangup("a");
    assert_eq!(pbx.state_of("PJSIP/1001"), "wrap_up");
}
