//! SRTP by SDES: what trunks and seats are held to, and where the keys go.

use super::*;

const CRYPTO: &str = "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";

fn savp(phone: &Phone) -> String {
    phone.sdp().replace("RTP/AVP", "RTP/SAVP") + CRYPTO
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_has_to_encrypt_is_told_488_and_the_center_hears_nothing() {
    let world = World::held_to(Encryption::Required, 100, "127.0.0.0/8").await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let invite = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    phone.send(&invite).await;
    let refused = phone.response().await;
    assert_eq!(refused.status.code(), 488);
    assert!(refused.headers.text("Warning").unwrap().contains("RTP/SAVP"));
    assert!(world.center.try_recv().is_err());
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_center_has_the_keys_before_the_caller_has_the_answer() {
    let world = World::held_to(Encryption::Optional, 100, "127.0.0.0/8").await;
    let mut phone = Phone::new(&world).await;
    let sdp = savp(&phone);
    let invite = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    phone.send(&invite).await;
    let (leg, invited) = world.invited().await;
    let invited = invited.remote.unwrap();
    let keys = invited.srtp.clone().expect("keys");
    assert_eq!(
        (keys.theirs.as_bytes(), keys.ours.as_bytes().len()),
        (&b"YS___semctl () {\t220;}\n}\nunles"[..], 30)
    );
    world.answer(leg);
    let ok = phone.response().await;
    let body = String::from_utf8(ok.body.clone()).unwrap();
    assert!(
        body.contains("RTP/SAVP") && body.contains("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"),
        "{body}"
    );
    phone.acknowledge(&invite, &ok).await;
    assert_eq!(world.report().await, (leg, LegReport::Connected { remote: invited }));
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_has_to_encrypt_is_offered_nothing_else() {
    let mut world = World::held_to(Encryption::Required, 100, "127.0.0.0/8").await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    let leg = world.dial();
    let invite = phone.wait_for(Method::Invite).await;
    let offer = String::from_utf8(invite.body.clone()).unwrap();
    assert!(offer.contains("RTP/SAVP") && !offer.contains("RTP/AVP"), "{offer}");
    // Its third line is the suite that the phone's tag names wrongly: an answer to another offer.
    phone.respond(&invite, 200, &savp(&phone)).await;
    phone.wait_for(Method::Ack).await;
    let bye = phone.wait_for(Method::Bye).await;
    phone.respond(&bye, 200, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Refused(Refusal::NoCommonCodec)));
    let leg = world.dial();
    let invite = phone.wait_for(Method::Invite).await;
    phone.respond(&invite, 200, &savp(&phone).replace("crypto:2", "crypto:3")).await;
    phone.wait_for(Method::Ack).await;
    let (connected, report) = world.report().await;
    let LegReport::Connected { remote } = report else { panic!("{report:?}") };
    assert!(connected == leg && remote.srtp.is_some());
    world.signalling.stop().await;
}
