//! What the benchmarks read.

/// An INVITE with an offer, as a softphone behind a proxy sends it.
pub const INVITE: &[u8] = b"INVITE sip:8000@127.0.0.1:5060 SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport\r\n\
Via: SIP/2.0/TCP 198.51.100.7:49152;branch=z9hG4bKnashds8;received=203.0.113.9\r\n\
Record-Route: <sip:192.0.2.1;lr;transport=udp>\r\n\
Max-Forwards: 69\r\n\
From: \"Li Hua\" <sip:+861088880000@example.com>;tag=1928301774\r\n\
To: <sip:8000@example.com>\r\n\
Call-ID: a84b4c76e66710@198.51.100.7\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:+861088880000@198.51.100.7:49152;transport=tcp>\r\n\
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\n\
Supported: timer, replaces, outbound\r\n\
Session-Expires: 1800\r\n\
User-Agent: softphone 4.2\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 229\r\n\
\r\n\
v=0\r\n\
o=- 3724394400 3724394400 IN IP4 198.51.100.7\r\n\
s=call\r\n\
c=IN IP4 198.51.100.7\r\n\
t=0 0\r\n\
m=audio 49170 RTP/AVP 8 0 101\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-15\r\n\
a=sendrecv\r\n";

/// A REGISTER that answers a digest challenge.
pub const REGISTER: &[u8] = b"REGISTER sip:127.0.0.1:5060 SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.4:5062;branch=z9hG4bKhjhs8ass877;rport\r\n\
Max-Forwards: 70\r\n\
From: <sip:1001@127.0.0.1>;tag=456248\r\n\
To: <sip:1001@127.0.0.1>\r\n\
Call-ID: 843817637684230@998sdasdh09\r\n\
CSeq: 1827 REGISTER\r\n\
Contact: <sip:1001@192.0.2.4:5062>;expires=600\r\n\
Authorization: Digest username=\"1001\", realm=\"hotline\", nonce=\"84a4cc6f3082121f32b42a2187831a9e\", \
uri=\"sip:127.0.0.1:5060\", response=\"7587245234b3434cc3412213e5f113a5\", algorithm=MD5, \
cnonce=\"0a4f113b\", nc=00000001, qop=auth\r\n\
User-Agent: softphone 4.2\r\n\
Content-Length: 0\r\n\
\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    /// A wrong Content-Length would measure the refusal of a message instead of its reading.
    #[test]
    fn the_messages_are_whole() {
        for (message, method) in [(INVITE, "INVITE"), (REGISTER, "REGISTER")] {
            let Ok(sip::Message::Request(request)) = sip::parse_datagram(message) else {
                panic!("{method} is not read")
            };
            assert_eq!(request.method.to_string(), method);
            let tail = message.windows(4).position(|end| end == b"\r\n\r\n").map(|at| &message[at + 4..]);
            assert_eq!(tail, Some(request.body.as_slice()));
            assert!(rsip::SipMessage::try_from(message).is_ok());
        }
    }
}
