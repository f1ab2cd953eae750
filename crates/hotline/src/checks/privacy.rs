//! Whether other users of the machine could read what is kept here.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What other users of the machine may read or enter of these files, and of what lies in these folders. A folder that
/// they may not enter keeps all that is in it from them.
pub fn readable_by_others(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut open = Vec::new();
    for path in paths.iter().filter(|path| is_open(path)) {
        match std::fs::read_dir(path) {
            Ok(entries) => {
                let inside = entries.filter_map(|entry| Some(entry.ok()?.path()));
                open.extend(inside.filter(|path| is_open(path) && !is_ours_to_show(path)));
            }
            // A file.
            Err(_) => open.push(path.clone()),
        }
    }
    open.sort();
    open
}

fn is_open(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

/// What came with the program: hidden files and texts about the folder.
fn is_ours_to_show(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") || name.ends_with(b".md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_may_read_is_named() {
        let scratch = testing::Scratch::new("privacy");
        let folder = scratch.join("recordings");
        let (day, readme) = (folder.join("2026"), folder.join("README.md"));
        std::fs::create_dir_all(&day).unwrap();
        std::fs::write(&readme, "about").unwrap();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let paths = [folder.clone(), folder.join("missing")];
        set(&readme, 0o644);
        set(&day, 0o755);
        set(&folder, 0o750);
        assert!(readable_by_others(&paths).is_empty(), "nobody comes in");
        for mode in [0o751, 0o755, 0o777] {
            set(&folder, mode);
            assert_eq!(readable_by_others(&paths), std::slice::from_ref(&day));
        }
        set(&day, 0o750);
        assert!(readable_by_others(&paths).is_empty());
        let alone = std::slice::from_ref(&readme);
        assert_eq!(readable_by_others(alone), alone);
    }
}
