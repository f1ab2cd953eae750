//! Hides a peer from the other legs: while the customer presses keys that nobody may learn, the others hear nothing.
//!
//! ```text
//!        Shield            Unshield           300 ms without a key in the audio
//! Down ─────────► Up ──────────────► Falling ───────────────────────────────────► Down
//! ```

/// How long no key may have sounded before a peer is heard again (300 ms): longer than audio waits in a jitter buffer.
const QUIET: u64 = 2400;

/// Whether a peer is hidden from the others.
#[derive(Debug, Default)]
pub(crate) struct Shield {
    state: State,
    /// The last key was pressed while the peer was hidden: its packets may come after the shield was lowered.
    presses: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Down,
    Up,
    /// Lowered by order. The last key sounded, or the order came, at `sounded`.
    Falling {
        sounded: u64,
    },
}

impl Shield {
    /// Hides the peer from the others.
    pub(crate) fn raise(&mut self) {
        self.state = State::Up;
    }

    /// Lets the peer be heard again, once no key sounds any more.
    pub(crate) fn lower(&mut self, now: u64) {
        if let State::Up = self.state {
            self.state = State::Falling { sounded: now };
        }
    }

    /// Whether the peer is hidden. `sounds`: a key sounds in its audio right now.
    pub(crate) fn hides(&mut self, sounds: bool, now: u64) -> bool {
        if let State::Falling { sounded } = &mut self.state {
            if sounds {
                *sounded = now;
            } else if now.saturating_sub(*sounded) >= QUIET {
                self.state = State::Down;
            }
        }
        !matches!(self.state, State::Down)
    }

    /// As [`Shield::hides`], for a packet of a key. `is_first`: it is the first packet of this key.
    pub(crate) fn hides_key(&mut self, is_first: bool, sounds: bool, now: u64) -> bool {
        if self.hides(sounds, now) {
            self.presses = true;
        } else if is_first {
            self.presses = false;
        }
        self.presses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_once_no_key_has_sounded_for_300_ms() {
        let mut shield = Shield::default();
        assert!(!shield.hides(true, 0));
        shield.raise();
        assert!(shield.hides(false, 100_000));
        shield.lower(100_000);
        assert!(shield.hides(true, 104_000), "a key is held");
        assert!(shield.hides(false, 106_399));
        assert!(!shield.hides(false, 106_400));
        shield.lower(200_000);
        assert!(!shield.hides(true, 200_000), "nothing to lower");
    }

    #[test]
    fn a_key_that_began_behind_it_is_hidden_to_its_end() {
        let mut shield = Shield::default();
        shield.raise();
        assert!(shield.hides_key(true, false, 0));
        shield.lower(0);
        assert!(shield.hides_key(false, false, 9000), "held longer than the shield");
        assert!(!shield.hides_key(true, false, 9000), "the next one is not");
        assert!(!shield.hides_key(false, false, 9000));
    }
}
