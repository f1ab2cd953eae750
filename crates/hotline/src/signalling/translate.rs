//! Between the words of SIP and those of the center.

use std::net::SocketAddr;

use model::{Cause, LegReport, OpusFormat, Refusal, RemoteMedia};
use sip::{Answer, Direction, Encryption, Ending, OfferedAudio, Request, Status};

use super::terms::Codecs;

/// The longest caller name that passes, in characters.
const LONGEST_NAME: usize = 64;

/// The longest Call-ID that is passed on, in characters.
const LONGEST_CALL_ID: usize = 128;

/// Seconds after which a refused caller may try again.
const RETRY_AFTER: &str = "5";

/// The peer's audio, its direction turned to our side; of several codecs the one that we would answer with. `None`
/// without any codec, which no description has that was accepted. `signalling`: where the description came from.
pub(super) fn remote_media(remote: &OfferedAudio, signalling: Option<SocketAddr>) -> Option<RemoteMedia> {
    let direction = match remote.direction {
        Direction::SendReceive => model::Direction::Both,
        Direction::SendOnly => model::Direction::ReceiveOnly,
        Direction::ReceiveOnly => model::Direction::SendOnly,
        Direction::Inactive => model::Direction::Inactive,
    };
    let chosen = Codecs::Cheapest.choose(&remote.codecs)?;
    Some(RemoteMedia {
        rtp: remote.rtp,
        signalling: signalling.map(|address| address.ip()),
        rtcp: remote.rtcp,
        codec: chosen,
        payload_type: remote.payload_type(chosen),
        packet_ms: remote.packet_ms,
        opus: OpusFormat::parse(remote.parameters(chosen).unwrap_or_default()),
        comfort_noise: remote.comfort_noise,
        telephone_event: remote.telephone_event,
        direction,
        srtp: remote.keys.clone(),
    })
}

/// The calling name, cut to 64 characters, without controls and without the marks that turn the direction
/// of writing (they would reorder what stands around the name).
pub(super) fn caller_name(request: &Request) -> Option<String> {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let display = request.from().ok()?.display;
    let name: String = display.chars().filter(|c| !c.is_control() && !turns(*c)).take(LONGEST_NAME).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The Call-ID, cut to 128 characters, without controls.
pub(super) fn sip_call_id(request: &Request) -> String {
    harmless(&request.headers.text("Call-ID").unwrap_or_default())
}

/// Text of a peer without controls, cut to 128 characters.
pub(super) fn harmless(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_CALL_ID).collect()
}

/// How the caller is told why we do not take the call.
pub(super) fn refusal_answer(cause: Cause) -> Answer {
    match cause {
        Cause::UnknownNumber => Answer::new(Status::NOT_FOUND),
        Cause::Busy => Answer::new(Status::BUSY_HERE),
        Cause::Declined => with_reason(Status::DECLINE, cause),
        Cause::NoAnswer | Cause::Unreachable | Cause::NotNow => {
            with_reason(Status::TEMPORARILY_UNAVAILABLE, cause)
        }
        Cause::NotAllowed => Answer::new(Status::FORBIDDEN),
        Cause::NoCommonCodec => Answer::new(Status::NOT_ACCEPTABLE_HERE),
        Cause::Overloaded
        | Cause::CallsFull
        | Cause::RtpPortsFull
        | Cause::OpenFilesFull
        | Cause::TrunkFull
        | Cause::SourceFull
        | Cause::ShuttingDown => busy(),
        Cause::Failed | Cause::FlowFailed | Cause::Crashed => Answer::new(Status::SERVER_ERROR),
        Cause::HungUp
        | Cause::Transferred
        | Cause::Cancelled
        | Cause::FlowFinished
        | Cause::WaitedOut
        | Cause::MediaTimeout
        | Cause::SignallingTimeout => Answer::new(Status::TEMPORARILY_UNAVAILABLE),
    }
}

/// A refusal that says by a cause of Q.850 what its status does not (RFC 6432).
fn with_reason(status: Status, cause: Cause) -> Answer {
    Answer::new(status).with("Reason", reason(cause))
}

/// 488: what the peer offered is not encrypted as it has to be, or in no codec that it may speak.
pub(super) fn not_acceptable(encryption: Encryption) -> Answer {
    let warning = match encryption {
        Encryption::Required => "304 hotline \"RTP/SAVP with a=crypto and a codec of ours is required here\"",
        Encryption::Optional | Encryption::Off => {
            "304 hotline \"RTP/AVP with a codec of ours is required here\""
        }
    };
    Answer::new(Status::NOT_ACCEPTABLE_HERE).with("Warning", warning)
}

