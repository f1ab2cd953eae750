//! Whether every call heard whom it should: what the signalling saw and what both ears heard, laid side by side.

use std::collections::BTreeMap;

use super::customer::Outcome;
use super::exchange::{Call, Traces};
use super::leg::LegFigures;
use super::plan::Expects;

/// All calls' outcomes, the ears heard.
pub(super) fn outcomes(traces: &Traces, expects: Expects) -> Vec<Outcome> {
    let leg_of_caller: BTreeMap<&str, u32> =
        traces.calls.iter().map(|call| (call.caller.as_str(), call.leg)).collect();
    traces.calls.iter().map(|call| outcome(call, traces, expects, &leg_of_caller)).collect()
}

fn outcome(call: &Call, traces: &Traces, expects: Expects, leg_of_caller: &BTreeMap<&str, u32>) -> Outcome {
    if call.outcome != Outcome::Completed {
        return call.outcome;
    }
    let ours = traces.legs.get(&call.leg);
    match expects {
        Expects::Nobody if ours.is_some_and(|ours| ours.counterpart.is_none()) => Outcome::Completed,
        Expects::Nobody => Outcome::WrongVoice,
        Expects::Echo => match ours {
            Some(ours) if ours.counterpart == Some(call.leg) && ours.foreign == 0 => Outcome::Completed,
            Some(_) | None => Outcome::WrongVoice,
        },
        Expects::Agent => {
            let theirs = ours.and_then(|ours| traces.legs.get(&ours.counterpart?));
            let (Some(ours), Some(theirs)) = (ours, theirs) else { return Outcome::WrongVoice };
            // A system may show the agent another number than the customer's; if it shows one of ours, the
            // right one.
            let shown = traces.callers.get(&theirs.leg).and_then(|caller| leg_of_caller.get(caller.as_str()));
            let right_caller = shown.is_none_or(|leg| *leg == call.leg);
            match theirs.counterpart {
                None => Outcome::OneWay,
                Some(heard) if heard == call.leg && right_caller && ours.foreign + theirs.foreign == 0 => {
                    Outcome::Completed
                }
                Some(_) => Outcome::WrongVoice,
            }
        }
    }
}

/// Packets between phones, over all legs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Packets {
    pub(super) sent: u64,
    /// From the first that was heard to the last, of each leg.
    pub(super) expected: u64,
    pub(super) received: u64,
    /// Of the expected, those that the bad network took.
    pub(super) injected: u64,
    /// Of the expected, those that the system lost.
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) reordered: u64,
    pub(super) changed: u64,
    pub(super) foreign: u64,
    /// From the system itself: prompts, music, silence, and voices that it encoded again.
    pub(super) made: u64,
    /// Legs that knew their counterpart by its name alone, and how often those names were heard.
    pub(super) by_ear: usize,
    pub(super) names: u64,
    /// Packets that were decoded to hear names.
    pub(super) decoded: u64,
}

