//! How calls go out through a trunk: its gateways, who we are there, and how much we may ask of them.

use std::str::FromStr;
use std::time::Duration;

use model::Number;
use sip::{Credentials, Host, Transport, Uri};

use super::Rewrite;
use crate::tls::Client;

/// What a trunk does with calls of ours. Without a gateway it takes none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Where calls are sent, the preferred first, unless `weights` says otherwise.
    pub gateways: Vec<Gateway>,
    /// How often each gateway comes first; empty: in their order. As many as there are gateways, else.
    pub weights: Vec<u16>,
    /// What we answer challenges to INVITE and REGISTER by.
    pub credentials: Option<Credentials>,
    /// The provider that we register with, so that calls come to us.
    pub registration: Option<RegisterAt>,
    /// The number that is shown when nothing else says one.
    pub caller: Option<Number>,
    /// How the carrier is told who calls.
    pub identity: Identity,
    /// The first that fits changes a dialled number.
    pub rewrite: Vec<Rewrite>,
    /// Most calls that begin in a second, emergency calls not counted.
    pub calls_per_second: Option<u32>,
    /// Most calls in progress, those that came in among them.
    pub max_calls: Option<usize>,
    /// How often gateways are asked whether they live; `None`: never.
    pub options: Option<Duration>,
    /// How long a gateway may say nothing but 100 to a call; then the next one is tried. `None`: for ever.
    pub progress: Option<Duration>,
    /// How TLS begins with its gateways and registrar; needed where one of them is reached by it.
    pub tls: Option<Client>,
}

/// Whom we register with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterAt {
    /// The registrar; its host is also the domain of our address there.
    pub registrar: Gateway,
    /// How long a registration is asked to last.
    pub interval: Duration,
}

/// How a carrier is told who calls, beside From (RFC 3325).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Identity {
    /// P-Asserted-Identity: the carrier trusts us.
    #[default]
    Asserted,
    /// P-Preferred-Identity: the carrier decides.
    Preferred,
    /// Not at all.
    Off,
}

impl FromStr for Identity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Identity, &'static str> {
        match text {
            "asserted" => Ok(Identity::Asserted),
            "preferred" => Ok(Identity::Preferred),
            "off" => Ok(Identity::Off),
            _ => Err("\"asserted\", \"preferred\" or \"off\""),
        }
    }
}

/// Where a carrier takes calls or registrations: `sip:HOST[:PORT][;transport=tcp|tls]` or `sips:HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gateway {
    /// A name or an address, as in an address of SIP: IPv6 in brackets.
    pub host: String,
    port: Option<u16>,
    transport: Option<Transport>,
    is_sips: bool,
}

impl Gateway {
    /// The host and, where one is written, the port.
    pub fn host_port(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// The address of `user` there; of the gateway itself for `None`.
    pub fn uri(&self, user: Option<&str>) -> String {
        let user = user.map_or_else(String::new, |user| format!("{user}@"));
        let host_port = self.host_port();
        if self.is_sips {
            return format!("sips:{user}{host_port}");
        }
        format!("sip:{user}{host_port}{}", self.transport().parameter())
    }

    /// The port; where none is written, that of the transport.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(self.transport().default_port())
    }

    /// True when a port is written: then the name has addresses and no SRV records (RFC 3263 section 4.2).
    pub(super) fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// The transport; UDP where none is written.
    pub fn transport(&self) -> Transport {
        self.transport.unwrap_or(Transport::Udp)
    }

    /// The transport, where one is written.
    pub(super) fn transport_if_written(&self) -> Option<Transport> {
        self.transport
    }

    /// The host as the system's resolver takes it.
    pub(super) fn lookup_name(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl std::fmt::Display for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.uri(None))
    }
}

impl FromStr for Gateway {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Gateway, &'static str> {
        const WANTED: &str = "an address such as sip:sbc.example.com, sip:192.0.2.2:5070;transport=tcp or sip:sbc.example.com;transport=tls";
        let Ok(Uri::Sip(uri)) = Uri::parse(text) else { return Err(WANTED) };
        let is_plain = uri.user.is_none() && uri.password.is_none() && uri.headers.is_none();
        let knows_all = uri.params.iter().all(|(name, _)| name.eq_ignore_ascii_case("transport"));
        let named = uri.params.value("transport").map(str::to_ascii_lowercase);
        let transport = match (uri.secure, named.as_deref()) {
            (true, None | Some("tls")) | (false, Some("tls")) => Some(Transport::Tls),
            (true, Some(_)) => return Err("sips: without transport, for it is spoken over TLS"),
            (false, None) => None,
            (false, Some("udp")) => Some(Transport::Udp),
            (false, Some("tcp")) => Some(Transport::Tcp),
            (false, Some(_)) => return Err("transport=udp, transport=tcp or transport=tls"),
        };
        let is_host = match &uri.host {
            Host::Ip(ip) => !ip.is_unspecified() && !ip.is_multicast(),
            Host::Name(name) => !name.is_empty(),
        };
        if !is_plain || !knows_all || !is_host || uri.port == Some(0) {
            return Err(WANTED);
        }
        Ok(Gateway { host: uri.host.to_string(), port: uri.port, transport, is_sips: uri.secure })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_names_or_addresses_with_port_and_transport() {
        for (text, user, expected) in [
            ("sip:sbc.example.com", Some("123"), "sip:123@sbc.example.com"),
            ("sip:192.0.2.2:5070;transport=tcp", Some("+86"), "sip:+86@192.0.2.2:5070;transport=tcp"),
            ("sip:[2001:db8::1];transport=udp", None, "sip:[2001:db8::1]"),
            ("sip:sbc.example.com;transport=TLS", Some("1"), "sip:1@sbc.example.com;transport=tls"),
            ("sips:sbc.example.com:5071", Some("1"), "sips:1@sbc.example.com:5071"),
        ] {
            assert_eq!(text.parse::<Gateway>().unwrap().uri(user), expected);
        }
        let v6: Gateway = "sip:[2001:db8::1]".parse().unwrap();
        assert_eq!((v6.lookup_name(), v6.port()), ("2001:db8::1", 5060));
        let secure: Gateway = "sips:sbc.example.com".parse().unwrap();
        assert_eq!((secure.transport(), secure.port()), (Transport::Tls, 5061));
        for wrong in [
            "",
            "sbc.example.com",
            "sips:sbc.example.com;transport=tcp",
            "sip:user@sbc.example.com",
            "sip:sbc.example.com;lr",
            "sip:sbc.example.com;transport=ws",
            "sip:sbc.example.com?Route=x",
            "sip:0.0.0.0",
            "sip:h:0",
            "tel:123",
        ] {
            assert!(wrong.parse::<Gateway>().is_err(), "{wrong}");
        }
    }
}
