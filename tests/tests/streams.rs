//! What the process is started with and asked by others: standard streams that are stuck or gone, and signals.

use std::io::{PipeWriter, Write, pipe};
use std::process::Stdio;
use std::thread;

use hotline_tests::{Center, Phone, wait_for};

/// A pipe that holds all that fits into it, and takes nothing any more.
fn full_pipe() -> (std::io::PipeReader, PipeWriter) {
    let (reader, writer) = pipe().expect("a pipe");
    let mut filling = writer.try_clone().expect("a pipe has a second handle");
    // It waits for room once the pipe is full, for as long as the story lasts.
    thread::spawn(move || while filling.write_all(&[b'.'; 4096]).is_ok() {});
    (reader, writer)
}

fn streams(writer: &PipeWriter) -> (Stdio, Stdio) {
    let writer = || Stdio::from(writer.try_clone().expect("a pipe has a second handle"));
    (writer(), writer())
}

/// A call that is answered, recorded and in progress.
fn in_a_call(center: &Center) -> Phone {
    let mut customer = Phone::customer(center, "alice", 440);
    customer.dial("8000");
    center.record_for_seconds(1);
    customer
}

#[test]
fn a_pipe_that_nobody_reads_stops_no_call() {
    let (reader, writer) = full_pipe();
    let mut center = Center::start_writing_to(&[], |_| streams(&writer));
    let mut customer = in_a_call(&center);
    customer.hang_up();
    center.wait_until_sealed(1);
    let _waiting = in_a_call(&center);
    center.ask_to_end();
    wait_for("no new calls", || center.is_draining().then_some(()));
    center.ask_to_end();
    assert!(center.wait_for_end().success());
    assert!(center.listing("recordings").iter().all(|row| row["state"] == "sealed"));
    drop(reader);
}

#[test]
fn a_stream_whose_reader_is_gone_ends_nothing() {
    let (reader, writer) = pipe().expect("a pipe");
    let mut center = Center::start_writing_to(&[], |_| streams(&writer));
    drop(reader);
    let mut customer = in_a_call(&center);
    center.ask_to_end();
    wait_for("no new calls", || center.is_draining().then_some(()));
    center.record_for_seconds(1);
    customer.hang_up();
    assert!(center.wait_for_end().success());
    assert_eq!(center.listing("recordings")[0]["state"], "sealed");
}

#[test]
fn signals_that_ask_nothing_of_it_end_nothing() {
    let center = Center::start();
    let mut customer = in_a_call(&center);
    for name in ["HUP", "USR1", "USR2", "ALRM", "IO", "VTALRM", "PROF", "PIPE"] {
        center.signal(name);
    }
    center.record_for_seconds(1);
    customer.hang_up();
    center.wait_until_sealed(1);
    center.wait_for_log("signal=\"USR1\"");
    center.wait_for_log("the configuration was read anew");
}

#[test]
fn a_second_request_to_stop_ends_calls_properly_at_once() {
    for name in ["TERM", "INT", "QUIT"] {
        let mut center = Center::start();
        let customer = in_a_call(&center);
        center.signal(name);
        wait_for("no new calls", || center.is_draining().then_some(()));
        center.record_for_seconds(1);
        center.signal(name);
        assert!(center.wait_for_end().success(), "{name}");
        customer.wait_for_log("session closed", 1);
        assert_eq!(center.listing("recordings")[0]["state"], "sealed", "{name}");
    }
}
