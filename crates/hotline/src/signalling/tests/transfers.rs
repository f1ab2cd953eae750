//! Phones that transfer their calls (REFER), what the center hears and says of it, and to whom a phone is connected.

use model::{Cause, LegId, LegOrder, LegReport, Referral, ReferralState, Refusal};
use sip::{Method, Request, Response};

use super::world::{Phone, World, number};

const SHARDS: u16 = 3;

/// A call of a phone that stands, with what its requests begin with.
struct Call {
    leg: LegId,
    call_id: String,
    from: String,
    to: String,
}

impl Call {
    /// The center rang the phone of agent 1001, which answered.
    async fn rung(world: &mut World, phone: &Phone) -> Call {
        let leg = world.dial();
        let invite = phone.wait_for(Method::Invite).await;
        phone.respond(&invite, 200, &phone.sdp()).await;
        phone.wait_for(Method::Ack).await;
        assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
        let from = format!("{};tag=seat", text(&invite, "To"));
        Call { leg, call_id: text(&invite, "Call-ID"), from, to: text(&invite, "From") }
    }

    /// The phone of agent 1001 calls a colleague.
    async fn of_agent(world: &World, phone: &mut Phone, call_id: &str) -> Call {
        let sdp = phone.sdp();
        let mut invite = phone.request("INVITE", "1001", "1002", "", &sdp);
        invite.headers.set_first("Call-ID", call_id);
        let answering = async {
            let (leg, _) = world.invited().await;
            world.answer(leg);
            leg
        };
        let (ok, leg) = tokio::join!(phone.send_proven(&invite, "1001", "sample-1001"), answering);
        Call::acknowledged(world, phone, &invite, &ok, leg).await
    }

    /// A customer calls by the trunk.
    async fn of_customer(world: &World, phone: &mut Phone) -> Call {
        let sdp = phone.sdp();
        let invite = phone.request("INVITE", "13800000000", "8000", "", &sdp);
        phone.send(&invite).await;
        let (leg, _) = world.invited().await;
        world.answer(leg);
        let ok = phone.response().await;
        Call::acknowledged(world, phone, &invite, &ok, leg).await
    }

    async fn acknowledged(world: &World, phone: &Phone, invite: &Request, ok: &Response, leg: LegId) -> Call {
        assert_eq!(ok.status.code(), 200);
        phone.acknowledge(invite, ok).await;
        assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
        let to = ok.headers.text("To").unwrap().into_owned();
        Call { leg, call_id: text(invite, "Call-ID"), from: text(invite, "From"), to }
    }

    /// What stands in a Refer-To that names this call: our tag is its to-tag.
    fn replaces(&self) -> String {
        let tag = |value: &str| value.rsplit_once("tag=").unwrap().1.to_owned();
        format!("?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", self.call_id, tag(&self.to), tag(&self.from))
    }

    /// A request of the phone in this call.
    async fn send(&self, phone: &mut Phone, method: &str, headers: &str) -> Response {
        let mut request = phone.request(method, "1001", "8000", headers, "");
        for (name, value) in [("Call-ID", &self.call_id), ("From", &self.from), ("To", &self.to)] {
            request.headers.set_first(name, value);
        }
        phone.send(&request).await;
        phone.response().await
    }

    /// REFER that is taken: 202, and NOTIFY 100.
    async fn refer(&self, phone: &mut Phone, to: &str) {
        let refer_to = format!("Refer-To: <{to}>\r\n");
        assert_eq!(self.send(phone, "REFER", &refer_to).await.status.code(), 202, "{to}");
        assert_eq!(heard(phone).await, ("active".to_owned(), "SIP/2.0 100 Trying".to_owned()), "{to}");
    }
}

fn text(request: &Request, name: &str) -> String {
    request.headers.text(name).unwrap().into_owned()
}

