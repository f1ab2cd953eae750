use std::fs;

use super::*;
use audio::tone::level_db;

struct Dir(testing::Scratch);

impl Dir {
    fn new(name: &str) -> Dir {
        let scratch = testing::Scratch::new(name);
        fs::create_dir(scratch.join("zh-CN")).unwrap();
        Dir(scratch)
    }

    /// One second of 440 Hz on every channel.
    fn tone(&self, name: &str, rate: u32, channels: u16) {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(self.0.join(name), spec).unwrap();
        for index in 0..rate {
            let phase = f64::from(index) * 440.0 / f64::from(rate) * std::f64::consts::TAU;
            for _ in 0..channels {
                writer.write_sample((phase.sin() * 16_000.0) as i16).unwrap();
            }
        }
        writer.finalize().unwrap();
    }
}

#[test]
fn any_rate_and_channels_become_8_khz() {
    let dir = Dir::new("rates");
    for (name, rate, channels) in
        [("zh-CN/a.wav", 8000, 1), ("b.wav", 44_100, 2), ("c.WAV", 16_000, 1), ("d.wav", 48_000, 2)]
    {
        dir.tone(name, rate, channels);
    }
    fs::write(dir.0.join("README.md"), "not a clip").unwrap();
    let Loaded { prompts, faults, remarks } = Prompts::load(dir.0.path(), None);
    assert!(faults.is_empty() && remarks.is_empty(), "{faults:?} {remarks:?}");
    for name in ["zh-CN/a", "b", "c", "d"] {
        assert!(prompts.duration_ms(name).unwrap().abs_diff(1000) <= 1, "{name}");
        let clip = prompts.find(name).unwrap();
        let level = level_db(&clip.samples[400..7600], 440.0);
        assert!((level + 6.2).abs() < 0.3, "{name}: {level} dB");
    }
    assert!(!prompts.contains("README") && !prompts.contains("a"));
}

#[test]
fn flac_mp3_and_ogg_are_heard() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clips");
    for name in ["tone.flac", "tone.mp3", "tone.ogg"] {
        let (clip, remark) = read(&root.join(name), None).unwrap();
        assert_eq!(remark, None, "{name}");
        let length = clip.samples.len();
        assert!(length.abs_diff(4000) < 500, "{name}: {length}");
        assert!(level_db(&clip.samples[800..3200], 440.0) > -30.0, "{name}");
    }
}

#[test]
fn the_clips_of_the_repository_are_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts");
    let Loaded { prompts, .. } = Prompts::load(&root, None);
    for clip in ["zh-CN/welcome", "en-US/welcome", "zh-CN/num-10", "en-US/num-20", "music/default"] {
        assert!(prompts.duration_ms(clip).is_some_and(|length| length > 100), "{clip}");
    }
}

#[test]
fn everything_wrong_is_named_at_once_and_the_rest_is_heard() {
    let dir = Dir::new("wrong");
    dir.tone("one.wav", 8000, 1);
    dir.tone("good.wav", 8000, 1);
    for (name, bytes) in [("one.mp3", "no"), ("two.flac", "no flac"), ("three.m4a", ""), ("good.gsm", "")] {
        fs::write(dir.0.join(name), bytes).unwrap();
    }
    let Loaded { prompts, faults, .. } = Prompts::load(dir.0.path(), None);
    let of = |clip: &str| faults.iter().find(|fault| fault.clip.as_deref() == Some(clip)).unwrap();
    assert_eq!(faults.len(), 3, "{faults:?}");
    let twice = of("one").error.to_string();
    assert!(twice.contains("one.mp3") && twice.contains("one.wav"), "{twice}");
    assert!(of("two").error.to_string().contains("two.flac"));
    assert!(of("three").error.conversion().unwrap().starts_with("ffmpeg -i"));
    assert!(prompts.contains("good") && !prompts.contains("two"));
    let Loaded { faults, .. } = Prompts::load(&dir.0.join("missing"), None);
    assert!(
        matches!(faults[..], [Fault { clip: None, error: PromptError::Unreadable { .. } }]),
        "{faults:?}"
    );
}

#[test]
fn what_other_programs_leave_behind_is_passed_over() {
    let dir = Dir::new("leftovers");
    dir.tone("zh-CN/welcome.wav", 8000, 1);
    fs::create_dir_all(dir.0.join(".hidden")).unwrap();
    for name in ["zh-CN/._welcome.wav", "._other.mp3", ".hidden/a.wav", ".DS_Store"] {
        fs::write(dir.0.join(name), b"\0\x05\x16\x07").unwrap();
    }
    let Loaded { prompts, faults, .. } = Prompts::load(dir.0.path(), None);
    assert!(faults.is_empty() && prompts.contains("zh-CN/welcome"), "{faults:?}");
}