/// 503 with Retry-After.
pub(super) fn busy() -> Answer {
    Answer::new(Status::SERVICE_UNAVAILABLE).with("Retry-After", RETRY_AFTER)
}

/// The Reason header of a BYE (RFC 3326).
pub(super) fn reason(cause: Cause) -> &'static str {
    match cause {
        Cause::HungUp | Cause::Transferred | Cause::FlowFinished | Cause::WaitedOut | Cause::Cancelled => {
            "Q.850;cause=16;text=\"Normal call clearing\""
        }
        Cause::ShuttingDown
        | Cause::Overloaded
        | Cause::CallsFull
        | Cause::RtpPortsFull
        | Cause::OpenFilesFull
        | Cause::TrunkFull
        | Cause::SourceFull => "Q.850;cause=41;text=\"Temporary failure\"",
        Cause::Busy => "Q.850;cause=17;text=\"User busy\"",
        Cause::Declined | Cause::NotAllowed | Cause::NotNow => "Q.850;cause=21;text=\"Call rejected\"",
        Cause::NoAnswer => "Q.850;cause=19;text=\"No answer\"",
        Cause::Unreachable => "Q.850;cause=20;text=\"Subscriber absent\"",
        Cause::MediaTimeout => "Q.850;cause=102;text=\"No audio\"",
        Cause::SignallingTimeout => "Q.850;cause=102;text=\"No answer\"",
        Cause::UnknownNumber => "Q.850;cause=1;text=\"Unknown number\"",
        Cause::NoCommonCodec => "Q.850;cause=88;text=\"No common codec\"",
        Cause::FlowFailed | Cause::Crashed | Cause::Failed => "Q.850;cause=127;text=\"Internal error\"",
    }
}

/// Why a leg that stood, or an inbound one, ended; `ours` is the cause of our own order.
pub(super) fn end_cause(why: Ending, ours: Option<Cause>) -> Cause {
    match why {
        Ending::Cancelled => Cause::Cancelled,
        Ending::HungUp | Ending::Refused(_) => Cause::HungUp,
        Ending::Ours => ours.unwrap_or(Cause::Failed),
        Ending::NoCommonAudio => Cause::NoCommonCodec,
        Ending::TimedOut | Ending::Unreachable => Cause::SignallingTimeout,
    }
}

/// Why an outbound leg was not answered.
pub(super) fn refusal(why: Ending) -> Refusal {
    match why {
        Ending::Refused(status) => match status.code() {
            486 | 600 => Refusal::Busy,
            // A redirect that was not followed: the device does not take the call.
            300..=399 => Refusal::Declined,
            403 | 433 | 603 | 607 | 608 => Refusal::Declined,
            408 | 480 => Refusal::NoAnswer,
            404 | 410 | 502 | 503 | 604 => Refusal::Unreachable,
            415 | 488 | 606 => Refusal::NoCommonCodec,
            _ => Refusal::Failed,
        },
        Ending::Ours | Ending::Cancelled => Refusal::Cancelled,
        Ending::HungUp => Refusal::Declined,
        Ending::NoCommonAudio => Refusal::NoCommonCodec,
        Ending::TimedOut | Ending::Unreachable => Refusal::Unreachable,
    }
}

/// Of several devices' refusals the one that says most about the person: higher wins.
pub(super) fn weight(refusal: Refusal) -> u8 {
    match refusal {
        Refusal::Busy => 6,
        Refusal::Declined => 5,
        Refusal::NoAnswer => 4,
        Refusal::NoCommonCodec => 3,
        Refusal::Failed => 2,
        Refusal::Cancelled => 1,
        Refusal::Unreachable => 0,
    }
}

/// True for reports that may be dropped when the center has not listened for long.
pub(super) fn may_be_dropped(report: &LegReport) -> bool {
    match report {
        LegReport::Ringing | LegReport::Digit(_) => true,
        LegReport::Changed { .. }
        | LegReport::Early { .. }
        | LegReport::Referred(_)
        | LegReport::Connected { .. }
        | LegReport::Refused(_)
        | LegReport::Ended { .. } => false,
    }
}