/// Adds up.
pub(super) fn packets(legs: &BTreeMap<u32, LegFigures>) -> Packets {
    let mut all = Packets::default();
    for leg in legs.values() {
        all.sent += leg.sent;
        all.received += leg.received;
        all.repeated += leg.repeated;
        all.reordered += leg.reordered;
        all.changed += leg.changed;
        all.foreign += leg.foreign;
        all.made += leg.made;
        all.by_ear += usize::from(leg.counterpart.is_some() && leg.numbers.is_none());
        all.names += leg.names;
        all.decoded += leg.decoded;
        let Some((first, highest)) = leg.numbers else { continue };
        let expected = u64::from(highest - first) + 1;
        let taken = leg.counterpart.and_then(|other| legs.get(&other)).map_or(0, |other| {
            let within = |number: &&u32| (first..=highest).contains(*number);
            other.unsent.iter().filter(within).count() as u64
        });
        all.expected += expected;
        all.injected += taken;
        all.lost += expected.saturating_sub(leg.received).saturating_sub(taken);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(leg: u32, counterpart: Option<u32>) -> LegFigures {
        let numbers = counterpart.map(|_| (10, 19));
        LegFigures { leg, counterpart, numbers, received: 10, ..LegFigures::default() }
    }

    /// Customers 1 and 2, agents' legs 11 and 12.
    fn traces(legs: &[LegFigures], callers: &[(u32, &str)]) -> Traces {
        let call =
            |leg: u32| Call { leg, caller: format!("c{leg}"), outcome: Outcome::Completed, answered: true };
        Traces {
            calls: vec![call(1), call(2)],
            legs: legs.iter().map(|leg| (leg.leg, leg.clone())).collect(),
            callers: callers.iter().map(|(leg, caller)| (*leg, (*caller).to_owned())).collect(),
            ..Traces::default()
        }
    }

    #[test]
    fn pairs_that_hear_each_other_are_well() {
        let legs = [leg(1, Some(11)), leg(11, Some(1)), leg(2, Some(12)), leg(12, Some(2))];
        for callers in [&[(11, "c1"), (12, "c2")][..], &[(11, "elsewhere")], &[]] {
            assert_eq!(outcomes(&traces(&legs, callers), Expects::Agent), [Outcome::Completed; 2]);
        }
    }

    #[test]
    fn crossed_calls_are_found() {
        let legs = [leg(1, Some(11)), leg(11, Some(2)), leg(2, Some(12)), leg(12, Some(1))];
        assert_eq!(outcomes(&traces(&legs, &[]), Expects::Agent), [Outcome::WrongVoice; 2]);
        let legs = [leg(1, Some(11)), leg(11, Some(1)), leg(2, Some(12)), leg(12, Some(2))];
        let shown_wrong = [(11, "c2"), (12, "c2")];
        let found = outcomes(&traces(&legs, &shown_wrong), Expects::Agent);
        assert_eq!(found, [Outcome::WrongVoice, Outcome::Completed]);
    }

    #[test]
    fn one_foreign_packet_or_a_deaf_agent_is_found() {
        let mut legs = [leg(1, Some(11)), leg(11, Some(1)), leg(2, Some(12)), leg(12, None)];
        legs[1].foreign = 1;
        let found = outcomes(&traces(&legs, &[]), Expects::Agent);
        assert_eq!(found, [Outcome::WrongVoice, Outcome::OneWay]);
    }

    #[test]
    fn an_echo_is_the_own_voice_and_nobody_is_nobody() {
        let legs = [leg(1, Some(1)), leg(2, Some(1))];
        let found = outcomes(&traces(&legs, &[]), Expects::Echo);
        assert_eq!(found, [Outcome::Completed, Outcome::WrongVoice]);
        let legs = [leg(1, None), leg(2, Some(1))];
        let found = outcomes(&traces(&legs, &[]), Expects::Nobody);
        assert_eq!(found, [Outcome::Completed, Outcome::WrongVoice]);
    }

    #[test]
    fn ears_that_heard_names_alone_are_counted_and_claim_no_packets() {
        let by_ear = |leg, counterpart| LegFigures {
            leg,
            counterpart: Some(counterpart),
            names: 2,
            decoded: 120,
            ..LegFigures::default()
        };
        let legs = [by_ear(1, 11), by_ear(11, 1), by_ear(2, 12), by_ear(12, 1)];
        let traces = traces(&legs, &[]);
        let found = outcomes(&traces, Expects::Agent);
        assert_eq!(found, [Outcome::Completed, Outcome::WrongVoice]);
        let packets = packets(&traces.legs);
        assert_eq!((packets.by_ear, packets.names, packets.decoded), (4, 8, 480));
        assert_eq!((packets.expected, packets.lost), (0, 0));
    }

    #[test]
    fn the_systems_loss_is_what_the_network_did_not_take() {
        let mut legs = [leg(1, Some(11)), leg(11, Some(1))];
        legs[0].received = 6;
        legs[1].unsent = vec![3, 12, 15, 40];
        let legs = legs.into_iter().map(|leg| (leg.leg, leg)).collect();
        let packets = packets(&legs);
        assert_eq!((packets.expected, packets.received), (20, 16));
        assert_eq!((packets.injected, packets.lost), (2, 2));
    }
}
