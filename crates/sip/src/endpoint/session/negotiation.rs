//! Offer and answer of one session: our audio, the peer's, and the descriptions of both.

use std::net::IpAddr;

use crate::endpoint::Answer;
use crate::endpoint::answers::bad_request;
use crate::message::description;
use crate::{Codec, Encryption, Headers, LocalAudio, OfferedAudio, Request, Sdp, SdpError, Status};

/// All that we speak; what a call may choose from.
pub(super) const OUR_CODECS: [Codec; 6] = Codec::ALL;

/// See the module.
pub(super) struct Negotiation {
    pub(super) ours: LocalAudio,
    /// The peer's audio in force, or offered.
    pub(super) theirs: Option<OfferedAudio>,
    /// Our last description, to tell whether the next differs.
    described: Option<Sdp>,
}

impl Negotiation {
    pub(super) fn new(ours: LocalAudio, theirs: Option<OfferedAudio>) -> Negotiation {
        Negotiation { ours, theirs, described: None }
    }

    /// Our description made by `build`; its version counts up when it says something new.
    pub(super) fn describe(&mut self, build: impl Fn(&LocalAudio) -> Sdp) -> Vec<u8> {
        let mut sdp = build(&self.ours);
        if self.described.as_ref().is_some_and(|last| *last != sdp) {
            self.ours.version += 1;
            sdp = build(&self.ours);
        }
        let text = sdp.to_string().into_bytes();
        self.described = Some(sdp);
        text
    }

    /// The peer's audio in an answer to our offer that came from `source`; `None` when it has none that we can use.
    pub(super) fn find_answer(&self, headers: &Headers, body: &[u8], source: IpAddr) -> Option<OfferedAudio> {
        let sdp = read_description(headers, body, source)?.ok()?;
        OfferedAudio::find(&sdp, &self.ours.codecs, self.ours.security.encryption()).ok()
    }

    /// Takes the peer's audio in its answer to our offer; `None` when its keys answer another.
    pub(super) fn settle_answer(&mut self, mut remote: OfferedAudio) -> Option<OfferedAudio> {
        let codec = *remote.codecs.first()?;
        self.ours.security.take(&mut remote).then(|| self.settle(&remote, codec))
    }

    /// Takes the peer's audio with the codec that both sides now use.
    pub(super) fn settle(&mut self, remote: &OfferedAudio, codec: Codec) -> OfferedAudio {
        let mut settled = remote.clone();
        settled.codecs = vec![codec];
        self.theirs = Some(settled.clone());
        settled
    }
}

/// The codec that both sides use: the preferred one if the peer has it, else the peer's first.
pub(super) fn choose(remote: &OfferedAudio, preferred: Codec) -> Codec {
    let first = remote.codecs.first().copied().unwrap_or(preferred);
    if remote.codecs.contains(&preferred) { preferred } else { first }
}

/// The description in a request; `None` when it has no body.
///
/// `source`: where the request came from.
pub(super) fn read_offer(request: &Request, source: IpAddr) -> Result<Option<Sdp>, Answer> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let read = read_description(&request.headers, &request.body, source);
    read.transpose().map_err(|error| bad_request(&error.to_string()))
}

/// The description in a body, also as one part of several; `None` without one. Names in it are `source`.
fn read_description(headers: &Headers, body: &[u8], source: IpAddr) -> Option<Result<Sdp, SdpError>> {
    let read = Sdp::parse(description(headers, body)?);
    Some(read.map(|mut sdp| {
        sdp.place_names(source);
        sdp
    }))
}

/// Its audio for us, or 488.
pub(super) fn find_audio(sdp: &Sdp, ours: &[Codec], encryption: Encryption) -> Result<OfferedAudio, Answer> {
    OfferedAudio::find(sdp, ours, encryption).map_err(|_| {
        let warning = "304 sip \"no RTP/AVP audio with PCMU, PCMA, G722, opus or L16\"";
        Answer::new(Status::NOT_ACCEPTABLE_HERE).with("Warning", warning)
    })
}
