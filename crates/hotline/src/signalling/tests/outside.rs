//! Calls to numbers outside, with gateways that are played by hand.

use std::time::Duration;

use model::{CallId, LegId, Number, Personal, Target, Time};
use sip::{Credentials, Request};

use super::*;
use crate::signalling::{GatewayState, Outgoing, Settings, Trunk};

/// Two gateways of the trunk `city`, one of the trunk `spare`, and the shell.
pub(super) struct Outside {
    pub(super) world: World,
    pub(super) first: Phone,
    pub(super) second: Phone,
    pub(super) spare: Phone,
    ids: model::Ids,
}

impl Outside {
    pub(super) async fn start(change: impl FnOnce(&mut Outgoing)) -> Outside {
        let mut phones = [Phone::unbound().await, Phone::unbound().await, Phone::unbound().await];
        let gateway = |phone: &Phone| format!("sip:{}", phone.local()).parse().unwrap();
        let mut city = Outgoing {
            gateways: vec![gateway(&phones[0]), gateway(&phones[1])],
            caller: Some(number("075580008000")),
            ..Outgoing::default()
        };
        change(&mut city);
        let spare = Outgoing { gateways: vec![gateway(&phones[2])], ..Outgoing::default() };
        let trunks = [trunk("city", city), trunk("spare", spare)];
        let world = World::changed(|settings: &mut Settings| {
            settings.trunks = trunks.into();
            settings.patience.provisional = Some(Duration::from_millis(400));
            settings.emergency = [number("110")].into();
        })
        .await;
        phones.iter_mut().for_each(|phone| phone.turn_to(world.address()));
        let [first, second, spare] = phones;
        Outside { world, first, second, spare, ids: model::Ids::new(901) }
    }

    fn call(&mut self, dialled: &str, caller: Option<&str>) -> LegId {
        let now = Time::from_unix_ms(1_800_000_000_000);
        let leg = LegId::new(&mut self.ids, now);
        let order = LegOrder::Dial {
            call: CallId::new(&mut self.ids, now),
            target: Target::Outside {
                number: number(dialled).into(),
                trunks: vec!["city".to_owned(), "spare".to_owned()],
            },
            rtp: "127.0.0.1:20002".parse().unwrap(),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            caller: caller.map(|caller| Personal::<Number>::new(number(caller))),
            display: "inquiry".to_owned(),
            diverted: None,
        };
        self.world.signalling.order(leg, order);
        leg
    }

    /// The next word of the center's about a leg is that it was refused.
    async fn refused(&self, leg: LegId, refusal: Refusal) {
        assert_eq!(self.world.report().await, (leg, LegReport::Refused(refusal)));
    }
}

fn trunk(name: &str, outgoing: Outgoing) -> Trunk {
    let mut terms = crate::signalling::Terms::default();
    terms.numbers.account = outgoing.credentials.as_ref().map(|credentials| credentials.user.clone());
    Trunk { name: name.to_owned(), sources: Vec::new(), hosts: Vec::new(), client: None, terms, outgoing }
}

