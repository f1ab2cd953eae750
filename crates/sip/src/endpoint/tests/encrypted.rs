//! SRTP by SDES through calls in and out.

use super::*;
use crate::{Encryption, Srtp};

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const OTHER: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn savp(key: &str) -> String {
    SDP.replace("RTP/AVP", "RTP/SAVP") + "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + key + "\r\n"
}

impl World {
    /// The keys of the last `Connected` or `Changed`.
    fn keys(&mut self) -> Option<Box<Srtp>> {
        let mut remotes = self.events.drain(..).filter_map(|event| match event {
            Event::Connected { remote, .. } | Event::Changed { remote, .. } => Some(remote),
            _ => None,
        });
        remotes.next_back().expect("audio in force").keys
    }

    /// A call from B with this offer, held to `encryption`, answered and acknowledged.
    fn encrypted(&mut self, offer: &str, encryption: Encryption) -> (String, Option<Box<Srtp>>) {
        self.receive(&invite("i1", offer, ""));
        let session = self.invited();
        let early =
            self.endpoint.secure(session, Security::answering(encryption), &Codec::ALL).unwrap().unwrap();
        let tag = self.accept(session);
        self.receive(&inside("ACK", 1, &tag, "a1", "", ""));
        let keys = self.keys();
        assert_eq!(keys, early.keys, "known before the answer was sent");
        (tag, keys)
    }
}

#[test]
fn an_encrypted_call_keeps_its_keys_through_a_hold() {
    let mut world = World::new();
    let (tag, keys) = world.encrypted(&savp(KEY), Encryption::Required);
    let first = world.last_body();
    assert!(first.contains("RTP/SAVP") && first.contains("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:"));
    world.receive(&inside("INVITE", 2, &tag, "h1", "", &(savp(KEY) + "a=sendonly\r\n")));
    assert_eq!(world.keys(), keys);
    let crypto = |text: &str| text.lines().find(|line| line.starts_with("a=crypto")).map(str::to_owned);
    assert_eq!(crypto(&world.last_body()), crypto(&first));
    world.receive(&inside("ACK", 2, &tag, "h2", "", ""));
    world.receive(&inside("INVITE", 3, &tag, "h3", "", &savp(OTHER)));
    let changed = world.keys();
    let (before, after) = (keys.unwrap(), changed.unwrap());
    assert!(before.theirs != after.theirs && before.ours != after.ours, "both are new");
}

#[test]
fn an_encrypted_call_is_not_made_plain() {
    let mut world = World::new();
    let (tag, _) = world.encrypted(&savp(KEY), Encryption::Optional);
    world.receive(&inside("INVITE", 2, &tag, "p1", "", SDP));
    assert_eq!(world.last_response().status.code(), 488);
    assert!(world.events.is_empty(), "the call goes on as it was");
}

#[test]
fn what_the_endpoint_is_held_to_decides() {
    for (offer, encryption, expected) in [
        (SDP.to_owned(), Encryption::Required, None),
        (savp(KEY), Encryption::Off, None),
        (SDP.to_owned(), Encryption::Optional, Some(false)),
        (SDP.to_owned(), Encryption::Off, Some(false)),
        (savp(KEY).replace("RTP/SAVP", "RTP/AVP"), Encryption::Off, Some(false)),
        (savp(KEY).replace("RTP/SAVP", "RTP/AVP"), Encryption::Required, Some(true)),
        (savp(KEY), Encryption::Optional, Some(true)),
    ] {
        let mut world = World::new();
        world.receive(&invite("i1", &offer, ""));
        let session = world.invited();
        let secured = world.endpoint.secure(session, Security::answering(encryption), &Codec::ALL);
        assert_eq!(
            secured.ok().map(|remote| remote.unwrap().keys.is_some()),
            expected,
            "{encryption:?} {offer}"
        );
    }
}

#[test]
fn a_call_without_offer_is_offered_keys() {
    for (encryption, protocol, lines) in [
        (Encryption::Required, "RTP/SAVP", 3),
        (Encryption::Optional, "RTP/AVP", 3),
        (Encryption::Off, "RTP/AVP", 0),
    ] {
        let mut world = World::new();
        world.receive(&invite("i1", "", ""));
        let session = world.invited();
        assert_eq!(world.endpoint.secure(session, Security::answering(encryption), &Codec::ALL), Ok(None));
        let tag = world.accept(session);
        let body = world.last_body();
        assert!(body.contains(&format!("m=audio 20000 {protocol} ")), "{body}");
        assert_eq!(body.matches("a=crypto:").count(), lines);
        world.receive(&inside("ACK", 1, &tag, "a1", "", &savp(KEY)));
        let _ = world.events.drain(..);
        // The peer's tag 3 is our AES_CM_128_HMAC_SHA1_80; only an offer of RTP/SAVP is answered so.
        assert_eq!(world.endpoint.session_count() == 1, encryption == Encryption::Required, "{encryption:?}");
    }
}

/// A call to B with SRTP required; B answers with `body`.
fn dialled_with(body: &str) -> World {
    let mut world = World::new();
    let mut dial = dial();
    dial.audio.security = Security::offering(Encryption::Required, &mut Random::new([9; 32]));
    world.endpoint.dial(world.now, dial);
    world.drain();
    let request = world.last_request();
    let offer = String::from_utf8(request.body.clone()).unwrap();
    assert!(offer.contains("RTP/SAVP") && offer.matches("a=crypto:").count() == 3, "{offer}");
    world.sent.clear();
    world.receive(&respond(&request, 200, "theirs", "", body));
    world
}

#[test]
fn a_call_to_a_required_seat_is_answered_with_keys_or_ended() {
    let mut world = dialled_with(&savp(KEY));
    assert!(world.keys().is_some());
    for body in
        [SDP.to_owned(), savp(KEY).replace("crypto:3", "crypto:1"), savp(KEY).replace("/SAVP", "/AVP")]
    {
        let mut world = dialled_with(&body);
        assert_eq!(world.methods(), ["ACK", "BYE"], "{body}");
        assert_eq!(world.heard(), ["ended NoCommonAudio"]);
    }
}

#[test]
fn our_own_hold_offers_the_one_key_again() {
    let mut world = dialled_with(&savp(KEY));
    let keys = world.keys();
    let session = world.endpoint.sessions.ids().next().unwrap();
    let request = world.reoffer(session, Direction::SendOnly);
    let offer = String::from_utf8(request.body.clone()).unwrap();
    assert!(offer.contains("RTP/SAVP") && offer.matches("a=crypto:").count() == 1, "{offer}");
    world.receive(&respond(&request, 200, "theirs", "", &(savp(KEY) + "a=recvonly\r\n")));
    assert_eq!(world.keys(), keys);
}

#[test]
fn without_a_word_of_the_user_plain_comes_first() {
    for (offer, encrypted) in [(savp(KEY), true), (savp(KEY).replace("RTP/SAVP", "RTP/AVP"), false)] {
        let mut world = World::new();
        world.receive(&invite("i1", &offer, ""));
        let Some(Event::Invited { remote: Some(remote), .. }) = world.events.first() else {
            panic!("{offer}")
        };
        assert_eq!(remote.keys.is_some(), encrypted, "{offer}");
        let session = world.invited();
        world.accept(session);
        assert_eq!(world.last_body().contains("a=crypto:3"), encrypted);
    }
}
