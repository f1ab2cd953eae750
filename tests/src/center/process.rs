//! The process of a center: its folder, its command line, its binary.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::ports::Ports;

/// Both streams into the log of this folder.
pub(super) fn logging(folder: &Path) -> (Stdio, Stdio) {
    let log = File::options().create(true).append(true).open(folder.join("center.log"));
    let log = log.expect("the story's folder can be written");
    let errors = log.try_clone().expect("a file has a second handle");
    (log.into(), errors.into())
}

/// What `--sip` says.
pub(super) fn listening(port: u16, both: bool) -> String {
    let v4 = format!("127.0.0.1:{port}");
    if both { format!("{v4},[::1]:{port}") } else { v4 }
}

pub(super) fn serve(
    (folder, prompts): (&Path, &Path),
    sip: &str,
    http: u16,
    ports: &Ports,
    (out, errors): (Stdio, Stdio),
) -> Child {
    let rtp = ports.rtp();
    Command::new(binary())
        .arg("serve")
        .current_dir(repository())
        .env("NO_COLOR", "1")
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--recordings")
        .arg(folder.join("recordings"))
        .arg("--config")
        .arg(folder.join("config"))
        .arg("--prompts")
        .arg(prompts)
        .args(["--sip", sip, "--http", &format!("127.0.0.1:{http}")])
        .args(["--rtp", &format!("{}-{}", rtp.start(), rtp.end())])
        .stdout(out)
        .stderr(errors)
        .spawn()
        .expect("hotline starts")
}

pub(crate) fn new_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let nth = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("hotline-story-{}-{nth}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder of temporary files can be written");
    folder
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the repository")
}

/// `$HOTLINE_BIN`, or the binary that `cargo build --bin hotline` put beside this test.
pub(crate) fn binary() -> PathBuf {
    let path = env::var_os("HOTLINE_BIN").map_or_else(beside_this_test, PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `cargo build --bin hotline` first", path.display());
    path
}

fn beside_this_test() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps");
    profile.join("hotline")
}
