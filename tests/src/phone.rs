//! A telephone: baresip, steered over its control port.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::{Center, tone, wait_for};

/// RTP/SAVP or no call.
const ENCRYPTED: &str = "mediaenc=srtp-mand";
/// SIP over TLS: what follows an address.
const TLS: &str = ";transport=tls";

/// A telephone that speaks a tone into every call and answers by itself; gone when dropped.
#[derive(Debug)]
pub struct Phone {
    folder: PathBuf,
    center: String,
    /// What follows the center's address to say how it is reached.
    transport: &'static str,
    address: String,
    control: TcpStream,
    process: Child,
}

impl Phone {
    /// An agent's seat with its sample password, registered and ready.
    pub fn agent(center: &Center, id: &str, tone_hz: u32) -> Phone {
        Phone::ready(center, id, "answermode=auto", tone_hz)
    }

    /// An agent's seat, registered and ready, that rings until it is told what to do.
    pub fn ringing_agent(center: &Center, id: &str, tone_hz: u32) -> Phone {
        Phone::ready(center, id, "answermode=manual", tone_hz)
    }

    /// The same with one codec, as baresip names it.
    pub fn agent_with_codec(center: &Center, id: &str, codec: &str, tone_hz: u32) -> Phone {
        Phone::ready(center, id, &format!("answermode=auto;audio_codecs={codec}"), tone_hz)
    }

    /// An agent's seat, registered and ready, that asks for packets of so many milliseconds.
    pub fn agent_with_packets(center: &Center, id: &str, ms: u8, tone_hz: u32) -> Phone {
        Phone::ready(center, id, &format!("answermode=auto;ptime={ms}"), tone_hz)
    }

    /// A customer's telephone that asks for packets of so many milliseconds, and sends such ones unless told otherwise.
    pub fn customer_with_packets(center: &Center, name: &str, ms: u8, tone_hz: u32) -> Phone {
        Phone::start(center, name, &format!("regint=0;ptime={ms}"), tone_hz)
    }

    /// An agent's seat, registered and ready, that takes nothing but SRTP by SDES.
    pub fn encrypted_agent(center: &Center, id: &str, tone_hz: u32) -> Phone {
        Phone::ready(center, id, &format!("answermode=auto;{ENCRYPTED}"), tone_hz)
    }

    /// A customer's telephone that offers nothing but SRTP by SDES.
    pub fn encrypted_customer(center: &Center, name: &str, tone_hz: u32) -> Phone {
        Phone::start(center, name, &format!("regint=0;{ENCRYPTED}"), tone_hz)
    }

    /// The same over TLS, to a center that has to show a certificate of its authority.
    pub fn tls_agent(center: &Center, id: &str, tone_hz: u32) -> Phone {
        let options = registering(id, &format!("sample-{id}"), &format!("answermode=auto;{ENCRYPTED}"));
        let phone = Phone::start_at((center, center.sip_tls(), TLS), id, &options, tone_hz);
        center.wait_for_seat(id);
        phone
    }

    /// The same of a customer.
    pub fn tls_customer(center: &Center, name: &str, tone_hz: u32) -> Phone {
        Phone::start_at((center, center.sip_tls(), TLS), name, &format!("regint=0;{ENCRYPTED}"), tone_hz)
    }

    /// A seat that tries to register with the password.
    pub fn seat(center: &Center, id: &str, password: &str, tone_hz: u32) -> Phone {
        Phone::start(center, id, &registering(id, password, "answermode=auto"), tone_hz)
    }

    /// A customer's telephone.
    pub fn customer(center: &Center, name: &str, tone_hz: u32) -> Phone {
        Phone::start(center, name, "regint=0", tone_hz)
    }

    /// A customer who has talked with agent 1001 for two seconds, and that agent.
    pub fn customer_and_agent(center: &Center) -> (Phone, Phone) {
        let agent = Phone::agent(center, "1001", tone::AGENT_HZ);
        let mut customer = Phone::customer(center, "alice", tone::CUSTOMER_HZ);
        customer.dial("8000");
        customer.press('1');
        center.talk_for_seconds(2);
        (customer, agent)
    }

    /// Somebody outside under this number, who takes every call.
    pub fn outside(center: &Center, number: &str, tone_hz: u32) -> Phone {
        Phone::start(center, number, "regint=0;answermode=auto", tone_hz)
    }

    /// `127.0.0.1:PORT` of its SIP.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The same with one codec, as baresip names it.
    pub fn customer_with_codec(center: &Center, name: &str, codec: &str, tone_hz: u32) -> Phone {
        Phone::start(center, name, &format!("regint=0;audio_codecs={codec}"), tone_hz)
    }

    /// Calls a number of the center and waits until it answers.
    pub fn dial(&mut self, number: &str) {
        self.begin_to_dial(number);
        wait_for("the call to be established", || self.log().contains("Call established").then_some(()));
    }

    /// Calls a number, whatever comes of it.
    pub fn begin_to_dial(&mut self, number: &str) {
        let target = format!("sip:{number}@{}{}", self.center, self.transport);
        self.order("dial", &target);
    }

    /// Presses a key: RFC 4733 telephone-events.
    pub fn press(&mut self, key: char) {
        self.order("sndcode", &key.to_string());
    }

