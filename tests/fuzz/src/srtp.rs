//! SRTP and SRTCP: what one end protects the other gives back once, and nothing else is believed.

use ::audio::srtp::{MasterKey, OVERHEAD, Protect, SrtpSuite, Unprotect};

use crate::bytes::Bytes;

/// The first byte chooses the suite; then datagrams one after another, each as `what, length` and so many
/// bytes: raw for the receiving end, or to be protected, changed in a bit or not, and received twice.
pub fn srtp(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let Some(suite) = bytes.choose(&SrtpSuite::ALL) else { return };
    let key = vec![0x5a; suite.key_len() + suite.salt_len()];
    let key = MasterKey::new(suite, &key).expect("a key of the right length");
    let (mut protect, mut unprotect) = (Protect::new(&key), Unprotect::new(&key));
    while let (Some(what), Some(length)) = (bytes.byte(), bytes.byte()) {
        let datagram = bytes.take(usize::from(length));
        let is_rtcp = what & 1 == 1;
        if what & 2 == 0 {
            stranger(&mut unprotect, datagram, is_rtcp);
        } else {
            friend(&mut protect, &mut unprotect, datagram, is_rtcp, what >> 2);
        }
    }
}

/// Nobody guesses a tag.
fn stranger(unprotect: &mut Unprotect, datagram: &[u8], is_rtcp: bool) {
    let mut received = datagram.to_vec();
    let result = if is_rtcp { unprotect.rtcp(&mut received) } else { unprotect.rtp(&mut received) };
    assert!(result.is_err(), "forged");
    assert_eq!(received, datagram, "left as it came");
}

fn friend(protect: &mut Protect, unprotect: &mut Unprotect, packet: &[u8], is_rtcp: bool, change: u8) {
    let mut packet = packet.to_vec();
    // Of few sources: both ends forget the one that was silent longest, but not the same one at the same time.
    let ssrc = if is_rtcp { 4 } else { 8 };
    if let Some([a, b, c, d]) = packet.get_mut(ssrc..ssrc + 4) {
        (*a, *b, *c, *d) = (0, 0, 0, *d & 7);
    }
    let length = packet.len();
    let mut room = [packet.as_slice(), &[0; OVERHEAD]].concat();
    let sealed = if is_rtcp { protect.rtcp(&mut room, length) } else { protect.rtp(&mut room, length) };
    let Ok(length) = sealed else { return };
    room.truncate(length);
    if change != 0 {
        let mut changed = room.clone();
        let at = usize::from(change) * 7 % length;
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 1 << (change % 8);
        }
        stranger(unprotect, &changed, is_rtcp);
    }
    let mut once = room.clone();
    let opened = if is_rtcp { unprotect.rtcp(&mut once) } else { unprotect.rtp(&mut once) };
    let opened = opened.expect("what the other end sent");
    assert_eq!(once.get(..opened), Some(packet.as_slice()), "given back");
    stranger(unprotect, &room, is_rtcp);
}
