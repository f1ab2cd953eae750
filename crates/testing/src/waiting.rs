//! Waiting for a condition that nothing signals.

use std::time::{Duration, Instant};

/// How long a test waits before it fails: enough for each of them on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// From one look at the condition to the next.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks every 20 ms whether the condition gives a value, for at most [`PATIENCE`].
///
/// # Panics
/// If there is no value in time; the message names `what` was waited for.
pub fn wait_for<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_for_within(PATIENCE, what, condition)
}

/// Looks every 20 ms whether the condition gives a value, for at most `limit`.
///
/// # Panics
/// If there is no value in time; the message names `what` was waited for.
pub fn wait_for_within<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_until_there_is_a_value() {
        let mut looks = 0;
        let third = wait_for("the third look", || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(third, 3);
    }

    #[test]
    #[should_panic(expected = "waited in vain for: nothing")]
    fn what_does_not_come_is_named() {
        wait_for_within(Duration::ZERO, "nothing", || None::<()>);
    }
}
