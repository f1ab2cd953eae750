//! Ports that no other story uses.

use std::net::{TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range that Linux gives to outgoing connections, so nothing takes one by chance.
const FIRST: u16 = 10_000;
const BLOCK: u16 = 800;
const BLOCKS: u16 = 28;
/// Where in a block the RTP of the center begins.
const RTP: u16 = 400;

/// A block of ports: the story's own from the bottom, the center's RTP in the upper half.
#[derive(Debug)]
pub(crate) struct Ports {
    first: u16,
    next: AtomicU16,
    /// Holds the block's first port, so that stories of other processes pass the block over.
    _claim: UdpSocket,
}

impl Ports {
    /// A block that no other story has, in this process or another; blocks where a port is taken are passed over.
    pub(crate) fn claim() -> Ports {
        static NEXT_BLOCK: AtomicU16 = AtomicU16::new(0);
        // Each process begins elsewhere, so that a second run rarely meets the first.
        let start = (process::id() % u32::from(BLOCKS)) as u16;
        for _ in 0..BLOCKS {
            let block = (start + NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) % BLOCKS) % BLOCKS;
            let first = FIRST + block * BLOCK;
            let Ok(claim) = UdpSocket::bind(("127.0.0.1", first)) else { continue };
            if (first + 1..first + 20).all(is_free) {
                return Ports { first, next: AtomicU16::new(first + 1), _claim: claim };
            }
        }
        panic!("no free block of ports from {FIRST} up");
    }

    /// The first of `count` neighbours, for a center's sockets, telephones and callers.
    pub(crate) fn take(&self, count: u16) -> u16 {
        let port = self.next.fetch_add(count, Ordering::Relaxed);
        assert!(port + count <= self.first + RTP, "a story took more ports than its block has");
        port
    }

    /// Where the center's RTP goes.
    pub(crate) fn rtp(&self) -> RangeInclusive<u16> {
        self.first + RTP..=self.first + BLOCK - 1
    }
}

fn is_free(port: u16) -> bool {
    let address = ("127.0.0.1", port);
    UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
}
