//! One INVITE session's state.

use std::time::Duration;

use super::reliable::Provisional;
use super::transactions::{ClientKey, ServerKey};
use super::{Destination, Transport};
use crate::dialog::Dialog;
use crate::{Address, Codec, Credentials, Headers, LocalAudio, Moment, OfferedAudio, Request, Sdp, Uri};

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) call_id: String,
    pub(super) local_tag: String,
    /// We made the Call-ID (which decides who waits longer after glare).
    pub(super) outbound: bool,
    /// Where the peer's last request came from, or where we first sent to.
    pub(super) peer: Destination,
    pub(super) audio: LocalAudio,
    /// The peer's audio in force, or offered.
    pub(super) remote: Option<OfferedAudio>,
    /// Our last description, to tell whether the next differs.
    pub(super) described: Option<Sdp>,
    /// The end was said; nothing more is.
    pub(super) quiet: bool,
    pub(super) stage: Stage,
}

/// How far a session is.
#[derive(Debug)]
pub(super) enum Stage {
    /// Their INVITE, unanswered.
    Incoming(Incoming),
    /// Our INVITE, unanswered.
    Outgoing(Outgoing),
    /// Answered, one way or the other.
    Talking(Talking),
}

#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) server: ServerKey,
    pub(super) dialog: Dialog,
    pub(super) offer: Option<Sdp>,
    pub(super) refresh: Refresh,
    pub(super) provisional: Provisional,
}

#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) client: ClientKey,
    pub(super) withdraw: Withdraw,
    pub(super) credentials: Option<Credentials>,
    /// INVITEs sent.
    pub(super) tries: u32,
    pub(super) rings: bool,
    /// Without any answer by then the call is given up.
    pub(super) unheard_until: Option<Moment>,
    /// Credentials were sent in answer to a challenge.
    pub(super) challenged: bool,
    /// An answer in a provisional response, for peers that leave it out of the 200.
    pub(super) early: Option<OfferedAudio>,
}

/// Whether we withdraw our INVITE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Withdraw {
    /// No.
    No,
    /// As soon as a provisional answer allows the CANCEL (RFC 3261 section 9.1).
    Wanted { reason: Option<String> },
    /// The CANCEL is sent; the INVITE is given up then.
    Sent { until: Moment },
}

#[derive(Debug)]
pub(super) struct Talking {
    pub(super) dialog: Dialog,
    /// Our 2xx that waits for its ACK.
    pub(super) unacked: Option<Unacked>,
    /// The ACK that we sent last, with its CSeq number: the answer to further copies of the 2xx.
    pub(super) acked: Option<(u32, Vec<u8>)>,
    pub(super) change: Change,
    /// A 180 of ours whose PRACK may still come.
    pub(super) provisional: Provisional,
    pub(super) refresh: Refresh,
    /// The peer takes UPDATE (its Allow says so).
    pub(super) takes_update: bool,
    /// We asked whether the peer lives; without an answer by then it does not.
    pub(super) asked: Option<Moment>,
    /// BYE follows the ACK, with this Reason (section 15.1.1 forbids it before).
    pub(super) closing: Option<Option<String>>,
}

/// A 2xx of ours, resent until its ACK (section 13.3.1.4).
#[derive(Debug)]
pub(super) struct Unacked {
    pub(super) number: u32,
    pub(super) bytes: Vec<u8>,
    pub(super) next: Moment,
    pub(super) pause: Duration,
    pub(super) until: Moment,
    /// It is the answer to the first INVITE.
    pub(super) initial: bool,
    /// It carried our offer; the answer comes in the ACK.
    pub(super) offered: bool,
    /// The peer showed that it has this answer, and the user knows that the session stands.
    pub(super) arrived: bool,
}

/// Our own re-INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// None is wanted.
    None,
    /// Sent.
    Pending,
    /// Met theirs (491); tried again then.
    Retry { at: Moment },
}

/// The session timer (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refresh {
    /// Not agreed.
    Off,
    /// The peer refreshes; BYE if it has not by then.
    Theirs { every: Duration, deadline: Moment },
    /// We refresh then.
    Ours { every: Duration, at: Moment },
}

