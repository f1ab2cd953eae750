//! A real kill −9 in the middle of a recording.

mod world;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use model::Codec;

use world::{World, channels, talk};

const VICTIM: &str = "HOTLINE_TEST_VICTIM";

/// The process that is killed: records, and tells after each 100 ms how much was spoken.
#[test]
fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    world.record(caller.leg, "killed.wav");
    println!("file {}", world.file("killed.wav").display());
    for tenth in 1..600 {
        talk(&mut [&mut caller], 5);
        println!("spoken {}", tenth * 100);
    }
    world.end();
}

#[test]
fn a_kill_costs_at_most_the_last_second() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["victim", "--exact", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut file, mut spoken) = (None, 0);
    for line in BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap) {
        if let Some((_, path)) = line.split_once("file ") {
            file = Some(path.to_owned());
        } else if let Some(milliseconds) = line.strip_prefix("spoken ") {
            spoken = milliseconds.parse::<usize>().unwrap();
        }
        if spoken >= 2500 {
            break;
        }
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    let path = std::path::PathBuf::from(file.unwrap());
    let (left, _) = channels(&path);
    assert!(left.len() / 8 + 1000 >= spoken, "{} of {spoken} ms", left.len() / 8);
    let repaired = archive::repair(&path, &archive::CenterKeys::default()).unwrap();
    assert!(repaired.duration_ms as usize >= left.len() / 8);
    let _ = std::fs::remove_dir_all(path.parent().and_then(|dir| dir.parent()).unwrap());
}
