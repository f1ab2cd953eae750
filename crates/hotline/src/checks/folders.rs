//! Folders that a center writes to: a file is made in each, written, forced to disk and removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use text::{Text, text};
use udp::{Space, space};

use super::{Finding, cause};
use crate::config::Server;
use crate::system::folders::Folders;

/// Bytes below which no call should begin that is to be recorded.
pub(crate) const LEAST: u64 = 16 << 20;
/// Bytes below which a person should make room.
pub(crate) const LITTLE: u64 = 1 << 30;
/// What is written into a folder to try it, in bytes: more than a file system keeps beside a file's name.
const TRIAL: usize = 8_192;

pub(super) fn check(server: &Server, folders: &Folders) -> Vec<Finding> {
    let clips = folders.data.join("clips");
    let named = [
        ("data", Some(folders.data.as_path()), "--data", true),
        ("clips", Some(clips.as_path()), "--data", false),
        ("recordings", Some(folders.recordings.as_path()), "--recordings", true),
        ("fallback", server.recordings_fallback.as_deref(), "fallback in hotline.toml", true),
    ];
    let mut findings = Vec::new();
    for (name, folder, setting, own_space) in named {
        let Some(folder) = folder else { continue };
        // A data folder that fails takes its clips with it: the cause is named once.
        if name == "clips" && try_folder(&folders.data).is_err() {
            continue;
        }
        let path = folder.display();
        match try_folder(folder) {
            Err(Text { en, zh }) => findings.push(Finding::failed(
                name,
                text!("{path} cannot be written: {en}", "{path} 无法写入：{zh}"),
                text!(
                    "let the user that runs Hotline write there, or name another folder ({setting})",
                    "请让运行 Hotline 的用户可写，或用 {setting} 指定其他目录"
                ),
            )),
            Ok(()) if own_space => findings.push(room(name, folder)),
            Ok(()) => findings.push(Finding::good(name, text!("{path} can be written", "{path} 可写"))),
        }
    }
    findings
}

/// Makes a file in the folder, which is made when it is not there, writes it, forces it to disk and removes it.
///
/// # Errors
/// What was tried and what the system said.
pub(crate) fn try_folder(folder: &Path) -> Result<(), Text> {
    if fs::metadata(folder).is_ok_and(|found| !found.is_dir()) {
        return Err(text!("a file stands in its place", "该位置是一个文件"));
    }
    fs::create_dir_all(folder).map_err(|error| {
        let why = cause(&error);
        text!("it cannot be made: {why}", "无法创建目录：{why}")
    })?;
    let trial = folder.join(format!(".hotline-trial-{}", std::process::id()));
    let tried = write(&trial);
    // Where it was not made, there is nothing to remove.
    let removed = fs::remove_file(&trial);
    let forced = || File::open(folder).and_then(|folder| folder.sync_all());
    tried.and(removed).and_then(|()| forced()).map_err(|error| {
        let why = cause(&error);
        text!("{why}", "{why}")
    })
}

fn write(trial: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(trial)?;
    file.write_all(&[0; TRIAL])?;
    file.sync_all()
}

fn room(name: &'static str, folder: &Path) -> Finding {
    let path = folder.display();
    let Ok(Space { free, .. }) = space(folder) else {
        return Finding::good(name, text!("{path} can be written", "{path} 可写"));
    };
    let free_mb = free / 1_000_000;
    let what = text!("{path}: {free_mb} MB are free", "{path}：剩余 {free_mb} MB");
    let next = text!("make room there", "请清理出空间");
    match free {
        ..LEAST => Finding::failed(name, what, next),
        LEAST..LITTLE => Finding::warning(name, what, next),
        LITTLE.. => Finding::good(
            name,
            text!("{path} can be written, {free_mb} MB free", "{path} 可写，剩余 {free_mb} MB"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_tried_and_left_as_it_was() {
        let folder = testing::Scratch::new("trial");
        assert_eq!(try_folder(&folder.join("below")), Ok(()));
        assert_eq!(fs::read_dir(folder.join("below")).expect("it was made").count(), 0);
        fs::write(folder.join("file"), "").expect("the folder can be written");
        let said = try_folder(&folder.join("file")).expect_err("a file is no folder");
        assert_eq!(said.en, "a file stands in its place");
        let said = try_folder(Path::new("/proc/self/none")).expect_err("nothing can be made there");
        assert_eq!(said.en, "it cannot be made: No such file or directory");
    }
}
