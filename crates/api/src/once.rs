//! Commands that may be sent twice and are carried out once, by `Idempotency-Key`.
//!
//! A program that heard no answer sends its command again under the same key: it gets the answer to the first one, also
//! while that one is still being carried out. Keys are kept for ten minutes, the newest 10,000 of them.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use model::Done;
use tokio::sync::OnceCell;

use crate::problem::Problem;

/// The header.
pub(crate) const HEADER: &str = "idempotency-key";
/// How long a key is kept.
const KEPT: Duration = Duration::from_secs(600);
/// How many are kept.
const MOST: usize = 10_000;
/// The longest key, in characters.
const LONGEST: usize = 128;

/// A request's key: 1 to 128 printable ASCII characters.
pub(crate) struct Key(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Key, Problem> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Key(None)) };
        let key = value.to_str().ok().filter(|key| {
            (1..=LONGEST).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        });
        let Some(key) = key else {
            return Err(Problem::invalid(
                format!("Idempotency-Key is 1 to {LONGEST} printable ASCII characters"),
                format!("Idempotency-Key 须为 1 至 {LONGEST} 个可打印 ASCII 字符"),
            ));
        };
        Ok(Key(Some(format!("{} {key}", parts.uri.path()))))
    }
}

/// The answer to a command; an answer that did not come in time is one, too.
type Outcome = Result<Done, Problem>;
type Cell = Arc<OnceCell<Outcome>>;

/// The commands of the last ten minutes that had a key.
#[derive(Default)]
pub(crate) struct Once(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    cells: BTreeMap<String, Cell>,
    in_order: VecDeque<(Instant, String)>,
}

impl Once {
    /// Carries a command of this token's bearer out, unless one with the same key was.
    pub(crate) async fn carry_out(
        &self,
        bearer: &str,
        Key(key): Key,
        command: impl Future<Output = Outcome>,
    ) -> Outcome {
        match key {
            None => command.await,
            Some(key) => {
                let cell = self.cell(format!("{bearer} {key}"), Instant::now());
                cell.get_or_init(|| command).await.clone()
            }
        }
    }

    fn cell(&self, key: String, now: Instant) -> Cell {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((at, _)) = kept.in_order.front()
            && (now.duration_since(*at) > KEPT || kept.in_order.len() >= MOST)
            && let Some((_, oldest)) = kept.in_order.pop_front()
        {
            kept.cells.remove(&oldest);
        }
        if let Some(cell) = kept.cells.get(&key) {
            return Arc::clone(cell);
        }
        kept.in_order.push_back((now, key.clone()));
        Arc::clone(kept.cells.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_forgotten_after_ten_minutes_or_beyond_ten_thousand() {
        let (once, now) = (Once::default(), Instant::now());
        let first = once.cell("a".to_owned(), now);
        assert!(Arc::ptr_eq(&first, &once.cell("a".to_owned(), now + KEPT)));
        assert!(!Arc::ptr_eq(&first, &once.cell("a".to_owned(), now + KEPT + Duration::from_secs(1))));
        for number in 0..MOST + 10 {
            once.cell(number.to_string(), now + KEPT);
        }
        let kept = once.0.lock().unwrap();
        assert_eq!((kept.cells.len(), kept.in_order.len()), (MOST, MOST));
    }

    #[tokio::test]
    async fn a_command_under_one_key_is_carried_out_once() {
        let once = Once::default();
        let count = std::cell::Cell::new(0);
        let command = || async {
            count.set(count.get() + 1);
            tokio::task::yield_now().await;
            Ok(Done::Obeyed)
        };
        let key = |text: &str| Key(Some(text.to_owned()));
        let (one, two) = tokio::join!(
            once.carry_out("desk", key("k"), command()),
            once.carry_out("desk", key("k"), command())
        );
        assert_eq!((one.is_ok(), two.is_ok(), count.get()), (true, true, 1));
        assert!(once.carry_out("other", key("k"), command()).await.is_ok());
        assert!(once.carry_out("desk", Key(None), command()).await.is_ok());
        assert_eq!(count.get(), 3);
    }
}
