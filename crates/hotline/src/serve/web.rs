//! The runtime of the web.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;

/// The web's runtime: its own, so that a heavy report cannot delay a SIP timer. Dropped by a start that fails, it ends
/// without waiting: a runtime may not wait within another.
pub(crate) struct Web(Option<tokio::runtime::Runtime>);

impl Web {
    pub(crate) fn start() -> anyhow::Result<Web> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("web")
            .enable_all()
            .build()
            .with_context(|| "start the web runtime")?;
        Ok(Web(Some(runtime)))
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(task);
        }
    }

    /// Listens on this runtime; where.
    pub(crate) async fn listen(&self, address: SocketAddr) -> anyhow::Result<(SocketAddr, TcpListener)> {
        let Some(runtime) = &self.0 else { bail!("the web runtime has ended") };
        let listener =
            runtime.spawn(TcpListener::bind(address)).await.with_context(|| "use the web runtime")?;
        let listener = listener.with_context(|| format!("listen for HTTP on {address}"))?;
        Ok((listener.local_addr().with_context(|| "read the HTTP address")?, listener))
    }

    /// Ends it; what still runs has a second.
    pub(crate) fn stop(mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
