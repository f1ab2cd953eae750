//! Supervisors and colleagues in a conversation: who hears whom, and that no failure of theirs disturbs it.

use model::{
    Activity, AudioReport, Cause, ContactEvent, ContactId, Direction, Done, EndedBy, Entry, Event, GuestEnd,
    LegId, LegReport, MediaOp, MediaReport, Order, Part, PartyOrder, Refusal, Refused, Role,
    SecureInputOrder, Supervision, SupervisionOrder, Watched,
};

use super::stories::{CALLER_DONE, conversation};
use super::world::{Leg, Seat, World, agent, remote, seconds};
use crate::Input;

const BOSS: &str = "1003";

fn contact(world: &World) -> ContactId {
    *world.center.contacts.keys().next().unwrap()
}

fn supervise(world: &mut World, how: Supervision) -> Result<Done, Refused> {
    let watched = Watched::Agent(agent("1001"));
    world.order(Order::Supervision(SupervisionOrder::Start { watched, seat: agent(BOSS), how }));
    world.replies.last().unwrap().result.clone()
}

/// Customer and agent 1001, and 1003 who supervises them; the three legs.
fn supervised(how: Supervision) -> (World, LegId, LegId, LegId) {
    let (mut world, caller, seat) = conversation();
    world.seat(BOSS, true);
    assert_eq!(supervise(&mut world, how), Ok(Done::Obeyed));
    world.run(seconds(3));
    let boss = world.last_dialled();
    (world, caller, seat, boss)
}

/// Customer and agent 1001, and 1003 whose seat rings on.
fn rung() -> (World, LegId, LegId, LegId) {
    let (mut world, caller, seat) = conversation();
    world.seat(BOSS, true);
    world.script(BOSS, Seat::RingsOn);
    supervise(&mut world, Supervision::Listen).unwrap();
    world.run(seconds(1));
    let boss = world.last_dialled();
    world.media.clear();
    (world, caller, seat, boss)
}

/// What the media were last told of who hears whom: a conference's members, or nothing of one.
fn members(world: &World) -> Option<Vec<(LegId, Role)>> {
    let told = world.media.iter().rev().find_map(|op| match op {
        MediaOp::Confer { members } => Some(Some(members.clone())),
        MediaOp::Bridge { .. } => Some(None),
        _ => None,
    });
    told.flatten().filter(|members| !members.is_empty())
}

fn guests_left(world: &World) -> Vec<GuestEnd> {
    let of = |event: &Event| match event {
        Event::Contact(ContactEvent::GuestLeft { how, .. }) => Some(*how),
        _ => None,
    };
    world.events().filter_map(of).collect()
}

/// Nothing that the customer or the agent could notice was ordered.
fn assert_undisturbed(world: &World, boss: LegId) {
    let of_boss = |op: &MediaOp| match op {
        MediaOp::Open { leg, .. } | MediaOp::Close { leg } | MediaOp::Connect { leg, .. } => *leg == boss,
        _ => false,
    };
    assert!(world.media.iter().all(of_boss), "{:?}", world.media);
}

#[test]
fn the_four_modes_change_in_mid_call() {
    let (mut world, caller, seat, boss) = supervised(Supervision::Listen);
    let three = |role| Some(vec![(caller, Role::Party), (seat, Role::Party), (boss, role)]);
    assert_eq!(members(&world), three(Role::Listener));
    supervise(&mut world, Supervision::Whisper).unwrap();
    assert_eq!(members(&world), three(Role::Whisperer { to: seat }));
    supervise(&mut world, Supervision::Barge).unwrap();
    assert_eq!(members(&world), three(Role::Party));
    assert_eq!(world.dialled.len(), 2, "rung once");
    supervise(&mut world, Supervision::TakeOver).unwrap();
    assert_eq!(members(&world), None, "a bridge of the two who stay");
    assert!(world.media.contains(&MediaOp::Bridge { a: caller, b: boss }));
    assert_eq!(world.legs.get(&seat), Some(&Leg::Over));
    let doing = |world: &World, id| world.center.cx.distributor.machine().agent(&agent(id)).unwrap().activity;
    assert_eq!((doing(&world, "1001"), doing(&world, BOSS)), (Activity::WrapUp, Activity::Talking));
    assert_eq!(world.talks().len(), 2, "a segment of each");
    assert_eq!(guests_left(&world), [GuestEnd::BecameAgent]);
    world.run(seconds(20));
    assert_eq!(world.center.calls(), 1);
    world.hang_up(boss);
    assert_eq!(doing(&world, BOSS), Activity::WrapUp);
    world.assert_over();
    assert_eq!(world.ends().len(), 1);
}

