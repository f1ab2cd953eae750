//! The endings of recordings' names. The center names them by date and contact; how they lie on the disk is no
//! matter of a call, and is added where its outputs leave for the media threads and the journal.

use model::{Entry, Event, MediaOp, MediaOrder, RecordingEvent};

/// What all new names end in, behind `.wav`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Naming {
    /// [`model::ENCRYPTED`], or nothing.
    pub ending: &'static str,
}

impl Naming {
    /// An order to the media threads.
    pub(crate) fn order(self, mut order: MediaOrder) -> MediaOrder {
        if let MediaOp::StartRecording(spec) = &mut order.op {
            spec.path += self.ending;
        }
        order
    }

    /// An entry of the log: both say the same name.
    pub(crate) fn entry(self, mut entry: Entry) -> Entry {
        if let Event::Recording(RecordingEvent::Opened { path, .. }) = &mut entry.event {
            *path += self.ending;
        }
        entry
    }
}
