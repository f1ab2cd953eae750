//! Packets of media and what is made of them, and recordings that were cut off.

use std::collections::BTreeSet;

use ::audio::rtcp::{self, RtcpPacket};
use ::audio::rtp::RtpPacket;
use ::audio::telephone_event::{EventFrame, EventReceiver, EventSender, TelephoneEvent};
use ::audio::wav::{self, StereoWav};

use crate::bytes::Bytes;

/// A compound: every block lies within the datagram, and a report that we build says the same again.
pub fn rtcp(bytes: &[u8]) {
    for packet in rtcp::parse(bytes).flatten() {
        match packet {
            RtcpPacket::SenderReport { ssrc, sender, blocks } => {
                assert!(blocks.count() * 24 <= bytes.len());
                built(ssrc, Some(sender), blocks);
            }
            RtcpPacket::ReceiverReport { ssrc, blocks } => {
                assert!(blocks.count() * 24 <= bytes.len());
                built(ssrc, None, blocks);
            }
            RtcpPacket::SourceDescription { ssrc, cname } => described(ssrc, &String::from_utf8_lossy(cname)),
            RtcpPacket::Bye { .. } | RtcpPacket::Other { .. } => {}
        }
    }
}

fn built(ssrc: u32, sender: Option<rtcp::SenderPart>, mut blocks: rtcp::Blocks<'_>) {
    let block = blocks.next();
    let bytes = rtcp::compound(ssrc, sender, block, "leg@hotline", true);
    let first = rtcp::parse(&bytes).next().expect("a packet").expect("a sound one");
    let (again, heard) = match first {
        RtcpPacket::SenderReport { ssrc: again, sender: told, mut blocks } => {
            assert_eq!(Some(told), sender);
            (again, blocks.next())
        }
        RtcpPacket::ReceiverReport { ssrc: again, mut blocks } => (again, blocks.next()),
        other => panic!("{other:?} comes first"),
    };
    assert_eq!((again, heard), (ssrc, block));
    assert_eq!(rtcp::parse(&bytes).filter_map(Result::ok).count(), 3, "report, description, BYE");
}

fn described(ssrc: u32, name: &str) {
    let bytes = rtcp::compound(ssrc, None, None, name, false);
    let second = rtcp::parse(&bytes).nth(1);
    let cname = name.as_bytes().get(..name.len().min(255)).expect("no longer than the name");
    assert_eq!(second, Some(Ok(RtcpPacket::SourceDescription { ssrc, cname })));
}

/// Any events are heard once for each beginning; keys that we send are heard once each, whatever is lost,
/// as long as one packet of each press arrives.
pub fn telephone_event(bytes: &[u8]) {
    any_events(bytes);
    sent_keys(bytes);
}

fn any_events(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    // Numbers that stand still leave the timestamps alone to tell presses apart.
    let (mut receiver, mut unordered) = (EventReceiver::default(), EventReceiver::default());
    let (mut beginnings, mut heard) = (BTreeSet::new(), 0);
    while let (Some(ssrc), Some(timestamp)) = (bytes.byte(), bytes.number()) {
        let payload = bytes.take(4);
        let (ssrc, timestamp) = (u32::from(ssrc % 2), u32::from(timestamp) << 8);
        beginnings.insert((ssrc, timestamp, payload.first().copied()));
        let sequence = u16::from(bytes.byte().unwrap_or(0));
        let packet =
            RtpPacket { marker: sequence == 0, payload_type: 101, sequence: 0, timestamp, ssrc, payload };
        heard += usize::from(receiver.handle(&packet).is_some());
        unordered.handle(&RtpPacket { sequence, ..packet });
        if let Some(event) = TelephoneEvent::parse(payload) {
            assert_eq!(TelephoneEvent::parse(&event.print()), Some(event));
        }
    }
    // A beginning that was pushed out of memory by sixteen others may be heard again.
    assert!(beginnings.len() > 16 || heard <= beginnings.len(), "{heard} heard of {}", beginnings.len());
}

