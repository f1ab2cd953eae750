//! The RFCs' vectors, and what a network and a forger do.

mod forged;
mod order;
mod vectors;

use super::{MasterKey, OVERHEAD, Protect, SrtpSuite, Unprotect};
use crate::rtp::RtpPacket;

/// A key of the suite that depends on `seed`.
fn key(suite: SrtpSuite, seed: u8) -> MasterKey {
    let bytes: Vec<u8> =
        (0..suite.key_len() + suite.salt_len()).map(|n| (n as u8).wrapping_mul(7) ^ seed).collect();
    MasterKey::new(suite, &bytes).unwrap()
}

/// Both ends of a key.
fn ends(suite: SrtpSuite) -> (Protect, Unprotect) {
    (Protect::new(&key(suite, 1)), Unprotect::new(&key(suite, 1)))
}

/// A packet of 20 ms whose payload tells its number.
fn plain(ssrc: u32, sequence: u16) -> Vec<u8> {
    let payload = [sequence.to_be_bytes(); 80].concat();
    let packet =
        RtpPacket { marker: false, payload_type: 8, sequence, timestamp: 0, ssrc, payload: &payload };
    let mut datagram = vec![0; 172];
    packet.print(&mut datagram).unwrap();
    datagram
}

fn compound(ssrc: u32) -> Vec<u8> {
    crate::rtcp::compound(ssrc, None, None, "hotline", false)
}

impl Protect {
    fn sealed_rtp(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut room = [packet, &[0; OVERHEAD]].concat();
        let length = self.rtp(&mut room, packet.len()).unwrap();
        room.truncate(length);
        room
    }

    fn sealed_rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut room = [packet, &[0; OVERHEAD]].concat();
        let length = self.rtcp(&mut room, packet.len()).unwrap();
        room.truncate(length);
        room
    }
}

impl Unprotect {
    fn opened_rtp(&mut self, datagram: &[u8]) -> Result<Vec<u8>, super::SrtpError> {
        let mut datagram = datagram.to_vec();
        let length = self.rtp(&mut datagram)?;
        datagram.truncate(length);
        Ok(datagram)
    }

    fn opened_rtcp(&mut self, datagram: &[u8]) -> Result<Vec<u8>, super::SrtpError> {
        let mut datagram = datagram.to_vec();
        let length = self.rtcp(&mut datagram)?;
        datagram.truncate(length);
        Ok(datagram)
    }
}

#[test]
fn every_suite_gives_back_what_it_took() {
    for suite in SrtpSuite::ALL {
        let (mut protect, mut unprotect) = ends(suite);
        for sequence in 0..300 {
            let packet = plain(7, sequence);
            let sealed = protect.sealed_rtp(&packet);
            assert!(sealed.len() > packet.len() && sealed.len() <= packet.len() + OVERHEAD);
            assert_eq!(sealed[..12], packet[..12], "the header stays readable");
            assert_ne!(sealed[12..172], packet[12..], "the payload does not");
            assert_eq!(unprotect.opened_rtp(&sealed).unwrap(), packet);
            let sealed = protect.sealed_rtcp(&compound(7));
            assert_eq!(unprotect.opened_rtcp(&sealed).unwrap(), compound(7));
        }
    }
}

#[test]
fn keys_are_not_printed() {
    for suite in SrtpSuite::ALL {
        let (protect, unprotect) = ends(suite);
        assert_eq!(format!("{:?}", key(suite, 1)), "MasterKey");
        for text in [format!("{protect:?}"), format!("{unprotect:?}")] {
            assert!(text.contains(&format!("{suite:?}")) && !text.contains("salt"), "{text}");
        }
    }
}

#[test]
fn a_key_of_another_length_is_none() {
    for suite in SrtpSuite::ALL {
        let length = suite.key_len() + suite.salt_len();
        for wrong in [0, length - 1, length + 1] {
            assert!(MasterKey::new(suite, &vec![0; wrong]).is_none());
        }
    }
}
