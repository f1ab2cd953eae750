//! A telephone that sends a tone, and a conversation of several of them.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use audio::codec::{self, Decoder, Encoder, OpusFormat};
use audio::rtp::RtpPacket;
use audio::srtp::{MasterKey, Protect, Unprotect};
use audio::telephone_event::TelephoneEvent;
use audio::tone::{Sine, level_db};
use model::{Codec, Direction, LegId, RemoteMedia, Srtp, SrtpKey, SrtpSuite};

use super::LOCALHOST;

/// The payload type of keys (RFC 4733).
pub(crate) const KEYS: u8 = 101;

/// A peer that sends a tone and keeps what it hears.
pub(crate) struct Phone {
    pub(crate) leg: LegId,
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    pub(crate) heard: Vec<i16>,
    pub(crate) packets: Vec<Packet>,
    codec: Codec,
    encoder: Encoder,
    decoder: Decoder,
    pub(crate) ours: SocketAddr,
    sine: Sine,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) srtp: Option<Encryption>,
    /// How long its packets are, in ms, in any codec but Opus.
    pub(crate) sends_ms: usize,
    /// How long those shall be that it receives.
    pub(crate) asks_ms: Option<u8>,
    waiting: Vec<u8>,
}

/// A phone's ends of its two keys.
pub(crate) struct Encryption {
    keys: Srtp,
    pub(crate) protect: Protect,
    pub(crate) unprotect: Unprotect,
}

#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: Vec<u8>,
}

impl Phone {
    pub(crate) fn new(leg: LegId, ours: SocketAddr, codec: Codec, hertz: f64) -> Phone {
        let (rtp, rtcp) = loop {
            let rtp = UdpSocket::bind((LOCALHOST, 0)).unwrap();
            let next = rtp.local_addr().unwrap().port().wrapping_add(1);
            if let Ok(rtcp) = UdpSocket::bind((LOCALHOST, next)) {
                break (rtp, rtcp);
            }
        };
        Phone {
            leg,
            rtp,
            rtcp,
            heard: Vec::new(),
            packets: Vec::new(),
            codec,
            encoder: Encoder::new(codec, OpusFormat::default()).unwrap(),
            decoder: Decoder::new(codec).unwrap(),
            ours,
            sine: Sine::new(hertz * 8000.0 / f64::from(codec.rate()), 8000),
            ssrc: hertz as u32,
            sequence: 65_530,
            timestamp: u32::MAX - 700,
            srtp: None,
            sends_ms: 20,
            asks_ms: None,
            waiting: Vec::new(),
        }
    }

    pub(crate) fn remote(&self, direction: Direction) -> RemoteMedia {
        let rtp = self.rtp.local_addr().unwrap();
        let srtp = self.srtp.as_ref().map(|srtp| Box::new(srtp.keys.clone()));
        let packet_ms = self.asks_ms;
        RemoteMedia {
            telephone_event: Some(KEYS),
            srtp,
            packet_ms,
            ..RemoteMedia::new(rtp, self.codec, direction)
        }
    }

    /// Speaks SRTP from now on, with keys made of these two bytes: the phone's and media's.
    pub(crate) fn encrypt(&mut self, suite: SrtpSuite, theirs: u8, ours: u8) {
        let bytes = |byte| vec![byte; suite.master_len()];
        let master = |byte| MasterKey::new(suite, &bytes(byte)).unwrap();
        let key = |byte| SrtpKey::new(&bytes(byte));
        self.srtp = Some(Encryption {
            keys: Srtp { suite, ours: key(ours), theirs: key(theirs) },
            protect: Protect::new(&master(theirs)),
            unprotect: Unprotect::new(&master(ours)),
        });
    }

    /// Sends one frame of the tone.
    pub(crate) fn send_frame(&mut self) {
        let (mut samples, mut payload) = ([0; 320], [0; 1480]);
        let samples = &mut samples[..self.codec.frame()];
        self.sine.fill(samples);
        let length = self.encoder.encode(samples, &mut payload).unwrap();
        if self.codec == Codec::Opus {
            self.send(self.codec.payload_type(), self.timestamp, &payload[..length]);
            self.timestamp = self.timestamp.wrapping_add(self.codec.clock() / 50);
            return;
        }
        self.waiting.extend_from_slice(&payload[..length]);
        while self.waiting.len() >= length * self.sends_ms / 20 {
            let packet: Vec<u8> = self.waiting.drain(..length * self.sends_ms / 20).collect();
            self.send(self.codec.payload_type(), self.timestamp, &packet);
            self.timestamp = self.timestamp.wrapping_add(self.codec.clock() / 1_000 * self.sends_ms as u32);
        }
    }

