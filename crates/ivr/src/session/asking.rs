//! A menu: asked, chosen from, asked again.

use std::sync::Arc;

use model::Time;

use super::{Output, Phase, Session, State};
use crate::flow::{Goto, Menu, Node, NodeIndex};

/// A caller at a menu.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub(super) node: NodeIndex,
    pub(super) replays_left: u32,
    pub(super) pressed: String,
    pub(super) phase: Phase,
}

/// Why a menu is asked again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    Silence,
    WrongKey,
}

impl Session {
    /// Takes the keys pressed so far as a choice, waits for more if they begin one, or asks again.
    pub(super) fn choose(&mut self, now: Time, menu: &Menu) {
        let State::Asking(asking) = &mut self.state else { return };
        let pressed = asking.pressed.clone();
        if let Some((_, goto)) = menu.keys.iter().find(|(keys, _)| *keys == pressed) {
            asking.pressed.clear();
            self.outputs.push_back(Output::StopPlay);
            match goto {
                Goto::Node(index) => self.go_to(now, index, None),
                Goto::Repeat => self.ask(now, menu, &[]),
                Goto::SwitchLanguage => {
                    self.language = self.language.other();
                    self.outputs.push_back(Output::LanguageChosen(self.language));
                    self.ask(now, menu, &[]);
                }
            }
        } else if menu.keys.iter().any(|(keys, _)| keys.starts_with(&pressed)) {
            asking.phase = Phase::Listening { until: now + menu.inter_digit };
            self.outputs.push_back(Output::StopPlay);
        } else {
            self.ask_again(now, Why::WrongKey);
        }
    }

    /// After silence or a wrong key: the menu once more, or the way for those who don't choose.
    pub(super) fn ask_again(&mut self, now: Time, why: Why) {
        let flow = Arc::clone(&self.flow);
        let State::Asking(asking) = &mut self.state else { return };
        let Node::Menu(menu) = flow.node(asking.node).1 else { return };
        asking.pressed.clear();
        if asking.replays_left == 0 {
            self.go_to(now, menu.otherwise, None);
            return;
        }
        asking.replays_left -= 1;
        let before = match why {
            Why::Silence => &menu.no_input,
            Why::WrongKey => &menu.invalid,
        };
        self.ask(now, menu, before);
    }

    fn ask(&mut self, now: Time, menu: &Menu, before: &[String]) {
        if let State::Asking(asking) = &mut self.state {
            asking.phase = Phase::Prompting;
        }
        let prompts: Vec<String> = before.iter().chain(&menu.prompts).cloned().collect();
        self.play(now, &prompts);
    }
}
