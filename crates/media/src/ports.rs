//! Pairs of ports: RTP on an even one, RTCP on the next (RFC 3550 section 11).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// The pairs of one media thread.
#[derive(Debug)]
pub(crate) struct Ports {
    free: VecDeque<u16>,
    resting: VecDeque<(Instant, u16)>,
    rest: Duration,
    /// All pairs, those in use included.
    count: usize,
}

/// Two bound sockets.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) port: u16,
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
}

/// Ports that are tried for one leg: other programs may hold some of our range.
const TRIES: usize = 32;

impl Ports {
    /// Shares out the pairs of a range among `threads` threads.
    pub(crate) fn share(range: &RangeInclusive<u16>, threads: usize, rest: Duration) -> Vec<Ports> {
        let pairs: Vec<u16> =
            range.clone().filter(|port| port % 2 == 0 && *port > 0 && port < range.end()).collect();
        let share = |thread| {
            let free: VecDeque<u16> = pairs.iter().skip(thread).step_by(threads.max(1)).copied().collect();
            Ports { count: free.len(), free, resting: VecDeque::new(), rest }
        };
        (0..threads).map(share).collect()
    }

    /// Pairs of the thread's share: free, in use and resting.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.free.is_empty() && self.resting.is_empty()
    }

    /// True when no pair is free and none has rested long enough.
    pub(crate) fn are_used_up(&mut self) -> bool {
        if self.free.is_empty() {
            self.wake_rested();
        }
        self.free.is_empty()
    }

    /// Binds a pair. The port unused for longest comes first.
    pub(crate) fn open(&mut self, ip: IpAddr) -> io::Result<Pair> {
        self.wake_rested();
        let mut last = io::Error::new(io::ErrorKind::AddrInUse, "all media ports are in use or resting");
        for _ in 0..TRIES {
            let Some(port) = self.free.pop_front() else { break };
            match bind(ip, port) {
                Ok(pair) => return Ok(pair),
                Err(error) => {
                    self.close(port);
                    last = error;
                }
            }
        }
        Err(last)
    }

    /// Takes a port back. It rests before it is used again.
    pub(crate) fn close(&mut self, port: u16) {
        self.resting.push_back((Instant::now(), port));
    }

    fn wake_rested(&mut self) {
        while let Some((_, port)) = self.resting.pop_front_if(|(since, _)| since.elapsed() >= self.rest) {
            self.free.push_back(port);
        }
    }
}

fn bind(ip: IpAddr, port: u16) -> io::Result<Pair> {
    let rtp = UdpSocket::bind((ip, port))?;
    let rtcp = UdpSocket::bind((ip, port.saturating_add(1)))?;
    rtp.set_nonblocking(true)?;
    rtcp.set_nonblocking(true)?;
    udp::mark_as_voice(&rtp);
    Ok(Pair { port, rtp, rtcp })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_even_and_dealt_without_overlap() {
        let shares = Ports::share(&(20_001..=20_009), 2, Duration::ZERO);
        let dealt: Vec<Vec<u16>> = shares.into_iter().map(|share| share.free.into()).collect();
        assert_eq!(dealt, [vec![20_002, 20_006], vec![20_004, 20_008]]);
        assert!(Ports::share(&(20_001..=20_002), 1, Duration::ZERO)[0].is_empty());
    }

    #[test]
    fn a_closed_port_rests() {
        let ip = IpAddr::from([127, 0, 0, 1]);
        let mut ports = Ports::share(&(28_700..=28_701), 1, Duration::from_secs(3600)).remove(0);
        let pair = ports.open(ip).unwrap();
        assert_eq!(pair.rtcp.local_addr().unwrap().port(), pair.port + 1);
        assert!(ports.are_used_up());
        ports.close(pair.port);
        assert!(ports.open(ip).is_err(), "it rests");
        assert!(ports.are_used_up());
        ports.rest = Duration::ZERO;
        assert!(!ports.are_used_up());
        drop(pair);
        assert!(ports.open(ip).is_ok());
    }
}
