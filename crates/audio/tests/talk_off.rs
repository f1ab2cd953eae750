//! Speech is no key: the detector listens to all prompts, and to espeak-ng reading aloud. Needs `ffmpeg` and
//! `espeak-ng` (tests/install.sh brings them).

use std::io::Write;
use std::process::{Command, Stdio};

use audio::dtmf::DtmfDetector;

/// Runs a program with `input`; what it writes.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is not installed: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || _ = stdin.write_all(input));
        child.wait_with_output().expect("it ends").stdout
    })
}

/// Any audio file as samples of 8 kHz, as loud as a telephone carries them.
fn samples(file: &[u8]) -> Vec<i16> {
    let arguments = "-hide_banner -loglevel error -i - -af volume=4dB -ar 8000 -ac 1 -f s16le -";
    let bytes = run("ffmpeg", &arguments.split(' ').collect::<Vec<_>>(), file);
    bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
}

fn keys(samples: &[i16]) -> Vec<u8> {
    let (mut detector, mut keys) = (DtmfDetector::default(), Vec::new());
    samples.chunks(160).for_each(|frame| detector.listen(frame, |key| keys.push(key)));
    keys
}

#[test]
fn no_prompt_and_no_music_is_heard_as_a_key() {
    let prompts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts");
    let mut seconds = 0;
    for folder in ["en-US", "zh-CN", "music"] {
        let files = std::fs::read_dir(format!("{prompts}/{folder}")).expect("the prompts");
        for path in files.map(|file| file.expect("an entry").path()) {
            if path.extension().is_some_and(|extension| extension == "wav") {
                let file = run("cat", &[&path.to_string_lossy()], &[]);
                let samples = samples(&file);
                seconds += samples.len() / 8000;
                assert_eq!(keys(&samples), [], "{}", path.display());
            }
        }
    }
    println!("{seconds} s of prompts");
    assert!(seconds > 150);
}

/// Words of many vowels; the voices differ in pitch and speed.
const TEXT: &str = "All agents are busy. You are number seven in the queue, and the wait is about nine minutes. \
    We know how to move you through. Please allow a year or two; our email is info at example dot org. \
    Are you in a hurry? I owe you an hour. Say yes or no, zero or one, two, three, four, five, six, seven, eight, \
    nine, ten, eleven, twelve. Mama, papa, Lulu, Momo. Oo, ee, aa, oh, ah, ay, eye, owe.";

#[test]
fn no_synthetic_voice_is_heard_as_a_key() {
    let mut seconds = 0;
    for voice in
        ["en-us", "en-us+f2", "en-us+f4", "en-us+m3", "en-us+m7", "en-us+whisper", "de", "it+f3", "cmn"]
    {
        for (pitch, speed) in [("20", "120"), ("50", "160"), ("99", "220")] {
            let arguments = ["-v", voice, "-p", pitch, "-s", speed, "--stdout", TEXT];
            let samples = samples(&run("espeak-ng", &arguments, &[]));
            seconds += samples.len() / 8000;
            assert_eq!(keys(&samples), [], "{voice} at pitch {pitch}, speed {speed}");
        }
    }
    println!("{seconds} s of synthetic voices");
    assert!(seconds > 600);
}