    /// Holds the other side: it is sent nothing any more (a re-INVITE).
    pub fn hold(&mut self) {
        self.order("hold", "");
    }

    /// Takes the other side back.
    pub fn resume(&mut self) {
        self.order("resume", "");
    }

    /// Waits until the telephone logged the text so often.
    pub fn wait_for_log(&self, text: &str, times: usize) {
        wait_for(&format!("the telephone to say {text:?}"), || {
            (self.log().matches(text).count() >= times).then_some(())
        });
    }

    /// Has the other side of its call be with this number of the center (REFER).
    pub fn transfer(&mut self, number: &str) {
        let target = format!("sip:{number}@{}", self.center);
        self.order("transfer", &target);
    }

    /// Takes a call that rings.
    pub fn accept(&mut self) {
        self.order("accept", "");
    }

    /// Hangs up, or declines a call that rings.
    pub fn hang_up(&mut self) {
        self.order("hangup", "");
    }

    /// What the telephone logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// What the telephone heard in its call, once the call is over.
    pub fn heard(&self) -> PathBuf {
        wait_for("the telephone's own recording", || {
            let files = fs::read_dir(&self.folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
            let is_heard = |path: &PathBuf| path.to_string_lossy().ends_with("-dec.wav") && is_closed(path);
            files.into_iter().find(is_heard)
        })
    }

    /// An agent's seat with its sample password and further options of baresip's, once it is registered.
    fn ready(center: &Center, id: &str, options: &str, tone_hz: u32) -> Phone {
        let phone = Phone::start(center, id, &registering(id, &format!("sample-{id}"), options), tone_hz);
        center.wait_for_seat(id);
        phone
    }

    fn start(center: &Center, name: &str, options: &str, tone_hz: u32) -> Phone {
        Phone::start_at((center, center.sip(), ""), name, options, tone_hz)
    }

    fn start_at(
        (center, server, transport): (&Center, String, &'static str),
        name: &str,
        options: &str,
        tone_hz: u32,
    ) -> Phone {
        // baresip takes the port after its SIP port too, for TLS.
        let (sip, control, rtp) = (center.ports.take(2), center.ports.take(1), center.ports.take(11));
        let folder = center.folder.join(format!("phone-{name}-{sip}"));
        fs::create_dir_all(&folder).expect("the story's folder can be written");
        let voice = folder.join("voice.wav");
        // A telephone that was told its codec needs its module, and its voice at the codec's rate; any other speaks
        // G.711.
        let wide = if options.contains("audio_codecs") { "module g722.so\nmodule opus.so\n" } else { "" };
        let codecs = format!("module g711.so\n{wide}");
        let codec = options.split_once("audio_codecs=").map_or("PCMA/8000/1", |(_, codec)| codec);
        let mut facts = codec.split('/').skip(1).map(|fact| fact.parse().unwrap_or(1));
        tone::write_at(&voice, tone_hz, 120, facts.next().unwrap_or(8000), facts.next().unwrap_or(1));
        let account = format!("<sip:{name}@{server}{transport}>;{options}\n");
        let authority = match transport {
            TLS => format!("sip_cafile {}\n", center.authority().file().display()),
            _ => String::new(),
        };
        let config = format!(
            "sip_listen 127.0.0.1:{sip}\naudio_source aufile,{}\nrtp_ports {rtp}-{}\n\
             snd_path {}\nmodule_path /usr/lib/baresip/modules\n{codecs}module aufile.so\n\
             module srtp.so\nmodule sndfile.so\nmodule account.so\nmodule menu.so\nmodule ctrl_tcp.so\n\
             ctrl_tcp_listen 127.0.0.1:{control}\n{authority}",
            voice.display(),
            rtp + 10,
            folder.display(),
        );
        for (file, text) in [("config", config), ("accounts", account), ("contacts", String::new())] {
            fs::write(folder.join(file), text).expect("the story's folder can be written");
        }
        let log = File::create(folder.join("log")).expect("the story's folder can be written");
        let errors = log.try_clone().expect("a file has a second handle");
        let process = Command::new("baresip").arg("-f").arg(&folder).stdout(log).stderr(errors).spawn();
        let process = process.expect("baresip is installed (tests/install.sh)");
        let control = wait_for("baresip's control port", || TcpStream::connect(("127.0.0.1", control)).ok());
        Phone { folder, center: server, transport, address: format!("127.0.0.1:{sip}"), control, process }
    }

    fn order(&mut self, command: &str, params: &str) {
        let order = serde_json::json!({ "command": command, "params": params }).to_string();
        // A netstring: length, colon, text, comma.
        write!(self.control, "{}:{order},", order.len()).expect("baresip listens");
    }
}

/// True once baresip has closed its file: only then does the head say how long the sound is.
fn is_closed(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap_or_default();
    let data = bytes.windows(4).position(|chunk| chunk == b"data");
    data.and_then(|at| bytes.get(at + 4..at + 8)).is_some_and(|length| length != [0; 4])
}

/// A seat's options in baresip's words.
fn registering(id: &str, password: &str, options: &str) -> String {
    format!("auth_user={id};auth_pass={password};regint=60;{options}")
}

impl Drop for Phone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: {}", self.folder.display(), self.log());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
