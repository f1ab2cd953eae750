//! Manipulations of a folder, and what the check finds.

use super::*;
use model::Ids;
use testing::Scratch;

/// 2026-11-24 00:00 UTC.
const DAY: i64 = 1_795_478_400_000;

struct World {
    scratch: Scratch,
    keys: PublicKeys,
}

impl World {
    /// Three recordings on one day, two on the next.
    fn new(name: &str) -> World {
        let scratch = Scratch::new(name);
        let key = SigningKey::open(scratch.path()).unwrap();
        let keys = PublicKeys::parse(&key.public_pem()).unwrap();
        let world = World { scratch, keys };
        let mut manifests = Manifests::open(&world.root_made(), key, Zone::default()).unwrap();
        for n in 0..5 {
            manifests.append(world.line(n)).unwrap();
        }
        assert_eq!((world.findings(), manifests.last_seq()), (vec![], 50));
        world
    }

    fn root(&self) -> PathBuf {
        self.scratch.path().join("recordings")
    }

    fn root_made(&self) -> PathBuf {
        fs::create_dir_all(self.root()).unwrap();
        self.root()
    }

    fn path(n: u64) -> String {
        format!("2026/11/{}/{n}.wav", if n < 3 { 24 } else { 25 })
    }

    fn line(&self, n: u64) -> Line {
        let at = Time::from_unix_ms(DAY + if n < 3 { 0 } else { 86_400_000 } + n as i64);
        let (path, bytes) = (World::path(n), format!("audio of {n}"));
        let file = self.root().join(&path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &bytes).unwrap();
        Line {
            seq: (n + 1) * 10,
            at,
            fate: Fate::Sealed,
            recording: RecordingId::new(&mut Ids::new(1), at),
            contact: ContactId::new(&mut Ids::new(1), at),
            path,
            sha256: sha256(&bytes),
            bytes: bytes.len() as u64,
            duration_ms: 1000,
            gaps: Vec::new(),
        }
    }

    fn manifest(&self, day: u32) -> PathBuf {
        self.root().join(format!("2026/11/{day}/{MANIFEST}"))
    }

    fn edit(&self, day: u32, edit: impl FnOnce(&mut Vec<String>)) {
        let text = fs::read_to_string(self.manifest(day)).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        edit(&mut lines);
        fs::write(self.manifest(day), lines.join("\n") + "\n").unwrap();
    }

    fn findings(&self) -> Vec<Finding> {
        check(&[self.root()], &self.keys).unwrap().0
    }
}

#[test]
fn files_that_are_missing_altered_or_inserted_are_named() {
    let world = World::new("manifest-files");
    fs::remove_file(world.root().join(World::path(0))).unwrap();
    fs::write(world.root().join(World::path(1)), "other audio").unwrap();
    fs::write(world.root().join("2026/11/25/new.wav"), "more").unwrap();
    let findings = world.findings();
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert_eq!(findings[0], Finding::FileMissing { path: World::path(0) });
    assert!(matches!(&findings[1], Finding::FileAltered { path, .. } if *path == World::path(1)));
    assert_eq!(findings[2], Finding::FileInserted { path: "2026/11/25/new.wav".to_owned() });
}

#[test]
fn a_line_that_is_altered_has_a_bad_signature_and_breaks_the_chain() {
    let world = World::new("manifest-altered");
    world.edit(24, |lines| lines[1] = lines[1].replace("1000", "2000"));
    let manifest = format!("2026/11/24/{MANIFEST}");
    let bad = Finding::BadSignature { manifest: manifest.clone(), line: 2 };
    assert_eq!(world.findings(), [bad, Finding::ChainBroken { manifest, line: 3 }]);
}

#[test]
fn lines_taken_out_swapped_or_cut_off_are_missed() {
    let world = World::new("manifest-order");
    let whole = fs::read_to_string(world.manifest(24)).unwrap();
    world.edit(24, |lines| _ = lines.remove(1));
    assert!(matches!(world.findings()[0], Finding::EntriesMissing { from: 2, until: 2, .. }));
    fs::write(world.manifest(24), &whole).unwrap();
    world.edit(24, |lines| lines.swap(0, 1));
    assert!(world.findings().iter().any(|finding| matches!(finding, Finding::Reordered { .. })));
    fs::write(world.manifest(24), &whole).unwrap();
    // The last line of a day that is over: the next day is chained to it.
    world.edit(24, |lines| _ = lines.pop());
    assert!(matches!(world.findings()[0], Finding::EntriesMissing { from: 3, until: 3, .. }));
    fs::write(world.manifest(24), &whole).unwrap();
    // The very last line, with its file.
    world.edit(25, |lines| _ = lines.pop());
    fs::remove_file(world.root().join(World::path(4))).unwrap();
    assert_eq!(world.findings(), [Finding::Truncated { head: 5, last: 4 }]);
    // A whole day.
    fs::remove_dir_all(world.root().join("2026/11/25")).unwrap();
    assert_eq!(world.findings(), [Finding::Truncated { head: 5, last: 3 }]);
}

#[test]
fn another_key_proves_nothing() {
    let world = World::new("manifest-key");
    let other = Scratch::new("manifest-other");
    let key = SigningKey::open(other.path()).unwrap();
    let forged = PublicKeys::parse(&key.public_pem()).unwrap();
    let (findings, entries) = check(&[world.root()], &forged).unwrap();
    assert_eq!((findings.len(), entries), (6, 5), "five lines and the head: {findings:?}");
    let both = PublicKeys::parse(&(key.public_pem() + &own_pem(&world))).unwrap();
    assert_eq!(check(&[world.root()], &both).unwrap().0, []);
}

fn own_pem(world: &World) -> String {
    SigningKey::open(world.scratch.path()).unwrap().public_pem()
}

#[test]
fn one_days_folder_can_be_checked_alone_and_elsewhere() {
    let world = World::new("manifest-alone");
    let copy = Scratch::new("manifest-copy");
    for n in 3..5 {
        let name = format!("{n}.wav");
        fs::copy(world.root().join(World::path(n)), copy.path().join(name)).unwrap();
    }
    fs::copy(world.manifest(25), copy.path().join(MANIFEST)).unwrap();
    assert_eq!(check(&[copy.path().to_owned()], &world.keys).unwrap(), (vec![], 2));
    fs::write(copy.path().join("4.wav"), "other").unwrap();
    let (findings, _) = check(&[copy.path().to_owned()], &world.keys).unwrap();
    assert!(matches!(findings[..], [Finding::FileAltered { .. }]), "{findings:?}");
}

#[test]
fn a_writer_goes_on_behind_a_torn_line_and_repeats_nothing() {
    let world = World::new("manifest-torn");
    let whole = fs::read_to_string(world.manifest(25)).unwrap();
    let torn = whole.trim_end().len() - 20;
    fs::write(world.manifest(25), &whole[..torn]).unwrap();
    let key = SigningKey::open(world.scratch.path()).unwrap();
    let mut manifests = Manifests::open(&world.root(), key, Zone::default()).unwrap();
    assert_eq!(manifests.last_seq(), 40);
    for n in 0..5 {
        manifests.append(world.line(n)).unwrap();
    }
    assert_eq!((world.findings(), fs::read_to_string(world.manifest(25)).unwrap()), (vec![], whole));
}

#[test]
fn the_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new("manifest-mode");
    let mode = fs::metadata(world.scratch.path().join("recordings.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
