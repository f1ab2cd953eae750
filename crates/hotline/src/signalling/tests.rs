//! The shell on loopback: peers that speak by hand, and sipp.

mod encrypted;
mod floods;
mod listening;
mod outside;
mod providers;
mod reach;
mod replaced;
mod sipp;
mod transfers;
mod world;

use model::{Cause, Codec, Invited, LegOrder, LegReport, Origin, Refusal};
use sip::{Encryption, Method};

use world::{PATIENCE, Phone, World, agent, number};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_invited_answered_and_hangs_up() {
    let world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let mut invite = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    invite.headers.set_first("From", "\"A\u{202e}b\" <sip:13800000000@127.0.0.1>;tag=phone");
    phone.send(&invite).await;
    let (leg, invited) = world.invited().await;
    let Invited { origin, dialled, caller, caller_name, remote, .. } = invited;
    assert_eq!(
        (origin, dialled, caller),
        (Origin::Trunk("loopback".to_owned()), number("8000"), Some(number("13800000000").into()))
    );
    assert_eq!(caller_name, Some("Ab".to_owned().into()));
    assert_eq!(remote.unwrap().codec, Codec::Pcmu);
    world.signalling.order(leg, LegOrder::Ring);
    world.answer(leg);
    let ok = phone.response().await;
    assert_eq!(ok.status.code(), 200);
    phone.acknowledge(&invite, &ok).await;
    assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
    let mut bye = phone.request("BYE", "13800000000", "8000", "", "");
    for name in ["Call-ID", "From"] {
        bye.headers.set_first(name, invite.headers.all(name).next().unwrap());
    }
    bye.headers.set_first("To", ok.headers.all("To").next().unwrap());
    phone.send(&bye).await;
    assert_eq!(phone.response().await.status.code(), 200);
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::HungUp }));
    world.signalling.order(leg, LegOrder::HangUp(Cause::HungUp));
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_task_gives_a_sign_of_life_until_it_is_stopped() {
    let world = World::start(100).await;
    let life = world.signalling.life();
    for shard in 0..life.shards() {
        assert!(life.shard(shard).await);
    }
    assert!(life.registrar().await && life.connections().await);
    assert!(!life.shard(life.shards()).await, "there is none");
    world.signalling.stop().await;
    assert!(!life.shard(0).await && !life.registrar().await && !life.connections().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_wrong_passwords_stay_outside() {
    let world = World::with_trunk(100, "192.0.2.0/24").await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let mut seen = Vec::new();
    for (user, password) in [("1001", "guess"), ("9999", "guess")] {
        let invite = phone.request("INVITE", user, "8000", "", &sdp);
        let refused = phone.send_proven(&invite, user, password).await;
        phone.acknowledge_last(&refused).await;
        let names: Vec<String> = refused.headers.iter().map(|header| header.name.clone()).collect();
        seen.push((refused.status, names));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].0.code(), 401);
    assert!(world.center.try_recv().is_err());
    // An agent may call, under its own name alone.
    let impostor = phone.request("INVITE", "1002", "8000", "", &sdp);
    assert_eq!(phone.send_proven(&impostor, "1001", "sample-1001").await.status.code(), 403);
    assert!(world.center.try_recv().is_err());
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feature_codes_need_the_agent() {
    let world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let invite = phone.request("INVITE", "1001", "*70", "", &sdp);
    phone.send(&invite).await;
    let challenged = phone.response().await;
    assert_eq!(challenged.status.code(), 401);
    phone.acknowledge(&invite, &challenged).await;
    let center = world.center.clone();
    let invite = phone.request("INVITE", "1001", "*70", "", &sdp);
    let call = tokio::spawn(async move { phone.send_proven(&invite, "1001", "sample-1001").await });
    let (leg, invited) = world.invited().await;
    assert_eq!(invited.origin, Origin::Agent(agent("1001")));
    world.signalling.order(leg, LegOrder::Refuse(Cause::FlowFinished));
    assert_eq!(call.await.unwrap().status.code(), 480);
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::FlowFinished }));
    world.signalling.stop().await;
    assert!(center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_devices_of_a_seat_ring_and_the_first_wins() {
    let mut world = World::start(100).await;
    let mut first = Phone::new(&world).await;
    let mut second = Phone::new(&world).await;
    first.register(&world).await;
    let request = second.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
    let response = second.send_proven(&request, "1001", "sample-1001").await;
    assert_eq!(response.headers.count("Contact"), 2);
    let leg = world.dial();
    let (one, two) = (first.wait_for(Method::Invite).await, second.wait_for(Method::Invite).await);
    assert!(one.headers.text("From").unwrap().contains("inquiry 0:07"));
    first.respond(&one, 180, "").await;
    second.respond(&two, 180, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    first.respond(&one, 200, &first.sdp()).await;
    first.wait_for(Method::Ack).await;
    assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
    let cancel = second.wait_for(Method::Cancel).await;
    assert!(cancel.headers.text("Reason").unwrap().contains("completed elsewhere"));
    second.respond(&cancel, 200, "").await;
    // It answered at the same moment: acknowledged and ended, and the center hears nothing of it.
    second.respond(&two, 200, &second.sdp()).await;
    second.wait_for(Method::Ack).await;
    second.wait_for(Method::Bye).await;
    world.signalling.order(leg, LegOrder::HangUp(Cause::HungUp));
    let bye = first.wait_for(Method::Bye).await;
    first.respond(&bye, 200, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::HungUp }));
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_not_to_answer_is_reported_once() {
    let mut world = World::start(100).await;
    let leg = world.dial();
    assert_eq!(world.report().await, (leg, LegReport::Refused(Refusal::Unreachable)));
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    for (code, refusal) in [
        (486, Refusal::Busy),
        (603, Refusal::Declined),
        (480, Refusal::NoAnswer),
        (503, Refusal::Unreachable),
        (488, Refusal::NoCommonCodec),
        (500, Refusal::Failed),
    ] {
        let leg = world.dial();
        let invite = phone.wait_for(Method::Invite).await;
        phone.respond(&invite, code, "").await;
        assert_eq!(world.report().await, (leg, LegReport::Refused(refusal)));
    }
    let leg = world.dial();
    let invite = phone.wait_for(Method::Invite).await;
    phone.respond(&invite, 180, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    world.signalling.order(leg, LegOrder::HangUp(Cause::Cancelled));
    world.signalling.order(leg, LegOrder::HangUp(Cause::Cancelled));
    let cancel = phone.wait_for(Method::Cancel).await;
    phone.respond(&cancel, 200, "").await;
    phone.respond(&invite, 487, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Refused(Refusal::Cancelled)));
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_center_refuses_calls_and_still_hears_of_ends() {
    let world = World::start(1).await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let first = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    phone.send(&first).await;
    // The invitation fills the only place; wait until it is there.
    while world.center.is_empty() {
        tokio::task::yield_now().await;
    }
    let second = phone.request("INVITE", "13800000001", "8000", "", &sdp);
    phone.send(&second).await;
    let refused = phone.response().await;
    assert_eq!(refused.status.code(), 503);
    assert_eq!(refused.headers.count("Retry-After"), 1);
    phone.acknowledge(&second, &refused).await;
    let mut cancel = first.clone();
    cancel.method = Method::Cancel;
    cancel.body.clear();
    cancel.headers.remove("Content-Type");
    cancel.headers.set_first("CSeq", "1 CANCEL");
    phone.send(&cancel).await;
    assert_eq!(phone.response().await.status.code(), 200);
    let (leg, _) = world.invited().await;
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::Cancelled }));
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_slows_the_address_but_not_who_is_registered() {
    let world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    let mut stranger = Phone::new(&world).await;
    let mut codes = Vec::new();
    for _ in 0..11 {
        let request = stranger.request("REGISTER", "1001", "1001", "", "");
        codes.push(stranger.send_proven(&request, "1001", "guess").await.status.code());
    }
    assert_eq!(codes, [[401; 10].as_slice(), &[503]].concat());
    let request = phone.request("REGISTER", "1001", "1001", "", "");
    assert_eq!(phone.send_proven(&request, "1001", "sample-1001").await.status.code(), 200);
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_come_byte_by_byte_and_breaks_politely() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start(100).await;
    let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    let options = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKs1\r\nFrom: <sip:a@h>;tag=1\r\n\
                   To: <sip:h>\r\nCall-ID: s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    for byte in options.bytes().chain("\r\n\r\n".bytes()) {
        stream.write_all(&[byte]).await.unwrap();
    }
    let mut got = String::new();
    let mut buffer = [0; 4_096];
    while !(got.contains("SIP/2.0 200") && (got.starts_with("\r\n") || got.ends_with("\r\n\r\n\r\n"))) {
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "{got}");
        got.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    let broken = options.replace("Content-Length: 0", "Content-Length: -5").replace("CSeq: 1", "CSeq: 2");
    stream.write_all(broken.as_bytes()).await.unwrap();
    let mut rest = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.starts_with("SIP/2.0 400"), "{rest}");
    world.signalling.stop().await;
}

#[test]
fn networks_hold_their_addresses() {
    for (network, inside, outside) in [
        ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("0.0.0.0/0", "8.8.8.8", "::1"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
    ] {
        let network: super::Network = network.parse().unwrap();
        assert!(network.contains(inside.parse().unwrap()), "{inside}");
        assert!(!network.contains(outside.parse().unwrap()), "{outside}");
    }
    for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "host"] {
        assert!(text.parse::<super::Network>().is_err(), "{text}");
    }
}
