//! The words of Hotline.
//!
//! Everything that two crates say to each other is a type of this crate: ids, instants, what the
//! signalling and media shells report ([`LegReport`], [`MediaReport`]), what they are told
//! ([`LegOrder`], [`MediaOrder`]), what people command ([`Command`]) and what happened ([`Event`]).
//! There is no behaviour here beyond printing and parsing.

mod calling;
mod cause;
mod command;
mod date;
mod directory;
mod diversion;
mod event;
mod hours;
mod id;
mod leg;
mod media;
mod moves;
mod personal;
mod policy;
mod recording;
mod sample;
mod secret;
mod seed;
mod setting;
mod storage;
mod time;
mod words;

pub use ::codec::{Codec, OpusFormat, Srtp, SrtpKey, SrtpSuite};
pub use calling::{CallOrder, First, NotNow, WhyNotNow};
pub use cause::{Cause, Class, End, EndedBy, Reached, Side};
pub use command::{
    Actor, AgentOrder, Command, Done, Order, Part, PartyOrder, RecordingOrder, Refused, Reply, Scope,
    SecureInputOrder, Supervision, SupervisionOrder, Watched,
};
pub use date::{Date, NoDate, Weekday};
pub use directory::{Course, CourseEnd, Directory, DirectoryEntry, DirectoryKind, Instead, NoInstead, Try};
pub use diversion::{Diversion, DiversionReason, Diverted, MOST_DIVERSIONS};
pub use event::{
    Activity, AgentEvent, CenterEvent, ContactEvent, DialEnd, Entry, Event, GuestEnd, LeaveReason, Node,
    NotReadyReason, OfferOutcome, ParkEnd, QueueEvent, Record, RecordingEvent, RecordingState, SecureEnd,
    SegmentEnd, Shift, StorageEvent, Subject,
};
pub use hours::{Hours, NoSpans, Spans, SpecialDay, SpecialDays};
pub use id::{
    CallId, CommandId, ContactId, Ids, LegId, OfferId, ParseIdError, PlayId, RecordingId, SegmentId,
};
pub use leg::{
    Direction, Invited, LegOrder, LegReport, Origin, Referral, ReferralState, Refusal, RemoteMedia, Target,
};
pub use media::{
    AudioReport, ClipId, Gap, GapCause, Kept, LegQuality, MediaOp, MediaOrder, MediaReport, PlayMode,
    RecordingReport, RecordingSpec, Role, Shortage,
};
pub use moves::{MoveEnd, MoveOrder, MoveTo, Party, Slot};
pub use personal::{Personal, mask};
pub use policy::SupervisorsHear;
pub use recording::{DueRecording, RecordingRow};
pub use sample::{SampleFrame, Way};
pub use secret::Secret;
pub use seed::Seed;
pub use setting::{Effect, SettingChange};
pub use storage::{ENCRYPTED, RetentionRule, Storage, StorageReport, StorageTrouble};
pub use time::{Time, UtcOffset, Zone};
pub use words::{AgentId, Digit, Language, Number, QueueName, WordError};
