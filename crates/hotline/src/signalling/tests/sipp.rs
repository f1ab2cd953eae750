//! SIPp calls, registers, gives up and answers.

use std::process::{Command, Stdio};

use super::*;
use crate::signalling::SignallingInput;

/// Plays a center that answers every call, until the given number of calls has ended.
fn answer_all(world: World, calls: usize) -> tokio::task::JoinHandle<Vec<Cause>> {
    tokio::spawn(async move {
        let mut causes = Vec::new();
        while causes.len() < calls {
            match world.next().await {
                SignallingInput::Invited(leg, _) => {
                    world.signalling.order(leg, LegOrder::Ring);
                    world.answer(leg);
                }
                SignallingInput::Leg(_, LegReport::Ended { cause }) => causes.push(cause),
                SignallingInput::Leg(..) => {}
                seat @ SignallingInput::Seat { .. } => panic!("{seat:?}"),
            }
        }
        world.signalling.stop().await;
        causes
    })
}

async fn sipp(arguments: &[&str], remote: std::net::SocketAddr) {
    let mut command = Command::new("sipp");
    command
        .args(["-timeout", "30", "-timeout_error", "-nostdin", "-i", "127.0.0.1", "-p", "0"])
        .args(arguments)
        .arg(remote.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap();
    let status = status.expect("sipp is installed (Debian package sip-tester)");
    assert!(status.success(), "sipp {arguments:?}: {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_by_udp() {
    let world = World::start(1_000).await;
    let bound = world.address();
    let center = answer_all(world, 50);
    sipp(&["-sn", "uac", "-s", "8000", "-m", "50", "-r", "50"], bound).await;
    assert_eq!(center.await.unwrap(), [Cause::HungUp; 50]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_by_tcp() {
    let world = World::start(1_000).await;
    let bound = world.address();
    let center = answer_all(world, 50);
    sipp(&["-t", "t1", "-sn", "uac", "-s", "8000", "-m", "50", "-r", "50"], bound).await;
    assert_eq!(center.await.unwrap(), [Cause::HungUp; 50]);
}

fn scenario(name: &str) -> String {
    format!("{}/src/signalling/{name}.xml", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_registers_with_digest_by_udp_and_tcp() {
    for transport in ["u1", "t1"] {
        let world = World::start(100).await;
        let scenario = scenario("register");
        sipp(&["-sf", &scenario, "-t", transport, "-m", "1"], world.address()).await;
        assert_eq!(world.next().await, super::world::seat(true));
        world.signalling.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_callers_give_up_while_it_rings() {
    for transport in ["u1", "t1"] {
        let world = World::start(1_000).await;
        let bound = world.address();
        let center = tokio::spawn(async move {
            let mut cancelled = 0;
            while cancelled < 20 {
                match world.next().await {
                    SignallingInput::Invited(leg, _) => world.signalling.order(leg, LegOrder::Ring),
                    seat @ SignallingInput::Seat { .. } => panic!("{seat:?}"),
                    SignallingInput::Leg(_, report) => {
                        assert_eq!(report, LegReport::Ended { cause: Cause::Cancelled });
                        cancelled += 1;
                    }
                }
            }
            world.signalling.stop().await;
            assert!(world.center.try_recv().is_err());
        });
        let scenario = scenario("cancel");
        sipp(&["-sf", &scenario, "-t", transport, "-m", "20", "-r", "50"], bound).await;
        center.await.unwrap();
    }
}

/// The seat is sipp's own answering scenario, on a port that the registering phone names as its contact.
#[tokio::test(flavor = "multi_thread")]
async fn sipp_answers_as_an_agent() {
    let mut world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut request = phone.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
    request.headers.set_first("Contact", format!("<sip:1001@127.0.0.1:{port}>"));
    assert_eq!(phone.send_proven(&request, "1001", "sample-1001").await.status.code(), 200);
    world.next().await;
    let bound = world.address();
    let seat = tokio::spawn(async move {
        sipp(&["-sn", "uas", "-p", &port, "-m", "1"], bound).await;
    });
    // Until it listens its port is closed, which is noticed.
    let leg = loop {
        let leg = world.dial();
        let (reported, report) = world.report().await;
        assert_eq!(reported, leg);
        if report == LegReport::Ringing {
            break leg;
        }
        assert_eq!(report, LegReport::Refused(Refusal::Unreachable));
    };
    assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
    world.signalling.order(leg, LegOrder::HangUp(Cause::HungUp));
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::HungUp }));
    seat.await.unwrap();
    world.signalling.stop().await;
}
