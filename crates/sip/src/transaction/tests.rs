//! Every machine, state by input, on a virtual clock.

use super::*;
use crate::Moment;
use crate::{Headers, Method, Request, Status};

fn ms(ms: u64) -> Moment {
    Moment::from_ms(ms)
}

fn request(method: Method) -> Request {
    let headers = Headers::new()
        .with("Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx")
        .with("From", "<sip:a@a>;tag=1")
        .with("To", "<sip:b@b>")
        .with("Call-ID", "c")
        .with("CSeq", format!("7 {method}"));
    Request { method, uri: "sip:b@b".to_owned(), headers, body: Vec::new() }
}

fn response(code: u16) -> Response {
    let headers = Headers::new().with("To", "<sip:b@b>;tag=2");
    Response { status: Status::new(code).unwrap(), reason: Vec::new(), headers, body: Vec::new() }
}

/// Short names for steps: `S` send, `D` deliver, `T` timed out, `X` terminated.
fn letters(out: &mut Vec<Step>) -> String {
    out.drain(..)
        .map(|step| match step {
            Step::Send(_) => 'S',
            Step::Deliver(_) => 'D',
            Step::TimedOut => 'T',
            Step::Terminated => 'X',
        })
        .collect()
}

/// Runs timers until none is left; gives the moments with what happened there.
fn run<M>(
    machine: &mut M,
    next: fn(&M) -> Option<Moment>,
    fire: fn(&mut M, Moment, &mut Vec<Step>),
) -> Vec<(u64, String)> {
    let mut happened = Vec::new();
    while let Some(at) = next(machine) {
        let mut out = Vec::new();
        fire(machine, at, &mut out);
        happened.push((at.ms(), letters(&mut out)));
    }
    happened
}

fn times(happened: &[(u64, String)], what: &str) -> Vec<u64> {
    happened.iter().filter(|(_, letters)| letters == what).map(|(at, _)| *at).collect()
}

