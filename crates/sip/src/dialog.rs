//! The state that both ends of a session share (RFC 3261 section 12).

use crate::{Address, Headers, Method, Request, Response, Uri};

/// One dialog, early or confirmed.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    call_id: String,
    /// Our From (or To) value, tag included.
    local: Vec<u8>,
    /// The peer's, tag included once it is known.
    remote: Vec<u8>,
    remote_tag: Option<String>,
    /// The peer's Contact.
    target: String,
    route_set: Vec<String>,
    /// False when the answer that made it left out what a dialog needs.
    whole: bool,
    local_number: u32,
    remote_number: Option<u32>,
}

/// A request of the peer that is older than one that it sent before (section 12.2.2): 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfOrder;

impl Dialog {
    /// The dialog that our answer to `invite` makes; `local` is its To with our tag.
    pub(crate) fn answering(invite: &Request, local: Vec<u8>) -> Option<Dialog> {
        let from = invite.from().ok()?;
        Some(Dialog {
            call_id: invite.call_id().ok()?,
            local,
            remote: invite.headers.all("From").next()?.to_vec(),
            remote_tag: from.tag().map(str::to_owned),
            target: invite.addresses("Contact").ok()?.first()?.uri.to_string(),
            whole: true,
            route_set: invite.headers.list("Record-Route"),
            // Any start below 2³¹ will do; a small one leaves room.
            local_number: 1,
            remote_number: Some(invite.cseq().ok()?.number),
        })
    }

    /// The dialog that this 2xx to our `invite` makes. Without a To tag or a Contact that can be read it makes none
    /// that could go on ([`Dialog::is_whole`]), but ACK and BYE can be sent in it: to the INVITE's own Request-URI, to
    /// a To without tag. `None` when the invite itself has no From or Call-ID, which ours always have.
    pub(crate) fn answered(invite: &Request, response: &Response) -> Option<Dialog> {
        let to = response.to().ok();
        let contacts = response.addresses("Contact").unwrap_or_default();
        let remote = to.as_ref().and_then(|_| response.headers.all("To").next());
        let remote = remote.or_else(|| invite.headers.all("To").next())?;
        let contact = contacts.first().map(|contact| contact.uri.to_string());
        let remote_tag = to.as_ref().and_then(|to| to.tag()).map(str::to_owned);
        let mut route_set = response.headers.list("Record-Route");
        route_set.reverse();
        Some(Dialog {
            call_id: invite.call_id().ok()?,
            local: invite.headers.all("From").next()?.to_vec(),
            remote: remote.to_vec(),
            whole: remote_tag.is_some() && contact.is_some(),
            remote_tag,
            target: contact.unwrap_or_else(|| invite.uri.clone()),
            route_set,
            local_number: invite.cseq().ok()?.number,
            remote_number: None,
        })
    }

    /// False when it can only be ended.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(crate) fn remote_tag(&self) -> Option<&str> {
        self.remote_tag.as_deref()
    }

    /// The URI that the next request travels to first.
    pub(crate) fn next_hop(&self) -> &str {
        self.route_set.first().map_or(&self.target, |route| route)
    }

    pub(crate) fn has_routes(&self) -> bool {
        !self.route_set.is_empty()
    }

    /// True for a number above all that the peer has used.
    pub(crate) fn is_next_remote(&self, number: u32) -> bool {
        self.remote_number.is_none_or(|last| number > last)
    }

    /// The peer's next request; ACK and CANCEL do not count.
    pub(crate) fn advance_remote(&mut self, number: u32) -> Result<(), OutOfOrder> {
        if !self.is_next_remote(number) {
            return Err(OutOfOrder);
        }
        self.remote_number = Some(number);
        Ok(())
    }

    /// A Contact in a re-INVITE, UPDATE or their answers moves the peer (section 12.2).
    pub(crate) fn refresh_target(&mut self, contacts: &[Address]) {
        if let Some(contact) = contacts.first() {
            self.target = contact.uri.to_string();
        }
    }

    /// Our next request, still without Via; its number counts up.
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_number += 1;
        self.numbered(method, self.local_number)
    }

    /// Our numbers go on after those that were used in `early`, the same dialog before its 2xx.
    pub(crate) fn number_from(&mut self, early: &Dialog) {
        self.local_number = self.local_number.max(early.local_number);
    }

    /// The ACK of a 2xx to the INVITE with this number (section 13.2.2.4).
    pub(crate) fn ack(&self, number: u32) -> Request {
        self.numbered(Method::Ack, number)
    }

    fn numbered(&self, method: Method, number: u32) -> Request {
        let mut headers = Headers::new();
        headers.push("Max-Forwards", "70");
        let (uri, routes) = self.route();
        routes.iter().for_each(|route| headers.push("Route", route));
        headers.push("From", &self.local);
        headers.push("To", &self.remote);
        headers.push("Call-ID", &self.call_id);
        headers.push("CSeq", format!("{number} {method}"));
        Request { method, uri, headers, body: Vec::new() }
    }

    /// Request-URI and Route (section 12.2.1.1): a first hop without `lr` takes the place of the target.
    fn route(&self) -> (String, Vec<String>) {
        let strict = self
            .route_set
            .first()
            .and_then(|route| Address::parse(route))
            .filter(|address| matches!(&address.uri, Uri::Sip(uri) if uri.params.find("lr").is_none()));
        match strict {
            None => (self.target.clone(), self.route_set.clone()),
            Some(first) => {
                let mut routes: Vec<String> = self.route_set.iter().skip(1).cloned().collect();
                routes.push(format!("<{}>", self.target));
                (first.uri.to_string(), routes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, parse_datagram};

    fn invite(record_route: &str) -> Request {
        let text = format!(
            "INVITE sip:8000@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@a>;tag=1\r\n\
             To: <sip:8000@h>\r\nCall-ID: c\r\nCSeq: 5 INVITE\r\nContact: <sip:a@192.0.2.1:5070>\r\n{record_route}\r\n"
        );
        match parse_datagram(text.as_bytes()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a response"),
        }
    }

    #[test]
    fn requests_follow_loose_and_strict_routes() {
        let to = b"<sip:8000@h>;tag=2".to_vec();
        let loose = invite("Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n");
        let bye = Dialog::answering(&loose, to.clone()).unwrap().request(Method::Bye);
        assert_eq!(bye.uri, "sip:a@192.0.2.1:5070");
        assert_eq!(bye.headers.list("Route"), ["<sip:p1;lr>", "<sip:p2;lr>"]);
        let strict = invite("Record-Route: <sip:p1>, <sip:p2;lr>\r\n");
        let bye = Dialog::answering(&strict, to).unwrap().request(Method::Bye);
        assert_eq!(bye.uri, "sip:p1");
        assert_eq!(bye.headers.list("Route"), ["<sip:p2;lr>", "<sip:a@192.0.2.1:5070>"]);
    }

    #[test]
    fn numbers_only_rise() {
        let mut dialog = Dialog::answering(&invite(""), b"<sip:8000@h>;tag=2".to_vec()).unwrap();
        assert_eq!(dialog.advance_remote(5), Err(OutOfOrder));
        assert_eq!(dialog.advance_remote(9), Ok(()));
        assert_eq!(dialog.advance_remote(6), Err(OutOfOrder));
        let (first, second) = (dialog.request(Method::Info), dialog.request(Method::Bye));
        assert!(first.cseq().unwrap().number < second.cseq().unwrap().number);
    }
}
