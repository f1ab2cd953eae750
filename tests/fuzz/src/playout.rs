//! A peer's stream in any codec, heard: jitter buffer, decoder, concealment, comfort noise and stretching together; and
//! read for a recording.

use ::audio::codec::Codec;
use ::audio::playout::{Heard, Payload, Playout};
use ::audio::reader::{PATIENCE, Reader};
use ::audio::rtp::RtpPacket;

use crate::bytes::Bytes;

/// Samples of 8 kHz in a tick.
const TICK: u64 = 160;
/// Ticks that follow the last packet: longer than any wait of the buffer and any fade of concealment.
const AFTER: u64 = 60;

/// Whatever comes, and whenever, no tick fails, every packet is counted, and a peer that sends no more is silent in the
/// end.
pub fn playout(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let Some(codec) = bytes.choose(&Codec::ALL) else { return };
    let mut playout = Playout::new(codec, 1).expect("every codec can be set up");
    let mut reader = Reader::new(codec).expect("every codec can be set up");
    let (mut sequence, mut timestamp, mut now, mut pushed) = (65_530_u16, u32::MAX - 2000, 0, 0);
    while let (Some(what), Some(length)) = (bytes.byte(), bytes.byte()) {
        let payload = bytes.take(usize::from(length));
        let kind = match what % 4 {
            0 | 1 => Payload::Audio,
            2 => Payload::Comfort,
            _ => Payload::Event,
        };
        // The next in order, the same again, one further on, or anywhere.
        let (numbers, frames) = match what >> 2 & 3 {
            0 => (1, 1),
            1 => (0, 0),
            2 => (2, 2),
            _ => (u16::from(length) << 7, u32::from(length) << 5),
        };
        sequence = sequence.wrapping_add(numbers);
        timestamp = timestamp.wrapping_add(frames * codec.clock() / 50);
        let ssrc = u32::from(what >> 4 & 1);
        let packet = RtpPacket { marker: false, payload_type: 96, sequence, timestamp, ssrc, payload };
        playout.push(&packet, kind, now);
        match kind {
            Payload::Audio => reader.push(&packet, now),
            Payload::Comfort | Payload::Event => reader.skip(&packet, now),
        }
        read(&mut reader, codec, now);
        pushed += 1;
        assert_eq!(playout.counts().received, pushed);
        for _ in 0..what >> 5 {
            tick(&mut playout, codec, now);
            now += TICK;
        }
    }
    read(&mut reader, codec, now + PATIENCE);
    reader.push(
        &RtpPacket { marker: false, payload_type: 96, sequence, timestamp, ssrc: 9, payload: &[] },
        now,
    );
    assert!(reader.next(now).is_none(), "nothing waits for ever, and nothing is read of nothing");
    let mut heard = Heard::Audio;
    for _ in 0..AFTER {
        heard = tick(&mut playout, codec, now);
        now += TICK;
    }
    assert!(heard != Heard::Audio, "nobody speaks any more");
}

/// A payload that its codec refused was a frame that was played.
fn tick(playout: &mut Playout, codec: Codec, now: u64) -> Heard {
    let heard = playout.pull(now, &mut vec![0; codec.frame()]);
    assert!(playout.broken() <= playout.counts().played);
    heard
}

/// What is read is as long as its packet said.
fn read(reader: &mut Reader, codec: Codec, now: u64) {
    while let Some(passage) = reader.next(now) {
        let ms = passage.samples.len() as u32 * 1000 / codec.rate();
        assert!(
            (2..=60).contains(&ms)
                && passage.narrow.len() * (codec.rate() / 8000) as usize == passage.samples.len()
        );
    }
}
