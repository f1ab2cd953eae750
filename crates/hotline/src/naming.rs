//! The endings of recordings' names. The center names them by date and contact; how they lie on the disk is no
//! matter of a call, and is added where its outputs leave for the media threads and the journal.

use model::{Event, MediaOp, MediaOrder, Record};

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

    /// A record of the log: both tell the same name.
    pub(crate) fn record(self, mut record: Record) -> Record {
        if let Event::RecordingOpened { path, .. } = &mut record.event {
            *path += self.ending;
        }
        record
    }
}
