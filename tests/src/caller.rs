//! A caller made of bare sockets, that does what no telephone would: says nothing, vanishes, presses too early.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{Center, wait_for};

static CALLS: AtomicU32 = AtomicU32::new(1);

/// A caller of the center. Its sockets close when it is dropped, without a word.
#[derive(Debug)]
pub struct Caller {
    sip: UdpSocket,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    center: SocketAddr,
    name: u32,
    /// As whom it calls.
    user: String,
    number: String,
    /// Lines at the end of what it offers.
    asks: String,
    /// The center's 200, once it came.
    accepted: String,
}

/// A packet of audio that a caller got.
#[derive(Debug, Clone, Copy)]
pub struct AudioPacket {
    /// Its sequence number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
    /// Bytes of its payload.
    pub bytes: usize,
}

impl Caller {
    /// Calls a number; the center's answer is taken, not acknowledged yet.
    ///
    /// # Panics
    /// When the center does not answer with 200.
    pub fn unacknowledged(center: &Center, number: &str) -> Caller {
        let mut caller = Caller::new(center, number);
        let accepted = caller.invite();
        assert!(accepted.starts_with("SIP/2.0 200"), "{accepted}");
        caller.accepted = accepted;
        caller
    }

    /// Calls a number and acknowledges the answer.
    ///
    /// # Panics
    /// As [`Caller::unacknowledged`].
    pub fn call(center: &Center, number: &str) -> Caller {
        let caller = Caller::unacknowledged(center, number);
        caller.acknowledge();
        caller
    }

    /// Calls a number and acknowledges the answer; `None` when the center refuses.
    pub fn try_to_call(center: &Center, number: &str) -> Option<Caller> {
        let mut caller = Caller::new(center, number);
        caller.accepted = caller.invite();
        caller.accepted.starts_with("SIP/2.0 200").then(|| {
            caller.acknowledge();
            caller
        })
    }

    /// Calls a number with further lines in what it offers, and acknowledges the answer.
    ///
    /// # Panics
    /// As [`Caller::unacknowledged`].
    pub fn asking(center: &Center, number: &str, lines: &str) -> Caller {
        let mut caller = Caller::new(center, number);
        lines.clone_into(&mut caller.asks);
        caller.accepted = caller.invite();
        assert!(caller.accepted.starts_with("SIP/2.0 200"), "{}", caller.accepted);
        caller.acknowledge();
        caller
    }

    /// The center's answer to the call.
    pub fn accepted(&self) -> &str {
        &self.accepted
    }

