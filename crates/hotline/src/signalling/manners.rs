//! In which order a device is offered the algorithms of digests.
//!
//! A device should answer the first challenge whose algorithm it knows (RFC 8760). Some know MD5 alone and give up when
//! another stands first. So a device that asks once more instead of answering is offered MD5 first, and so is one that
//! answered by it before.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sip::{Algorithm, Moment};

/// Devices that are remembered; the one that was challenged longest ago is forgotten.
const MOST: usize = 10_000;

/// What is known of each device: an account and the address that it speaks from.
#[derive(Debug, Default)]
pub(super) struct Manners {
    devices: BTreeMap<(String, IpAddr), Manner>,
}

#[derive(Debug)]
struct Manner {
    /// The attempt that was challenged last, and not answered since.
    unanswered: Option<String>,
    md5_first: bool,
    challenged: Moment,
}

impl Manners {
    /// The algorithms to offer in answer to `attempt` (the Call-ID and number of a request), of those that may be used.
    /// `None`: the request had an answer to a challenge, if no right one, so that the device understands them.
    pub(super) fn order(
        &mut self,
        now: Moment,
        account: &str,
        address: IpAddr,
        attempt: Option<String>,
        allowed: &[Algorithm],
    ) -> Vec<Algorithm> {
        let mut order = allowed.to_vec();
        if order.len() < 2 {
            return order;
        }
        self.make_room();
        let manner = self.devices.entry((account.to_owned(), address)).or_insert(Manner {
            unanswered: None,
            md5_first: false,
            challenged: now,
        });
        // The same attempt again is a copy of one message.
        let gave_up = attempt.is_some() && manner.unanswered.is_some() && manner.unanswered != attempt;
        manner.md5_first |= gave_up;
        (manner.unanswered, manner.challenged) = (attempt, now);
        if manner.md5_first {
            order.sort_by_key(|algorithm| *algorithm != Algorithm::Md5);
        }
        order
    }

    /// A device answered a challenge, rightly or not: it understands them.
    pub(super) fn spoke(&mut self, account: &str, address: IpAddr) {
        if let Some(manner) = self.devices.get_mut(&(account.to_owned(), address)) {
            manner.unanswered = None;
        }
    }

    /// A device answered rightly by this algorithm.
    pub(super) fn answered(&mut self, now: Moment, account: &str, address: IpAddr, algorithm: Algorithm) {
        self.make_room();
        let md5_first = algorithm == Algorithm::Md5;
        let manner = Manner { unanswered: None, md5_first, challenged: now };
        self.devices.insert((account.to_owned(), address), manner);
    }

    fn make_room(&mut self) {
        if self.devices.len() < MOST {
            return;
        }
        let oldest = self.devices.iter().min_by_key(|(_, manner)| manner.challenged);
        if let Some(device) = oldest.map(|(device, _)| device.clone()) {
            self.devices.remove(&device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_again_instead_of_answering_or_answers_by_md5_is_offered_it_first() {
        let (now, address) = (Moment::from_ms(1), IpAddr::from([192, 0, 2, 1]));
        let mut manners = Manners::default();
        let first = |manners: &mut Manners, attempt: &str| {
            manners.order(now, "1001", address, Some(attempt.to_owned()), &Algorithm::ALL)[0]
        };
        assert_eq!(first(&mut manners, "a 1"), Algorithm::Sha256);
        assert_eq!(first(&mut manners, "a 1"), Algorithm::Sha256, "a copy of the same message");
        assert_eq!(first(&mut manners, "b 1"), Algorithm::Md5);
        manners.answered(now, "1001", address, Algorithm::Sha256);
        assert_eq!(first(&mut manners, "c 1"), Algorithm::Sha256);
        assert_eq!(manners.order(now, "1001", address, None, &Algorithm::ALL)[0], Algorithm::Sha256);
        assert_eq!(first(&mut manners, "d 1"), Algorithm::Sha256, "it answered, if wrongly");
        manners.answered(now, "1001", address, Algorithm::Md5);
        assert_eq!(first(&mut manners, "d 2"), Algorithm::Md5);
        let alone = manners.order(now, "1001", address, Some("e 1".to_owned()), &[Algorithm::Sha256]);
        assert_eq!(alone, [Algorithm::Sha256], "what is not allowed is not offered");
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut manners = Manners::default();
        for nth in 0..=MOST {
            let (now, address) = (Moment::from_ms(nth as u64), IpAddr::from([192, 0, 2, 1]));
            manners.answered(now, &nth.to_string(), address, Algorithm::Md5);
        }
        assert_eq!(manners.devices.len(), MOST);
        assert!(!manners.devices.contains_key(&("0".to_owned(), IpAddr::from([192, 0, 2, 1]))));
    }
}