fn header(request: &Request, name: &str) -> String {
    request.headers.text(name).unwrap_or_default().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_outside_rings_is_heard_early_answers_and_hangs_up() {
    let mut outside = Outside::start(|city| city.rewrite = vec!["0>+86".parse().unwrap()]).await;
    let leg = outside.call("013800138000", None);
    let (world, gateway) = (&outside.world, &outside.first);
    let invite = gateway.wait_for(Method::Invite).await;
    assert_eq!(invite.uri, format!("sip:+8613800138000@{}", gateway.local()));
    assert!(header(&invite, "From").starts_with("<sip:075580008000@127.0.0.1>;tag="), "{invite:?}");
    assert_eq!(header(&invite, "P-Asserted-Identity"), "<sip:075580008000@127.0.0.1>");
    assert_eq!(invite.headers.count("Privacy"), 0);
    gateway.respond(&invite, 180, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    gateway.respond(&invite, 183, &gateway.sdp()).await;
    let (_, early) = world.report().await;
    assert!(matches!(early, LegReport::Early { remote } if remote.codec == Codec::Pcmu));
    gateway.respond(&invite, 200, &gateway.sdp()).await;
    assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
    gateway.wait_for(Method::Ack).await;
    let calls = |world: &World| {
        let status = world.signalling.lines().status();
        status.iter().find(|trunk| trunk.name == "city").map(|trunk| trunk.calls)
    };
    assert_eq!(calls(world), Some(1));
    let answer = gateway.answer_to(&invite, 200, "");
    let value = |name: &str| {
        let line = answer.lines().find(|line| line.starts_with(name)).unwrap();
        line.trim_start_matches(name).trim_start_matches(": ").to_owned()
    };
    let (from, to, call_id) = (value("To"), value("From"), value("Call-ID"));
    let local = gateway.local();
    gateway
        .send_text(&format!(
            "BYE sip:{} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKbye;rport\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: 9 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            world.address()
        ))
        .await;
    assert_eq!(gateway.response().await.status.code(), 200);
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::HungUp }));
    assert_eq!(calls(world), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_cannot_is_passed_over_and_tried_last_after_that() {
    let mut outside = Outside::start(|_| {}).await;
    let leg = outside.call("4000", None);
    let refused = outside.first.wait_for(Method::Invite).await;
    outside.first.respond(&refused, 503, "").await;
    let silent = outside.second.wait_for(Method::Invite).await;
    assert_eq!(header(&silent, "From").split(';').next(), header(&refused, "From").split(';').next());
    // The second says nothing at all; the other trunk takes the call.
    let invite = outside.spare.wait_for(Method::Invite).await;
    outside.spare.respond(&invite, 180, "").await;
    assert_eq!(outside.world.report().await, (leg, LegReport::Ringing), "the first word of all");
    outside.spare.respond(&invite, 486, "").await;
    outside.refused(leg, Refusal::Busy).await;
    let status = outside.world.signalling.lines().status();
    let city = status.iter().find(|trunk| trunk.name == "city").unwrap();
    assert!(city.gateways.iter().all(|gateway| gateway.state == GatewayState::Failed), "{city:?}");
    assert_eq!(city.last_failure.as_ref().unwrap().what, "timeout");
    let leg = outside.call("4000", None);
    let invite = outside.spare.wait_for(Method::Invite).await;
    outside.spare.respond(&invite, 500, "").await;
    let invite = outside.first.wait_for(Method::Invite).await;
    outside.first.respond(&invite, 404, "").await;
    outside.refused(leg, Refusal::Unreachable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_of_the_callee_is_final_and_no_redirect_is_followed() {
    for (code, headers, refusal) in [
        (486, "", Refusal::Busy),
        (603, "", Refusal::Declined),
        (302, "", Refusal::Declined),
        (480, "Reason: Q.850;cause=19\r\n", Refusal::NoAnswer),
        (503, "Reason: SIP;cause=503, Q.850 ;cause=17;text=\"User, busy\"\r\n", Refusal::Busy),
        (403, "", Refusal::Declined),
    ] {
        let mut outside = Outside::start(|_| {}).await;
        let leg = outside.call("4000", None);
        let invite = outside.first.wait_for(Method::Invite).await;
        let to = format!("Contact: <sip:4001@{}>\r\n", outside.second.local());
        let answer = outside.first.answer_to(&invite, code, "");
        let contact = answer.lines().find(|line| line.starts_with("Contact")).unwrap().to_owned() + "\r\n";
        outside.first.send_text(&answer.replace(&contact, &(to + headers))).await;
        outside.refused(leg, refusal).await;
        outside.first.wait_for(Method::Ack).await;
        assert!(outside.second.hears_nothing().await, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_answered_and_a_withheld_number_stays_with_the_carrier() {
    let mut outside = Outside::start(|city| {
        let (user, password) = ("account".to_owned(), "secret".to_owned());
        city.credentials = Some(Credentials { user, password, realm: None });
    })
    .await;
    let leg = outside.call("4000", Some("anonymous"));
    let gateway = &outside.first;
    let invite = gateway.wait_for(Method::Invite).await;
    assert!(header(&invite, "From").starts_with("<sip:anonymous@anonymous.invalid>"), "{invite:?}");
    assert_eq!(header(&invite, "Privacy"), "id");
    assert_eq!(header(&invite, "P-Asserted-Identity"), "<sip:075580008000@127.0.0.1>");
    let challenge = "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\nContent-Length: 0";
    let answer = gateway.answer_to(&invite, 407, "").replace("Content-Length: 0", challenge);
    gateway.send_text(&answer).await;
    gateway.wait_for(Method::Ack).await;
    let proven = gateway.wait_for(Method::Invite).await;
    let proof = header(&proven, "Proxy-Authorization");
    assert!(proof.contains("username=\"account\"") && proof.contains("response="), "{proof}");
    gateway.respond(&proven, 180, "").await;
    assert_eq!(outside.world.report().await, (leg, LegReport::Ringing));
    outside.world.signalling.order(leg, LegOrder::HangUp(Cause::HungUp));
    outside.refused(leg, Refusal::Cancelled).await;
    gateway.wait_for(Method::Cancel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_trunk_is_passed_over_except_in_an_emergency() {
    let mut outside = Outside::start(|city| city.max_calls = Some(1)).await;
    outside.call("4000", None);
    let invite = outside.first.wait_for(Method::Invite).await;
    outside.first.respond(&invite, 180, "").await;
    outside.call("4001", None);
    let invite = outside.spare.wait_for(Method::Invite).await;
    assert!(invite.uri.starts_with("sip:4001@"), "{}", invite.uri);
    assert_eq!(header(&invite, "Privacy"), "id", "that trunk knows no number of ours");
    outside.spare.respond(&invite, 180, "").await;
    outside.call("110", None);
    let invite = outside.first.wait_for(Method::Invite).await;
    assert!(invite.uri.starts_with("sip:110@"), "{}", invite.uri);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_before_anybody_answered_hears_the_end_once() {
    let mut outside = Outside::start(|_| {}).await;
    let leg = outside.call("4000", None);
    outside.first.wait_for(Method::Invite).await;
    outside.world.signalling.order(leg, LegOrder::HangUp(Cause::HungUp));
    outside.refused(leg, Refusal::Cancelled).await;
    outside.world.signalling.order(leg, LegOrder::HangUp(Cause::HungUp));
    assert!(outside.second.hears_nothing().await, "nobody else is called for it");
    outside.world.signalling.stop().await;
    assert!(outside.world.center.try_recv().is_err());
}
