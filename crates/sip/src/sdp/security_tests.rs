//! Both sides of offers and answers with and without keys.

use super::crypto::OFFERED;
use super::*;
use crate::Random;

const OURS: [Codec; 1] = [Codec::Pcma];
const ALL: [Encryption; 3] = [Encryption::Off, Encryption::Optional, Encryption::Required];

fn local(security: Security) -> LocalAudio {
    LocalAudio {
        rtp: "127.0.0.1:20000".parse().unwrap(),
        codecs: OURS.to_vec(),
        direction: Direction::SendReceive,
        security,
        session_id: 7,
        version: 1,
    }
}

fn read(sdp: &Sdp) -> Sdp {
    Sdp::parse(sdp.to_string().as_bytes()).unwrap()
}

/// What an offerer and an answerer agree on; `None` when the offer is refused.
fn agree(offerer: Encryption, answerer: Encryption) -> Option<(String, Option<Srtp>, Option<Srtp>)> {
    let offering = Security::offering(offerer, &mut Random::new([1; 32]));
    agree_between(offering, Security::answering(answerer))
}

fn agree_between(offering: Security, answering: Security) -> Option<(String, Option<Srtp>, Option<Srtp>)> {
    let (mut a, mut b) = (local(offering), local(answering));
    let offered = read(&offer(&a));
    let mut seen = OfferedAudio::find(&offered, &OURS, b.security.encryption()).ok()?;
    b.security.answer(&mut seen, None, &mut Random::new([2; 32]));
    let answered = read(&answer(&offered, &seen, &b, Codec::Pcma));
    let mut heard = OfferedAudio::find(&answered, &OURS, a.security.encryption()).unwrap();
    assert!(a.security.take(&mut heard));
    assert_eq!(a.security.encryption() == Encryption::Required, heard.keys.is_some());
    let media = answered.media.first().unwrap();
    assert_eq!(attribute(&media.lines, "crypto").count(), usize::from(seen.keys.is_some()), "exactly one");
    Some((media.protocol.clone(), heard.keys.map(|keys| *keys), seen.keys.map(|keys| *keys)))
}

#[test]
fn a_preferred_suite_is_agreed_on_whoever_prefers_it() {
    let mut random = Random::new([4; 32]);
    for suite in OFFERED.into_iter().chain([SrtpSuite::AesCm128HmacSha1_32]) {
        let offering = Security::offering(Encryption::Required, &mut random);
        let plainly = Security::answering(Encryption::Required);
        let (_, keys, _) =
            agree_between(offering.clone().preferring(suite, &mut random), plainly.clone()).unwrap();
        assert_eq!(keys.unwrap().suite, suite);
        let (_, keys, _) = agree_between(offering, plainly.preferring(suite, &mut random)).unwrap();
        let offered = OFFERED.contains(&suite);
        assert_eq!(keys.unwrap().suite == suite, offered, "another when it is not offered");
    }
}

