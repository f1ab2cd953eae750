use std::net::Ipv4Addr;

use model::Ids;

use super::*;

fn rtp() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 4000).into()
}

fn remote() -> RemoteMedia {
    RemoteMedia::new(rtp(), Codec::Pcma, Direction::Both)
}

/// A leg in each stage of its life before it leaves: opening, ringing, up.
fn stages(inbound: bool) -> [Leg; 3] {
    let (mut ids, now) = (Ids::new(1), model::Time::from_unix_ms(1));
    let (call, contact) = (CallId::new(&mut ids, now), ContactId::new(&mut ids, now));
    let opening = || match inbound {
        true => Leg::inbound(call, Ipv4Addr::LOCALHOST.into(), Who::Customer, Why::Contact(contact)),
        false => Leg::outbound(call, None, Who::Agent("1001".parse().unwrap()), Why::Guest(contact)),
    };
    let ringing = || {
        let mut leg = opening();
        let order = match inbound {
            true => leg.answer(rtp(), Codec::Pcma),
            false => leg.dial(rtp(), vec![Codec::Pcma], None, String::new()),
        };
        assert!(order.is_some(), "the port is open");
        leg
    };
    let mut up = ringing();
    assert_eq!(up.signalled(LegReport::Connected { remote: remote() }), Meaning::Up(remote()));
    [opening(), ringing(), up]
}

fn event(event: LegEvent) -> Meaning {
    Meaning::Event(event)
}

#[test]
fn each_report_means_something_in_its_stages_alone() {
    let digit = Digit::from_char('5').unwrap();
    let key = |way| event(LegEvent::Key(digit, way));
    let ended = |cause| LegReport::Ended { cause };
    let (changed, over) = (event(LegEvent::Changed(remote())), |cause| event(LegEvent::Over(cause)));
    let (nothing, failed) = (|| Meaning::Nothing, Meaning::Unanswered);
    let referral = Referral { to: Personal::new("2001".parse().unwrap()), replaces: None };
    let busy = LegReport::Refused(Refusal::Busy);
    let table = [
        (false, LegReport::Ringing, [nothing(), event(LegEvent::Ringing), nothing()]),
        (true, LegReport::Ringing, [nothing(), nothing(), nothing()]),
        (
            false,
            LegReport::Early { remote: remote() },
            [nothing(), event(LegEvent::Early(remote())), nothing()],
        ),
        (true, LegReport::Early { remote: remote() }, [nothing(), nothing(), nothing()]),
        (
            false,
            LegReport::Referred(referral.clone()),
            [nothing(), nothing(), event(LegEvent::Referred(referral.clone()))],
        ),
        (false, LegReport::Connected { remote: remote() }, [nothing(), Meaning::Up(remote()), nothing()]),
        (false, LegReport::Changed { remote: remote() }, [nothing(), nothing(), changed.clone()]),
        (true, LegReport::Changed { remote: remote() }, [changed.clone(), changed.clone(), changed]),
        (true, LegReport::Digit(digit), [nothing(), key(KeyWay::Signalling), key(KeyWay::Signalling)]),
        (false, busy, [failed(Refusal::Busy), failed(Refusal::Busy), over(Cause::Failed)]),
        (
            false,
            ended(Cause::HungUp),
            [failed(Refusal::Failed), failed(Refusal::Failed), over(Cause::HungUp)],
        ),
        (
            true,
            ended(Cause::Cancelled),
            [over(Cause::Cancelled), over(Cause::Cancelled), over(Cause::Cancelled)],
        ),
    ];
    for (inbound, report, expected) in table {
        for (leg, expected) in stages(inbound).iter_mut().zip(expected) {
            assert_eq!(leg.signalled(report.clone()), expected, "{report:?} of {leg:?}");
        }
    }
}

#[test]
fn what_media_report_means_something_in_its_stages_alone() {
    let (mut ids, now) = (Ids::new(2), model::Time::from_unix_ms(1));
    let play = PlayId::new(&mut ids, now);
    let (digit, direction) = (Digit::from_char('5').unwrap(), Direction::Both);
    let (silent, nothing) = (event(LegEvent::Silent(direction)), || Meaning::Nothing);
    let key = || event(LegEvent::Key(digit, KeyWay::Audio));
    let table = [
        (AudioReport::Opened { rtp: rtp() }, [Meaning::PortOpen(rtp()), nothing(), nothing()]),
        (
            AudioReport::OpenFailed { lacks: Shortage::RtpPorts },
            [Meaning::NoPort(Shortage::RtpPorts), nothing(), nothing()],
        ),
        (AudioReport::Digit(digit), [nothing(), key(), key()]),
        (AudioReport::Silent { direction }, [silent.clone(), silent.clone(), silent]),
        (AudioReport::OneWay, [nothing(), nothing(), event(LegEvent::OneWay)]),
        (AudioReport::PlayEnded { play, finished: false }, [nothing(), nothing(), nothing()]),
    ];
    for (report, expected) in table {
        for (leg, expected) in stages(true).iter().zip(expected) {
            assert_eq!(leg.measured(&report), expected, "{report:?} of {leg:?}");
        }
    }
}

#[test]
fn a_leg_is_let_go_as_its_stage_asks_and_once() {
    let (cause, cancelled) = (Cause::ShuttingDown, LegOrder::HangUp(Cause::Cancelled));
    let hang_up = || Some(LegOrder::HangUp(cause));
    let table = [
        (true, [Some(LegOrder::Refuse(cause)), hang_up(), hang_up()], [false, false, false]),
        (false, [None, Some(cancelled), hang_up()], [true, true, false]),
    ];
    for (inbound, orders, devices) in table {
        for ((mut leg, order), device) in stages(inbound).into_iter().zip(orders).zip(devices) {
            assert_eq!(leg.let_go(cause), order, "{leg:?}");
            assert_eq!(leg.awaited().device, device, "{leg:?}");
            assert_eq!(leg.let_go(cause), None, "it is over");
            assert_eq!(leg.signalled(LegReport::Ended { cause }), Meaning::DeviceFree);
            assert_eq!(leg.signalled(LegReport::Connected { remote: remote() }), Meaning::Nothing);
        }
    }
}
