//! The clips that callers hear: read at the start and whenever they are replaced, resampled, encoded for both laws of
//! G.711, and shared.

mod cache;
mod container;
mod figures;
mod folder;
mod joining;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use audio::g711::Law;

use cache::Cache;
pub use figures::ClipFigures;
use read::Heard;

/// One clip, ready to be sent.
#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) edition: Edition,
    pub(crate) samples: Box<[i16]>,
    pub(crate) mu: Box<[u8]>,
    pub(crate) a: Box<[u8]>,
}

/// The id of a clip, unique in this process: a clip that replaces another of the same name has another id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edition(u64);

impl Edition {
    fn next() -> Edition {
        static READ: AtomicU64 = AtomicU64::new(0);
        Edition(READ.fetch_add(1, Ordering::Relaxed))
    }

    #[cfg(test)]
    pub(crate) const fn nth(number: u64) -> Edition {
        Edition(number)
    }
}

/// All clips by name: folder and stem of the file (`zh-CN/welcome`).
#[derive(Debug, Default)]
pub struct Prompts {
    clips: BTreeMap<String, Arc<Clip>>,
}

/// What a prompts folder holds.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The clips that can be heard.
    pub prompts: Prompts,
    /// Files that give no clip, in the order of their paths, with the reason.
    pub faults: Vec<Fault>,
    /// Files of which a part cannot be heard.
    pub remarks: Vec<Remark>,
}

/// A clip whose sound has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipChange {
    /// Its name.
    pub name: String,
    /// How long it was, in ms; `None` for a new one.
    pub before_ms: Option<u64>,
    /// How long it is, in ms; `None` when there is none any more.
    pub after_ms: Option<u64>,
}

/// A file that gives no clip.
#[derive(Debug)]
pub struct Fault {
    /// The clip that it would have given; `None` when the file has no name that a clip can have, or is a folder.
    pub clip: Option<String>,
    /// What is wrong.
    pub error: PromptError,
}

/// A file of which a part cannot be heard.
#[derive(Debug, PartialEq, Eq)]
pub struct Remark {
    /// The file.
    pub path: PathBuf,
    /// It ends before its header says so.
    pub is_short: bool,
    /// Pieces that could not be decoded.
    pub skipped: u32,
}

/// What is wrong with one file of the prompts folder.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// A folder or file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no audio that we can decode.
    #[error("cannot decode {}: {why}", path.display())]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        why: String,
    },
    /// The file's name is of a kind of audio that is not read here.
    #[error("{} is of a kind that is not read here", .0.display())]
    Foreign(PathBuf),
    /// The file holds no sound.
    #[error("{} holds no audio", .0.display())]
    Empty(PathBuf),
    /// Two files give the same clip.
    #[error("{} and {} are the same clip", .0.display(), .1.display())]
    Twice(PathBuf, PathBuf),
}

impl PromptError {
    /// The file or folder with the error.
    pub fn path(&self) -> &Path {
        match self {
            PromptError::Unreadable { path, .. }
            | PromptError::Undecodable { path, .. }
            | PromptError::Foreign(path)
            | PromptError::Empty(path)
            | PromptError::Twice(_, path) => path,
        }
    }

    /// A command that converts the file to one that can be read, where that may help.
    pub fn conversion(&self) -> Option<String> {
        match self {
            PromptError::Undecodable { path, .. } | PromptError::Foreign(path) => {
                let (from, to) = (path.display(), path.with_extension("8k.wav"));
                Some(format!("ffmpeg -i '{from}' -ac 1 -ar 8000 '{}'", to.display()))
            }
            PromptError::Unreadable { .. } | PromptError::Empty(_) | PromptError::Twice(..) => None,
        }
    }
}

/// The most threads that read files side by side.
const MOST_THREADS: usize = 4;

impl Prompts {
    /// No clips at all.
    pub fn empty() -> Prompts {
        Prompts::default()
    }

    /// Reads every WAV, FLAC, MP3 and OGG file (Vorbis, Opus) below `dir`, of any rate and number of channels. Names
    /// that begin with a dot are passed over. What takes long to decode is kept in `cache` for the next time.
    pub fn load(dir: &Path, cache: Option<&Path>) -> Loaded {
        let cache = cache.map(Cache::new);
        let (mut files, mut loaded) = (Vec::new(), Loaded::default());
        folder::find(dir, dir, &mut files, &mut loaded.faults);
        files.sort();
        let mut files = folder::without_twins(dir, files, &mut loaded.faults);
        files.retain(|(name, path)| {
            let is_foreign = folder::is_foreign(path);
            if is_foreign {
                let error = PromptError::Foreign(path.clone());
                loaded.faults.push(Fault { clip: Some(name.clone()), error });
            }
            !is_foreign
        });
        for ((name, path), read) in files.iter().zip(read_all(&files, cache.as_ref())) {
            match read {
                Ok((clip, remark)) => {
                    loaded.prompts.clips.insert(name.clone(), Arc::new(clip));
                    loaded.remarks.extend(remark.map(|(is_short, skipped)| Remark {
                        path: path.clone(),
                        is_short,
                        skipped,
                    }));
                }
                Err(error) => loaded.faults.push(Fault { clip: Some(name.clone()), error }),
            }
        }
        if let Some(cache) = cache {
            cache.tidy();
        }
        loaded.faults.sort_by(|one, other| one.error.path().cmp(other.error.path()));
        loaded
    }

    /// This set, but with the clips of `before` where they sound the same.
    fn sharing(&self, before: &Prompts) -> Prompts {
        let mut shared = Prompts { clips: self.clips.clone() };
        for (name, clip) in &mut shared.clips {
            if let Some(known) = before.clips.get(name).filter(|known| known.samples == clip.samples) {
                *clip = Arc::clone(known);
            }
        }
        shared
    }

