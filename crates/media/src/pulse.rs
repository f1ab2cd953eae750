//! Signs of life of the media threads.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use udp::Waker;

use crate::counters::{Counters, Tally};
use crate::thread::ToMedia;

/// The way to ask the threads. While there is one, dropping [`crate::Media`] does not end them; [`crate::Media::stop`]
/// does.
#[derive(Debug, Clone)]
pub struct Pulse {
    pub(crate) threads: Vec<(Sender<ToMedia>, Arc<Waker>)>,
    pub(crate) tally: Arc<Tally>,
}

impl Pulse {
    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Asks a thread by the channel of its orders. What is returned gets one message once the thread has carried out
    /// what was ordered before; it is closed at once when the thread is gone or its orders are full.
    pub fn ask(&self, index: usize) -> Receiver<()> {
        let (answer, answered) = bounded(1);
        if let Some((orders, waker)) = self.threads.get(index)
            // Does not wait: a thread that takes no orders is what is looked for.
            && orders.try_send(ToMedia::Ping(answer)).is_ok()
        {
            waker.wake();
        }
        answered
    }

    /// What has been counted since the start, and what is open now.
    pub fn counters(&self) -> Counters {
        self.tally.read()
    }
}
