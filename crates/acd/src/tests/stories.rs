//! The distributor, story by story.

use model::{Activity, AgentOrder, LeaveReason, NotReadyReason, OfferOutcome, Refusal, Shift};

use super::*;

const INQUIRY: &[&str] = &["inquiry"];
const BOTH: &[&str] = &["inquiry", "complaint"];

fn view(world: &World, id: &str) -> (Shift, Activity) {
    let view = world.acd.agent(&agent(id)).unwrap();
    (view.shift, view.activity)
}

fn ended(world: &World) -> Vec<OfferOutcome> {
    let outcome = |output: &Output| match output {
        Output::OfferEnded { outcome, .. } => Some(*outcome),
        _ => None,
    };
    world.outputs.iter().filter_map(outcome).collect()
}

#[test]
fn the_agent_idle_longest_is_first() {
    let mut world = World::new(&[("1001", INQUIRY), ("1002", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1002")));
    world.pass(5);
    world.step(Input::SeatOnline(agent("1001")));
    world.enter("inquiry", 0);
    assert_eq!(world.only_offer().2, agent("1002"));
}

#[test]
fn idle_counts_from_becoming_ready() {
    let mut world = World::new(&[("1001", INQUIRY), ("1002", INQUIRY)]);
    for id in ["1001", "1002"] {
        world.step(Input::SeatOnline(agent(id)));
        world.pass(1);
    }
    world.command("1001", AgentOrder::Break);
    world.pass(60);
    world.command("1001", AgentOrder::Ready);
    world.pass(1);
    world.command("1002", AgentOrder::Ready);
    world.enter("inquiry", 0);
    assert_eq!(world.only_offer().2, agent("1002"), "saying ready twice costs nothing");
}

#[test]
fn a_bonus_is_virtual_waiting() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    let patient = world.enter("inquiry", 0);
    world.pass(59);
    let favoured = world.enter("inquiry", 60);
    assert_eq!((world.acd.position(favoured), world.acd.position(patient)), (Some(1), Some(2)));
    world.step(Input::SeatOnline(agent("1001")));
    assert_eq!(world.only_offer().1, favoured);

    let mut world = World::new(&[("1001", INQUIRY)]);
    let patient = world.enter("inquiry", 0);
    world.pass(61);
    world.enter("inquiry", 60);
    world.step(Input::SeatOnline(agent("1001")));
    assert_eq!(world.only_offer().1, patient);
}

#[test]
fn an_agent_of_two_queues_takes_the_highest_score_of_both() {
    let mut world = World::new(&[("1004", BOTH)]);
    let complaint = world.enter("complaint", 0);
    world.pass(1);
    world.enter("inquiry", 0);
    world.step(Input::SeatOnline(agent("1004")));
    let (_, contact, _) = world.only_offer();
    assert_eq!(contact, complaint);
}

#[test]
fn answered_then_wrapped_up_then_idle() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    world.enter("inquiry", 0);
    let (offer, contact, _) = world.only_offer();
    world.pass(3);
    world.step(Input::OfferAnswered(offer));
    assert!(world.outputs.iter().any(|output| matches!(
        output,
        Output::Left { contact: left, reason: LeaveReason::Answered, waited_ms: 3000, .. } if *left == contact
    )));
    assert_eq!(view(&world, "1001"), (Shift::Ready, Activity::Talking));
    world.step(Input::SegmentEnded(agent("1001")));
    assert_eq!(view(&world, "1001"), (Shift::Ready, Activity::WrapUp));
    world.enter("inquiry", 0);
    assert!(world.offers().is_empty());
    world.pass(10);
    world.only_offer();
}

#[test]
fn no_answer_returns_the_caller_to_the_head_and_another_agent_rings() {
    let mut world = World::new(&[("1001", INQUIRY), ("1002", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    let first = world.enter("inquiry", 0);
    let (offer, _, _) = world.only_offer();
    world.enter("inquiry", 0);
    world.pass(14);
    world.step(Input::SeatOnline(agent("1002")));
    let (second_offer, _, _) = world.only_offer();
    world.step(Input::OfferRefused(second_offer, Refusal::Busy));
    world.pass(1);
    assert_eq!(ended(&world), [OfferOutcome::TimedOut]);
    assert!(!world.acd.is_live(offer));
    world.pass(4);
    let (_, contact, who) = world.only_offer();
    assert_eq!((contact, who), (first, agent("1002")));
}

#[test]
fn three_misses_in_a_row_make_not_ready_with_the_cause() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    let contact = world.enter("inquiry", 0);
    for (nth, refusal) in [Refusal::Busy, Refusal::Declined, Refusal::Unreachable].into_iter().enumerate() {
        let (offer, offered, _) = world.only_offer();
        assert_eq!(offered, contact);
        assert_eq!(view(&world, "1001").0, Shift::Ready, "miss {nth}");
        world.step(Input::OfferRefused(offer, refusal));
        world.pass(5);
    }
    assert_eq!(view(&world, "1001"), (Shift::NotReady(NotReadyReason::Unreachable), Activity::Idle));
    assert!(world.offers().is_empty());
    world.command("1001", AgentOrder::Ready);
    world.only_offer();
}

#[test]
fn three_times_no_answer() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    world.enter("inquiry", 0);
    let mut offer = world.only_offer().0;
    for miss in 1..=3 {
        world.pass(15);
        assert_eq!(ended(&world), [OfferOutcome::TimedOut]);
        world.step(Input::OfferReleased(offer));
        world.pass(5);
        if miss < 3 {
            offer = world.only_offer().0;
        }
    }
    assert!(world.offers().is_empty());
    assert_eq!(view(&world, "1001").0, Shift::NotReady(NotReadyReason::NoAnswer));
}

#[test]
fn the_caller_leaves_while_an_agent_rings() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    world.pass(30);
    let contact = world.enter("inquiry", 0);
    let (offer, _, _) = world.only_offer();
    world.step(Input::Leave { contact, reason: LeaveReason::Abandoned });
    assert_eq!(ended(&world), [OfferOutcome::CallerGone]);
    world.enter("inquiry", 0);
    assert!(world.offers().is_empty(), "the device has not said yet that it stopped ringing");
    world.step(Input::OfferReleased(offer));
    world.only_offer();
    assert!(world.outputs.iter().any(|o| matches!(o, Output::Offer { idle_ms: 30_000, .. })));
}

#[test]
fn answer_and_withdrawal_cross_in_both_orders() {
    for answer_first in [true, false] {
        let mut world = World::new(&[("1001", INQUIRY)]);
        world.step(Input::SeatOnline(agent("1001")));
        let contact = world.enter("inquiry", 0);
        let (offer, _, _) = world.only_offer();
        if answer_first {
            world.step(Input::OfferAnswered(offer));
            assert_eq!(ended(&world), [OfferOutcome::Accepted]);
            world.step(Input::Leave { contact, reason: LeaveReason::Abandoned });
            assert!(world.outputs.is_empty(), "answered: it waits no more");
            world.step(Input::SegmentEnded(agent("1001")));
            assert_eq!(view(&world, "1001").1, Activity::WrapUp);
        } else {
            world.step(Input::Leave { contact, reason: LeaveReason::Abandoned });
            world.step(Input::OfferAnswered(offer));
            assert!(world.outputs.is_empty(), "a late answer to a dead offer does nothing");
            world.step(Input::OfferReleased(offer));
            assert_eq!(view(&world, "1001"), (Shift::Ready, Activity::Idle));
        }
    }
}

#[test]
fn answer_and_deadline_cross_in_both_orders() {
    for answer_first in [true, false] {
        let mut world = World::new(&[("1001", INQUIRY), ("1002", INQUIRY)]);
        world.step(Input::SeatOnline(agent("1001")));
        world.enter("inquiry", 0);
        let (offer, _, _) = world.only_offer();
        world.now = world.now + Duration::from_secs(15);
        if answer_first {
            world.step(Input::OfferAnswered(offer));
            world.pass(0);
            assert_eq!(view(&world, "1001").1, Activity::Talking);
        } else {
            world.pass(0);
            world.step(Input::OfferAnswered(offer));
            assert!(world.outputs.is_empty());
            world.step(Input::SeatOnline(agent("1002")));
            assert_eq!(world.only_offer().2, agent("1002"));
        }
    }
}

#[test]
fn a_break_while_ringing_withdraws_once_and_a_break_while_talking_waits() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    world.enter("inquiry", 0);
    let (offer, _, _) = world.only_offer();
    world.command("1001", AgentOrder::Break);
    assert_eq!(ended(&world), [OfferOutcome::AgentGone]);
    world.step(Input::OfferReleased(offer));
    assert!(world.offers().is_empty());

    world.command("1001", AgentOrder::Ready);
    let (offer, _, _) = world.only_offer();
    world.step(Input::OfferAnswered(offer));
    world.command("1001", AgentOrder::Break);
    assert_eq!(view(&world, "1001"), (Shift::NotReady(NotReadyReason::Break), Activity::Talking));
    world.step(Input::SegmentEnded(agent("1001")));
    world.pass(10);
    assert_eq!(view(&world, "1001"), (Shift::NotReady(NotReadyReason::Break), Activity::Idle));
}