impl Session {
    pub(super) fn poll_timeout(&self) -> Option<Moment> {
        match &self.stage {
            Stage::Incoming(incoming) => incoming.provisional.poll_timeout(),
            Stage::Outgoing(outgoing) => match outgoing.withdraw {
                Withdraw::No => outgoing.unheard_until,
                Withdraw::Wanted { .. } => None,
                Withdraw::Sent { until } => Some(until),
            },
            Stage::Talking(talking) => {
                let resend = talking.unacked.as_ref().map(|unacked| unacked.next.min(unacked.until));
                let retry = match talking.change {
                    Change::None | Change::Pending => None,
                    Change::Retry { at } => Some(at),
                };
                let refresh = match talking.refresh {
                    Refresh::Off => None,
                    Refresh::Theirs { deadline, .. } => Some(deadline),
                    Refresh::Ours { at, .. } => Some(at),
                };
                [resend, retry, refresh, talking.asked].into_iter().flatten().min()
            }
        }
    }

    /// The peer's tag, once it is known.
    pub(super) fn remote_tag(&self) -> Option<&str> {
        match &self.stage {
            Stage::Incoming(incoming) => incoming.dialog.remote_tag(),
            Stage::Outgoing(_) => None,
            Stage::Talking(talking) => talking.dialog.remote_tag(),
        }
    }

    /// The peer sent a request: it lives, and may say what it takes.
    pub(super) fn spoke(&mut self, request: &Request) {
        if let Stage::Talking(talking) = &mut self.stage {
            talking.asked = None;
            talking.takes_update = takes_update(&request.headers).unwrap_or(talking.takes_update);
        }
    }

    /// Our description made by `build`; its version counts up when it says something new.
    pub(super) fn describe(&mut self, build: impl Fn(&LocalAudio) -> Sdp) -> Vec<u8> {
        let mut sdp = build(&self.audio);
        if self.described.as_ref().is_some_and(|last| *last != sdp) {
            self.audio.version += 1;
            sdp = build(&self.audio);
        }
        let text = sdp.to_string().into_bytes();
        self.described = Some(sdp);
        text
    }

    /// The peer's audio in its answer to our offer.
    pub(super) fn find_answer(&self, sdp: &Sdp) -> Option<OfferedAudio> {
        OfferedAudio::find(sdp, &self.audio.codecs, self.audio.security.encryption()).ok()
    }

    /// Takes the peer's audio in its answer to our offer; `None` when its keys answer another.
    pub(super) fn settle_answer(&mut self, mut remote: OfferedAudio) -> Option<OfferedAudio> {
        let codec = *remote.codecs.first()?;
        self.audio.security.take(&mut remote).then(|| self.settle(&remote, codec))
    }

    /// Takes the peer's audio with the codec that both sides now use.
    pub(super) fn settle(&mut self, remote: &OfferedAudio, codec: Codec) -> OfferedAudio {
        let mut settled = remote.clone();
        settled.codecs = vec![codec];
        self.remote = Some(settled.clone());
        settled
    }

    /// Where a request inside the dialog goes: the peer's Contact (or first route) as far as its address
    /// agrees with where its packets come from, else back where they come from. So a phone behind NAT is
    /// reached, and a forged Contact sends nothing to third parties. A Contact may have the right address and a port that nobody
    /// listens at: then where the packets come from is tried too.
    pub(super) fn destination(&self, dialog: &Dialog) -> Destination {
        let named = Address::parse(dialog.next_hop()).and_then(|address| match address.uri {
            Uri::Sip(uri) => uri.socket_addr(),
            Uri::Tel(_) | Uri::Other { .. } => None,
        });
        let trusted = named.filter(|named| dialog.has_routes() || named.ip() == self.peer.address.ip());
        match self.peer.transport {
            Transport::Udp => {
                let address = trusted.unwrap_or(self.peer.address);
                let is_sure = address == self.peer.address || dialog.has_routes();
                let otherwise = (!is_sure).then_some(self.peer.address);
                Destination { address, otherwise, ..self.peer }
            }
            Transport::Tcp => Destination { otherwise: trusted.or(self.peer.otherwise), ..self.peer },
        }
    }
}

/// Whether the sender of these takes UPDATE; `None` when it does not say.
pub(super) fn takes_update(headers: &Headers) -> Option<bool> {
    let allowed = headers.list("Allow");
    let update = |method: &String| method.eq_ignore_ascii_case("UPDATE");
    (!allowed.is_empty()).then(|| allowed.iter().any(update))
}

/// The codec that both sides use: the preferred one if the peer has it, else the peer's first.
pub(super) fn choose(remote: &OfferedAudio, preferred: Codec) -> Codec {
    let first = remote.codecs.first().copied().unwrap_or(preferred);
    if remote.codecs.contains(&preferred) { preferred } else { first }
}
