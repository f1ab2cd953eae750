//! Registration with a provider, and gateways that are asked whether they live; peers are played by hand.

use std::time::Duration;

use sip::Credentials;

use super::outside::Outside;
use super::*;
use crate::signalling::{GatewayState, RegisterAt, Standing, TrunkStatus};

/// The trunk `city`, once it is as wanted.
async fn city(outside: &Outside, wanted: impl Fn(&TrunkStatus) -> bool) -> TrunkStatus {
    let lines = outside.world.signalling.lines();
    let look = async {
        loop {
            let city = lines.status().into_iter().find(|trunk| trunk.name == "city").unwrap();
            if wanted(&city) {
                return city;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("the trunk becomes so")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_registers_takes_calls_from_there_and_leaves() {
    let outside = Outside::start(|city| {
        let registrar = city.gateways[0].clone();
        let (user, password) = ("account".to_owned(), "secret".to_owned());
        city.credentials = Some(Credentials { user, password, realm: None });
        city.registration = Some(RegisterAt { registrar, interval: Duration::from_secs(600) });
    })
    .await;
    let provider = &outside.first;
    let first = provider.wait_for(Method::Register).await;
    assert_eq!(first.uri, format!("sip:{}", provider.local()));
    assert_eq!(first.headers.text("Expires").unwrap(), "600");
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\nContent-Length: 0";
    let answer = provider.answer_to(&first, 401, "").replace("Content-Length: 0", challenge);
    provider.send_text(&answer).await;
    let proven = provider.wait_for(Method::Register).await;
    assert!(proven.headers.text("Authorization").unwrap().contains("username=\"account\""));
    provider.respond(&proven, 200, "").await;
    let trunk = city(&outside, |city| matches!(city.registered, Some(Standing::Until(_)))).await;
    assert_eq!(trunk.last_failure, None);
    // Its calls name our account, and the number in To.
    calls_in(&outside).await;
    let Outside { world, first: provider, .. } = outside;
    let leaving = tokio::spawn(world.signalling.stop());
    let last = provider.wait_for(Method::Register).await;
    assert_eq!(last.headers.text("Expires").unwrap(), "0");
    provider.respond(&last, 200, "").await;
    tokio::time::timeout(PATIENCE, leaving).await.unwrap().unwrap();
}

/// The provider calls; the call belongs to its trunk.
async fn calls_in(outside: &Outside) {
    let local = outside.first.local();
    let sdp = outside.first.sdp();
    let invite = format!(
        "INVITE sip:account@{} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKin;rport\r\n\
         From: <sip:13800138000@provider>;tag=p\r\nTo: <sip:8000@provider>\r\nCall-ID: in\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:p@{local}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        outside.world.address(),
        sdp.len()
    );
    outside.first.send_text(&invite).await;
    let (_, invited) = outside.world.invited().await;
    assert_eq!((invited.origin, invited.dialled), (Origin::Trunk("city".to_owned()), number("8000")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_refuses_is_shown_and_asked_again_later() {
    let outside = Outside::start(|city| {
        let registrar = city.gateways[0].clone();
        let (user, password) = ("account".to_owned(), "wrong".to_owned());
        city.credentials = Some(Credentials { user, password, realm: None });
        city.registration = Some(RegisterAt { registrar, interval: Duration::from_secs(600) });
    })
    .await;
    let first = outside.first.wait_for(Method::Register).await;
    outside.first.respond(&first, 403, "").await;
    let trunk = city(&outside, |city| city.registered == Some(Standing::Refused(403))).await;
    assert_eq!(trunk.last_failure.unwrap().what, "403");
    assert!(outside.first.hears_nothing().await, "not before half of 30 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_deaf_to_options_is_tried_last_until_it_answers() {
    let outside = Outside::start(|city| {
        city.gateways.truncate(1);
        city.options = Some(Duration::from_millis(100));
    })
    .await;
    // Refusing words are answers too; 503 is none.
    for _ in 0..3 {
        let options = outside.first.wait_for(Method::Options).await;
        outside.first.respond(&options, 503, "").await;
    }
    let trunk = city(&outside, |city| city.gateways[0].state == GatewayState::Silent).await;
    assert_eq!(trunk.last_failure.unwrap().what, "no_answer_to_options");
    let options = outside.first.wait_for(Method::Options).await;
    outside.first.respond(&options, 405, "").await;
    city(&outside, |city| city.gateways[0].state == GatewayState::Up).await;
}