#[test]
fn a_seat_that_goes_offline_in_a_call_keeps_the_call_and_gets_no_other() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    world.enter("inquiry", 0);
    let (offer, _, _) = world.only_offer();
    world.step(Input::OfferAnswered(offer));
    world.step(Input::SeatOffline(agent("1001")));
    assert_eq!(view(&world, "1001"), (Shift::SignedOut, Activity::Talking));
    world.enter("inquiry", 0);
    world.step(Input::SegmentEnded(agent("1001")));
    world.pass(60);
    assert!(world.offers().is_empty());
    world.step(Input::SeatOnline(agent("1001")));
    world.only_offer();
}

#[test]
fn a_device_that_never_says_it_stopped_is_freed_by_the_guard() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    let contact = world.enter("inquiry", 0);
    world.step(Input::Leave { contact, reason: LeaveReason::Abandoned });
    world.enter("inquiry", 0);
    world.pass(35);
    world.only_offer();
}

#[test]
fn three_callers_meet_three_agents_in_order() {
    let mut world = World::new(&[("1001", INQUIRY), ("1002", INQUIRY), ("1003", INQUIRY)]);
    for id in ["1003", "1001", "1002"] {
        world.step(Input::SeatOnline(agent(id)));
        world.pass(1);
    }
    let offered: Vec<_> = (0..3)
        .map(|_| {
            world.enter("inquiry", 0);
            world.only_offer().2
        })
        .collect();
    assert_eq!(offered, [agent("1003"), agent("1001"), agent("1002")]);
}

