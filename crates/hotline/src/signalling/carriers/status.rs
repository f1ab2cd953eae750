//! How trunks do, for people and programs.

use std::net::SocketAddr;

use model::Time;
use sip::{Moment, Registered};

use super::Known;

/// How a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The first answer is being waited for.
    Asking,
    /// Until then, unless it is refreshed before.
    Until(Time),
    /// The registrar refused with this status.
    Refused(u16),
    /// The registrar does not answer, or its name leads nowhere.
    Silent,
    /// Taken back by us.
    Left,
}

/// The last thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Time,
    /// At which gateway or registrar.
    pub place: String,
    /// What: `timeout`, `unreachable`, `no_answer_to_options`, `register_silent`, or a status such as `503`.
    pub what: String,
}

/// A trunk for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkStatus {
    /// Its name.
    pub name: String,
    /// How its registration stands; `None` for one that does not register.
    pub registered: Option<Standing>,
    /// Its gateways, the preferred first.
    pub gateways: Vec<GatewayStatus>,
    /// Calls in progress, both ways.
    pub calls: usize,
    /// The last thing that went wrong since the start.
    pub last_failure: Option<Failure>,
}

/// A gateway for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    /// As in configuration.
    pub gateway: String,
    /// Where its name leads.
    pub addresses: Vec<SocketAddr>,
    /// How it does.
    pub state: GatewayState,
}

/// How a gateway does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayState {
    /// Calls go there.
    Up,
    /// A call failed there a short while ago: others are tried first.
    Failed,
    /// It does not answer OPTIONS: others are tried first.
    Silent,
    /// Its name leads nowhere.
    Unknown,
}

impl Known {
    pub(super) fn status(&self, now: Moment) -> GatewayStatus {
        let state = if self.hops.is_empty() {
            GatewayState::Unknown
        } else if self.hops.iter().any(|reached| reached.health.is_well(now)) {
            GatewayState::Up
        } else if self.hops.iter().all(|reached| reached.health.is_out()) {
            GatewayState::Silent
        } else {
            GatewayState::Failed
        };
        let addresses = self.hops.iter().map(|reached| reached.hop.address).collect();
        GatewayStatus { gateway: self.gateway.to_string(), addresses, state }
    }
}

/// The standing of a registration in the time of calendars.
pub(in crate::signalling) fn standing(registered: Registered, now: Moment, at: Time) -> Standing {
    match registered {
        Registered::Asking => Standing::Asking,
        Registered::Until(until) => Standing::Until(at + until.since(now)),
        Registered::Refused(status) => Standing::Refused(status.code()),
        Registered::Silent => Standing::Silent,
        Registered::Left => Standing::Left,
    }
}
