//! Takes raw 16-bit samples through a codec and a loss pattern: `degrade CODEC CONCEALMENT LOSSES < in > out`.
//!
//! CODEC is an rtpmap (`PCMA/8000`); the samples are at its rate. CONCEALMENT is `own`, `guess` (own, but without Opus'
//! redundancy), `repeat` or `silence`. LOSSES has a digit a frame of 20 ms, 1 for lost, and starts over at its end.
//! `benches/quality.py` uses it.

use std::io::{Read, Write};

use audio::codec::{Codec, Decoder, Encoder, OpusFormat};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [codec, concealment, losses] = arguments.as_slice() else {
        return Err("usage: degrade CODEC CONCEALMENT LOSSES < in > out".into());
    };
    let codec = Codec::of_rtpmap(codec).ok_or("no such codec")?;
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let samples: Vec<i16> = bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    let mut payloads = Vec::new();
    let mut encoder = Encoder::new(codec, OpusFormat::default())?;
    for frame in samples.chunks_exact(codec.frame()) {
        let mut payload = [0; 1480];
        let len = encoder.encode(frame, &mut payload)?;
        payloads.push(payload[..len].to_vec());
    }
    let heard = listen(codec, concealment, losses.as_bytes(), &payloads)?;
    let bytes: Vec<u8> = heard.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::io::stdout().write_all(&bytes)?;
    Ok(())
}

fn listen(
    codec: Codec,
    concealment: &str,
    losses: &[u8],
    payloads: &[Vec<u8>],
) -> Result<Vec<i16>, Box<dyn std::error::Error>> {
    let lost = |index: usize| losses.get(index % losses.len().max(1)) == Some(&b'1');
    let mut decoder = Decoder::new(codec)?;
    let mut heard = Vec::new();
    let mut frame = vec![0; codec.frame()];
    for (index, payload) in payloads.iter().enumerate() {
        if !lost(index) {
            decoder.decode(payload, &mut frame)?;
        } else {
            let next = payloads.get(index + 1).filter(|_| !lost(index + 1)).map(Vec::as_slice);
            match concealment {
                "own" => decoder.conceal(next, &mut frame),
                "guess" => decoder.conceal(None, &mut frame),
                "repeat" => {}
                "silence" => frame.fill(0),
                _ => return Err("no such concealment".into()),
            }
        }
        heard.extend_from_slice(&frame);
    }
    Ok(heard)
}
