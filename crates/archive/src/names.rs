//! What the files of a recording are called.

use model::{ContactId, ENCRYPTED};

/// The path of a recording that began on this date (year, month, day), below the recordings folder. It stands in the
/// log and in the manifest line.
pub fn path_of(contact: ContactId, (year, month, day): (i64, u32, u32), encrypted: bool) -> String {
    let ending = if encrypted { ENCRYPTED } else { "" };
    format!("{year:04}/{month:02}/{day:02}/{contact}.wav{ending}")
}

/// The contact that a recording's file is named after.
pub fn contact_of(path: &str) -> Option<ContactId> {
    let name = path.rsplit('/').next()?;
    name.split('.').next()?.parse().ok()
}

/// The path of a recording's FLAC copy: beside the recording, and encrypted if the recording is. `None` for a path
/// that is not a recording's.
pub fn flac_name(path: &str) -> Option<String> {
    let clear = path.strip_suffix(ENCRYPTED);
    let stem = clear.unwrap_or(path).strip_suffix(".wav")?;
    Some(format!("{stem}.flac{}", clear.map_or("", |_| ENCRYPTED)))
}

/// The path at which the copy is made, until it was compared with the recording.
pub fn flac_part_name(path: &str) -> Option<String> {
    let copy = flac_name(path)?;
    // The ending says whether the file is encrypted; a part keeps it.
    Some(match copy.strip_suffix(ENCRYPTED) {
        Some(clear) => format!("{clear}.part{ENCRYPTED}"),
        None => format!("{copy}.part"),
    })
}

/// Every path that may hold audio of a recording. All of them must be gone when it is erased.
pub fn paths_of(path: &str) -> impl Iterator<Item = String> {
    [Some(path.to_owned()), flac_name(path), flac_part_name(path)].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use model::{Ids, Time};

    use super::*;

    #[test]
    fn a_recording_is_found_again_by_its_name() {
        let contact = ContactId::new(&mut Ids::new(1), Time::from_unix_ms(0));
        for encrypted in [false, true] {
            let path = path_of(contact, (2026, 3, 9), encrypted);
            assert!(path.starts_with("2026/03/09/") && path.ends_with(ENCRYPTED) == encrypted, "{path}");
            assert_eq!(contact_of(&path), Some(contact));
        }
        assert_eq!(contact_of("2026/03/09/stray.wav"), None);
    }

    #[test]
    fn a_copy_lies_beside_its_recording_and_is_encrypted_as_it_is() {
        let name = |path| flac_name(path);
        assert_eq!(name("2026/11/24/c.wav").as_deref(), Some("2026/11/24/c.flac"));
        assert_eq!(name("2026/11/24/c.wav.enc").as_deref(), Some("2026/11/24/c.flac.enc"));
        let all = |path| paths_of(path).collect::<Vec<_>>().join(" ");
        assert_eq!(all("c.wav.enc"), "c.wav.enc c.flac.enc c.flac.part.enc");
        assert_eq!(all("c.wav"), "c.wav c.flac c.flac.part");
        assert_eq!((name("c.flac"), name("manifest.jsonl")), (None, None));
    }
}