#[test]
fn an_unanswered_invite_is_sent_seven_times_in_32_seconds() {
    let mut out = Vec::new();
    let mut machine = InviteClient::start(ms(0), request(Method::Invite), false, &mut out);
    assert_eq!(letters(&mut out), "S");
    let happened = run(&mut machine, InviteClient::poll_timeout, InviteClient::handle_timeout);
    assert_eq!(times(&happened, "S"), [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!(happened.last(), Some(&(32_000, "TX".to_owned())));
}

#[test]
fn other_requests_are_resent_at_most_every_four_seconds() {
    let mut out = Vec::new();
    let mut machine = Client::start(ms(0), request(Method::Bye), false, &mut out);
    let happened = run(&mut machine, Client::poll_timeout, Client::handle_timeout);
    let expected = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(times(&happened, "S"), expected);
    assert_eq!(happened.last(), Some(&(32_000, "TX".to_owned())));
}

#[test]
fn nothing_is_resent_where_the_transport_is_reliable() {
    let mut out = Vec::new();
    let mut invite = InviteClient::start(ms(0), request(Method::Invite), true, &mut out);
    let happened = run(&mut invite, InviteClient::poll_timeout, InviteClient::handle_timeout);
    assert_eq!(happened, [(32_000, "TX".to_owned())]);
    let mut bye = Client::start(ms(0), request(Method::Bye), true, &mut out);
    let happened = run(&mut bye, Client::poll_timeout, Client::handle_timeout);
    assert_eq!(happened, [(32_000, "TX".to_owned())]);
    let mut server = InviteServer::start(ms(0), true, b"100".to_vec());
    server.respond(ms(0), Status::BUSY_HERE, b"486".to_vec(), &mut out);
    let happened = run(&mut server, InviteServer::poll_timeout, InviteServer::handle_timeout);
    assert_eq!(happened, [(32_000, "TX".to_owned())]);
}

/// Columns: the inputs 180, 200, 486; what each does in each state.
#[test]
fn invite_client_table() {
    use invite_client::State;
    let states: [(&str, &[u16], [&str; 3]); 4] = [
        ("Calling", &[], ["D", "D", "SD"]),
        ("Proceeding", &[180], ["D", "D", "SD"]),
        ("Accepted", &[200], ["", "D", ""]),
        ("Completed", &[486], ["", "", "S"]),
    ];
    for (name, path, row) in states {
        for (code, expected) in [180, 200, 486].into_iter().zip(row) {
            let mut out = Vec::new();
            let mut machine = InviteClient::start(ms(0), request(Method::Invite), false, &mut out);
            path.iter().for_each(|code| machine.handle_response(ms(1), response(*code), &mut out));
            let is_in = match machine.state() {
                State::Calling => "Calling",
                State::Proceeding => "Proceeding",
                State::Completed { .. } => "Completed",
                State::Accepted => "Accepted",
                State::Terminated => "Terminated",
            };
            assert_eq!(is_in, name);
            out.clear();
            machine.handle_response(ms(2), response(code), &mut out);
            assert_eq!(letters(&mut out), expected, "{name} {code}");
        }
    }
}

#[test]
fn invite_client_ends_by_timers_d_and_m() {
    for (code, reliable, at) in
        [(486, false, 32_001), (486, true, 1), (200, false, 32_001), (200, true, 32_001)]
    {
        let mut out = Vec::new();
        let mut machine = InviteClient::start(ms(0), request(Method::Invite), reliable, &mut out);
        machine.handle_response(ms(1), response(code), &mut out);
        let happened = run(&mut machine, InviteClient::poll_timeout, InviteClient::handle_timeout);
        assert_eq!(happened, [(at, "X".to_owned())], "{code} {reliable}");
    }
}

#[test]
fn the_ack_of_a_refusal_repeats_the_request() {
    let mut out = Vec::new();
    let mut machine = InviteClient::start(ms(0), request(Method::Invite), false, &mut out);
    out.clear();
    machine.handle_response(ms(1), response(486), &mut out);
    let Some(Step::Send(ack)) = out.first() else { panic!("{out:?}") };
    let text = String::from_utf8(ack.clone()).unwrap();
    for line in ["ACK sip:b@b SIP/2.0", "branch=z9hG4bKx", "To: <sip:b@b>;tag=2", "CSeq: 7 ACK"] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn client_table() {
    use client::State;
    for (state, path, row) in [
        (State::Trying, &[][..], ["D", "D", "D"]),
        (State::Proceeding, &[180], ["D", "D", "D"]),
        (State::Completed, &[200], ["", "", ""]),
    ] {
        for (code, expected) in [180, 200, 481].into_iter().zip(row) {
            let mut out = Vec::new();
            let mut machine = Client::start(ms(0), request(Method::Bye), false, &mut out);
            path.iter().for_each(|code| machine.handle_response(ms(1), response(*code), &mut out));
            assert_eq!(machine.state(), state);
            out.clear();
            machine.handle_response(ms(2), response(code), &mut out);
            assert_eq!(letters(&mut out), expected, "{state:?} {code}");
        }
    }
    for (reliable, at) in [(false, 5_001), (true, 1)] {
        let mut out = Vec::new();
        let mut machine = Client::start(ms(0), request(Method::Bye), reliable, &mut out);
        machine.handle_response(ms(1), response(200), &mut out);
        let happened = run(&mut machine, Client::poll_timeout, Client::handle_timeout);
        assert_eq!(happened, [(at, "X".to_owned())]);
        assert_eq!(machine.state(), State::Terminated);
    }
}

#[test]
fn a_proceeding_request_is_resent_every_four_seconds() {
    let mut out = Vec::new();
    let mut machine = Client::start(ms(0), request(Method::Options), false, &mut out);
    machine.handle_response(ms(1), response(100), &mut out);
    let happened = run(&mut machine, Client::poll_timeout, Client::handle_timeout);
    assert_eq!(times(&happened, "S"), [500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500]);
}

/// Columns: a copy of the request, the ACK, an answer 180, 200, 486.
#[test]
fn invite_server_table() {
    use invite_server::State;
    let states: [(&str, &[u16], bool, [&str; 5]); 5] = [
        ("Proceeding", &[], false, ["", "", "S", "S", "S"]),
        ("Proceeding", &[180], false, ["S", "", "S", "S", "S"]),
        ("Accepted", &[200], false, ["", "", "", "", ""]),
        ("Completed", &[486], false, ["S", "", "", "", ""]),
        ("Confirmed", &[486], true, ["", "", "", "", ""]),
    ];
    for (name, path, acknowledged, row) in states {
        for (input, expected) in row.into_iter().enumerate() {
            let mut out = Vec::new();
            let mut machine = InviteServer::start(ms(0), false, b"100".to_vec());
            let answer = |machine: &mut InviteServer, code, out: &mut Vec<Step>| {
                machine.respond(ms(1), Status::new(code).unwrap(), b"x".to_vec(), out);
            };
            path.iter().for_each(|code| answer(&mut machine, *code, &mut out));
            if acknowledged {
                machine.handle_ack(ms(1));
            }
            let is_in = match machine.state() {
                State::Proceeding { .. } => "Proceeding",
                State::Completed { .. } => "Completed",
                State::Confirmed => "Confirmed",
                State::Accepted => "Accepted",
                State::Terminated => "Terminated",
            };
            assert_eq!(is_in, name);
            out.clear();
            match input {
                0 => machine.handle_copy(&mut out),
                1 => machine.handle_ack(ms(2)),
                2 => answer(&mut machine, 180, &mut out),
                3 => answer(&mut machine, 200, &mut out),
                _ => answer(&mut machine, 486, &mut out),
            }
            assert_eq!(letters(&mut out), expected, "{name} input {input}");
        }
    }
}

#[test]
fn a_refusal_is_resent_until_acknowledged_or_given_up() {
    let mut out = Vec::new();
    let mut machine = InviteServer::start(ms(0), false, b"100".to_vec());
    machine.respond(ms(0), Status::BUSY_HERE, b"486".to_vec(), &mut out);
    let happened = run(&mut machine, InviteServer::poll_timeout, InviteServer::handle_timeout);
    assert_eq!(times(&happened, "S")[..5], [500, 1_500, 3_500, 7_500, 11_500]);
    assert_eq!(happened.last(), Some(&(32_000, "TX".to_owned())));

    let mut machine = InviteServer::start(ms(0), false, b"100".to_vec());
    machine.respond(ms(0), Status::BUSY_HERE, b"486".to_vec(), &mut out);
    machine.handle_ack(ms(100));
    let happened = run(&mut machine, InviteServer::poll_timeout, InviteServer::handle_timeout);
    assert_eq!(happened, [(5_100, "X".to_owned())]);
}

#[test]
fn a_slow_user_is_covered_by_a_100() {
    let mut machine = InviteServer::start(ms(0), false, b"100".to_vec());
    let happened = run(&mut machine, InviteServer::poll_timeout, InviteServer::handle_timeout);
    assert_eq!(happened, [(200, "S".to_owned())]);
}

#[test]
fn server_repeats_its_answer_for_32_seconds() {
    use server::State;
    for (reliable, at) in [(false, 32_001), (true, 1)] {
        let mut out = Vec::new();
        let mut machine = Server::start(reliable);
        machine.handle_copy(&mut out);
        assert_eq!(letters(&mut out), "");
        machine.respond(ms(1), Status::TRYING, b"100".to_vec(), &mut out);
        machine.handle_copy(&mut out);
        assert_eq!(letters(&mut out), "SS");
        machine.respond(ms(1), Status::OK, b"200".to_vec(), &mut out);
        machine.handle_copy(&mut out);
        machine.respond(ms(1), Status::OK, b"again".to_vec(), &mut out);
        assert_eq!(letters(&mut out), "SS");
        assert_eq!(machine.state(), &State::Completed { last: b"200".to_vec() });
        let happened = run(&mut machine, Server::poll_timeout, Server::handle_timeout);
        assert_eq!(happened, [(at, "X".to_owned())]);
        machine.handle_copy(&mut out);
        assert_eq!(letters(&mut out), "");
    }
}
