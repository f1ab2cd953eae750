use super::*;
use crate::tone::Sine;
use proptest::prelude::*;

fn encoder(codec: Codec) -> Encoder {
    Encoder::new(codec, OpusFormat::default()).expect("an encoder")
}

/// A tone of 440 Hz at the codec's rate.
fn tone(codec: Codec, frames: usize) -> Vec<i16> {
    let mut samples = vec![0; frames * codec.frame()];
    Sine::new(440.0 * 8000.0 / f64::from(codec.rate()), 8000).fill(&mut samples);
    samples
}

#[test]
fn a_tone_survives_each_codec() {
    for codec in Codec::ALL {
        let (samples, mut payload, mut heard) = (tone(codec, 50), [0; 1480], Vec::new());
        let (mut encoder, mut decoder) = (encoder(codec), Decoder::new(codec).unwrap());
        for frame in samples.chunks(codec.frame()) {
            let len = encoder.encode(frame, &mut payload).unwrap();
            assert_eq!(codec.duration(&payload[..len]), Some(codec.clock() / 50));
            let mut out = [0; MOST_SAMPLES];
            let made = decoder.decode(&payload[..len], &mut out).unwrap();
            assert_eq!(made, codec.frame());
            heard.extend_from_slice(&out[..made]);
        }
        let settled = &heard[20 * codec.frame()..];
        let hertz = 440.0 * 8000.0 / f64::from(codec.rate());
        let level = crate::tone::level_db(settled, hertz);
        assert!((level + 12.25).abs() < 1.0, "{codec:?}: {level} dB");
    }
}

#[test]
fn packets_of_10_to_60_ms_are_decoded() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::L16, Codec::L16Wide] {
        let mut decoder = Decoder::new(codec).unwrap();
        for ms in [10, 20, 30, 40, 50, 60] {
            let bytes = if matches!(codec, Codec::L16 | Codec::L16Wide) { codec.rate() / 500 } else { 8 };
            let mut out = [0; MOST_SAMPLES];
            let payload = vec![0; (bytes * ms) as usize];
            assert_eq!(
                decoder.decode(&payload, &mut out),
                Ok((codec.rate() / 1000 * ms) as usize),
                "{codec:?} {ms}"
            );
        }
    }
}

#[test]
fn wrong_sizes_are_refused() {
    for codec in Codec::ALL {
        let (mut encoder, mut decoder) = (encoder(codec), Decoder::new(codec).unwrap());
        let frame = vec![0; codec.frame()];
        assert!(matches!(encoder.encode(&frame[1..], &mut [0; 1480]), Err(CodecError::Frame { .. })));
        assert!(encoder.encode(&frame, &mut []).is_err());
        assert!(matches!(decoder.decode(&[], &mut [0; 960]), Err(CodecError::Payload { .. })));
        let mut payload = [0; 1480];
        let len = encoder.encode(&frame, &mut payload).unwrap();
        assert!(matches!(decoder.decode(&payload[..len], &mut [0; 10]), Err(CodecError::Room { .. })));
    }
}

proptest! {
    #[test]
    fn no_payload_panics(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..500), 1..8),
        lost in 0_usize..960,
    ) {
        for codec in Codec::ALL {
            let mut decoder = Decoder::new(codec).unwrap();
            let mut out = [0; MOST_SAMPLES];
            for payload in &payloads {
                decoder.conceal(Some(payload), &mut out[..lost]);
                let made = decoder.decode(payload, &mut out);
                prop_assert_eq!(made.is_ok() && codec.duration(payload).is_none(), false);
                decoder.conceal(None, &mut out[..lost]);
            }
        }
    }
}

/// A loud tone is lost in its middle, and silence follows.
#[test]
fn g722_does_not_click_after_a_loss() {
    let codec = Codec::G722;
    let (mut encoder, mut decoder) =
        (Encoder::new(codec, OpusFormat::default()).unwrap(), Decoder::new(codec).unwrap());
    let mut sine = Sine::new(500.0, 12_000);
    for frame in 0..20 {
        let (mut samples, mut payload) = (vec![0; codec.frame()], [0; 160]);
        if frame < 8 {
            sine.fill(&mut samples);
        }
        let length = encoder.encode(&samples, &mut payload).unwrap();
        match frame {
            4..12 => decoder.conceal(None, &mut samples),
            _ => _ = decoder.decode(&payload[..length], &mut samples).unwrap(),
        }
        assert!(frame < 12 || samples.iter().all(|sample| sample.abs() < 100), "{frame}: {samples:?}");
    }
}
