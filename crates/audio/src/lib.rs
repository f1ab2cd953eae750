//! Telephone audio without IO: codecs, RTP and RTCP, jitter buffer, loss concealment, DTMF, mixing, WAV.
//!
//! Nothing here owns a socket, a clock or a file. Packets come in as bytes with the caller's own clock;
//! decisions and bytes come out. Time is counted in samples of 8 kHz ([`RATE`]) unless a name says
//! otherwise, because that is the unit of every RTP timestamp we meet.
//!
//! | module | RFC |
//! |---|---|
//! | [`codec`] | 3551, 6716, 7587 |
//! | [`dtmf`] | ITU-T Q.23, Q.24 |
//! | [`flac`] | 9639 |
//! | [`g711`] | ITU-T G.711, G.191 |
//! | [`gsm`] | ETSI EN 300 961 |
//! | [`rtp`], [`rtcp`], [`source`] | 3550 |
//! | [`srtp`] | 3711, 7714 |
//! | [`outgoing`] | 3550 section 5.1 (one continuous stream per leg) |
//! | [`jitter`], [`stretch`] | – |
//! | [`conceal`] | after ITU-T G.711 Appendix I |
//! | [`latch`] | 4961, with the care of 7362 |
//! | [`telephone_event`] | 4733 |
//! | [`resample`] | – |
//! | [`timeline`], [`wav`] | – |
//! | [`comfort`], [`level`] | 3389 |
//! | [`mix`], [`tone`] | – |
//! | [`playout`], [`reader`] | – |
//! | [`quality`] | ITU-T G.107, G.113 |

pub mod codec;
pub mod comfort;
pub mod conceal;
pub mod dtmf;
pub mod flac;
pub mod g711;
pub mod gsm;
pub mod jitter;
pub mod latch;
pub mod level;
pub mod mix;
pub mod outgoing;
mod pitch;
pub mod playout;
pub mod quality;
pub mod reader;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod source;
pub mod srtp;
pub mod stretch;
pub mod telephone_event;
pub mod timeline;
pub mod tone;
pub mod wav;

/// Samples a second of telephone audio, and of every clock that is given to this crate; wide-band codecs name their
/// own rate.
pub const RATE: u32 = 8000;

/// Samples of one 20 ms frame.
pub const FRAME: usize = 160;