#[test]
fn every_pair_agrees_as_the_table_says() {
    for offerer in ALL {
        for answerer in ALL {
            let expected = match (offerer, answerer) {
                (Encryption::Off, Encryption::Required) | (Encryption::Required, Encryption::Off) => None,
                (Encryption::Off, _) | (_, Encryption::Off) => Some(("RTP/AVP", false)),
                (Encryption::Optional, _) => Some(("RTP/AVP", true)),
                (Encryption::Required, _) => Some(("RTP/SAVP", true)),
            };
            let agreed = agree(offerer, answerer);
            let found = agreed.as_ref().map(|(protocol, keys, _)| (protocol.as_str(), keys.is_some()));
            assert_eq!(found, expected, "{offerer:?} to {answerer:?}");
            let Some((_, ours, theirs)) = agreed else { continue };
            let turned = ours.map(|keys| Srtp { ours: keys.theirs, theirs: keys.ours, ..keys });
            assert_eq!(turned, theirs, "what one sends with the other receives with");
        }
    }
}

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const OTHER: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn sdp(media: &str) -> Sdp {
    Sdp::parse(format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n{media}").as_bytes())
        .unwrap()
}

#[test]
fn the_first_line_that_we_take_is_chosen_and_its_tag_answered() {
    let theirs = sdp(&format!(
        "m=audio 5004 RTP/SAVP 8\na=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}\n\
         a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|1:4\na=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31\n\
         a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:{OTHER}\na=crypto:8 AES_CM_128_HMAC_SHA1_80 inline:{OTHER}\n"
    ));
    let mut stream = OfferedAudio::find(&theirs, &OURS, Encryption::Required).unwrap();
    let tags: Vec<u32> = stream.crypto.iter().map(|line| line.tag).collect();
    assert_eq!(tags, [7, 8]);
    let mut ours = local(Security::answering(Encryption::Required));
    ours.security.answer(&mut stream, None, &mut Random::new([2; 32]));
    let text = answer(&theirs, &stream, &ours, Codec::Pcma).to_string();
    assert!(text.contains("m=audio 20000 RTP/SAVP 8\r\n"), "{text}");
    assert!(text.contains("a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:"), "{text}");
    assert!(!text.contains(KEY), "our key is another");
}

#[test]
fn an_encrypted_stream_is_taken_before_a_plain_one() {
    let both = sdp(&format!(
        "m=audio 5002 RTP/AVP 8\nm=audio 5004 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\n"
    ));
    for (encryption, port) in
        [(Encryption::Off, 5002), (Encryption::Optional, 5004), (Encryption::Required, 5004)]
    {
        assert_eq!(OfferedAudio::find(&both, &OURS, encryption).unwrap().rtp.port(), port, "{encryption:?}");
    }
}

#[test]
fn streams_without_usable_keys_are_not_ours() {
    for media in [
        "m=audio 5004 RTP/SAVP 8\n".to_owned(),
        format!("m=audio 5004 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4\n"),
        "m=audio 5004 RTP/SAVPF 8\n".to_owned(),
        format!("m=audio 5004 UDP/TLS/RTP/SAVPF 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\n"),
    ] {
        for encryption in ALL {
            assert_eq!(OfferedAudio::find(&sdp(&media), &OURS, encryption), Err(NoCommonAudio), "{media}");
        }
    }
}

#[test]
fn a_profile_with_feedback_is_taken_and_answered_as_it_came() {
    let keys = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\n");
    for (profile, keys, encrypted) in [
        ("RTP/AVPF", "", false),
        ("RTP/AVPF", keys.as_str(), true),
        ("RTP/SAVPF", keys.as_str(), true),
        ("rtp/avpf", "", false),
    ] {
        let theirs = sdp(&format!("m=audio 5004 {profile} 8\n{keys}"));
        let mut stream = OfferedAudio::find(&theirs, &OURS, Encryption::Optional).unwrap();
        let mut random = Random::new([3; 32]);
        let mut local = local(Security::answering(Encryption::Optional));
        local.security.answer(&mut stream, None, &mut random);
        let answered = super::answer(&theirs, &stream, &local, Codec::Pcma);
        assert_eq!(answered.media[0].protocol, profile);
        assert_eq!(stream.keys.is_some(), encrypted, "{profile}");
    }
}

/// An answer to our offer, made by changing the right one.
fn answered(encryption: Encryption, change: impl Fn(String) -> String) -> bool {
    let mut a = local(Security::offering(encryption, &mut Random::new([1; 32])));
    let offered = read(&offer(&a));
    let mut seen = OfferedAudio::find(&offered, &OURS, Encryption::Optional).unwrap();
    let mut b = local(Security::answering(Encryption::Optional));
    b.security.answer(&mut seen, None, &mut Random::new([2; 32]));
    let text = change(answer(&offered, &seen, &b, Codec::Pcma).to_string());
    let sdp = Sdp::parse(text.as_bytes()).unwrap();
    OfferedAudio::find(&sdp, &OURS, encryption).is_ok_and(|mut heard| a.security.take(&mut heard))
}

#[test]
fn an_answer_to_another_offer_is_not_taken() {
    let is_key = |line: &str| line.starts_with("a=crypto");
    let without = |text: String| text.lines().filter(|line| !is_key(line)).collect::<Vec<_>>().join("\r\n");
    assert!(answered(Encryption::Required, |text| text));
    assert!(!answered(Encryption::Required, without), "a downgrade");
    assert!(!answered(Encryption::Required, |text| without(text).replace("RTP/SAVP", "RTP/AVP")));
    assert!(!answered(Encryption::Required, |text| text.replace("RTP/SAVP", "RTP/AVP")), "another profile");
    assert!(!answered(Encryption::Required, |text| text.replace("crypto:1", "crypto:9")), "no tag of ours");
    assert!(
        !answered(Encryption::Required, |text| text.replace("crypto:1", "crypto:2")),
        "another suite's tag"
    );
    let two = |text: String| {
        let line = text.lines().find(|line| is_key(line)).unwrap_or_default().replace("crypto:1", "crypto:2");
        format!("{text}{line}\r\n")
    };
    assert!(!answered(Encryption::Required, two), "two keys");
    assert!(answered(Encryption::Optional, |text| text));
    assert!(answered(Encryption::Optional, without), "optional is optional");
}

#[test]
fn descriptions_are_debugged_without_their_keys() {
    let ours = offer(&local(Security::offering(Encryption::Required, &mut Random::new([1; 32]))));
    let (text, debug) = (ours.to_string(), format!("{ours:?}"));
    assert_eq!(text.matches("inline:").count(), 3);
    assert!(!debug.contains("inline:") && debug.contains("(a key)"), "{debug}");
}
