//! A carrier's gateway that counts the calls it gets, and takes none.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::caller::answer_to;

/// See the module; gone when dropped.
#[derive(Debug)]
pub struct Gateway {
    address: String,
    calls: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Waits for calls at a port of its own; everybody is busy.
    #[expect(clippy::new_without_default, reason = "a gateway is a thread and a socket, not a value")]
    pub fn new() -> Gateway {
        Gateway::answering("486 Busy Here".to_owned())
    }

    /// One that sends every call on to this address.
    pub fn redirecting(to: &str) -> Gateway {
        Gateway::answering(format!("302 Moved Temporarily\r\nContact: <{to}>"))
    }

    /// `answer`: status and reason, and further headers.
    fn answering(answer: String) -> Gateway {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket has a time-out");
        let address = socket.local_addr().expect("a bound socket has an address").to_string();
        let (calls, is_over) = <(Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
        let shared = (Arc::clone(&calls), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while !shared.1.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let text = String::from_utf8_lossy(&buffer[..length]);
                if text.starts_with("INVITE ") {
                    shared.0.fetch_add(1, Ordering::Relaxed);
                    let answer = answer_to(&text, &answer);
                    socket.send_to(answer.as_bytes(), from).expect("a datagram can be sent");
                }
            }
        });
        Gateway { address, calls, is_over, thread: Some(thread) }
    }

    /// Where it is called, without `sip:`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How many calls it got.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