fn sent_keys(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let keys: Vec<u8> = bytes.take(8).iter().map(|key| key % 16).collect();
    let mut sender = EventSender::default();
    keys.iter().for_each(|key| assert!(sender.press(*key)));
    let (mut receiver, mut heard, mut began, mut arrived) = (EventReceiver::default(), Vec::new(), 0, true);
    let mut sequence = 65_530_u16;
    for frame in 0_u32.. {
        match sender.poll_frame() {
            EventFrame::Idle => break,
            EventFrame::Pause => {}
            EventFrame::Packet { event, first } => {
                if first {
                    assert!(arrived, "the press before arrived");
                    (began, arrived) = (frame * 160, false);
                }
                // The last three packets are copies; the very last is let through if nothing else was.
                let lost = bytes.byte().is_some_and(|fate| fate % 2 == 1);
                sequence = sequence.wrapping_add(1);
                if !lost || event.end && !arrived {
                    arrived = true;
                    let payload = &event.print();
                    heard.extend(receiver.handle(&RtpPacket {
                        marker: first,
                        payload_type: 101,
                        sequence,
                        timestamp: began,
                        ssrc: 1,
                        payload,
                    }));
                }
            }
        }
    }
    assert_eq!(heard, keys);
}

/// A file that begins with these bytes, and one of ours that was cut off: repaired, both are whole.
pub fn wav_repair(bytes: &[u8]) {
    let Some((length, file)) = bytes.split_first_chunk::<8>() else { return };
    any_length(file, u64::from_be_bytes(*length));
    if let Some(samples) = repaired(file) {
        assert!(samples * wav::BLOCK <= file.len() as u64, "nothing was made up");
    }
    cut_off(file, usize::from(length[7]));
}

fn any_length(head: &[u8], file_len: u64) {
    let Ok(repair) = wav::repair(head, file_len) else { return };
    assert!(repair.samples * wav::BLOCK <= wav::MAX_DATA);
    assert_eq!(repair.file_len, repair.header.len() as u64 + repair.samples * wav::BLOCK);
    assert!(repair.duration_ms() <= repair.samples);
}

/// Carries out the repair of `file`; how many samples another reader then finds in each channel.
fn repaired(file: &[u8]) -> Option<u64> {
    let head = file.get(..wav::HEADER_LEN).unwrap_or(file);
    let repair = wav::repair(head, file.len() as u64).ok()?;
    let mut whole = file.to_vec();
    whole.resize(usize::try_from(repair.file_len).expect("as long as the file"), 0);
    whole.splice(..repair.header.len(), repair.header.clone());
    let reader = hound::WavReader::new(whole.as_slice()).expect("another reader reads it");
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, ::audio::RATE));
    let found: Vec<i16> = reader.into_samples::<i16>().map(|sample| sample.expect("a sample")).collect();
    assert_eq!(found.len() as u64, repair.samples * 2, "whole samples");
    let again = wav::repair(&repair.header, repair.file_len).expect("ours");
    assert_eq!(again, repair, "what was repaired stays as it is");
    Some(repair.samples)
}

/// A recording of these samples, `lost` bytes shorter than it was.
fn cut_off(bytes: &[u8], lost: usize) {
    let sample = |bytes: &[u8; 4]| {
        [i16::from_le_bytes([bytes[0], bytes[1]]), i16::from_le_bytes([bytes[2], bytes[3]])]
    };
    let samples: Vec<[i16; 2]> = bytes.as_chunks::<4>().0.iter().map(sample).collect();
    let (mut written, mut file) = (StereoWav::default(), Vec::new());
    // The header is the one of the beginning: a crash came before it was written again.
    file.extend(written.header());
    written.append(&samples, &mut file).expect("room");
    file.truncate(file.len().saturating_sub(lost));
    let kept = repaired(&file).expect("a recording of ours is repaired");
    assert_eq!(kept, file.len().saturating_sub(wav::HEADER_LEN) as u64 / wav::BLOCK);
}