#[test]
fn positions_follow_priority() {
    let mut world = World::new(&[]);
    let bonuses = [0, 0, 600, 600, 1200, 300];
    let contacts: Vec<_> = bonuses.iter().map(|bonus| world.enter("inquiry", *bonus)).collect();
    let positions: Vec<_> = contacts.iter().map(|contact| world.acd.position(*contact).unwrap()).collect();
    assert_eq!(positions, [5, 6, 2, 3, 1, 4]);
    assert_eq!(world.acd.waiting(&queue("inquiry")), 6);
    world.step(Input::Leave { contact: contacts[4], reason: LeaveReason::Abandoned });
    assert_eq!(world.acd.position(contacts[2]), Some(1));
    let [told] = world.step(Input::AskPosition(contacts[2])) else { panic!("one answer") };
    assert_eq!(*told, Output::Position { contact: contacts[2], queue: queue("inquiry"), position: 1 });
    assert_eq!(world.step(Input::AskPosition(contacts[4])), [], "who does not wait has none");
}

#[test]
fn a_caller_whose_agent_fell_away_returns_with_its_old_waiting_time() {
    let mut world = World::new(&[]);
    let since = world.now;
    world.pass(30);
    world.enter("inquiry", 0);
    let contact = ContactId::new(&mut world.ids, world.now);
    world.step(Input::Enter { contact, queue: queue("inquiry"), bonus_s: 0, since });
    assert_eq!(world.acd.position(contact), Some(1));
}

#[test]
fn whoever_is_called_into_a_conversation_is_given_no_call_until_it_is_left() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    let contact = ContactId::new(&mut world.ids, world.now);
    world.engage("1001", contact, "inquiry");
    assert_eq!(world.answers(), [Err(Refused::SeatOffline)]);
    assert_eq!(world.outputs.len(), 1, "the seat is not there");
    world.step(Input::SeatOnline(agent("1001")));
    world.engage("1001", contact, "inquiry");
    assert_eq!(view(&world, "1001"), (Shift::Ready, Activity::Talking));
    world.enter("inquiry", 0);
    assert_eq!(world.offers(), []);
    world.step(Input::Disengaged(agent("1001")));
    assert_eq!(world.only_offer().2, agent("1001"), "nothing to write up");
    world.step(Input::Disengaged(agent("1001")));
    assert_eq!(view(&world, "1001").1, Activity::Offered, "said twice, it changes nothing");
}

#[test]
fn whoever_stays_as_the_contacts_own_agent_writes_up() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    let contact = ContactId::new(&mut world.ids, world.now);
    world.engage("1001", contact, "complaint");
    world.step(Input::SegmentEnded(agent("1001")));
    assert_eq!(view(&world, "1001").1, Activity::WrapUp);
}

#[test]
fn a_queue_gives_its_agent_who_was_idle_longest_into_a_conversation() {
    let mut world = World::new(&[("1001", INQUIRY), ("1002", INQUIRY), ("2001", &["complaint"])]);
    for id in ["2001", "1002", "1001"] {
        world.step(Input::SeatOnline(agent(id)));
        world.pass(1);
    }
    let mut ask = |of: &str| {
        let (id, contact) =
            (CommandId::new(&mut world.ids, world.now), ContactId::new(&mut world.ids, world.now));
        let input = Input::EngageIdle { id, of: queue(of), contact, queue: queue("complaint") };
        let answer = |output: &Output| match output {
            Output::Engaged { id: answered, agent } if *answered == id => Some(Ok(agent.clone())),
            Output::Answered { id: answered, result: Err(refused) } if *answered == id => Some(Err(*refused)),
            _ => None,
        };
        world.step(input).iter().find_map(answer)
    };
    assert_eq!(ask("inquiry"), Some(Ok(agent("1002"))));
    assert_eq!(ask("inquiry"), Some(Ok(agent("1001"))));
    assert_eq!(ask("inquiry"), Some(Err(Refused::NobodyFree)));
    assert_eq!(ask("nowhere"), Some(Err(Refused::UnknownQueue)));
    assert_eq!(view(&world, "1002").1, Activity::Talking);
    world.step(Input::SegmentEnded(agent("1002")));
    assert_eq!(view(&world, "1002").1, Activity::WrapUp);
}