/// The next NOTIFY, answered: the state of its subscription, and what it tells.
async fn heard(phone: &Phone) -> (String, String) {
    let notify = phone.wait_for(Method::Notify).await;
    phone.respond(&notify, 200, "").await;
    let state = text(&notify, "Subscription-State");
    let body = String::from_utf8(notify.body.clone()).unwrap();
    (state.split(';').next().unwrap().to_owned(), body.trim_end().to_owned())
}

async fn is_over_with(phone: &Phone, said: &str) {
    assert_eq!(heard(phone).await, ("terminated".to_owned(), said.to_owned()));
}

/// Agent 1001 at the phone, in a call that the center made.
async fn agent() -> (World, Phone, Call) {
    let mut world = World::changed(|settings| settings.shards = SHARDS).await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    let call = Call::rung(&mut world, &phone).await;
    (world, phone, call)
}

/// A Call-ID that leads to another shard than this one.
fn elsewhere(call_id: &str) -> String {
    let shard = |call_id: &str| crate::signalling::shard_of_call(call_id.as_bytes(), SHARDS.into());
    let mut candidates = (0..).map(|nth| format!("second-call-{nth}"));
    candidates.find(|candidate| shard(candidate) != shard(call_id)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_phone_transfers_its_call_and_hears_how_it_goes() {
    let (world, mut phone, call) = agent().await;
    call.refer(&mut phone, "sip:2001@127.0.0.1").await;
    let referral = Referral { to: number("2001").into(), replaces: None };
    assert_eq!(world.report().await, (call.leg, LegReport::Referred(referral)));
    world.signalling.order(call.leg, LegOrder::Referral(ReferralState::Trying));
    world.signalling.order(call.leg, LegOrder::Referral(ReferralState::Ringing));
    assert_eq!(heard(&phone).await, ("active".to_owned(), "SIP/2.0 180 Ringing".to_owned()));
    world.signalling.order(call.leg, LegOrder::Referral(ReferralState::Done));
    is_over_with(&phone, "SIP/2.0 200 OK").await;
    assert_eq!(call.send(&mut phone, "BYE", "").await.status.code(), 200);
    assert_eq!(world.report().await, (call.leg, LegReport::Ended { cause: Cause::HungUp }));
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_that_a_transfer_fails_is_shown_by_its_status() {
    let (world, mut phone, call) = agent().await;
    for (refusal, said) in [
        (Refusal::Busy, "SIP/2.0 486 Busy Here"),
        (Refusal::Declined, "SIP/2.0 603 Decline"),
        (Refusal::NoAnswer, "SIP/2.0 480 Temporarily Unavailable"),
        (Refusal::Unreachable, "SIP/2.0 404 Not Found"),
        (Refusal::NoCommonCodec, "SIP/2.0 488 Not Acceptable Here"),
        (Refusal::Cancelled, "SIP/2.0 487 Request Terminated"),
        (Refusal::Failed, "SIP/2.0 503 Service Unavailable"),
    ] {
        call.refer(&mut phone, "sip:2001@127.0.0.1").await;
        assert!(matches!(world.report().await, (_, LegReport::Referred(_))));
        world.signalling.order(call.leg, LegOrder::Referral(ReferralState::Failed(refusal)));
        is_over_with(&phone, said).await;
    }
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attended_transfer_names_a_call_of_the_agent_in_whatever_shard() {
    let (world, mut phone, first) = agent().await;
    let second = Call::of_agent(&world, &mut phone, &elsewhere(&first.call_id)).await;
    for (on, other) in [(&first, &second), (&second, &first)] {
        on.refer(&mut phone, &format!("sip:1002@127.0.0.1{}", other.replaces())).await;
        let referral = Referral { to: number("1002").into(), replaces: Some(other.leg) };
        assert_eq!(world.report().await, (on.leg, LegReport::Referred(referral)));
        world.signalling.order(on.leg, LegOrder::Referral(ReferralState::Done));
        is_over_with(&phone, "SIP/2.0 200 OK").await;
    }
    // The second call is over: it is none to take over any more.
    assert_eq!(second.send(&mut phone, "BYE", "").await.status.code(), 200);
    assert_eq!(world.report().await, (second.leg, LegReport::Ended { cause: Cause::HungUp }));
    first.refer(&mut phone, &format!("sip:1002@127.0.0.1{}", second.replaces())).await;
    is_over_with(&phone, "SIP/2.0 481 Call/Transaction Does Not Exist").await;
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_over_a_call_that_is_not_of_the_agent() {
    let (world, mut phone, call) = agent().await;
    let mut customer = Phone::new(&world).await;
    let strangers = Call::of_customer(&world, &mut customer).await;
    call.refer(&mut phone, &format!("sip:8000@127.0.0.1{}", strangers.replaces())).await;
    is_over_with(&phone, "SIP/2.0 481 Call/Transaction Does Not Exist").await;
    call.refer(&mut phone, "sip:8000@127.0.0.1?Replaces=guessed%3Bto-tag%3Da%3Bfrom-tag%3Db").await;
    is_over_with(&phone, "SIP/2.0 481 Call/Transaction Does Not Exist").await;
    // Nor by an INVITE, from outside or by the agent: as a call that stands, or as none where its shard has no such call.
    let value = call.replaces();
    let value = value.trim_start_matches("?Replaces=").replace("%3B", ";").replace("%3D", "=");
    let sdp = phone.sdp();
    let takes = customer.request("INVITE", "13800000000", "8000", &format!("Replaces: {value}\r\n"), &sdp);
    customer.send(&takes).await;
    let refused = customer.response().await;
    assert!([403, 481].contains(&refused.status.code()), "{refused:?}");
    customer.acknowledge(&takes, &refused).await;
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_transfers_nothing() {
    let world = World::start(100).await;
    let mut customer = Phone::new(&world).await;
    let call = Call::of_customer(&world, &mut customer).await;
    let refer_to = "Refer-To: <sip:1002@127.0.0.1>\r\n";
    assert_eq!(call.send(&mut customer, "REFER", refer_to).await.status.code(), 403);
    let outside = customer.request("REFER", "1001", "8000", refer_to, "");
    customer.send(&outside).await;
    assert_eq!(customer.response().await.status.code(), 403);
    // Nor is a trunk told who talks with its customer.
    let (number, display) = (Some(number("1001").into()), "Wang Fang".to_owned());
    world.signalling.order(call.leg, LegOrder::Show { number, display });
    assert!(customer.hears_nothing().await);
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_cannot_be_called_are_said_to_be_none() {
    let (world, mut phone, call) = agent().await;
    for to in [
        "sip:2001@198.51.100.7",
        "sip:127.0.0.1",
        "sip:a%20b@127.0.0.1",
        "sip:%0d%0aVia:x@127.0.0.1",
        "sip:%22;x@127.0.0.1",
    ] {
        call.refer(&mut phone, to).await;
        is_over_with(&phone, "SIP/2.0 404 Not Found").await;
    }
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_shown_to_whom_it_is_connected() {
    let (world, phone, call) = agent().await;
    for (number, display, identity, is_private) in [
        (Some("13800000000"), "a \"b\" \\", "\"a \\\"b\\\" \\\\\" <sip:13800000000@127.0.0.1>", false),
        (Some("*70#"), "", "<sip:*70%23@127.0.0.1>", false),
        (None, "", "<sip:anonymous@anonymous.invalid>", true),
    ] {
        let number = number.map(|text| super::world::number(text).into());
        world.signalling.order(call.leg, LegOrder::Show { number, display: display.to_owned() });
        let shown = phone.wait_for(Method::Invite).await;
        assert_eq!(text(&shown, "P-Asserted-Identity"), identity);
        assert_eq!(shown.headers.count("Privacy") > 0, is_private);
        phone.respond(&shown, 200, &phone.sdp()).await;
        phone.wait_for(Method::Ack).await;
        assert!(matches!(world.report().await, (_, LegReport::Changed { .. })));
    }
    world.signalling.stop().await;
}
