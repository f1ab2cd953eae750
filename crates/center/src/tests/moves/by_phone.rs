//! Phones that refer: how it goes, and what they do then.

use super::*;

#[test]
fn a_phone_that_refers_hears_how_it_goes_and_is_let_go_when_it_is_done() {
    let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
    refer(&mut world, seat, "1003", None);
    let target = world.last_dialled();
    assert_eq!(progress(&world, seat), [ReferralState::Trying, ReferralState::Ringing]);
    assert_eq!((world.legs[&seat], activity(&world, "1001")), (Leg::Up, Activity::Talking));
    world.answer(target);
    assert_eq!(progress(&world, seat).last(), Some(&ReferralState::Done));
    assert!(are_bridged(&world, caller, target));
    assert_eq!((world.legs[&seat], activity(&world, "1001")), (Leg::Over, Activity::WrapUp));
    finish(&mut world, caller);
}

#[test]
fn a_phone_that_refers_to_somebody_who_refuses_has_the_customer_again_at_once() {
    let (mut world, caller, seat) = with_colleague(Seat::Declines);
    world.change(seat, model::Direction::Inactive);
    refer(&mut world, seat, "1003", None);
    world.run(seconds(2));
    assert_eq!(progress(&world, seat).last(), Some(&ReferralState::Failed(Refusal::Declined)));
    assert_eq!(transfers(&world), [MoveEnd::Returned(Refusal::Declined)]);
    assert_eq!(world.talks().last().unwrap().0, "1001");
    assert!(hears_music(&world, caller), "the phone still holds");
    world.media.clear();
    world.change(seat, model::Direction::Both);
    assert!(are_bridged(&world, caller, seat));
    finish(&mut world, caller);
    for (to, refusal) in
        [("1002", Refusal::Unreachable), ("9999", Refusal::Unreachable), ("5000", Refusal::Unreachable)]
    {
        let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
        refer(&mut world, seat, to, None);
        assert_eq!(progress(&world, seat), [ReferralState::Failed(refusal)], "{to}");
        finish(&mut world, caller);
    }
}

#[test]
fn a_phone_that_hangs_up_when_its_transfer_failed_is_rung_and_one_that_does_later_is_not() {
    for (later, talks) in [(false, 3), (true, 2)] {
        let (mut world, caller, seat) = with_colleague(Seat::Declines);
        refer(&mut world, seat, "1003", None);
        world.run(seconds(2));
        if later {
            world.run(seconds(3));
        }
        world.hang_up(seat);
        world.run(seconds(5));
        assert_eq!(world.talks().len(), talks, "{later}");
        assert!(world.talks().iter().skip(1).all(|(agent, _)| agent == "1001"));
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn a_phone_that_hangs_up_when_its_transfer_was_refused_is_rung() {
    for to in ["5000", "1002"] {
        let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
        refer(&mut world, seat, to, None);
        world.hang_up(seat);
        world.run(seconds(5));
        assert_eq!(world.talks().len(), 2, "{to}");
        assert_eq!(world.talks()[1].0, "1001");
        finish(&mut world, caller);
    }
}

#[test]
fn a_phone_that_hung_up_after_its_referral_is_rung_when_nobody_takes_the_customer() {
    let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
    refer(&mut world, seat, "1003", None);
    world.hang_up(seat);
    assert_eq!(activity(&world, "1001"), Activity::WrapUp);
    world.run(seconds(35));
    assert_eq!(transfers(&world), [MoveEnd::Returned(Refusal::NoAnswer)]);
    assert_ne!(world.last_dialled(), seat);
    finish(&mut world, caller);
}
