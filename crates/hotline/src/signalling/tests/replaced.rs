//! Settings that are replaced while the shell runs.

use model::{LegOrder, LegReport, Origin, Refusal};
use sip::{Encryption, Method};

use super::world::{Phone, World, agent, seat, usual};
use crate::signalling::SignallingInput;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_goes_loses_the_registration_and_one_who_comes_may_register() {
    let mut world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    let mut settings = usual(Encryption::Off, "127.0.0.0/8");
    settings.agents = vec![(agent("1009"), "new".to_owned().into())];
    world.signalling.current().replace(settings).await;
    assert_eq!(world.next().await, seat(false));
    let leg = world.dial();
    assert_eq!(world.report().await, (leg, LegReport::Refused(Refusal::Unreachable)));
    let late = phone.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
    assert_eq!(phone.send_proven(&late, "1001", "sample-1001").await.status.code(), 401);
    let new = phone.request("REGISTER", "1009", "1009", "Expires: 300\r\n", "");
    assert_eq!(phone.send_proven(&new, "1009", "new").await.status.code(), 200);
    let SignallingInput::Seat { agent: who, online: true, .. } = world.next().await else {
        panic!("no seat")
    };
    assert_eq!(who, agent("1009"));
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_counts_from_the_next_request_and_the_registration_stays_until_then() {
    let mut world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    let mut settings = usual(Encryption::Off, "127.0.0.0/8");
    settings.agents = vec![(agent("1001"), "changed".to_owned().into())];
    world.signalling.current().replace(settings).await;
    let leg = world.dial();
    phone.wait_for(Method::Invite).await;
    world.signalling.order(leg, LegOrder::HangUp(model::Cause::HungUp));
    let mut other = Phone::new(&world).await;
    let old = other.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
    assert_eq!(other.send_proven(&old, "1001", "sample-1001").await.status.code(), 401);
    let new = other.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
    assert_eq!(other.send_proven(&new, "1001", "changed").await.status.code(), 200);
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_is_new_may_call_and_one_that_is_gone_may_not() {
    let world = World::with_trunk(100, "192.0.2.0/24").await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let before = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    phone.send(&before).await;
    let refused = phone.response().await;
    assert_eq!(refused.status.code(), 401);
    phone.acknowledge(&before, &refused).await;
    world.signalling.current().replace(usual(Encryption::Off, "127.0.0.0/8")).await;
    let after = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    phone.send(&after).await;
    let (leg, invited) = world.invited().await;
    assert_eq!(invited.origin, Origin::Trunk("loopback".to_owned()));
    world.answer(leg);
    phone.response().await;
    world.signalling.current().replace(usual(Encryption::Off, "192.0.2.0/24")).await;
    let last = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    phone.send(&last).await;
    // The answered call goes on and repeats its 200; the new one is asked for a password.
    loop {
        let response = phone.response().await;
        if response.call_id().unwrap() == last.call_id().unwrap() {
            assert_eq!(response.status.code(), 401);
            break;
        }
    }
    world.signalling.stop().await;
}
