//! Ports that no other story uses.

use std::net::{TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::wait_for;

/// Below the range that Linux gives to outgoing connections, and below the RTP ports of the sample configuration,
/// so nothing takes one by chance.
const FIRST: u16 = 10_000;
const BLOCK: u16 = 400;
const BLOCKS: u16 = 24;
/// Where in a block the RTP of the center begins: room for 150 legs.
const RTP: u16 = 100;

/// A block of ports: the story's own from the bottom, the center's RTP above them.
#[derive(Debug)]
pub(crate) struct Ports {
    first: u16,
    next: AtomicU16,
    /// RTP ports of the center, two a leg.
    rtp: u16,
    /// Holds the block's first port, so that stories of other processes pass the block over.
    _claim: UdpSocket,
}

impl Ports {
    /// A block that no other story has, in this process or another; waits while all are taken.
    pub(crate) fn claim() -> Ports {
        static NEXT_BLOCK: AtomicU16 = AtomicU16::new(0);
        // Each process begins elsewhere, so that a second run rarely meets the first.
        let start = (process::id() % u32::from(BLOCKS)) as u16;
        wait_for("a free block of ports", || {
            let nth = NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) % BLOCKS;
            let first = FIRST + (start + nth) % BLOCKS * BLOCK;
            let claim = UdpSocket::bind(("127.0.0.1", first)).ok()?;
            let free = (first + 1..first + RTP).all(is_free);
            free.then(|| Ports { first, next: AtomicU16::new(first + 1), rtp: BLOCK - RTP, _claim: claim })
        })
    }

    /// The first of `count` neighbours, for a center's sockets, telephones and callers.
    pub(crate) fn take(&self, count: u16) -> u16 {
        let port = self.next.fetch_add(count, Ordering::Relaxed);
        assert!(port + count <= self.first + RTP, "a story took more ports than its block has");
        port
    }

    /// Where the center's RTP goes.
    pub(crate) fn rtp(&self) -> RangeInclusive<u16> {
        self.first + RTP..=self.first + RTP + self.rtp - 1
    }

    /// Leaves the center with room for so many legs.
    pub(crate) fn limit_legs(&mut self, legs: u16) {
        self.rtp = legs * 2;
    }
}

fn is_free(port: u16) -> bool {
    let address = ("127.0.0.1", port);
    UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
}
