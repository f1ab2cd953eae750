//! Keys that nobody may see: a card number, a password.

use std::fmt;

use zeroize::Zeroizing;

use crate::Digit;

/// The most keys that are kept; more are counted only.
const MOST: usize = 64;

/// Keys that were pressed in secret. They have one place in memory, which is wiped when dropped; they are printed by
/// nothing and written nowhere. How many there are is no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    keys: Box<Zeroizing<[u8; MOST]>>,
    pressed: usize,
}

impl Secret {
    /// Takes one more key.
    pub fn push(&mut self, digit: Digit) {
        if let (Some(place), Ok(key)) = (self.keys.get_mut(self.pressed), u8::try_from(digit.key())) {
            *place = key;
        }
        self.pressed = self.pressed.saturating_add(1);
    }

    /// How many keys were pressed, those that were not kept among them.
    pub fn count(&self) -> usize {
        self.pressed
    }

    /// The keys, for the one who may have them; the first 64 when there were more.
    pub fn reveal(&self) -> Zeroizing<String> {
        let kept = self.keys.get(..self.pressed.min(MOST)).unwrap_or_default();
        let mut text = Zeroizing::new(String::with_capacity(MOST));
        text.extend(kept.iter().map(|key| char::from(*key)));
        text
    }
}

impl Default for Secret {
    fn default() -> Secret {
        Secret { keys: Box::new(Zeroizing::new([0; MOST])), pressed: 0 }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", "•".repeat(self.pressed.min(MOST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_and_revealed_but_not_printed() {
        let mut secret = Secret::default();
        for key in "4111*9".chars() {
            secret.push(Digit::from_char(key).unwrap());
        }
        assert_eq!((secret.count(), secret.reveal().as_str()), (6, "4111*9"));
        assert_eq!(format!("{secret:?}"), "Secret(••••••)");
        assert_eq!(format!("{:?}", Digit::from_char('4')), "Some(Digit(•))");
    }

    #[test]
    fn more_than_can_be_kept_is_counted() {
        let mut secret = Secret::default();
        (0..100).for_each(|_| secret.push(Digit::from_char('7').unwrap()));
        assert_eq!((secret.count(), secret.reveal().len()), (100, MOST));
    }
}
