//! The certificates that peers showed when they connected, as long as they are connected.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;
use sip::Flow;

use crate::tls::PeerName;

/// By the two ends of a connection. Clones share them. The authority of each was checked in its handshake.
#[derive(Debug, Clone, Default)]
pub(super) struct Certified(Arc<Mutex<BTreeMap<Flow, CertificateDer<'static>>>>);

/// Keeps a certificate until it is dropped.
#[derive(Debug)]
pub(super) struct Shown {
    certified: Certified,
    flow: Flow,
}

impl Certified {
    fn table(&self) -> MutexGuard<'_, BTreeMap<Flow, CertificateDer<'static>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A peer showed this one.
    pub(super) fn show(&self, flow: Flow, certificate: CertificateDer<'static>) -> Shown {
        self.table().insert(flow, certificate);
        Shown { certified: self.clone(), flow }
    }

    /// True when who speaks there showed a certificate for this name.
    pub(super) fn is(&self, flow: Flow, name: &PeerName) -> bool {
        self.table().get(&flow).is_some_and(|certificate| name.is_of(certificate))
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.certified.table().remove(&self.flow);
    }
}
