//! A REGISTER made of any text, and a removal after it.

use ::sip::{
    Address, Flow, Headers, Method, Moment, Registrar, RegistrarSettings, Request, Status, Transport,
};

const USER: &str = "1001";

/// The registrar keeps its limits, says what it keeps, and forgets it in time.
pub(crate) fn register(text: &str) {
    let limits = RegistrarSettings::default();
    let mut registrar = Registrar::new(limits.clone());
    let now = Moment::from_ms(1_000);
    // The first line is the Contact, the second the Expires.
    let (contact, expires) = text.split_once('\n').unwrap_or((text, "60"));
    for number in 1..=2 {
        let request = request(number, contact, expires);
        let answer = registrar.handle_register(now, USER, &request, flow());
        let bindings = registrar.bindings(now, USER);
        assert!(bindings.len() <= limits.max_contacts);
        for binding in bindings {
            let seconds = binding.expires.since(now).as_secs();
            assert!((u64::from(limits.min_expires)..=u64::from(limits.max_expires)).contains(&seconds));
            let ip = binding.destination().address.ip();
            assert_eq!(ip, flow().source.ip(), "calls go where the REGISTER came from");
        }
        if answer.status == Status::OK {
            let listed = answer.headers.list("Contact");
            assert_eq!(listed.len(), bindings.len());
            assert!(listed.iter().all(|contact| Address::parse(contact).is_some()), "{listed:?}");
        }
    }
    while let Some(due) = registrar.poll_timeout() {
        registrar.handle_timeout(due);
        assert!(registrar.poll_timeout().is_none_or(|next| next > due), "a time-out moves on");
    }
    assert!(registrar.bindings(now, USER).is_empty(), "every binding ends");
}

fn request(number: u32, contact: &str, expires: &str) -> Request {
    let headers = Headers::new()
        .with("Call-ID", "one")
        .with("CSeq", format!("{number} REGISTER"))
        .with("Contact", contact)
        .with("Expires", expires);
    Request { method: Method::Register, uri: "sip:192.0.2.1".to_owned(), headers, body: Vec::new() }
}

fn flow() -> Flow {
    let (source, local) = ("192.0.2.7:5070", "192.0.2.1:5060");
    let address = |text: &str| text.parse().expect("an address");
    Flow { transport: Transport::Udp, source: address(source), local: address(local) }
}
