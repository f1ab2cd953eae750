//! What lies between a leg and its sockets: nothing, or SRTP. Whatever stands behind the leg (bridge, mixer,
//! recorder) sees RTP alone.

use codec::Srtp;

use super::{MasterKey, Protect, Unprotect};

/// Protects what is sent, in place, and takes the protection off what came.
#[derive(Debug)]
pub enum Transform {
    /// As it is.
    Plain,
    /// SRTP and SRTCP (RFC 3711). A direction whose key is none of its suite's passes nothing.
    Srtp(Box<Contexts>),
}

/// One for each direction.
#[derive(Debug)]
pub struct Contexts {
    protect: Option<Protect>,
    unprotect: Option<Unprotect>,
}

impl Transform {
    /// Of a leg with these keys.
    pub fn new(keys: Option<&Srtp>) -> Transform {
        match keys {
            None => Transform::Plain,
            Some(keys) => Transform::Srtp(Box::new(Contexts {
                protect: MasterKey::new(keys.suite, keys.ours.as_bytes()).as_ref().map(Protect::new),
                unprotect: MasterKey::new(keys.suite, keys.theirs.as_bytes()).as_ref().map(Unprotect::new),
            })),
        }
    }

    /// The session was negotiated again. A direction that keeps its key keeps its indices with it: to count
    /// from zero again would encrypt two packets alike (RFC 3711 section 9.1).
    pub fn change(&mut self, before: Option<&Srtp>, after: Option<&Srtp>) {
        if before == after {
            return;
        }
        let mut new = Transform::new(after);
        if let (Transform::Srtp(old), Transform::Srtp(new), Some(before), Some(after)) =
            (self as &mut Transform, &mut new, before, after)
            && before.suite == after.suite
        {
            if before.ours == after.ours {
                new.protect = old.protect.take();
            }
            if before.theirs == after.theirs {
                new.unprotect = old.unprotect.take();
            }
        }
        *self = new;
    }

    /// True when a direction has no key of its suite's length: it passes nothing.
    pub fn lacks_a_key(&self) -> bool {
        match self {
            Transform::Plain => false,
            Transform::Srtp(contexts) => contexts.protect.is_none() || contexts.unprotect.is_none(),
        }
    }

    /// True when whatever passes it is the peer's: nobody else has the keys.
    pub fn is_authentic(&self) -> bool {
        matches!(self, Transform::Srtp(_))
    }

    /// Protects the RTP packet at the start of `room`; its new length.
    pub fn seal_rtp(&mut self, room: &mut [u8], length: usize) -> Option<usize> {
        match self {
            Transform::Plain => Some(length),
            Transform::Srtp(contexts) => contexts.protect.as_mut()?.rtp(room, length).ok(),
        }
    }

    /// Protects the RTCP compound at the start of `room`; its new length.
    pub fn seal_rtcp(&mut self, room: &mut [u8], length: usize) -> Option<usize> {
        match self {
            Transform::Plain => Some(length),
            Transform::Srtp(contexts) => contexts.protect.as_mut()?.rtcp(room, length).ok(),
        }
    }

    /// The length of the RTP packet in a datagram; `None` when it is not authentic.
    pub fn open_rtp(&mut self, datagram: &mut [u8]) -> Option<usize> {
        match self {
            Transform::Plain => Some(datagram.len()),
            Transform::Srtp(contexts) => contexts.unprotect.as_mut()?.rtp(datagram).ok(),
        }
    }

    /// The length of the RTCP compound in a datagram; `None` when it is not authentic.
    pub fn open_rtcp(&mut self, datagram: &mut [u8]) -> Option<usize> {
        match self {
            Transform::Plain => Some(datagram.len()),
            Transform::Srtp(contexts) => contexts.unprotect.as_mut()?.rtcp(datagram).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use codec::{SrtpKey, SrtpSuite};

    use super::*;

    fn keys(ours: u8, theirs: u8) -> Srtp {
        let key = |byte| SrtpKey::new(&[byte; 30]);
        Srtp { suite: SrtpSuite::AesCm128HmacSha1_80, ours: key(ours), theirs: key(theirs) }
    }

    fn packet(sequence: u8) -> [u8; 64] {
        let mut room = [7; 64];
        room[..4].copy_from_slice(&[0x80, 8, 0, sequence]);
        room
    }

    #[test]
    fn a_kept_key_goes_on_counting_and_a_new_one_begins() {
        let mut ours = Transform::new(Some(&keys(1, 2)));
        assert_eq!(ours.seal_rtp(&mut packet(1), 40), Some(50));
        ours.change(Some(&keys(1, 2)), Some(&keys(1, 3)));
        assert_eq!(ours.seal_rtp(&mut packet(1), 40), None, "sent with this key before");
        ours.change(Some(&keys(1, 3)), Some(&keys(4, 3)));
        assert_eq!(ours.seal_rtp(&mut packet(1), 40), Some(50));
    }

    #[test]
    fn a_broken_key_passes_nothing() {
        let broken = Srtp { suite: SrtpSuite::AeadAes256Gcm, ..keys(1, 2) };
        let mut transform = Transform::new(Some(&broken));
        assert!(transform.lacks_a_key() && !Transform::new(Some(&keys(1, 2))).lacks_a_key());
        assert_eq!(transform.seal_rtp(&mut packet(1), 40), None);
        assert_eq!(transform.seal_rtcp(&mut packet(1), 40), None);
        assert_eq!((transform.open_rtp(&mut packet(1)), transform.open_rtcp(&mut packet(1))), (None, None));
    }
}
