//! A socket with its endpoint. Customers have one and agents another: a proxy shows an agent's phone the customer's own
//! `Via`, which at the same address would be a loop (RFC 3261 section 16.3).

use std::net::{SocketAddr, UdpSocket};

use anyhow::Context;
use sip::{Endpoint, EndpointSettings, Random};

use super::super::plan::Plan;
use super::super::rtp::SOCKET_ROOM;

/// Whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Customers,
    Agents,
}

impl Party {
    pub(super) const BOTH: [Party; 2] = [Party::Customers, Party::Agents];
}

/// One party's signalling.
pub(super) struct Side {
    pub(super) socket: UdpSocket,
    pub(super) endpoint: Endpoint,
    pub(super) local: SocketAddr,
}

impl Side {
    pub(super) fn open(plan: &Plan, random: Random) -> anyhow::Result<Side> {
        let socket =
            UdpSocket::bind((plan.local, 0)).with_context(|| format!("open a port on {}", plan.local))?;
        socket.set_nonblocking(true)?;
        udp::prepare(&socket, SOCKET_ROOM)?;
        let local = socket.local_addr()?;
        let settings = EndpointSettings {
            local: vec![local],
            user_agent: "hotline-load".to_owned(),
            max_sessions: 4 * (plan.calls + plan.agents.len()) + 1_000,
            max_transactions: 100_000,
        };
        Ok(Side { socket, endpoint: Endpoint::new(settings, random), local })
    }
}
