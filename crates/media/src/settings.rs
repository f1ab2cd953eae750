//! How media works.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archive::CenterKeys;

use crate::prompts::Prompts;

/// How media works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that sockets are bound to.
    pub bind_ip: IpAddr,
    /// The address that our offers and answers name.
    pub advertised_ip: IpAddr,
    /// Further addresses: the one that is bound, and the one that our offers and answers name. On each a leg may have any of the ports.
    pub others: Vec<(IpAddr, IpAddr)>,
    /// Ports for RTP (even) and RTCP (the next), shared out among the threads.
    pub ports: RangeInclusive<u16>,
    /// Media threads, at least 1.
    pub threads: usize,
    /// Whether media threads run before all ordinary threads of the machine, where that is allowed.
    pub realtime: bool,
    /// Recording threads, at least 1.
    pub recorders: usize,
    /// The folder that recordings' paths begin in.
    pub recordings_dir: PathBuf,
    /// The folder that takes over while the first fails. It need not be there yet.
    pub recordings_fallback: Option<PathBuf>,
    /// What encrypts the recordings whose paths end in [`model::ENCRYPTED`].
    pub keys: Arc<CenterKeys>,
    /// The clips that can be played at first.
    pub prompts: Arc<Prompts>,
    /// A peer that should send and does not is reported after this time.
    pub silence_timeout: Duration,
    /// A bridged peer that should send and does not for this long is reported as one-way audio.
    pub one_way_after: Duration,
    /// How long a closed port stays unused, so that late packets of its last call reach nobody.
    pub port_rest: Duration,
}

impl Settings {
    /// The address that is bound for a leg that names `advertised`, and the one that it names: the first of ours when
    /// `advertised` is none of ours.
    pub(crate) fn address(&self, advertised: Option<IpAddr>) -> (IpAddr, IpAddr) {
        let first = (self.bind_ip, self.advertised_ip);
        let mut all = [first].into_iter().chain(self.others.iter().copied());
        all.find(|(_, named)| Some(*named) == advertised).unwrap_or(first)
    }

    /// Settings with one media thread, one recording thread, 30 s until silence is reported and 3 s of
    /// rest for ports; what is bound is advertised.
    pub fn new(
        bind_ip: IpAddr,
        ports: RangeInclusive<u16>,
        recordings_dir: PathBuf,
        prompts: Arc<Prompts>,
    ) -> Settings {
        Settings {
            bind_ip,
            advertised_ip: bind_ip,
            others: Vec::new(),
            ports,
            threads: 1,
            realtime: true,
            recorders: 1,
            recordings_dir,
            recordings_fallback: None,
            keys: Arc::default(),
            prompts,
            silence_timeout: Duration::from_secs(30),
            one_way_after: Duration::from_secs(3),
            port_rest: Duration::from_secs(3),
        }
    }
}
