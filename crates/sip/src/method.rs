//! Request methods.

use std::fmt;

/// A request's method. Names are case-sensitive (RFC 3261 section 7.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Begins or changes a session.
    Invite,
    /// Confirms a final answer to INVITE.
    Ack,
    /// Ends a session.
    Bye,
    /// Withdraws a pending INVITE.
    Cancel,
    /// Asks what we can do.
    Options,
    /// Binds an address to contacts.
    Register,
    /// Mid-session information (RFC 6086).
    Info,
    /// Changes a session outside INVITE (RFC 3311).
    Update,
    /// Acknowledges a provisional answer (RFC 3262).
    Prack,
    /// Asks to contact somebody else (RFC 3515).
    Refer,
    /// Tells a subscriber (RFC 6665); of a REFER here.
    Notify,
    /// Any other token.
    Other(String),
}

impl Method {
    /// The methods that an [`Endpoint`](crate::Endpoint) answers with something other than 405 or 501,
    /// as printed in `Allow`.
    pub const ALLOW: &'static str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, REGISTER";

    /// The method of this name.
    pub fn from_name(name: &str) -> Method {
        match name {
            "INVITE" => Method::Invite,
            "ACK" => Method::Ack,
            "BYE" => Method::Bye,
            "CANCEL" => Method::Cancel,
            "OPTIONS" => Method::Options,
            "REGISTER" => Method::Register,
            "INFO" => Method::Info,
            "UPDATE" => Method::Update,
            "PRACK" => Method::Prack,
            "REFER" => Method::Refer,
            "NOTIFY" => Method::Notify,
            other => Method::Other(other.to_owned()),
        }
    }

    /// Its name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Options => "OPTIONS",
            Method::Register => "REGISTER",
            Method::Info => "INFO",
            Method::Update => "UPDATE",
            Method::Prack => "PRACK",
            Method::Refer => "REFER",
            Method::Notify => "NOTIFY",
            Method::Other(name) => name,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