    /// The next packets of audio that come.
    pub fn audio(&self, count: usize) -> Vec<AudioPacket> {
        let mut buffer = [0; 2_048];
        let next = || {
            wait_for("a packet of audio", || {
                let (length, _) = self.rtp.recv_from(&mut buffer).ok()?;
                let [0x80, _, s1, s0, t3, t2, t1, t0, _, _, _, _, payload @ ..] = &buffer[..length] else {
                    return None;
                };
                let (sequence, timestamp) =
                    (u16::from_be_bytes([*s1, *s0]), u32::from_be_bytes([*t3, *t2, *t1, *t0]));
                Some(AudioPacket { sequence, timestamp, bytes: payload.len() })
            })
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    /// The final answer to a call.
    pub fn answer_to_a_call(center: &Center, number: &str) -> String {
        Caller::new(center, number).invite()
    }

    /// The final answer to a call in somebody's name.
    pub fn answer_to_a_call_as(center: &Center, user: &str, number: &str) -> String {
        let mut caller = Caller::new(center, number);
        user.clone_into(&mut caller.user);
        caller.invite()
    }

    /// The final answer to a request with this address, in somebody's name, with these headers (each ends its line) and an
    /// offer of audio.
    pub fn answer_to_a_request(
        center: &Center,
        (method, user): (&str, &str),
        uri: &str,
        headers: &str,
    ) -> String {
        let mut caller = Caller::new(center, "8000");
        user.clone_into(&mut caller.user);
        let answer = caller.ask(method, uri, headers);
        if method == "INVITE" && answer.starts_with("SIP/2.0 200") {
            answer.clone_into(&mut caller.accepted);
            caller.acknowledge();
            caller.hang_up();
        }
        answer
    }

    /// The answer to the wish to transfer the call to a number.
    pub fn refer(&self, number: &str) -> String {
        let headers = format!(
            "Contact: <sip:caller@{}>\r\nRefer-To: <sip:{number}@{}>\r\n",
            address(&self.sip),
            self.center
        );
        self.send(&self.inside("REFER", 2, &headers, ""));
        self.answer("2 REFER")
    }

    fn new(center: &Center, number: &str) -> Caller {
        let (rtp, rtcp) = pair();
        let sip = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        sip.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket has a time-out");
        let center = center.sip().parse().expect("an address");
        let name = CALLS.fetch_add(1, Ordering::Relaxed);
        let (user, number, accepted) = (format!("138{name:08}"), number.to_owned(), String::new());
        Caller { sip, rtp, rtcp, center, name, user, number, asks: String::new(), accepted }
    }

    /// Acknowledges the answer.
    pub fn acknowledge(&self) {
        self.send(&self.inside("ACK", 1, "", ""));
    }

    /// Presses a key by INFO.
    pub fn press_by_info(&self, number: u32, key: char) {
        let kind = "Content-Type: application/dtmf-relay\r\n";
        self.send(&self.inside("INFO", number, kind, &format!("Signal={key}\r\nDuration=160\r\n")));
    }

    /// Presses a key by RFC 4733: three packets, the last three times.
    pub fn press_by_rtp(&self, event: u8) {
        let Some(to) = self.media() else { panic!("no audio in {}", self.accepted) };
        for (sequence, (end, duration)) in (1_u8..).zip([(0, 1), (0, 2), (0x80, 3), (0x80, 3), (0x80, 3)]) {
            let packet = [0x80, 101, 0, sequence, 0, 0, 0, 160, 0, 0, 0, 7, event, end | 10, duration, 0];
            self.rtp.send_to(&packet, to).expect("a datagram can be sent");
        }
    }

    /// Ends the call.
    pub fn hang_up(&self) {
        self.send(&self.inside("BYE", 90, "", ""));
    }

    /// Answers what the center asks from now on, and sends RTCP reports, no audio, if wanted.
    pub fn mute(self, reports: bool) -> Mute {
        let (over, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let flags = (Arc::clone(&over), Arc::clone(&ended));
        let thread = std::thread::spawn(move || self.live(reports, &flags.0, &flags.1));
        Mute { over, ended, thread: Some(thread) }
    }

    fn live(self, reports: bool, over: &AtomicBool, ended: &AtomicBool) {
        let mut buffer = [0; 4_096];
        while !over.load(Ordering::Relaxed) {
            if reports && let Some(mut to) = self.media() {
                to.set_port(to.port() + 1);
                let _ = self.rtcp.send_to(&[0x80, 201, 0, 1, 0, 0, 0, 7], to);
            }
            let Ok((length, _)) = self.sip.recv_from(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            // Whoever is mute with reports does not answer questions: the reports alone keep it.
            if text.starts_with("OPTIONS") && !reports || text.starts_with("BYE") {
                ended.fetch_or(text.starts_with("BYE"), Ordering::Relaxed);
                self.send(&answer_to(&text, "200 OK"));
            }
        }
        if !ended.load(Ordering::Relaxed) {
            self.hang_up();
        }
    }

    fn invite(&mut self) -> String {
        self.ask("INVITE", &format!("sip:{}@{}", self.number, self.center), "")
    }

    fn ask(&self, method: &str, uri: &str, headers: &str) -> String {
        let (local, rtp) = (address(&self.sip), address(&self.rtp));
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 8 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\n{}",
            rtp.port(),
            self.asks
        );
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{};rport\r\n{}\
             To: <sip:{}@127.0.0.1>\r\nCSeq: 1 {method}\r\nContact: <sip:caller@{local}>\r\nMax-Forwards: 70\r\n\
             {headers}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            self.branch(1, method),
            self.names(),
            self.number,
            body.len()
        );
        self.send(&text);
        self.answer(&format!("1 {method}"))
    }

    /// The final answer to the request with this CSeq.
    fn answer(&self, sequence: &str) -> String {
        let mut buffer = [0; 4_096];
        wait_for("a final answer", || {
            let (length, _) = self.sip.recv_from(&mut buffer).ok()?;
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let is_final = text.starts_with("SIP/2.0") && !text.starts_with("SIP/2.0 1");
            (is_final && header(&text, "CSeq") == sequence).then_some(text)
        })
    }

    fn inside(&self, method: &str, number: u32, headers: &str, body: &str) -> String {
        let to = header(&self.accepted, "To");
        format!(
            "{method} sip:{} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{};rport\r\n{}To: {to}\r\n\
             CSeq: {number} {method}\r\nMax-Forwards: 70\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            self.center,
            address(&self.sip),
            self.branch(number, method),
            self.names(),
            body.len()
        )
    }

    fn names(&self) -> String {
        format!("From: <sip:{}@127.0.0.1>;tag=c{}\r\nCall-ID: caller-{}\r\n", self.user, self.name, self.name)
    }

    fn branch(&self, number: u32, method: &str) -> String {
        format!("{}-{number}-{method}", self.name)
    }

    /// Where the center hears this caller.
    fn media(&self) -> Option<SocketAddr> {
        let audio = self.accepted.lines().find_map(|line| line.strip_prefix("m=audio "))?;
        Some(SocketAddr::from(([127, 0, 0, 1], audio.split(' ').next()?.parse().ok()?)))
    }

    fn send(&self, text: &str) {
        self.sip.send_to(text.as_bytes(), self.center).expect("a datagram can be sent");
    }
}

/// A caller who says nothing and answers; hangs up when dropped, unless the center did.
#[derive(Debug)]
pub struct Mute {
    over: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Mute {
    /// True once the center hung up.
    pub fn was_hung_up(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Drop for Mute {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// RTP on an even port, RTCP on the next.
fn pair() -> (UdpSocket, UdpSocket) {
    wait_for("two ports in a row", || {
        let rtp = UdpSocket::bind("127.0.0.1:0").ok()?;
        let next = SocketAddr::from(([127, 0, 0, 1], address(&rtp).port().checked_add(1)?));
        Some((rtp, UdpSocket::bind(next).ok()?))
    })
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(&format!("{name}: "))).unwrap_or_default();
    line.get(name.len() + 2..).unwrap_or_default()
}

/// The answer to a request, with what an answer repeats of it.
pub(crate) fn answer_to(request: &str, status: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        text += &format!("{name}: {}\r\n", header(request, name));
    }
    text + "Content-Length: 0\r\n\r\n"
}
