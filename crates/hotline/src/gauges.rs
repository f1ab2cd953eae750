//! The figures about calls, audio and trunks in `/metrics`.

use std::sync::Arc;

use api::{Kind, Metrics, Sample};
use media::Media;
use store::Journal;

use crate::conductor::Conductor;
use crate::lines;
use crate::observer::Observer;
use crate::reload::Reloader;
use crate::shown::output;
use crate::signalling::{Handshakes, Lines, Shaken, Side};
use crate::system::process::{self, Disks};

/// The conductor and the media of one center, asked when somebody reads.
pub(crate) struct Gauges {
    pub(crate) conductor: Conductor,
    pub(crate) media: Arc<Media>,
    pub(crate) observer: Observer,
    pub(crate) lines: Lines,
    pub(crate) handshakes: Handshakes,
    pub(crate) configuration: Arc<Reloader>,
    pub(crate) journal: Journal,
    pub(crate) disks: Disks,
}

impl Gauges {
    /// TLS handshakes, and when our certificates end.
    fn tls_samples(&self) -> Vec<Sample> {
        let all = Side::ALL.into_iter().flat_map(|side| Shaken::ALL.map(|shaken| (side, shaken)));
        let counted = all.map(|(side, shaken)| {
            let count = self.handshakes.of(side, shaken);
            let labels = vec![("direction", side.name().to_owned()), ("outcome", shaken.name().to_owned())];
            Sample::counter("hotline_tls_handshakes_total", "TLS handshakes of SIP connections", count)
                .with(labels)
        });
        let server = self.configuration.server();
        let sip = server.sip_tls.map(|tls| ("sip", tls.until));
        let http = server.http_tls.map(|tls| ("http", tls.until));
        let until = sip.into_iter().chain(http).map(|(listener, until)| {
            Sample::gauge(
                "hotline_tls_certificate_expiry_seconds",
                "Unix time at which the certificate of a TLS listener ends",
                until.unix_ms() as f64 / 1_000.0,
            )
            .with(vec![("listener", listener.to_owned())])
        });
        counted.chain(until).collect()
    }

    /// How far the database is behind the event log.
    fn journal_samples(&self) -> Vec<Sample> {
        let status = self.journal.status();
        let lag = status.appended_seq.saturating_sub(status.committed_seq);
        let up = f64::from(u8::from(status.database_ok));
        vec![
            Sample::gauge(
                "hotline_database_lag_records",
                "Events that the database does not have yet",
                lag as f64,
            ),
            Sample::gauge("hotline_database_up", "1 while the database takes events", up),
            Sample::gauge(
                "hotline_spool_bytes",
                "Events that wait on disk for it",
                status.spool_bytes as f64,
            ),
            Sample::counter("hotline_journal_records_lost_total", "Events that neither took", status.dropped),
        ]
    }
}

impl Metrics for Gauges {
    fn samples(&self) -> Vec<Sample> {
        let counters = self.media.counters();
        let sample = |name, help, kind, value: u64| Sample {
            name,
            suffix: "",
            help,
            kind,
            labels: Vec::new(),
            value: value as f64,
        };
        let journal = self.journal.status();
        vec![
            sample(
                "hotline_journal_stopped",
                "1 after another writer took the database or a sequence number: events stay in the spool until a restart",
                Kind::Gauge,
                u64::from(journal.stopped.is_some()),
            ),
            sample("hotline_calls", "Calls in progress", Kind::Gauge, self.conductor.calls()),
            sample("hotline_media_legs", "Open media legs", Kind::Gauge, counters.open_legs),
            sample(
                "hotline_recordings_open",
                "Recordings being written",
                Kind::Gauge,
                counters.open_recordings,
            ),
            sample(
                "hotline_recordings_interrupted",
                "Recordings that no folder takes now",
                Kind::Gauge,
                counters.interrupted_recordings,
            ),
            sample(
                "hotline_recordings_moved_total",
                "Recordings that went on in another file",
                Kind::Counter,
                counters.recordings_moved,
            ),
            sample(
                "hotline_rtp_packets_in_total",
                "RTP packets received",
                Kind::Counter,
                counters.packets_in,
            ),
            sample("hotline_rtp_packets_out_total", "RTP packets sent", Kind::Counter, counters.packets_out),
            sample(
                "hotline_rtp_packets_lost_total",
                "RTP packets that never came",
                Kind::Counter,
                counters.packets_lost,
            ),
            sample(
                "hotline_rtp_packets_forged_total",
                "SRTP packets that were not authentic",
                Kind::Counter,
                counters.packets_forged,
            ),
            sample(
                "hotline_one_way_audio_total",
                "Parties of a conversation that were not heard for 3 s",
                Kind::Counter,
                counters.one_way,
            ),
            sample(
                "hotline_media_late_ticks_total",
                "Media ticks that came late",
                Kind::Counter,
                counters.late_ticks,
            ),
            sample(
                "hotline_recording_frames_dropped_total",
                "Frames that the disk was too slow for",
                Kind::Counter,
                counters.frames_dropped,
            ),
            sample(
                "hotline_log_lines_lost_total",
                "Log lines that standard error did not take",
                Kind::Counter,
                output::lost_lines(),
            ),
        ]
        .into_iter()
        .chain(self.observer.samples())
        .chain(lines::samples(&self.lines))
        .chain(self.tls_samples())
        .chain(self.journal_samples())
        .chain(self.disks.samples())
        .chain(process::samples())
        .chain(model::Storage::ALL.into_iter().zip(counters.storage_failed).map(|(storage, failed)| Sample {
            name: "hotline_recording_storage_failed",
            suffix: "",
            help: "1 while this recordings folder takes nothing",
            kind: Kind::Gauge,
            labels: vec![("storage", storage.to_string())],
            value: f64::from(u8::from(failed)),
        }))
        .collect()
    }
}
