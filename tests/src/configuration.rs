//! A configuration of one's own: the sample, with changes.

use std::fs;
use std::path::Path;

/// Copies the folder and replaces, in the copy, each change's old text in its file by the new one.
///
/// # Panics
/// When a file cannot be copied or does not hold the old text.
pub(crate) fn copy(from: &Path, to: &Path, changes: &[(&str, &str, &str)]) {
    copy_folder(from, to);
    replace(to, changes);
}

/// Replaces each change's old text in its file by the new one.
///
/// # Panics
/// When a file does not hold the old text.
pub(crate) fn replace(folder: &Path, changes: &[(&str, &str, &str)]) {
    for (file, old, new) in changes {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).expect("the configuration has the file");
        assert!(text.contains(old), "{} does not hold {old:?}", path.display());
        fs::write(&path, text.replace(old, new)).expect("the story's folder can be written");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the story's folder can be written");
    for entry in fs::read_dir(from).expect("the sample configuration can be read") {
        let path = entry.expect("a folder's entries can be read").path();
        let copy = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).expect("the story's folder can be written");
        }
    }
}
