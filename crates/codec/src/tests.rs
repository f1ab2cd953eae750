//! The facts of each codec and suite.

use super::*;

#[test]
fn the_facts_of_each_codec() {
    let rows = [
        (Codec::Pcmu, 8000, 8000, Some(0), "PCMU/8000"),
        (Codec::Pcma, 8000, 8000, Some(8), "PCMA/8000"),
        (Codec::G722, 16_000, 8000, Some(9), "G722/8000"),
        (Codec::Opus, 16_000, 48_000, None, "opus/48000/2"),
        (Codec::L16, 8000, 8000, None, "L16/8000"),
        (Codec::L16Wide, 16_000, 16_000, None, "L16/16000"),
    ];
    for (codec, rate, clock, payload_type, rtpmap) in rows {
        assert_eq!((codec.rate(), codec.clock(), codec.static_payload_type()), (rate, clock, payload_type));
        assert_eq!(codec.rtpmap(), rtpmap);
        assert_eq!(Codec::of_rtpmap(&rtpmap.to_lowercase()), Some(codec));
        assert_eq!(payload_type.and_then(Codec::of_payload_type), payload_type.map(|_| codec));
        assert_eq!(codec.fmtp().is_some(), codec == Codec::Opus);
    }
    assert_eq!(Codec::of_rtpmap("PCMU/8000/1"), Some(Codec::Pcmu));
    for unknown in ["PCMU/16000", "opus/48000", "opus/48000/1", "G729/8000", "PCMU/8000/2", ""] {
        assert_eq!(Codec::of_rtpmap(unknown), None, "{unknown}");
    }
    assert_eq!(Codec::of_payload_type(18), None);
}

#[test]
fn durations_in_rtp_units() {
    let bytes = vec![0; 2000];
    let rows = [
        (Codec::Pcmu, 160, Some(160)),
        (Codec::Pcmu, 80, Some(80)),
        (Codec::Pcmu, 480, Some(480)),
        (Codec::Pcmu, 79, None),
        (Codec::Pcmu, 481, None),
        (Codec::G722, 160, Some(160)),
        (Codec::L16, 320, Some(160)),
        (Codec::L16, 321, None),
        (Codec::L16Wide, 640, Some(320)),
    ];
    for (codec, len, duration) in rows {
        assert_eq!(codec.duration(&bytes[..len]), duration, "{codec:?} {len}");
    }
    // RFC 6716 table 2, by the first byte: configuration, stereo bit, frame count.
    let opus: [(&[u8], Option<u32>); 11] = [
        (&[0x08, 1], Some(960)),     // SILK 20 ms
        (&[0x18, 1], Some(2880)),    // SILK 60 ms
        (&[0x19, 1], None),          // two of them
        (&[0x70, 1], Some(480)),     // hybrid 10 ms
        (&[0x78, 1], Some(960)),     // hybrid 20 ms
        (&[0x80, 1], Some(120)),     // CELT 2.5 ms
        (&[0xf8, 1], Some(960)),     // CELT 20 ms
        (&[0xfa, 1, 1], Some(1920)), // two of different size
        (&[0xfb, 3, 1], Some(2880)), // three
        (&[0xfb, 0], None),          // none
        (&[], None),
    ];
    for (payload, duration) in opus {
        assert_eq!(Codec::Opus.duration(payload), duration, "{payload:?}");
    }
}

#[test]
fn the_peers_wishes_for_opus() {
    let rows = [
        ("", 40_000, false),
        ("useinbandfec=1", 40_000, true),
        ("minptime=10; usedtx=1; useinbandfec=1; maxaveragebitrate=16000", 16_000, true),
        ("maxaveragebitrate=510000", 40_000, false),
        ("maxaveragebitrate=1", 6000, false),
        ("maxaveragebitrate=x;useinbandfec=2;;=;stereo", 40_000, false),
    ];
    for (fmtp, bitrate, redundancy) in rows {
        assert_eq!(
            OpusFormat::parse(fmtp),
            OpusFormat { bitrate, redundancy, silence: fmtp.contains("usedtx=1") },
            "{fmtp}"
        );
    }
}

#[test]
fn every_codec_is_read_by_its_name_in_any_case_and_others_are_refused() {
    for codec in Codec::ALL {
        assert_eq!(codec.name().to_lowercase().parse(), Ok(codec));
        let number = codec.payload_type();
        assert_eq!(codec.static_payload_type().unwrap_or(number), number);
        assert_eq!(codec.static_payload_type().is_none(), (96..128).contains(&number));
    }
    assert_eq!("g729".parse::<Codec>(), Err(UnknownCodec));
}

#[test]
fn every_suite_is_read_by_its_name_and_has_a_key_of_its_length() {
    for (suite, length) in SrtpSuite::ALL.into_iter().zip([30, 30, 28, 44]) {
        assert_eq!((suite.name().parse(), suite.master_len()), (Ok(suite), length));
    }
    assert_eq!("F8_128_HMAC_SHA1_80".parse::<SrtpSuite>(), Err(UnknownSuite));
}

#[test]
fn a_key_is_not_printed() {
    let key = SrtpKey::new(b"secret");
    let debug = format!("{:?}", Srtp { suite: SrtpSuite::AeadAes128Gcm, ours: key.clone(), theirs: key });
    // 115, 101: the key's first bytes.
    assert!(!debug.contains("115") && !debug.contains("secret"), "{debug}");
}
