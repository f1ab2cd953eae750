//! What `/readyz` says of the running center: each part is asked by the way that its work comes by, and each folder is
//! written to.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::{ANSWERED_WITHIN, Because, Condition, Readiness};
use media::Pulse;
use model::Storage;
use store::{Journal, JournalStatus, Store};

use crate::conductor::Conductor;
use crate::signalling::Life;

mod folder;

use folder::Watch;

/// A second of a recording, in bytes: two channels of 16 bits at 8 kHz.
const SECOND: u64 = 32_000;
/// How long the recordings that are open now should find room: less is not ready, less than an hour is a warning.
const RESERVE_S: u64 = 60;
const HOUR_S: u64 = 3_600;
/// How long the database may stand still with records that it has not.
const FOLLOWS: Duration = Duration::from_secs(5);
/// How long the database has; less than a check, so that the reason can be named.
const DATABASE: Duration = Duration::from_millis(1_500);

/// What is asked.
pub(crate) struct Parts {
    pub(crate) signalling: Life,
    pub(crate) conductor: Conductor,
    pub(crate) media: Pulse,
    pub(crate) journal: Journal,
    pub(crate) store: Store,
    pub(crate) data: PathBuf,
    /// The folder of the recordings, and the one that takes over.
    pub(crate) recordings: Vec<PathBuf>,
}

/// Registers a check of each part.
pub(crate) fn register(readiness: &Readiness, parts: Parts) {
    let Parts { signalling, conductor, media, journal, store, data, recordings } = parts;
    for index in 0..signalling.shards() {
        let life = signalling.clone();
        readiness.register(format!("sip_shard_{index}"), move || {
            let life = life.clone();
            async move { alive(life.shard(index).await) }
        });
    }
    let life = signalling.clone();
    readiness.register("sip_connections", move || {
        let life = life.clone();
        async move { alive(life.connections().await) }
    });
    readiness.register("registrar", move || {
        let life = signalling.clone();
        async move { alive(life.registrar().await) }
    });
    readiness.register("center", move || {
        let conductor = conductor.clone();
        async move { alive(conductor.alive().await) }
    });
    register_media(readiness, &media);
    register_database(readiness, journal, store);
    register_folders(readiness, data, recordings, &media);
}

fn register_media(readiness: &Readiness, media: &Pulse) {
    for index in 0..media.threads() {
        let media = media.clone();
        readiness.register(format!("media_{index}"), move || {
            let answered = media.ask(index);
            async move {
                let waited =
                    move || answered.recv_timeout(ANSWERED_WITHIN).map_err(|error| error.is_timeout());
                match tokio::task::spawn_blocking(waited).await {
                    Ok(Err(true)) => silent(),
                    answered => alive(matches!(answered, Ok(Ok(())))),
                }
            }
        });
    }
    let media = media.clone();
    readiness.register("media_load", move || {
        let (strained, threads) = (media.counters().strained, media.threads());
        std::future::ready(match strained {
            0 => Condition::Ready,
            _ => Condition::Warning(Because::new(
                format!("{strained} of {threads} media threads have no room for more calls"),
                format!("{threads} 个媒体线程中 {strained} 个已满载"),
            )),
        })
    });
}

fn register_database(readiness: &Readiness, journal: Journal, store: Store) {
    let (watched, lag) = (journal.clone(), Mutex::new(Lag::default()));
    readiness.register("database", move || {
        let (status, store) = (watched.status(), store.clone());
        let follows = lag.lock().unwrap_or_else(PoisonError::into_inner).follows(&status, Instant::now());
        async move {
            // Said in both languages at once.
            if let Some(why) = status.stopped {
                return Condition::NotReady(Because::new(why.to_string(), why.to_string()));
            }
            let answers = tokio::time::timeout(DATABASE, store.answers()).await.unwrap_or(false);
            if status.database_ok && answers && follows {
                return Condition::Ready;
            }
            let kept = status.spool_bytes;
            Condition::NotReady(Because::new(
                format!("the database is away; calls go on and events wait in the spool ({kept} bytes)"),
                format!("数据库不可用；通话继续，事件暂存于本地（{kept} 字节）"),
            ))
        }
    });
    readiness.register("journal", move || {
        std::future::ready(match journal.status() {
            status if status.dropped > 0 => Condition::NotReady(Because::new(
                format!("{} events were lost: the disk of the data folder took nothing", status.dropped),
                format!("数据目录无法写入，已丢失 {} 条事件", status.dropped),
            )),
            status if !status.spool_ok => Condition::NotReady(Because::new(
                "the data folder takes no events; they wait in memory",
                "数据目录无法写入，事件暂存于内存",
            )),
            _ => Condition::Ready,
        })
    });
}

