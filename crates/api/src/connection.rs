//! Connections: each has a place in the share of its address, and ends when it is of no use for too long.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};

use crate::App;
use crate::places::{Full, Limits, Place};
use crate::problem::Problem;
use crate::standing::Standing;
use crate::wire::Wire;

/// Connections at once.
pub(crate) const CONNECTIONS: Limits = Limits { what: "connection", all: 512, each: 192 };
/// Refusals that are written at once; beyond that a connection is closed without a word.
const REFUSALS: usize = 64;
/// How long a refused client may take to read why.
const REFUSAL_TIME: Duration = Duration::from_secs(2);

/// A listener that hands out those connections for which there is a place.
pub(crate) struct Guarded {
    listener: TcpListener,
    /// Connections are encrypted, by the certificate in the settings.
    is_secure: bool,
    app: App,
    refusals: Arc<Semaphore>,
}

/// Where a request came from.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The connection is encrypted.
    pub(crate) is_secure: bool,
    pub(crate) standing: Arc<Standing>,
}

impl Connected<IncomingStream<'_, Guarded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Guarded>) -> Peer {
        let Watched { wire, standing, .. } = stream.io();
        let (is_secure, standing) = (wire.is_secure(), Arc::clone(standing));
        Peer { address: *stream.remote_addr(), is_secure, standing }
    }
}

impl Guarded {
    pub(crate) fn new(listener: TcpListener, is_secure: bool, app: App) -> Guarded {
        Guarded { listener, is_secure, app, refusals: Arc::new(Semaphore::new(REFUSALS)) }
    }

    /// The wire of a new connection; `None` where there is no certificate any more.
    fn wire(&self, stream: TcpStream) -> Option<Wire> {
        if !self.is_secure {
            return Some(Wire::Plain(stream));
        }
        self.app.settings().tls.clone().map(|config| Wire::secure(stream, config))
    }

    /// Sends the reason for a refusal, without making the next connection wait.
    fn refuse(&self, mut stream: TcpStream, full: Full) {
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else { return };
        let answer = Problem::full(CONNECTIONS.what, full).whole_answer();
        tokio::spawn(async move {
            let saying = async {
                stream.write_all(answer.as_bytes()).await?;
                stream.shutdown().await?;
                // Bytes that came meanwhile are read: to close with unread bytes resets the connection, and the client
                // would not see the answer.
                while stream.read(&mut [0; 1_024]).await? > 0 {}
                io::Result::Ok(())
            };
            // A client that is gone needs no answer.
            let _ = tokio::time::timeout(REFUSAL_TIME, saying).await;
            drop(permit);
        });
    }
}

impl Listener for Guarded {
    type Io = Watched;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Watched, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let now = Instant::now();
            let is_proxy = (self.app.settings().is_proxy)(address.ip());
            let standing = Arc::new(Standing::new(now, is_proxy));
            let source = (!is_proxy).then(|| address.ip());
            match self.app.connections().take(now, source, Arc::clone(&standing)) {
                Ok(place) => {
                    let end = Box::pin(tokio::time::sleep_until(standing.ends()));
                    let Some(wire) = self.wire(stream) else { continue };
                    return (Watched { wire, end, standing, place }, address);
                }
                // Who speaks TLS would not understand a word in the clear.
                Err(_) if self.is_secure => {}
                Err(full) => self.refuse(stream, full),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails once its [`Standing`] ends it or its place went to another.
pub(crate) struct Watched {
    wire: Wire,
    end: Pin<Box<Sleep>>,
    standing: Arc<Standing>,
    place: Place,
}

impl Watched {
    /// Passes on the result of a read or write, unless it would wait and the connection is at its end.
    fn watch<T>(&mut self, context: &mut Context<'_>, came: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if self.place.poll_lost(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if came.is_ready() {
            return came;
        }
        loop {
            let ends = self.standing.ends();
            if self.end.deadline() != ends {
                self.end.as_mut().reset(ends);
            }
            match self.end.as_mut().poll(context) {
                // The end was postponed since it was looked up.
                Poll::Ready(()) if self.standing.ends() > Instant::now() => {}
                Poll::Ready(()) => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => return Poll::Pending,
            }
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
        let came = Pin::new(&mut self.wire).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.standing.heard(Instant::now());
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
        let came = Pin::new(&mut self.wire).poll_write(context, bytes);
        if matches!(came, Poll::Ready(Ok(1..))) {
            self.standing.wrote(Instant::now());
        }
        self.watch(context, came)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}