/// A WAV file of one second of 440 Hz with the lengths in its header as `change` leaves them.
fn wav(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let dir = Dir::new("header");
    dir.tone("a.wav", 8000, 1);
    let mut bytes = fs::read(dir.0.join("a.wav")).unwrap();
    change(&mut bytes);
    bytes
}

#[test]
fn wav_headers_that_lie_are_passed_over() {
    let lengths = |riff: u32, data: u32| {
        move |bytes: &mut Vec<u8>| {
            bytes[4..8].copy_from_slice(&riff.to_le_bytes());
            bytes[40..44].copy_from_slice(&data.to_le_bytes());
        }
    };
    let behind = |bytes: &mut Vec<u8>| {
        lengths(u32::MAX, u32::MAX)(bytes);
        bytes.extend_from_slice(b"LIST\x0a\0\0\0INFOhello!");
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(44 + 12_001);
    let rows = [
        ("as it is", wav(|_| {}), 8000, false),
        ("no lengths", wav(lengths(0, 0)), 8000, false),
        ("to a pipe", wav(lengths(u32::MAX, u32::MAX)), 8000, false),
        ("to a pipe, less the header", wav(lengths(0x7fff_ffff, 0x7fff_ffff - 36)), 8000, false),
        ("to a pipe, with names behind", wav(behind), 8000, false),
        (
            "8 too few around it",
            wav(|bytes| bytes[4..8].copy_from_slice(&16_028_u32.to_le_bytes())),
            8000,
            false,
        ),
        ("cut off", wav(cut), 6000, true),
        ("a second too long", wav(lengths(32_036, 32_000)), 8000, true),
    ];
    for (name, bytes, length, is_short) in rows {
        let dir = Dir::new("lies");
        fs::write(dir.0.join("a.wav"), bytes).unwrap();
        let Loaded { prompts, faults, remarks } = Prompts::load(dir.0.path(), None);
        assert!(faults.is_empty(), "{name}: {faults:?}");
        let clip = prompts.find("a").unwrap();
        assert_eq!(clip.samples.len(), length, "{name}");
        assert_eq!(remarks.iter().any(|remark| remark.is_short), is_short, "{name}: {remarks:?}");
        assert!((level_db(&clip.samples[400..5600], 440.0) + 6.2).abs() < 0.3, "{name}");
    }
}

/// Files made by another program, each of which every player plays: arguments of ffmpeg or SoX, the name, and how many
/// seconds of 440 Hz are in it.
#[test]
fn what_players_play_is_heard() {
    let dir = Dir::new("players");
    let tone = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=2";
    let ffmpeg = [
        format!("{tone} -c:a libopus opus.ogg"),
        format!("{tone} -ac 2 -c:a libopus wide.opus"),
        format!("{tone} -c:a libvorbis one.ogg"),
        format!("{tone} -ar 22050 -ac 2 -c:a libvorbis two.ogg"),
        format!("{tone} mono.mp3"),
        format!("{tone} -ac 2 stereo.mp3"),
        format!("{tone} -ar 22050 slow.mp3"),
        format!("{tone} -c:a libmp3lame mp3_in.wav"),
        format!("{tone} -c:a pcm_alaw -ar 8000 alaw.wav"),
        format!("{tone} -c:a adpcm_ima_wav ima.wav"),
        format!("{tone} -c:a pcm_f32le float.wav"),
        format!("{tone} -c:a pcm_s24le -ac 6 surround.wav"),
        format!("{tone} plain.flac"),
    ];
    for arguments in &ffmpeg {
        let mut run = std::process::Command::new("ffmpeg");
        run.args(["-loglevel", "error", "-y"]).args(arguments.split(' ')).current_dir(dir.0.path());
        match run.status() {
            Ok(status) => assert!(status.success(), "ffmpeg {arguments}"),
            Err(_) => return eprintln!("ffmpeg is missing: its files were not heard"),
        }
    }
    let mut sox = std::process::Command::new("sox");
    sox.args("-n -r 8000 -c 1 -e gsm-full-rate gsm.wav synth 2 sine 440 vol 0.2".split(' '));
    assert!(sox.current_dir(dir.0.path()).status().unwrap().success());
    let bytes = |name: &str| fs::read(dir.0.join(name)).unwrap();
    let join = |name: &str, parts: &[&[u8]]| fs::write(dir.0.join(name), parts.concat()).unwrap();
    let picture = [b"ID3\x04\0\0\0\0\x7f\x00".to_vec(), vec![0xff; 127 << 7]].concat();
    join("chained.ogg", &[&bytes("one.ogg"), &bytes("two.ogg")]);
    join("channels.mp3", &[&bytes("mono.mp3"), &bytes("stereo.mp3")]);
    join("rates.mp3", &[&bytes("mono.mp3"), &bytes("slow.mp3")]);
    join("picture.flac", &[&picture, &bytes("plain.flac")]);
    join("tagged.mp3", &[&picture, &picture, &bytes("mono.mp3")]);
    let flac = bytes("plain.flac");
    join("cut.flac", &[&flac[..flac.len() / 2]]);
    let ogg = bytes("one.ogg");
    join("short.ogg", &[&ogg[..ogg.len() * 3 / 4]]);
    let mut broken = bytes("stereo.mp3");
    let middle = broken.len() / 2;
    broken[middle..middle + 700].fill(0x55);
    join("broken.mp3", &[&broken]);

    let Loaded { prompts, faults, remarks } = Prompts::load(dir.0.path(), None);
    assert!(faults.is_empty(), "{faults:?}");
    for (name, seconds) in
        [("chained", 4), ("channels", 4), ("rates", 4), ("cut", 0), ("short", 1), ("broken", 1)]
            .into_iter()
            .chain(
                [
                    "opus", "stereo", "wide", "picture", "mp3_in", "alaw", "ima", "float", "surround",
                    "tagged", "gsm",
                ]
                .map(|name| (name, 2)),
            )
    {
        let clip = prompts.find(name).unwrap();
        let length = clip.samples.len();
        assert!(length + 900 > seconds * 8000 && length < seconds.max(2) * 8000 + 1600, "{name}: {length}");
        for second in clip.samples.chunks_exact(8000) {
            let level = level_db(&second[800..7200], 440.0);
            assert!(level > -36.0, "{name}: {level} dB");
        }
    }
    let short = |name: &str| remarks.iter().any(|remark| remark.path.ends_with(name) && remark.is_short);
    assert!(short("cut.flac") || short("short.ogg"), "{remarks:?}");
}

#[test]
fn a_large_clip_is_decoded_once_and_again_when_its_file_changes() {
    let (dir, kept) = (Dir::new("large"), Dir::new("kept"));
    let cache = kept.0.join("clips");
    let samples = |level: i16| {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(dir.0.join("a.wav"), spec).unwrap();
        (0..600_000).for_each(|_| writer.write_sample(level).unwrap());
        writer.finalize().unwrap();
    };
    let first = || Prompts::load(dir.0.path(), Some(&cache)).prompts.find("a").unwrap().samples[0];
    let names = || fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    samples(100);
    assert_eq!(first(), 100);
    let [only] = &names()[..] else { panic!("{:?}", names()) };
    // What is kept is what is heard.
    let mut bytes = fs::read(only).unwrap();
    bytes[24] = 101;
    fs::write(only, &bytes).unwrap();
    assert_eq!(first(), 101);
    fs::write(only, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(first(), 100, "a cut file is none");
    samples(200);
    assert_eq!((first(), names().len()), (200, 2));
    for round in 0..40 {
        fs::write(cache.join(format!("{round:064}.clip")), "old").unwrap();
    }
    first();
    assert!(names().len() <= 18, "{}", names().len());
}

fn clips(clips: &[(&str, i16)]) -> Prompts {
    let mut prompts = Prompts::empty();
    clips.iter().for_each(|(name, sample)| prompts.insert(name, &[*sample; 160]));
    prompts
}

#[test]
fn clips_that_sound_as_before_stay_and_a_replaced_one_lives_as_long_as_it_plays() {
    let shelf = Shelf::new(Arc::new(clips(&[("same", 1), ("changed", 1), ("gone", 1)])));
    let find = |name: &str| shelf.with(|prompts| prompts.find(name));
    let (same, playing) = (find("same").unwrap(), find("changed").unwrap());
    let changed: Vec<_> = shelf.changes(&clips(&[("same", 1), ("changed", 2), ("new", 3)]));
    let changed: Vec<_> =
        changed.iter().map(|clip| (clip.name.as_str(), clip.before_ms, clip.after_ms)).collect();
    assert_eq!(changed, [("changed", Some(20), Some(20)), ("gone", Some(20), None), ("new", None, Some(20))]);
    shelf.replace(&clips(&[("same", 1), ("changed", 2), ("new", 3)]));
    assert_eq!(find("same").unwrap().edition, same.edition);
    assert_eq!((find("changed").unwrap().samples[0], playing.samples[0]), (2, 1));
    assert!(find("gone").is_none() && find("new").is_some());
    let kept = || shelf.replaced.lock().unwrap().len();
    assert_eq!(kept(), 1, "what nobody plays is given up at once");
    assert_eq!(Arc::strong_count(&playing), 2, "a media thread that stops playing frees nothing");
    drop(playing);
    shelf.replace(&clips(&[("same", 1), ("changed", 2), ("new", 3)]));
    assert_eq!(kept(), 0);
}