/// Whether the database gets on with what it has not yet.
#[derive(Debug, Default)]
struct Lag {
    /// The last record that it had, and since when it has had no later one although there was one.
    stuck: Option<(u64, Instant)>,
}

impl Lag {
    fn follows(&mut self, status: &JournalStatus, now: Instant) -> bool {
        let committed = status.committed_seq;
        if committed >= status.appended_seq {
            self.stuck = None;
            return true;
        }
        let (_, since) = *match &mut self.stuck {
            Some(stuck) if stuck.0 == committed => stuck,
            stuck => stuck.insert((committed, now)),
        };
        now.duration_since(since) < FOLLOWS
    }
}

/// While the fallback takes recordings, a first folder that fails is a warning.
fn register_folders(readiness: &Readiness, data: PathBuf, recordings: Vec<PathBuf>, media: &Pulse) {
    let data = Watch::start("data", data);
    readiness.register("data", move || std::future::ready(data.condition(LEAST_DATA, LEAST_DATA)));
    let watches: Vec<_> = ["recordings", "fallback"]
        .into_iter()
        .zip(recordings)
        .map(|(name, folder)| Watch::start(name, folder))
        .collect();
    let media = media.clone();
    let (first, fallback) = (watches.first().cloned(), watches.get(1).cloned());
    let judge = move |watch: &Watch, storage: Storage| {
        let counters = media.counters();
        if failed(storage, counters.storage_failed) {
            return Condition::NotReady(Because::new("recordings cannot be written there", "录音无法写入"));
        }
        let needed = |seconds: u64| counters.open_recordings.saturating_mul(seconds * SECOND);
        watch.condition(needed(RESERVE_S), needed(HOUR_S))
    };
    if let Some(first) = first {
        let (judge, fallback) = (judge.clone(), fallback.clone());
        readiness.register("recordings", move || {
            let condition = judge(&first, Storage::Main);
            let taken_over = fallback.as_ref().map(|fallback| judge(fallback, Storage::Fallback));
            std::future::ready(match (condition, taken_over) {
                (Condition::NotReady(why), Some(Condition::Ready | Condition::Warning(_))) => {
                    let (en, zh) = (why.en, why.zh);
                    Condition::Warning(Because::new(
                        format!("{en}; the fallback takes over"),
                        format!("{zh}；由备用目录接替"),
                    ))
                }
                (condition, _) => condition,
            })
        });
    }
    if let Some(fallback) = fallback {
        // It is needed only while the first fails, and then the first is not ready either.
        readiness.register("fallback", move || {
            std::future::ready(match judge(&fallback, Storage::Fallback) {
                Condition::NotReady(why) => Condition::Warning(why),
                condition @ (Condition::Ready | Condition::Warning(_)) => condition,
            })
        });
    }
}

/// The data folder grows by events alone.
const LEAST_DATA: u64 = 0;

fn failed(storage: Storage, failed: [bool; 2]) -> bool {
    Storage::ALL.into_iter().zip(failed).any(|(each, failed)| each == storage && failed)
}

fn alive(answered: bool) -> Condition {
    if answered {
        Condition::Ready
    } else {
        Condition::NotReady(Because::new("it has ended or takes nothing", "已停止或不再接收"))
    }
}

fn silent() -> Condition {
    let seconds = ANSWERED_WITHIN.as_secs();
    Condition::NotReady(Because::new(
        format!("no answer within {seconds} s"),
        format!("{seconds} 秒内没有回应"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_gets_on_follows_however_far_behind_it_is() {
        let (mut lag, start) = (Lag::default(), Instant::now());
        let mut follows = |appended_seq, committed_seq, seconds| {
            let status = JournalStatus {
                appended_seq,
                committed_seq,
                database_ok: true,
                spool_ok: true,
                spool_bytes: 0,
                dropped: 0,
                stopped: None,
            };
            lag.follows(&status, start + Duration::from_secs(seconds))
        };
        let behind: Vec<_> = (0..10).map(|second| follows(1_000, second, second)).collect();
        assert_eq!(behind, [true; 10]);
        assert!(follows(1_000, 9, 13), "nothing for 4 s");
        assert!(!follows(1_000, 9, 14), "nothing for 5 s");
        assert!(follows(1_000, 10, 15));
        assert!(follows(1_000, 1_000, 100), "there is nothing to follow");
    }
}