    /// The differences from this set to `after`, in the order of the clips' names.
    fn changes(&self, after: &Prompts) -> Vec<ClipChange> {
        let names: BTreeSet<&String> = self.clips.keys().chain(after.clips.keys()).collect();
        let length =
            |clip: Option<&Arc<Clip>>| clip.map(|clip| crate::clock::milliseconds(clip.samples.len() as u64));
        let pairs = names.into_iter().map(|name| (name, self.clips.get(name), after.clips.get(name)));
        let differing = pairs
            .filter(|(_, before, after)| before.map(|clip| &clip.samples) != after.map(|clip| &clip.samples));
        differing
            .map(|(name, before, after)| ClipChange {
                name: name.clone(),
                before_ms: length(before),
                after_ms: length(after),
            })
            .collect()
    }

    /// True when there is a clip of that name.
    pub fn contains(&self, clip: &str) -> bool {
        self.clips.contains_key(clip)
    }

    /// A clip's length in milliseconds.
    pub fn duration_ms(&self, clip: &str) -> Option<u64> {
        let clip = self.clips.get(clip)?;
        Some(crate::clock::milliseconds(clip.samples.len() as u64))
    }

    /// Every clip by name, in figures.
    pub fn figures(&self) -> impl Iterator<Item = (&String, ClipFigures)> {
        self.clips.iter().map(|(name, clip)| (name, ClipFigures::of(clip)))
    }

    pub(crate) fn find(&self, clip: &str) -> Option<Arc<Clip>> {
        self.clips.get(clip).cloned()
    }

    /// Adds a clip of given samples at 8 kHz.
    #[cfg(test)]
    pub(crate) fn insert(&mut self, name: &str, samples: &[i16]) {
        self.clips.insert(name.to_owned(), Arc::new(Clip::new(samples.into())));
    }
}

impl Clip {
    fn new(samples: Box<[i16]>) -> Clip {
        let encoded = |law: Law| {
            let mut codes = vec![0; samples.len()].into_boxed_slice();
            law.encode_into(&samples, &mut codes);
            codes
        };
        Clip { edition: Edition::next(), mu: encoded(Law::Mu), a: encoded(Law::A), samples }
    }
}

/// The clips that media threads play from. They can be replaced while calls go on.
#[derive(Debug)]
pub struct Shelf {
    current: Mutex<Arc<Prompts>>,
    /// Clips that were replaced and may still play: their memory is given back by [`Shelf::replace`], never by a media
    /// thread.
    replaced: Mutex<Vec<Arc<Clip>>>,
}

impl Shelf {
    pub(crate) fn new(prompts: Arc<Prompts>) -> Shelf {
        Shelf { current: Mutex::new(prompts), replaced: Mutex::default() }
    }

    fn current(&self) -> Arc<Prompts> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What [`Shelf::replace`] would change.
    pub fn changes(&self, after: &Prompts) -> Vec<ClipChange> {
        self.current().changes(after)
    }

    /// Looks something up. The lock is held meanwhile, and media threads wait for it: `look_up` must be short.
    pub(crate) fn with<R>(&self, look_up: impl FnOnce(&Prompts) -> R) -> R {
        look_up(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Plays that begin from now on use these clips; a play in progress keeps its own. A clip that sounds the same is
    /// not replaced. A replaced clip that still plays keeps its memory until the next replacement.
    pub fn replace(&self, prompts: &Prompts) {
        let before = self.current();
        let prompts = Arc::new(prompts.sharing(&before));
        let is_kept = |name: &String, clip: &Arc<Clip>| {
            prompts.clips.get(name).is_some_and(|current| current.edition == clip.edition)
        };
        let gone = before.clips.iter().filter(|(name, clip)| !is_kept(name, clip));
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.extend(gone.map(|(_, clip)| Arc::clone(clip)));
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = prompts;
        drop(before);
        replaced.retain(|clip| Arc::strong_count(clip) > 1);
    }
}

/// The samples of an audio file at 8 kHz, its channels averaged: any kind that prompts may be of.
///
/// # Errors
/// When nothing of it can be heard.
pub fn read_clip(path: &Path) -> Result<Vec<i16>, PromptError> {
    read(path, None).map(|(clip, _)| clip.samples.into_vec())
}

/// A clip, and the remark about its file: whether it is short, and the number of skipped pieces.
type Read = Result<(Clip, Option<(bool, u32)>), PromptError>;

/// Reads files side by side; the results are in the order of the files.
fn read_all(files: &[(String, PathBuf)], cache: Option<&Cache>) -> Vec<Read> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, (_, path))) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, files.get(index)?)))
        {
            // A decoder that panics fails for this file alone.
            let read = catch_unwind(AssertUnwindSafe(|| read(path, cache)));
            let panicked = |_| {
                let why = "the decoder gave up".to_owned();
                Err(PromptError::Undecodable { path: path.clone(), why })
            };
            done.push((index, read.unwrap_or_else(panicked)));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        done.extend(others.into_iter().filter_map(|other| other.join().ok()).flatten());
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, read)| read).collect()
}

fn read(path: &Path, cache: Option<&Cache>) -> Read {
    let undecodable = |why| PromptError::Undecodable { path: path.to_owned(), why };
    let read = || read::read(path).map_err(undecodable);
    let heard = match cache {
        Some(cache) => cache.heard(path, read)?,
        None => read()?,
    };
    let Heard { samples, is_short, skipped } = heard;
    if samples.is_empty() {
        return Err(PromptError::Empty(path.to_owned()));
    }
    Ok((Clip::new(samples.into()), (is_short || skipped > 0).then_some((is_short, skipped))))
}

#[cfg(test)]
mod tests;
