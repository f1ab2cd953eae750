//! Connections that are counted, for each address too, and that end when nothing moves on them or a request never
//! comes to its end.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::wrong::network_of;

/// Connections at once. More wait in the kernel until one ends.
const CONNECTIONS: usize = 512;
/// Connections of one address at once, so that no single one takes every place. One more is closed at once.
const CONNECTIONS_EACH: usize = CONNECTIONS / 2 + CONNECTIONS / 8;
/// How long a request may take to arrive, from its first byte to its last: whoever sends a byte now and then does
/// not keep a place. Nothing that we receive is longer than a few kilobytes.
const LONGEST_ARRIVAL: Duration = Duration::from_secs(30);
/// How long a connection may rest. Longer than the longest wait of a poll.
const LONGEST_REST: Duration = Duration::from_secs(90);

/// A listener that hands out a bounded number of connections.
pub(crate) struct Guarded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    addresses: Arc<Addresses>,
}

/// How many connections each address, or IPv6 network, has.
#[derive(Default)]
struct Addresses(Mutex<BTreeMap<IpAddr, usize>>);

/// One connection in the count of its address, until it is dropped.
struct Counted {
    of: IpAddr,
    addresses: Arc<Addresses>,
}

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, Guarded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Guarded>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

impl Guarded {
    pub(crate) fn new(listener: TcpListener) -> Guarded {
        Guarded { listener, places: Arc::new(Semaphore::new(CONNECTIONS)), addresses: Arc::default() }
    }
}

impl Listener for Guarded {
    type Io = Watched;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Watched, SocketAddr) {
        // The semaphore is never closed; without a place there would be nothing better than to go on.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address, counted) = loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // Dropping the stream closes it.
            if let Some(counted) = Addresses::count(&self.addresses, address.ip()) {
                break (stream, address, counted);
            }
            tracing::debug!(%address, "too many connections of one address");
        };
        let rest = Box::pin(tokio::time::sleep(LONGEST_REST));
        (Watched { stream, rest, arrival: Arrival::default(), _counted: counted, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Addresses {
    /// Counts one more; `None` when the address has all that it may have.
    fn count(addresses: &Arc<Addresses>, of: IpAddr) -> Option<Counted> {
        let mut counts = addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(network_of(of)).or_default();
        if *count >= CONNECTIONS_EACH {
            return None;
        }
        *count += 1;
        Some(Counted { of: network_of(of), addresses: Arc::clone(addresses) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.of);
            }
        }
    }
}

/// When the first byte came since we last wrote.
#[derive(Debug, Default)]
struct Arrival(Option<Instant>);

impl Arrival {
    /// Bytes came; an error when they belong to what should have been whole by now.
    fn heard(&mut self, now: Instant) -> io::Result<()> {
        let since = *self.0.get_or_insert(now);
        if now.duration_since(since) > LONGEST_ARRIVAL { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

/// A connection that fails once nothing was read or written for [`LONGEST_REST`], or when bytes still come
/// [`LONGEST_ARRIVAL`] after the first that has had no answer.
pub(crate) struct Watched {
    stream: TcpStream,
    rest: Pin<Box<Sleep>>,
    arrival: Arrival,
    _counted: Counted,
    _place: Option<OwnedSemaphorePermit>,
}

impl Watched {
    /// Passes on what a read or write came to, unless it waits and has waited too long.
    fn watch<T>(&mut self, context: &mut Context<'_>, came: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match came {
            Poll::Ready(result) => {
                self.rest.as_mut().reset(Instant::now() + LONGEST_REST);
                Poll::Ready(result)
            }
            Poll::Pending => match self.rest.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let came = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.arrival.heard(Instant::now())?;
        }
        self.watch(context, came)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let came = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(came, Poll::Ready(Ok(1..))) {
            self.arrival = Arrival::default();
        }
        self.watch(context, came)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_never_comes_to_its_end_is_given_up_and_an_answered_client_is_not() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let mut arrival = Arrival::default();
        let late = (0..60).find(|second| arrival.heard(at(*second)).is_err());
        assert_eq!(late, Some(31));
        for minute in 0..10 {
            // What a write does.
            arrival = Arrival::default();
            arrival.heard(at(60 * minute)).unwrap();
            arrival.heard(at(60 * minute + 20)).unwrap();
        }
    }

    #[test]
    fn one_address_does_not_take_every_place() {
        let addresses = Arc::new(Addresses::default());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let mut held: Vec<Counted> =
            (0..CONNECTIONS_EACH).map(|_| Addresses::count(&addresses, one).unwrap()).collect();
        assert!(Addresses::count(&addresses, one).is_none());
        assert!(Addresses::count(&addresses, other).is_some());
        held.pop();
        assert!(Addresses::count(&addresses, one).is_some());
        held.clear();
        assert_eq!(addresses.0.lock().unwrap().len(), 0, "nothing is kept of addresses that left");
    }
}
