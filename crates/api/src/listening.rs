//! When a playback begins: a player fetches a recording in many ranges, and that is one listening. A download of the
//! whole recording is none of them, and is one by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{ContactId, RecordingEvent, RecordingId, Time};
use store::Bearer;

use crate::problem::Problem;
use crate::{App, noting};

/// A request of the same person for the same recording within this time of the one before goes on with its playback.
const PLAYBACK: Duration = Duration::from_secs(10 * 60);
/// The most playbacks that are remembered. Beyond that the one with the oldest request is forgotten; if it goes on, it
/// counts as another listening.
const MOST: usize = 10_000;

/// A person, a recording, and how it is fetched.
type Key = (String, RecordingId, Way);

/// How a recording is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// All of it at once.
    Whole,
    /// Range by range, as players do.
    Ranges,
}

/// The playbacks that go on, with the last request of each.
#[derive(Debug, Default)]
pub(crate) struct Playbacks(BTreeMap<Key, Time>);

impl Playbacks {
    /// True when this person's playback of this recording goes on at `now`.
    fn goes_on(&self, key: &Key, now: Time) -> bool {
        // After the clock was set back, a playback may not seem to go on for long.
        self.0.get(key).is_some_and(|last| *last <= now && now.since(*last) < PLAYBACK)
    }

    fn heard(&mut self, key: Key, now: Time) {
        if !self.0.contains_key(&key) && self.0.len() >= MOST {
            self.0.retain(|_, last| *last <= now && now.since(*last) < PLAYBACK);
            while self.0.len() >= MOST {
                let oldest = self.0.iter().min_by_key(|(_, last)| **last).map(|(key, _)| key.clone());
                oldest.and_then(|key| self.0.remove(&key));
            }
        }
        self.0.insert(key, now);
    }
}

/// Notes in the log that somebody listens to a recording, once for each playback. Returns when it is noted.
pub(crate) async fn note(
    app: &App,
    bearer: Bearer,
    (recording, way): (RecordingId, Way),
    contact: Option<ContactId>,
) -> Result<(), Problem> {
    // Of two requests that come at once the second waits until the first is noted.
    let mut playbacks = app.playbacks().await;
    let (now, key) = ((app.now)(), (bearer.name.clone(), recording, way));
    if !playbacks.goes_on(&key, now) {
        noting::note(app, &bearer, RecordingEvent::Listened { recording, contact })?;
    }
    playbacks.heard(key, now);
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::Ids;

    use super::*;

    #[test]
    fn ranges_of_one_playback_are_one_listening_and_another_person_or_hour_is_another() {
        let mut ids = Ids::new(0);
        let (one, other) =
            (RecordingId::new(&mut ids, Time::default()), RecordingId::new(&mut ids, Time::default()));
        let at = |minute: i64| Time::from_unix_ms(minute * 60_000);
        let mut playbacks = Playbacks::default();
        let mut listens = |name: &str, recording, minute| {
            let key = (name.to_owned(), recording, Way::Ranges);
            let begins = !playbacks.goes_on(&key, at(minute));
            playbacks.heard(key, at(minute));
            begins
        };
        assert!(listens("qa", one, 0));
        assert!(!listens("qa", one, 0) && !listens("qa", one, 9) && !listens("qa", one, 18));
        assert!(listens("qa", other, 18) && listens("lead", one, 18));
        assert!(listens("qa", one, 28));
        assert!(listens("qa", one, 5), "by a clock that was set back");
        assert!(!playbacks.goes_on(&("qa".to_owned(), one, Way::Whole), at(5)), "a download is another");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut ids, mut playbacks) = (Ids::new(0), Playbacks::default());
        for nth in 0..MOST + 10 {
            let recording = RecordingId::new(&mut ids, Time::default());
            let key = ("qa".to_owned(), recording, Way::Ranges);
            playbacks.heard(key, Time::from_unix_ms(i64::try_from(nth).unwrap()));
        }
        assert_eq!(playbacks.0.len(), MOST);
    }
}