#[test]
fn a_seat_that_was_told_to_take_over_does_when_it_answers() {
    let (mut world, caller, seat, boss) = supervised(Supervision::TakeOver);
    assert_eq!((world.legs.get(&seat), world.legs.get(&boss)), (Some(&Leg::Over), Some(&Leg::Up)));
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn a_supervisor_goes_and_the_two_talk_on() {
    for by_order in [true, false] {
        let (mut world, caller, _, boss) = supervised(Supervision::Whisper);
        if by_order {
            world.order(Order::Supervision(SupervisionOrder::End { seat: agent(BOSS) }));
        } else {
            world.hang_up(boss);
        }
        assert_eq!(members(&world), None);
        let idle = world.center.cx.distributor.machine().agent(&agent(BOSS)).unwrap().activity;
        assert_eq!(idle, Activity::Idle, "nothing to write up");
        let how = if by_order { GuestEnd::Dismissed } else { GuestEnd::HungUp };
        assert_eq!(guests_left(&world), [how]);
        world.run(seconds(10));
        assert_eq!(world.center.calls(), 1);
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn a_supervisor_who_does_not_come_disturbs_nobody() {
    let refused = [
        (Seat::Declines, Refusal::Declined),
        (Seat::Unreachable, Refusal::Unreachable),
        (Seat::RingsOn, Refusal::NoAnswer),
    ];
    for (script, refusal) in refused {
        let (mut world, caller, _) = conversation();
        world.seat(BOSS, true);
        world.script(BOSS, script);
        world.media.clear();
        supervise(&mut world, Supervision::Barge).unwrap();
        world.run(seconds(40));
        assert_eq!(guests_left(&world), [GuestEnd::Refused(refusal)]);
        assert_undisturbed(&world, world.last_dialled());
        assert_eq!(
            world.center.cx.distributor.machine().agent(&agent(BOSS)).unwrap().activity,
            Activity::Idle
        );
        world.hang_up(caller);
        world.assert_over();
    }
    let (mut world, caller, _) = conversation();
    world.seat(BOSS, true);
    world.ports_open_after = None;
    supervise(&mut world, Supervision::Listen).unwrap();
    world.run(seconds(1));
    assert_eq!(guests_left(&world), [GuestEnd::Refused(Refusal::Failed)]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn what_cannot_be_supervised_is_refused() {
    let (mut world, caller, _) = conversation();
    assert_eq!(supervise(&mut world, Supervision::Listen), Err(Refused::SeatOffline));
    let ask = |world: &mut World, watched, seat: &str| {
        world.order(Order::Supervision(SupervisionOrder::Start {
            watched,
            seat: agent(seat),
            how: Supervision::Listen,
        }));
        world.replies.last().unwrap().result.clone()
    };
    let of = |id| Watched::Agent(agent(id));
    assert_eq!(ask(&mut world, of("9999"), BOSS), Err(Refused::UnknownAgent));
    assert_eq!(ask(&mut world, of("1002"), BOSS), Err(Refused::NotTalking));
    assert_eq!(ask(&mut world, of("1001"), "1001"), Err(Refused::SeatBusy));
    world.order(Order::Supervision(SupervisionOrder::End { seat: agent(BOSS) }));
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::NoGuest));
    let contact = contact(&world);
    world.seat(BOSS, true);
    assert_eq!(ask(&mut world, Watched::Contact(contact), BOSS), Ok(Done::Obeyed));
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(ask(&mut world, Watched::Contact(contact), BOSS), Err(Refused::UnknownContact));
}

#[test]
fn the_distributor_gives_a_supervisor_no_call() {
    let (mut world, caller, _, _) = supervised(Supervision::Listen);
    let other = world.caller_who_presses('2');
    world.run(seconds(30));
    assert_eq!(world.talks().len(), 1, "1003 would serve complaints");
    world.order(Order::Supervision(SupervisionOrder::End { seat: agent(BOSS) }));
    world.run(seconds(5));
    assert_eq!(world.talks().len(), 2);
    world.hang_up(caller);
    world.hang_up(other);
    world.assert_over();
}

/// Answer and end of the conversation, answer and dismissal: each in both orders.
#[test]
fn races_of_a_ringing_supervisor() {
    for answer_first in [true, false] {
        for by_order in [true, false] {
            let (mut world, caller, _, boss) = rung();
            let answer = |world: &mut World| {
                let remote = remote(Direction::Both);
                if world.legs.get(&boss) == Some(&(Leg::Pending { outbound: true })) {
                    world.answer(boss);
                } else {
                    world.send(Input::Leg(boss, LegReport::Connected { remote }));
                }
            };
            if answer_first {
                answer(&mut world);
            }
            if by_order {
                world.order(Order::Supervision(SupervisionOrder::End { seat: agent(BOSS) }));
            } else {
                world.hang_up(caller);
            }
            if !answer_first {
                answer(&mut world);
                let busy = world.center.cx.distributor.machine().may_engage(&agent(BOSS));
                assert_eq!(busy, Err(Refused::SeatBusy), "until the leg has said its last");
                if by_order {
                    assert_undisturbed(&world, boss);
                }
            }
            world.run(seconds(1));
            assert_eq!(world.center.cx.distributor.machine().may_engage(&agent(BOSS)), Ok(()));
            world.hang_up(caller);
            world.assert_over();
            assert_eq!(guests_left(&world).len(), 1);
            assert_eq!(world.ends(), [CALLER_DONE]);
        }
    }
}

#[test]
fn the_port_opens_after_the_supervisor_was_dismissed() {
    let (mut world, caller, _) = conversation();
    world.seat(BOSS, true);
    world.ports_open_after = Some(seconds(1));
    supervise(&mut world, Supervision::Listen).unwrap();
    world.order(Order::Supervision(SupervisionOrder::End { seat: agent(BOSS) }));
    world.run(seconds(2));
    assert_eq!(world.dialled.len(), 1, "never dialled");
    assert_eq!(world.center.cx.distributor.machine().may_engage(&agent(BOSS)), Ok(()));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_listener_hears_the_two_again_after_a_hold_and_music_goes_to_whoever_is_held() {
    let (mut world, caller, seat, boss) = supervised(Supervision::Listen);
    world.media.clear();
    world.change(seat, Direction::Inactive);
    assert_eq!(members(&world), None);
    assert!(world.media.iter().any(|op| matches!(op, MediaOp::Play { leg, .. } if *leg == caller)));
    world.change(seat, Direction::Both);
    let all = vec![(caller, Role::Party), (seat, Role::Party), (boss, Role::Listener)];
    assert_eq!(members(&world), Some(all));
    world.hang_up(caller);
    world.assert_over();
}

/// Customer, agent 1001, and the colleague 1003 whom the agent asked in.
fn three() -> (World, LegId, LegId, LegId) {
    let (mut world, caller, seat) = conversation();
    world.seat(BOSS, true);
    let contact = contact(&world);
    world.order_as("1001", Order::Parties(contact, PartyOrder::Add { seat: agent(BOSS) }));
    world.run(seconds(3));
    let colleague = world.last_dialled();
    assert_eq!(members(&world).unwrap().len(), 3);
    (world, caller, seat, colleague)
}

#[test]
fn an_agent_asks_a_colleague_in_and_leaves_and_the_call_goes_on() {
    for by_order in [true, false] {
        let (mut world, caller, seat, colleague) = three();
        let contact = contact(&world);
        if by_order {
            world.order_as("1001", Order::Parties(contact, PartyOrder::Leave));
        } else {
            world.hang_up(seat);
        }
        assert!(world.media.contains(&MediaOp::Bridge { a: caller, b: colleague }));
        let talks: Vec<String> = world.talks().into_iter().map(|(agent, _)| agent).collect();
        assert_eq!(talks, ["1001", BOSS]);
        world.order(Order::Parties(contact, PartyOrder::Leave));
        assert_eq!(world.replies.last().unwrap().result, Err(Refused::NoGuest));
        world.hang_up(colleague);
        world.assert_over();
        assert_eq!(world.ends()[0].0, EndedBy::Agent);
    }
}

#[test]
fn a_colleague_is_no_supervisor_and_is_taken_out_by_the_agent() {
    let (mut world, caller, _, colleague) = three();
    assert_eq!(supervise(&mut world, Supervision::Listen), Err(Refused::SeatBusy));
    world.order(Order::Supervision(SupervisionOrder::End { seat: agent(BOSS) }));
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::NoGuest));
    let contact = contact(&world);
    world.order_as("1002", Order::Parties(contact, PartyOrder::Remove { seat: agent(BOSS) }));
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::NotTheirContact));
    world.order_as("1001", Order::Parties(contact, PartyOrder::Remove { seat: agent(BOSS) }));
    assert_eq!((members(&world), world.legs.get(&colleague)), (None, Some(&Leg::Over)));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_guest_who_vanishes_is_let_go_and_an_agent_who_vanishes_leaves_the_customer_to_the_guest() {
    let direction = Direction::Both;
    let (mut world, caller, _, colleague) = three();
    world.send(Input::Media(MediaReport::Leg(colleague, AudioReport::Silent { direction })));
    assert_eq!((guests_left(&world), world.center.calls()), (vec![GuestEnd::Vanished], 1));
    world.hang_up(caller);
    world.assert_over();
    let (mut world, caller, seat, colleague) = three();
    world.run(seconds(60));
    world.send(Input::Media(MediaReport::Leg(seat, AudioReport::Silent { direction })));
    assert!(world.media.contains(&MediaOp::Bridge { a: caller, b: colleague }));
    world.run(seconds(60));
    world.send(Input::Media(MediaReport::Leg(colleague, AudioReport::Silent { direction })));
    world.assert_over();
    assert_eq!((world.ends()[0].0, world.ends()[0].1), (EndedBy::Network, Cause::MediaTimeout));
}

#[test]
fn every_use_stands_in_the_log_with_who_commanded_it() {
    let (mut world, caller, _, _) = supervised(Supervision::Listen);
    supervise(&mut world, Supervision::Barge).unwrap();
    world.hang_up(caller);
    world.assert_over();
    let by = Some(model::Actor::Token("console".to_owned()));
    let of = |entry: &Entry| match &entry.event {
        Event::Contact(ContactEvent::GuestInvited { part, .. } | ContactEvent::GuestChanged { part, .. }) => {
            Some((*part, entry.by.clone()))
        }
        _ => None,
    };
    let told: Vec<_> = world.entries.iter().filter_map(of).collect();
    let parts = [Supervision::Listen, Supervision::Barge].map(|how| (Part::Supervisor(how), by.clone()));
    assert_eq!(told, parts);
    assert_eq!(guests_left(&world), [GuestEnd::CallEnded]);
    let (mut world, caller, _, _) = supervised(Supervision::Listen);
    world.order(Order::Supervision(SupervisionOrder::End { seat: agent(BOSS) }));
    world.hang_up(caller);
    world.assert_over();
    let guest = agent(BOSS);
    let contact = world.events().find_map(|event| match event {
        Event::Contact(ContactEvent::GuestLeft { contact, .. }) => Some(*contact),
        _ => None,
    });
    let dismissed = Event::Contact(ContactEvent::GuestLeft {
        contact: contact.unwrap(),
        guest: guest.into(),
        how: GuestEnd::Dismissed,
    });
    assert!(world.entries.iter().any(|entry| entry.by == by && entry.event == dismissed));
}

#[test]
fn a_whisperer_follows_the_contact_to_the_next_agent() {
    let (mut world, caller, seat, boss) = supervised(Supervision::Whisper);
    world.seat("1002", true);
    let contact = contact(&world);
    world.order_as("1001", Order::Parties(contact, PartyOrder::Add { seat: agent("1002") }));
    world.run(seconds(3));
    let colleague = world.last_dialled();
    world.hang_up(seat);
    let members_now = members(&world).unwrap();
    assert_eq!(
        members_now,
        [(caller, Role::Party), (colleague, Role::Party), (boss, Role::Whisperer { to: colleague })]
    );
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(guests_left(&world), [GuestEnd::BecameAgent, GuestEnd::CallEnded]);
}

#[test]
fn a_secure_input_ends_with_its_segment_and_may_be_read_as_long_as_the_contact_lasts() {
    let (mut world, caller, seat, _) = three();
    let contact = contact(&world);
    world.order_as("1001", Order::SecureInput(contact, SecureInputOrder::Start));
    world.press(caller, '4');
    world.hang_up(seat);
    world.run(seconds(2));
    let unshielded = world.media.iter().filter(|op| matches!(op, MediaOp::Unshield { .. })).count();
    assert_eq!(unshielded, 1);
    world.order(Order::SecureInput(contact, SecureInputOrder::Read));
    let Ok(Done::Secret(keys)) = world.replies.pop().unwrap().result else { panic!("keys were asked for") };
    assert_eq!(keys.reveal().as_str(), "4");
    world.hang_up(caller);
    world.assert_over();
}
