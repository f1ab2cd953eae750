//! The registration of a seat with the registrar.
//!
//! ```text
//!   request ──► 401 or 407: Again (once) ──► request ──► 200: Done
//!      └────────────── anything else: Refused ◄───────────┘
//! ```

use std::net::SocketAddr;

use sip::{Credentials, Method, Random, Response, Status, answer_challenge};

/// One seat's REGISTER, and its answer to a challenge.
#[derive(Debug)]
pub(crate) struct Registration {
    credentials: Credentials,
    registrar: SocketAddr,
    local: SocketAddr,
    call_id: String,
    tag: String,
    sequence: u32,
    expires_s: u32,
    authorization: String,
}

/// What a response means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Registered.
    Done,
    /// Challenged: send the next request.
    Again,
    /// Refused, or challenged in a way that cannot be answered.
    Refused(Status),
    /// Not final.
    Pending,
}

impl Registration {
    /// A registration of `user` at `local`.
    pub(crate) fn new(
        user: &str,
        password: &str,
        registrar: SocketAddr,
        local: SocketAddr,
        random: &mut Random,
    ) -> Registration {
        Registration {
            credentials: Credentials { user: user.to_owned(), password: password.to_owned(), realm: None },
            registrar,
            local,
            call_id: random.token(),
            tag: random.token(),
            sequence: 0,
            expires_s: 3600,
            authorization: String::new(),
        }
    }

    /// From now on the requests take the registration back.
    pub(crate) fn leave(&mut self) {
        self.expires_s = 0;
        self.authorization.clear();
    }

    /// From now on a challenge may be answered again: the registration is renewed.
    pub(crate) fn begin_again(&mut self) {
        self.authorization.clear();
    }

    /// Responses carry it.
    pub(crate) fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The next request.
    pub(crate) fn request(&mut self, random: &mut Random) -> String {
        self.sequence += 1;
        let Registration { registrar, local, call_id, tag, sequence, expires_s, authorization, .. } = self;
        let (user, branch) = (&self.credentials.user, random.token());
        format!(
            "REGISTER sip:{registrar} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{registrar}>;tag={tag}\r\nTo: <sip:{user}@{registrar}>\r\n\
             Call-ID: {call_id}\r\nCSeq: {sequence} REGISTER\r\nContact: <sip:{user}@{local}>\r\n\
             Expires: {expires_s}\r\n{authorization}Content-Length: 0\r\n\r\n"
        )
    }

    /// A response to the last request.
    pub(crate) fn handle(&mut self, response: &Response, random: &mut Random) -> Progress {
        match response.status.code() {
            100..=199 => Progress::Pending,
            200..=299 => Progress::Done,
            401 if self.authorization.is_empty() => {
                self.answer(response, ("WWW-Authenticate", "Authorization"), random)
            }
            407 if self.authorization.is_empty() => {
                self.answer(response, ("Proxy-Authenticate", "Proxy-Authorization"), random)
            }
            _ => Progress::Refused(response.status),
        }
    }

    fn answer(&mut self, response: &Response, names: (&str, &str), random: &mut Random) -> Progress {
        let challenges: Vec<String> =
            response.headers.all(names.0).map(|value| String::from_utf8_lossy(value).into_owned()).collect();
        let uri = format!("sip:{}", self.registrar);
        match answer_challenge(&challenges, &self.credentials, &Method::Register, &uri, random) {
            Some(value) => {
                self.authorization = format!("{}: {value}\r\n", names.1);
                Progress::Again
            }
            None => Progress::Refused(response.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::{Message, parse_datagram};

    fn response(text: &str) -> Response {
        match parse_datagram(text.as_bytes()) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_challenge_is_answered_once() {
        let mut random = Random::new([7; 32]);
        let (registrar, local) = ("127.0.0.1:5060".parse().unwrap(), "127.0.0.1:5070".parse().unwrap());
        let mut registration = Registration::new("1001", "secret", registrar, local, &mut random);
        assert!(registration.request(&mut random).contains("CSeq: 1 REGISTER"));
        let challenge = response(
            "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nCall-ID: 1\r\n\
             CSeq: 1 REGISTER\r\nFrom: <sip:1001@a>;tag=1\r\nTo: <sip:1001@a>;tag=2\r\n\
             WWW-Authenticate: Digest realm=\"hotline\", nonce=\"abc\", algorithm=MD5, qop=\"auth\"\r\n\
             Content-Length: 0\r\n\r\n",
        );
        assert_eq!(registration.handle(&challenge, &mut random), Progress::Again);
        let second = registration.request(&mut random);
        assert!(second.contains("Authorization: Digest username=\"1001\""), "{second}");
        assert_eq!(registration.handle(&challenge, &mut random), Progress::Refused(challenge.status));
    }
}
