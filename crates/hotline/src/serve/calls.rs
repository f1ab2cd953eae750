//! What carries calls: media, signalling, the center's thread, and the observer that writes a line for each contact.

use std::sync::Arc;

use anyhow::Context;
use archive::{Disk, Schedule};
use center::Center;
use crossbeam_channel::bounded;
use media::Media;
use model::{Event, Ids};
use store::Log;
use tokio::sync::watch;

use super::disk::OnDisk;
use crate::conductor::{self, Conductor, INBOX, Inboxes, Shells};
use crate::config::Configuration;
use crate::observer::Observer;
use crate::reload::Owners;
use crate::settings::{center_config, limits, media_settings, signalling_settings};
use crate::signalling::{self, Signalling};
use crate::system::clock::steady;
use crate::system::folders::Folders;

/// Makers of ids: 0 the center, 1 offers, 2 commands; signalling shards follow from [`crate::settings::MAKER_SIGNALLING`].
const MAKER_CENTER: u16 = 0;
const MAKER_OFFERS: u16 = 1;
const MAKER_COMMANDS: u16 = 2;

/// The threads and tasks that carry calls.
pub(super) struct Calls {
    pub(super) conductor: Conductor,
    /// The center's thread, which the conductor speaks to.
    pub(super) center: std::thread::JoinHandle<()>,
    pub(super) signalling: Arc<Signalling>,
    pub(super) media: Arc<Media>,
    pub(super) observer: Observer,
}

/// What the last run left to this one.
pub(super) struct Inherited {
    /// Where the agents stood.
    pub(super) standings: Vec<acd::Standing>,
    /// The events that end what was cut off.
    pub(super) endings: Vec<Event>,
}

impl Calls {
    /// Starts media, then signalling, then the center's thread, each with a channel to the center.
    ///
    /// # Errors
    /// When a thread or a socket cannot be had.
    pub(super) async fn start(
        configuration: Configuration,
        folders: &Folders,
        on_disk: &OnDisk,
        inherited: Inherited,
    ) -> anyhow::Result<Calls> {
        let server = &configuration.server;
        let (to_center, media_inbox) = bounded(INBOX);
        let settings = media_settings(&configuration, folders, &on_disk.keys);
        let disks = on_disk.locks.1.iter().map(|folder| Arc::clone(folder) as Arc<dyn Disk>).collect();
        let media = Media::start_on_disks(settings, to_center, disks);
        let media = Arc::new(media.with_context(|| "start the media threads")?);
        let observer = Observer::start(server.personal_log, server.trace_bytes, limits(server))
            .with_context(|| "start the thread that writes the log of calls")?;
        let (to_center, signalling_inbox) = bounded(INBOX);
        let settings = signalling::Settings {
            observer: observer.clone(),
            registrations: Some(folders.data.join("registrations.json")),
            ..signalling_settings(&configuration)
        };
        let signalling = signalling::start(settings, to_center).await.with_context(|| "listen for SIP")?;
        let signalling = Arc::new(signalling);
        let inboxes = Inboxes { signalling: signalling_inbox, media: media_inbox };
        let shells = Shells {
            signalling: Arc::clone(&signalling),
            media: Arc::clone(&media),
            log: on_disk.journal.log().clone(),
            observer: observer.clone(),
        };
        let center = new_center(configuration, inherited);
        let (conductor, center) = conductor::start(center, inboxes, shells, Ids::new(MAKER_COMMANDS))
            .with_context(|| "start the center's thread")?;
        Ok(Calls { conductor, center, signalling, media, observer })
    }

    /// Where a reload sends new settings: to what carries calls, to the API and to the daily erasing.
    pub(super) fn owners(
        &self,
        log: Log,
        api: watch::Sender<Arc<api::Settings>>,
        retention: watch::Sender<Option<Schedule>>,
    ) -> Owners {
        Owners {
            signalling: self.signalling.current(),
            prompts: self.media.shelf(),
            conductor: self.conductor.clone(),
            observer: self.observer.clone(),
            log,
            api,
            retention,
        }
    }
}

/// The center as the last run left it.
fn new_center(configuration: Configuration, inherited: Inherited) -> Center {
    let (center, offers) = (Ids::new(MAKER_CENTER), Ids::new(MAKER_OFFERS));
    let mut center = Center::new(center_config(configuration), center, offers, steady(), inherited.endings);
    center.restore(steady(), inherited.standings);
    center
}
