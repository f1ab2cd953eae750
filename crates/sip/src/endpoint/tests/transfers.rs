//! The flows of RFC 5589 by their names there, message by message: an agent's phone (the transferor), the endpoint that has the customer
//! (the transferee: it calls the target by itself), and the target's phone. Three endpoints, one wire.

use super::net::{AGENT, CENTER, Net, TARGET};
use super::*;
use crate::Status;

/// The center's call of the agent, which may refer. At the center and at the agent.
fn talking(net: &mut Net) -> (SessionId, SessionId) {
    let (center, agent) = net.call(CENTER, AGENT);
    net.endpoints[CENTER].allow_referral(net.now, center, true);
    (center, agent)
}

/// Basic transfer: REFER, 202, NOTIFY, INVITE to the target, NOTIFY, BYE.
#[test]
fn successful_transfer() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (leg, replaces) = net.refer(agent, None);
    assert_eq!(replaces, None);
    let (_, target) = net.ring(CENTER, TARGET);
    net.tell(leg, Status::RINGING, false);
    net.answer(TARGET, target);
    net.tell(leg, Status::OK, true);
    net.hang_up(AGENT, agent);
    assert_eq!(
        net.ladder(),
        [
            "agent REFER",
            "center 202 REFER",
            "center NOTIFY 100",
            "agent 200 NOTIFY",
            "center INVITE",
            "target 180 INVITE",
            "center NOTIFY 180",
            "agent 200 NOTIFY",
            "target 200 INVITE",
            "center ACK",
            "center NOTIFY 200",
            "agent 200 NOTIFY",
            "agent BYE",
            "center 200 BYE",
        ]
    );
    assert_eq!(net.steps(), ["100", "180", "200 over"]);
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// The REFER comes inside the dialog, and the call may be held meanwhile.
#[test]
fn transfer_with_dialog_reuse_while_on_hold() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    assert!(net.endpoints[AGENT].reoffer(net.now, agent, Direction::SendOnly));
    net.run();
    let (leg, _) = net.refer(agent, None);
    net.call(CENTER, TARGET);
    net.tell(leg, Status::OK, true);
    assert_eq!(net.steps(), ["100", "200 over"]);
    net.hang_up(AGENT, agent);
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// The target is busy; the call goes on, and may be transferred again.
#[test]
fn target_busy() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (leg, _) = net.refer(agent, None);
    let (_, target) = net.ring(CENTER, TARGET);
    net.endpoints[TARGET].refuse(net.now, target, &Answer::new(Status::BUSY_HERE));
    net.run();
    net.tell(leg, Status::BUSY_HERE, true);
    assert_eq!(net.steps(), ["100", "486 over"]);
    assert_eq!(net.calls(), [1, 1, 0]);
    net.refer(agent, None);
    assert_eq!(net.ladder()[..3], ["agent REFER", "center 202 REFER", "center NOTIFY 100"]);
    assert_eq!(net.steps(), ["100"]);
}

/// The target does not answer; its call is withdrawn, and the agent has the customer.
#[test]
fn transfer_target_does_not_answer() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (leg, _) = net.refer(agent, None);
    let (ours, _) = net.ring(CENTER, TARGET);
    net.tell(leg, Status::RINGING, false);
    net.hang_up(CENTER, ours);
    net.tell(leg, Status::TEMPORARILY_UNAVAILABLE, true);
    assert_eq!(net.steps(), ["100", "180", "480 over"]);
    assert_eq!(net.calls(), [1, 1, 0]);
}

/// The agent consults the target on a second call, which the center takes over.
#[test]
fn attended_transfer() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    // The second call of the phone leads to the center as well, which has the target on its other side.
    let (consulting, at_center) = net.call(AGENT, CENTER);
    net.call(CENTER, TARGET);
    let (leg, replaces) = net.refer(agent, Some(consulting));
    let dialog = net.endpoints[CENTER].named(at_center).unwrap();
    assert_eq!(replaces.as_ref(), Some(&dialog), "as RFC 3891 has it: our tag is to-tag");
    net.tell(leg, Status::OK, true);
    net.hang_up(AGENT, agent);
    net.hang_up(AGENT, consulting);
    assert_eq!(
        net.ladder(),
        [
            "agent REFER",
            "center 202 REFER",
            "center NOTIFY 100",
            "agent 200 NOTIFY",
            "center NOTIFY 200",
            "agent 200 NOTIFY",
            "agent BYE",
            "center 200 BYE",
            "agent BYE",
            "center 200 BYE",
        ]
    );
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// The other way round: the REFER comes on the second call and names the first.
#[test]
fn attended_transfer_on_the_second_call() {
    let mut net = Net::new();
    let (first, agent) = talking(&mut net);
    let (consulting, at_center) = net.call(AGENT, CENTER);
    net.endpoints[CENTER].allow_referral(net.now, at_center, true);
    let (leg, replaces) = net.refer(consulting, Some(agent));
    assert_eq!(leg, at_center);
    assert!(replaces.unwrap().names(&net.endpoints[CENTER].named(first).unwrap()));
}

/// One side does not take REFER; the transferor has both calls still.
#[test]
fn recovery_when_one_party_does_not_support_refer() {
    let mut net = Net::new();
    let (_, agent) = net.call(CENTER, AGENT);
    let (consulting, _) = net.call(AGENT, CENTER);
    net.ladder();
    assert!(net.endpoints[AGENT].refer(net.now, agent, "sip:target@192.0.2.3", Some(consulting)));
    net.run();
    assert_eq!(net.ladder(), ["agent REFER", "center 403 REFER"]);
    assert_eq!(net.steps(), ["403 over"]);
    assert_eq!(net.calls(), [2, 2, 0]);
}

/// The call that was to be taken over is gone when the REFER comes.
#[test]
fn attended_transfer_whose_second_call_is_gone() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (consulting, at_center) = net.call(AGENT, CENTER);
    // The center's BYE crosses the REFER.
    net.endpoints[CENTER].hang_up(net.now, at_center, None);
    let (leg, replaces) = net.refer(agent, Some(consulting));
    assert!(replaces.is_some() && net.endpoints[CENTER].named(at_center).is_none());
    net.tell(leg, Status::NO_SUCH_CALL, true);
    assert_eq!(net.steps(), ["100", "481 over"]);
    assert_eq!(net.calls(), [1, 1, 0]);
}

/// A phone that hangs up at once, before it heard how it went.
#[test]
fn basic_transfer_whose_transferor_leaves_at_once() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (leg, _) = net.refer(agent, None);
    net.hang_up(AGENT, agent);
    net.call(CENTER, TARGET);
    net.ladder();
    net.tell(leg, Status::OK, true);
    assert!(net.ladder().is_empty());
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// The agent consults, does not wait for the answer, and has the customer's call ring there instead.
#[test]
fn semi_attended_transfer() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (consulting, _) = net.ring(AGENT, CENTER);
    assert!(
        !net.endpoints[AGENT].refer(net.now, agent, "sip:target@192.0.2.3", Some(consulting)),
        "it only rings"
    );
    net.hang_up(AGENT, consulting);
    let (leg, replaces) = net.refer(agent, None);
    assert_eq!(replaces, None);
    net.tell(leg, Status::OK, true);
    assert_eq!(net.steps(), ["100", "200 over"]);
}
