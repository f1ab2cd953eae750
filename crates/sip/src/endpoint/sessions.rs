//! The sessions that there are.

use std::collections::BTreeMap;

use super::check::Essentials;
use super::session::Session;
use super::{Replaces, SessionId};

/// Sessions by id, and by what their peers know of them.
#[derive(Default)]
pub(super) struct Sessions {
    by_id: BTreeMap<SessionId, Session>,
    /// By Call-ID and our tag.
    by_dialog: BTreeMap<(String, String), SessionId>,
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn insert(&mut self, session: Session) {
        self.by_dialog.insert(session.dialog_key(), session.id);
        self.by_id.insert(session.id, session);
    }

    pub(super) fn remove(&mut self, id: SessionId) {
        if let Some(session) = self.by_id.remove(&id) {
            self.by_dialog.remove(&session.dialog_key());
        }
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.by_id.get_mut(&id)
    }

    /// The session that a request belongs to by its Call-ID and To tag; its From tag must be the one that we know, if
    /// any.
    pub(super) fn of_request(&self, essentials: &Essentials) -> Option<&Session> {
        let our_tag = essentials.to.tag()?.to_owned();
        let session = self.get(*self.by_dialog.get(&(essentials.call_id.clone(), our_tag))?)?;
        let fits = session.remote_tag().is_none_or(|tag| essentials.from.tag() == Some(tag));
        fits.then_some(session)
    }

    /// The session that stands and that a peer names so, `early-only` or not.
    pub(super) fn of_replaces(&self, replaces: &Replaces) -> Option<&Session> {
        let Replaces { call_id, to_tag, from_tag, .. } = replaces;
        let mut tags = [to_tag, from_tag].into_iter();
        tags.find_map(|tag| {
            let session = self.get(*self.by_dialog.get(&(call_id.clone(), tag.clone()))?)?;
            session.named().filter(|dialog| replaces.has_ids_of(dialog)).map(|_| session)
        })
    }

    #[cfg(test)]
    pub(super) fn ids(&self) -> impl Iterator<Item = SessionId> {
        self.by_id.keys().copied()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.by_dialog.is_empty()
    }
}
