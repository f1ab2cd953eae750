//! The SIP message layer against the least that any reader does: checking the bytes and finding the lines.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hotline_benches::{INVITE, REGISTER};
use sip::parse_datagram;

criterion_group!(benches, read, print);
criterion_main!(benches);

fn read(criterion: &mut Criterion) {
    for (name, bytes) in [("invite", INVITE), ("register", REGISTER)] {
        let mut group = criterion.benchmark_group(format!("sip/read/{name}"));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("scan", |b| b.iter(|| scan(black_box(bytes))));
        group.bench_function("sip", |b| b.iter(|| parse_datagram(black_box(bytes))));
        group.bench_function("sip, headers understood", |b| b.iter(|| understood(black_box(bytes))));
        group.bench_function("rsip", |b| b.iter(|| rsip::SipMessage::try_from(black_box(bytes))));
        group.finish();
    }
}

fn print(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sip/print/invite");
    group.throughput(Throughput::Bytes(INVITE.len() as u64));
    let message = parse_datagram(INVITE).expect("the sample is valid: a unit test reads it");
    let other = rsip::SipMessage::try_from(INVITE).expect("the sample is valid: a unit test reads it");
    group.bench_function("copy", |b| b.iter(|| black_box(INVITE).to_vec()));
    group.bench_function("sip", |b| b.iter(|| black_box(&message).print()));
    group.bench_function("rsip", |b| b.iter(|| black_box(&other).to_string().into_bytes()));
    group.finish();
}

/// UTF-8 checked and lines counted.
fn scan(bytes: &[u8]) -> Option<usize> {
    Some(std::str::from_utf8(bytes).ok()?.split("\r\n").count())
}

/// What a transaction and a dialog look at.
fn understood(bytes: &[u8]) -> bool {
    let Ok(sip::Message::Request(request)) = parse_datagram(bytes) else { return false };
    request.via().is_ok()
        && request.from().is_ok()
        && request.to().is_ok()
        && request.cseq().is_ok()
        && request.call_id().is_ok()
        && request.addresses("Contact").is_ok()
        && request.target().is_ok()
}
