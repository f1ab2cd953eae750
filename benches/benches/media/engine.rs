//! Hotline's media threads under test, as the binary starts them.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use media::{Counters, Media, Prompts, Settings};
use model::{
    AudioReport, CallId, Codec, ContactId, Direction, Ids, Kept, LegId, MediaOp, MediaOrder, MediaReport,
    RecordingId, RecordingReport, RecordingSpec, RemoteMedia, Time,
};

/// Running calls.
pub(crate) struct Engine {
    media: Media,
    reports: Receiver<MediaReport>,
    pub(crate) ports: Vec<u16>,
}

impl Engine {
    /// Starts with the peers of all legs; neighbours are bridged and recorded.
    pub(crate) fn start(
        threads: usize,
        peers: &[SocketAddrV4],
        dir: PathBuf,
    ) -> Result<Engine, Box<dyn std::error::Error>> {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut settings = Settings::new(ip, 10_000..=31_999, dir, Arc::new(Prompts::empty()));
        settings.threads = threads;
        let (sender, reports) = crossbeam_channel::bounded(100_000);
        let media = Media::start(settings, sender)?;
        let mut engine = Engine { media, reports, ports: Vec::new() };
        let mut ids = Ids::new(1);
        for (number, pair) in peers.chunks_exact(2).enumerate() {
            engine.call(&mut ids, number, pair)?;
        }
        Ok(engine)
    }

    fn call(
        &mut self,
        ids: &mut Ids,
        number: usize,
        peers: &[SocketAddrV4],
    ) -> Result<(), Box<dyn std::error::Error>> {
        let now = Time::from_unix_ms(1_800_000_000_000 + number as i64);
        let call = CallId::new(ids, now);
        let order = |op| self.media.order(MediaOrder { call, op });
        let mut legs = Vec::new();
        for peer in peers {
            let leg = LegId::new(ids, now);
            order(MediaOp::Open { leg, on: None });
            let MediaReport::Leg(_, AudioReport::Opened { rtp: ours }) = self.reports.recv()? else {
                return Err("no port".into());
            };
            self.ports.push(ours.port());
            let (rtp, codec, direction) = ((*peer).into(), Codec::Pcma, Direction::Both);
            // As most phones do; for those that have no telephone events, keys are sought in the audio.
            let remote =
                RemoteMedia { telephone_event: Some(101), ..RemoteMedia::new(rtp, codec, direction) };
            order(MediaOp::Connect { leg, remote });
            legs.push(leg);
        }
        let [a, b] = legs[..] else { return Err("a call has two legs".into()) };
        order(MediaOp::Bridge { a, b });
        let (recording, contact) = (RecordingId::new(ids, now), ContactId::new(ids, now));
        let path = format!("{number}.wav");
        order(MediaOp::StartRecording(RecordingSpec { recording, contact, leg: a, path, rate: 8000 }));
        Ok(())
    }

    /// What media counted.
    pub(crate) fn counters(&self) -> Counters {
        self.media.counters()
    }

    /// Seals all recordings; returns what was sealed and how many frames of it were lost.
    pub(crate) fn stop(self) -> (usize, u64) {
        let reports = self.reports;
        self.media.stop();
        let sealed = reports.try_iter().filter_map(|report| match report {
            MediaReport::Recording(_, RecordingReport::Sealed(Kept { gaps, .. })) => {
                Some(gaps.iter().map(|gap| gap.length_ms / 20).sum::<u64>())
            }
            _ => None,
        });
        sealed.fold((0, 0), |(count, lost), gaps| (count + 1, lost + gaps))
    }
}
