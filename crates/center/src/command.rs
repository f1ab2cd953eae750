//! What people and programs command.

use model::{Actor, AgentOrder, Command, Done, Event, Refused, Reply};

use crate::machine::Center;

impl Center {
    pub(crate) fn command(&mut self, command: Command) {
        let Command { id, by, order } = command;
        let result = self.obey(by, order);
        self.cx.reply(Reply { id, result });
    }

    fn obey(&mut self, by: Actor, order: AgentOrder) -> Result<Done, Refused> {
        match order {
            AgentOrder::Ready { agent } => self.cx.command_agent(agent, |agent| acd::Input::Ready(agent, by)),
            AgentOrder::Break { agent } => self.cx.command_agent(agent, |agent| acd::Input::Break(agent, by)),
            AgentOrder::PauseRecording { contact, agent, reason } => {
                self.ordered(contact, |contact, cx| contact.pause_recording(cx, by, agent.as_ref(), reason))
            }
            AgentOrder::ResumeRecording { contact, agent } => {
                self.ordered(contact, |contact, cx| contact.resume_recording(cx, by, agent.as_ref()))
            }
            AgentOrder::StartSecureInput { contact, agent } => {
                self.ordered(contact, |contact, cx| contact.start_secure_input(cx, by, agent.as_ref()))
            }
            AgentOrder::EndSecureInput { contact, agent } => {
                self.ordered(contact, |contact, cx| contact.stop_secure_input(cx, by, agent.as_ref()))
            }
            AgentOrder::ReadSecureInput { contact } => {
                self.ordered(contact, |contact, cx| contact.read_secure_input(cx, by))
            }
            AgentOrder::Supervise { watched, seat, how } => self.supervise(by, watched, seat, how),
            AgentOrder::EndSupervision { seat } => self.end_supervision(by, &seat),
            AgentOrder::AddParty { contact, agent, seat } => {
                self.ordered(contact, |contact, cx| contact.add_party(cx, by, agent.as_ref(), seat))
            }
            AgentOrder::RemoveParty { contact, agent, seat } => {
                self.ordered(contact, |contact, cx| contact.remove_party(cx, by, agent.as_ref(), &seat))
            }
            AgentOrder::LeaveToParty { contact, agent } => {
                self.ordered(contact, |contact, cx| contact.leave_to_party(cx, by, agent.as_ref()))
            }
            AgentOrder::NoteLegalHold { contact, held: true, person, reason } => {
                self.cx.record(Event::LegalHoldSet { contact, by, person, reason });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteLegalHold { contact, held: false, person, reason } => {
                self.cx.record(Event::LegalHoldCleared { contact, by, person, reason });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteErased { recording, contact, rule, sha256 } => {
                self.cx.record(Event::RecordingErased { recording, contact, by, rule, sha256 });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteSampleDrawn { frame, size, sha256, seed, drawn } => {
                self.cx.record(Event::SampleDrawn { frame, size, sha256, seed, drawn, by });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteTraceRead { contact, number, messages } => {
                self.cx.record(Event::SipTraceRead { contact, number, messages, by });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteListened { recording, contact: _ } => {
                self.cx.record(Event::RecordingListened { recording, by });
                Ok(Done::Obeyed)
            }
        }
    }
}