    /// Sounds a key of G.711 audio; `frames` of 20 ms: the two tones of ITU-T Q.23.
    pub(crate) fn sound_key(&mut self, tones: [f64; 2], frames: u32) {
        let mut tones = tones.map(|hertz| Sine::new(hertz, 4000));
        for _ in 0..frames {
            let (mut low, mut high, mut payload) = ([0; 160], [0; 160], [0; 160]);
            tones[0].fill(&mut low);
            tones[1].fill(&mut high);
            low.iter_mut().zip(high).for_each(|(low, high)| *low += high);
            self.encoder.encode(&low, &mut payload).unwrap();
            self.send(self.codec.payload_type(), self.timestamp, &payload);
            self.timestamp = self.timestamp.wrapping_add(160);
            self.listen(Instant::now() + Duration::from_millis(20));
        }
    }

    /// Leaves a frame out, as if the network had lost it.
    pub(crate) fn lose_frame(&mut self) {
        self.sine.fill(&mut [0; 320][..self.codec.frame()]);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.codec.clock() / 50);
    }

    /// Presses a key: three packets of it.
    pub(crate) fn press(&mut self, event: u8) {
        let began = self.timestamp;
        for duration in [160, 320, 480] {
            let event = TelephoneEvent { event, end: duration == 480, volume: 10, duration };
            self.send(KEYS, began, &event.print());
        }
        self.timestamp = began.wrapping_add(480);
    }

    pub(crate) fn send(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) {
        let (sequence, ssrc) = (self.sequence, self.ssrc);
        let packet = RtpPacket { marker: false, payload_type, sequence, timestamp, ssrc, payload };
        let mut datagram = [0; 1600];
        let mut len = packet.print(&mut datagram).unwrap();
        if let Some(srtp) = &mut self.srtp {
            len = srtp.protect.rtp(&mut datagram, len).unwrap();
        }
        self.rtp.send_to(&datagram[..len], self.ours).unwrap();
        self.sequence = sequence.wrapping_add(1);
    }

    /// Takes what arrives until `until`.
    pub(crate) fn listen(&mut self, until: Instant) {
        let mut datagram = [0; 2000];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.rtp.set_read_timeout(Some(left)).unwrap();
            let Ok((mut len, _)) = self.rtp.recv_from(&mut datagram) else { continue };
            if let Some(srtp) = &mut self.srtp {
                len = srtp.unprotect.rtp(&mut datagram[..len]).expect("SRTP with media's key");
            }
            let packet = RtpPacket::parse(&datagram[..len]).unwrap();
            if packet.payload_type == self.codec.payload_type() {
                let mut samples = [0; codec::MOST_SAMPLES];
                let made = self.decoder.decode(packet.payload, &mut samples).unwrap();
                self.heard.extend_from_slice(&samples[..made]);
            }
            self.packets.push(Packet {
                payload_type: packet.payload_type,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                ssrc: packet.ssrc,
                payload: packet.payload.to_vec(),
            });
        }
    }

    /// The level of a tone in what was heard since `from` samples.
    pub(crate) fn level(&self, hertz: f64, from: usize) -> f64 {
        // The meter knows telephone audio alone.
        let hertz = hertz * 8000.0 / f64::from(self.codec.rate());
        level_db(&self.heard[from.min(self.heard.len())..], hertz)
    }

    /// The same as the median of pieces of 50 ms: where audio was late and moved, it costs its piece alone.
    pub(crate) fn steady_level(&self, hertz: f64, from: usize) -> f64 {
        let hertz = hertz * 8000.0 / f64::from(self.codec.rate());
        steady(&self.heard[from.min(self.heard.len())..], hertz)
    }

    /// Keys heard, by the timestamps of their beginnings.
    pub(crate) fn keys_heard(&self) -> Vec<u8> {
        let mut keys: Vec<(u32, u8)> = self
            .packets
            .iter()
            .filter(|packet| packet.payload_type == KEYS)
            .map(|packet| (packet.timestamp, packet.payload[0]))
            .collect();
        keys.dedup();
        keys.into_iter().map(|(_, key)| key).collect()
    }
}

/// The level of a tone as the median of pieces of 50 ms.
pub(crate) fn steady(samples: &[i16], hertz: f64) -> f64 {
    let mut levels: Vec<f64> = samples.chunks_exact(400).map(|piece| level_db(piece, hertz)).collect();
    levels.sort_by(f64::total_cmp);
    levels.get(levels.len() / 2).copied().unwrap_or(-120.0)
}

/// All phones send and listen for this number of 20 ms frames. They are as urgent as media themselves, where that is allowed:
/// on a busy machine they would be late otherwise, and what they hear and are recorded with would say nothing of media.
pub(crate) fn talk(phones: &mut [&mut Phone], frames: u32) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            udp::hurry();
            talk_in_time(phones, frames);
        });
    });
}

fn talk_in_time(phones: &mut [&mut Phone], frames: u32) {
    let began = Instant::now();
    for frame in 1..=frames {
        phones.iter_mut().for_each(|phone| phone.send_frame());
        let until = began + Duration::from_millis(20) * frame;
        let count = phones.len() as u32;
        for (index, phone) in phones.iter_mut().enumerate() {
            // The last one waits for the frame to end; the others take what is there already, and so does the last one
            // when all were kept waiting.
            let last = index as u32 + 1 == count;
            let soon = Instant::now() + Duration::from_millis(2);
            phone.listen(if last { until.max(soon) } else { soon });
        }
    }
}
