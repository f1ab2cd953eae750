//! Several addresses of our own: each peer hears of the one that it speaks to.

use super::*;

const SIX: &str = "[2001:db8::2]:5060";

/// From B's other address, to our other one.
fn by_six(text: &str) -> String {
    text.replace("192.0.2.2", "[2001:db8::2]")
        .replace("192.0.2.1", "[2001:db8::1]")
        .replace("IN IP4 [2001:db8::2]", "IN IP6 2001:db8::2")
}

#[test]
fn a_caller_is_answered_and_asked_by_the_address_that_it_called() {
    for (local, source, six) in [(A, B, false), (C, SIX, true)] {
        let mut world = World::new();
        let text = |text: String| if six { by_six(&text) } else { text };
        let receive = |world: &mut World, message: String| {
            world.endpoint.handle_datagram(world.now, at(source, local), text(message).as_bytes());
        };
        receive(&mut world, invite("i1", SDP, ""));
        world.drain();
        let session = world.invited();
        world.endpoint.accept(world.now, session, local.parse().unwrap(), Codec::Pcmu);
        let Some(Output::Send { destination, bytes }) = world.endpoint.poll_output() else { panic!() };
        assert_eq!(
            (destination.local, destination.address),
            (local.parse().unwrap(), source.parse().unwrap())
        );
        let ok = String::from_utf8(bytes).unwrap();
        assert!(ok.contains(&format!("Contact: <sip:{local}>")), "{ok}");
        assert!(ok.contains(if six { "c=IN IP6 2001:db8::1" } else { "c=IN IP4 192.0.2.1" }), "{ok}");
        world.drain();
        let tag = parse_datagram(ok.as_bytes()).unwrap().headers().text("To").unwrap().into_owned();
        let tag = tag.rsplit_once("tag=").unwrap().1.to_owned();
        receive(&mut world, inside("ACK", 1, &tag, "a1", "", ""));
        world.drain();
        assert_eq!(world.heard(), ["connected"]);
        world.endpoint.hang_up(world.now, session, None);
        let sent = std::iter::from_fn(|| world.endpoint.poll_output()).find_map(|output| match output {
            Output::Send { destination, bytes } => Some((destination, String::from_utf8(bytes).unwrap())),
            Output::Event(_) => None,
        });
        let (destination, bye) = sent.unwrap();
        assert_eq!(
            (destination.local, destination.address),
            (local.parse().unwrap(), source.parse().unwrap())
        );
        assert!(bye.contains(&format!("Via: SIP/2.0/UDP {local};")), "{bye}");
    }
}

#[test]
fn a_call_goes_out_by_the_address_of_its_destination_and_takes_answers_to_it() {
    let mut world = World::new();
    let destination = Destination::from(at(SIX, C));
    world.endpoint.dial(world.now, Dial { destination, ..dial() });
    world.drain();
    let invite = world.last_request();
    let value = |name: &'static str| invite.headers.text(name).unwrap().into_owned();
    assert!(value("Via").starts_with(&format!("SIP/2.0/UDP {C};")));
    assert_eq!(value("Contact"), format!("<sip:{C}>"));
    assert!(value("From").contains("<sip:8000@[2001:db8::1]>"));
    let ringing = respond(&invite, 180, "t", "", "");
    world.endpoint.handle_datagram(world.now, at(SIX, C), ringing.as_bytes());
    world.drain();
    assert_eq!(world.heard(), ["ringing"]);
    let looped =
        request("INVITE", 1, "<sip:8000@h>", "l", &format!("Via: SIP/2.0/UDP {C};branch=z9hG4bKx\r\n"), SDP);
    world.receive(&looped);
    assert_eq!(world.last_response().status.code(), 482, "it went through the other address before");
}

/// From B, to our address of this transport.
fn by(transport: Transport, message: &str) -> (Flow, String) {
    let via = format!("SIP/2.0/{} ", transport.name());
    (Flow { transport, ..at(B, A) }, message.replace("SIP/2.0/UDP ", &via))
}

#[test]
fn whoever_speaks_encrypted_is_answered_and_asked_so() {
    let sips = |text: String| text.replacen("INVITE sip:", "INVITE sips:", 1);
    for (transport, message, binding) in [
        (Transport::Tls, invite("i1", SDP, ""), format!("<sip:{A};transport=tls>")),
        (Transport::Tls, sips(invite("i1", SDP, "")), format!("<sips:{A}>")),
        (Transport::Tls, invite("i1", SDP, "Record-Route: <sips:p;lr>\r\n"), format!("<sips:{A}>")),
        (Transport::Ws, invite("i1", SDP, ""), format!("<sip:{A};transport=ws>")),
        (Transport::Wss, sips(invite("i1", SDP, "")), format!("<sips:{A};transport=ws>")),
        // A proxy before us took the encryption off.
        (Transport::Tcp, sips(invite("i1", SDP, "")), format!("<sip:{A};transport=tcp>")),
    ] {
        let mut world = World::new();
        let receive = |world: &mut World, message: &str| {
            let (flow, message) = by(transport, message);
            world.endpoint.handle_datagram(world.now, flow, message.as_bytes());
        };
        receive(&mut world, &message);
        world.drain();
        let session = world.invited();
        world.endpoint.accept(world.now, session, A.parse().unwrap(), Codec::Pcmu);
        world.drain();
        let contact = world.last_response().headers.text("Contact").unwrap().into_owned();
        assert_eq!(contact, binding, "{transport:?}");
        let tag = world.our_tag();
        receive(&mut world, &inside("ACK", 1, &tag, "a1", "", ""));
        world.drain();
        world.endpoint.hang_up(world.now, session, None);
        let sent = std::iter::from_fn(|| world.endpoint.poll_output()).find_map(|output| match output {
            Output::Send { destination, bytes } => Some((destination, String::from_utf8(bytes).unwrap())),
            Output::Event(_) => None,
        });
        let (destination, bye) = sent.unwrap();
        assert_eq!((destination.transport, destination.address), (transport, B.parse().unwrap()));
        assert!(bye.contains(&format!("Via: SIP/2.0/{} {A};", transport.name())), "{bye}");
    }
}

#[test]
fn a_call_to_an_encrypted_address_has_an_encrypted_binding() {
    for (uri, binding) in
        [("sips:1001@192.0.2.2", format!("<sips:{A}>")), ("sip:1001@h", format!("<sip:{A};transport=tls>"))]
    {
        let mut world = World::new();
        let destination = Destination { transport: Transport::Tls, ..Destination::from(at(B, A)) };
        world.endpoint.dial(world.now, Dial { destination, uri: uri.to_owned(), ..dial() });
        world.drain();
        let invite = world.last_request();
        assert_eq!(invite.headers.text("Contact").unwrap(), binding);
        assert!(invite.headers.text("Via").unwrap().starts_with(&format!("SIP/2.0/TLS {A};")));
    }
}
