//! The wire of a connection: bytes as they are, or TLS, whose handshake whoever reads or writes first carries out.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// What a connection is made of.
pub(crate) enum Wire {
    Plain(TcpStream),
    /// The handshake is under way.
    Shaking(Box<Accept<TcpStream>>),
    Secure(Box<TlsStream<TcpStream>>),
    /// The handshake failed.
    Broken,
}

impl Wire {
    pub(crate) fn secure(stream: TcpStream, config: Arc<ServerConfig>) -> Wire {
        Wire::Shaking(Box::new(TlsAcceptor::from(config).accept(stream)))
    }

    pub(crate) fn is_secure(&self) -> bool {
        match self {
            Wire::Plain(_) => false,
            Wire::Shaking(_) | Wire::Secure(_) | Wire::Broken => true,
        }
    }

    /// Ready once bytes may pass.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Wire::Shaking(accept) = self else { return Poll::Ready(Ok(())) };
        match ready!(Pin::new(accept).poll(context)) {
            Ok(stream) => {
                *self = Wire::Secure(Box::new(stream));
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                *self = Wire::Broken;
                Poll::Ready(Err(error))
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?;
        match &mut *self {
            Wire::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Shaking(_) | Wire::Broken => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?;
        match &mut *self {
            Wire::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Shaking(_) | Wire::Broken => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(context),
            Wire::Secure(stream) => Pin::new(stream).poll_flush(context),
            // Nothing was written yet.
            Wire::Shaking(_) | Wire::Broken => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Secure(stream) => Pin::new(stream).poll_shutdown(context),
            // The socket is closed when it is dropped.
            Wire::Shaking(_) | Wire::Broken => Poll::Ready(Ok(())),
        }
    }
}
