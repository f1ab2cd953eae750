//! What a shard asks the registrar, and what it does with the answers.

use model::{LegReport, Origin, Refusal};

use super::{Shard, Wires};
use crate::signalling::registrar::{Judgement, Question, Reply};
use crate::signalling::{QUESTIONS, SignallingInput, translate};

impl<T: From<SignallingInput> + Send + 'static> Shard<T> {
    /// Asks the registrar.
    pub(super) fn ask(&mut self, wires: &Wires, question: Question) {
        // Half of the places are for calls to seats: a flood of strangers leaves those.
        let places = match &question {
            Question::Register { .. } | Question::Judge { .. } => QUESTIONS / 2,
            Question::Contacts { .. }
            | Question::Redirected { .. }
            | Question::Pinged { .. }
            | Question::Closed(_)
            | Question::Alive(_) => QUESTIONS,
        };
        let answered = question.is_answered();
        let sent = if self.open_questions < places {
            wires.questions.try_send((self.index, question)).map_err(|error| error.into_inner().1)
        } else {
            Err(question)
        };
        match sent {
            Ok(()) => self.open_questions += usize::from(answered),
            Err(question) => {
                tracing::warn!("the registrar is overloaded");
                self.not_asked(question);
                wires.notify.notify_one();
            }
        }
    }

    /// The registrar has no room: as if it had answered that it is busy.
    fn not_asked(&mut self, question: Question) {
        match question {
            Question::Register { id, .. } => self.endpoint.respond(self.clock.now(), id, &translate::busy()),
            Question::Judge { session, .. } => {
                self.unjudged.remove(&session);
                self.endpoint.turn_away(self.clock.now(), session, &translate::busy());
            }
            Question::Contacts { leg, .. } => self.finish(leg, LegReport::Refused(Refusal::Failed)),
            Question::Redirected { leg, .. } => self.redirect_resolved(leg, Vec::new()),
            // What got lost counts as unanswered after a while; a closed connection is found by the next question.
            Question::Pinged { .. } | Question::Closed(_) | Question::Alive(_) => {}
        }
    }

    /// The registrar answered.
    pub(super) fn hear(&mut self, reply: Reply) {
        self.open_questions = self.open_questions.saturating_sub(1);
        let now = self.clock.now();
        match reply {
            Reply::Registered { id, answer } => self.endpoint.respond(now, id, &answer),
            Reply::Judged { session, judgement } => {
                // Withdrawn meanwhile: nobody is told, nobody was told before.
                let Some(unjudged) = self.unjudged.remove(&session) else { return };
                match judgement {
                    Judgement::Refuse(answer) => self.endpoint.turn_away(now, session, &answer),
                    Judgement::Agent(agent) => {
                        let terms = self.terms_of(&agent);
                        let from = (Origin::Agent(agent), unjudged.flow);
                        self.let_in(session, from, &unjudged.request, &terms);
                    }
                }
            }
            Reply::Contacts { leg, contacts } => self.ring_all(leg, contacts),
            Reply::Redirected { leg, found } => self.redirect_resolved(leg, found),
        }
    }
}
