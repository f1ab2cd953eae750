//! Audio that is decoded: read for recordings when it comes, and once a tick for parties with another codec and for
//! conferences.

use std::collections::BTreeMap;

use audio::mix::MOST_MEMBERS;
use audio::reader::PATIENCE;
use model::{AudioReport, CallId, LegId, MediaReport, Role};

use super::Thread;
use crate::channel::Channel;
use crate::conference::Conference;
use crate::leg::Leg;
use crate::outbox::Outbox;
use crate::recorder::Recorder;

/// Takes what the peer of a leg with a reader said, as far as it is known at `until`, to key detection, level meter
/// and recordings. `now` is the present time.
pub(super) fn take_down(
    id: LegId,
    (until, now): (u64, u64),
    legs: &mut BTreeMap<LegId, Leg>,
    recorder: &mut Recorder,
    outbox: &mut Outbox,
) {
    let Some(mut reader) = legs.get_mut(&id).and_then(|leg| leg.reader.take()) else { return };
    let other = legs.get(&id).and_then(|leg| legs.get(&leg.other?));
    let beside = other.filter(|other| other.player.is_none()).and_then(|other| other.recording);
    let Some(leg) = legs.get_mut(&id) else { return };
    while let Some(passage) = reader.next(until) {
        leg.attend(&passage, now, |digit| outbox.push(MediaReport::Leg(id, AudioReport::Digit(digit))));
        let hidden = leg.is_shielded(now);
        for (recording, channel) in [(leg.recording, Channel::Left), (beside, Channel::Right)] {
            match recorder.tap(recording) {
                Some(tap) if !hidden => tap.passage(channel, &passage),
                // Its time passed, so that nothing counts as lost.
                Some(tap) => tap.key(channel, &passage.packet, now),
                None => {}
            }
        }
    }
    leg.reader = Some(reader);
}

impl Thread {
    /// Takes the last packets of a leg: missing ones are not waited for, because they will not come or belong to
    /// another bridge.
    pub(super) fn take_down_rest(&mut self, id: LegId) {
        let Thread { legs, recorder, outbox, now, .. } = self;
        take_down(id, (*now + PATIENCE, *now), legs, recorder, outbox);
    }

    /// Makes or drops ears and mouths of legs whose peers have changed the length of their packets.
    pub(super) fn equip_respaced(&mut self) {
        while let Some(id) = self.respaced.pop() {
            let other = self.legs.get(&id).and_then(|leg| leg.other);
            if other.is_some() {
                self.equip([Some(id), other]);
            }
        }
    }

    /// Decodes 20 ms of every leg with an ear and gives them to its conference or other party; returns the number of
    /// packets sent.
    pub(super) fn listen(&mut self, clock: u64) -> u64 {
        let Thread { listeners, legs, conferences, recorder, outbox, room, now, .. } = self;
        let mut sent = 0;
        for id in listeners {
            take_down(*id, (*now, *now), legs, recorder, outbox);
            let Some(leg) = legs.get_mut(id) else { continue };
            let Some(ear) = &mut leg.ear else { continue };
            let frame = &mut *room.frame;
            ear.listen(clock, frame);
            if leg.is_shielded(clock) {
                continue;
            }
            if let Some(conference) = leg.conference.and_then(|call| conferences.get_mut(&call)) {
                conference.put(*id, frame);
            } else if let Some(other) = leg.other.and_then(|other| legs.get_mut(&other)) {
                sent += other.say(frame.samples(), frame.rate, clock, &mut room.outgoing);
            }
        }
        for conference in conferences.values_mut() {
            let rate = conference.rate();
            conference.mix(|heard| {
                let Some(leg) = legs.get_mut(&heard.leg) else { return };
                if leg.player.is_none()
                    && let Some(tap) = recorder.tap(leg.recording)
                {
                    tap.mixed((heard.samples, rate), heard.narrow, clock);
                }
                sent += leg.say(heard.samples, rate, clock, &mut room.outgoing);
            });
        }
        sent
    }

    /// Joins legs of a call in a conference, or changes the members of its conference.
    pub(super) fn confer(&mut self, call: CallId, members: Vec<(LegId, Role)>) {
        let mut seen = Vec::new();
        for (leg, role) in members {
            if self.legs.contains_key(&leg) && seen.iter().all(|(known, _)| *known != leg) {
                seen.push((leg, role));
            }
        }
        if seen.len() > MOST_MEMBERS {
            tracing::warn!(%call, "a conference has at most {MOST_MEMBERS} members; the last ones are left out");
            seen.truncate(MOST_MEMBERS);
        }
        let before: Vec<LegId> = self.conferences.get(&call).into_iter().flat_map(Conference::legs).collect();
        let gone =
            before.iter().filter(|leg| seen.len() < 2 || seen.iter().all(|(member, _)| member != *leg));
        gone.for_each(|leg| self.leave_conference(*leg));
        if seen.len() < 2 {
            return;
        }
        for (leg, _) in seen.iter().filter(|(leg, _)| !before.contains(leg)) {
            self.unbridge(*leg);
            self.stop_play(*leg);
        }
        let widest = seen.iter().filter_map(|(leg, _)| self.legs.get(leg)?.codec()).map(|codec| codec.rate());
        let rate = widest.max().unwrap_or(audio::RATE);
        self.conferences.entry(call).or_insert_with(|| Conference::new(rate)).seat(&seen);
        let now = self.clock.now();
        for (id, _) in seen {
            if let Some(leg) = self.legs.get_mut(&id)
                && leg.conference.replace(call).is_none()
            {
                leg.meets(now);
            }
            self.equip([Some(id), None]);
        }
    }

    /// Takes a leg out of its conference, which ends when fewer than two are left.
    pub(super) fn leave_conference(&mut self, id: LegId) {
        let Some(call) = self.legs.get_mut(&id).and_then(|leg| leg.conference.take()) else { return };
        let Some(conference) = self.conferences.get_mut(&call) else { return };
        conference.leave(id);
        let left: Vec<LegId> = conference.legs().collect();
        self.equip([Some(id), None]);
        let recording = self.legs.get(&id).and_then(|leg| leg.recording);
        self.rest(recording, Channel::Right);
        if let [last] = left[..] {
            self.leave_conference(last);
        } else if left.is_empty() {
            self.conferences.remove(&call);
        }
    }

    /// Makes or drops readers, ears and mouths after these legs or their bridge changed.
    pub(super) fn equip(&mut self, changed: [Option<LegId>; 2]) {
        for id in changed.into_iter().flatten() {
            let both = self.legs.get(&id).and_then(|leg| Some((leg, self.legs.get(&leg.other?)?)));
            // A party that is not connected yet says and hears nothing.
            let both = both.filter(|(leg, other)| leg.codec().is_some() && other.codec().is_some());
            let hears = both.is_some_and(|(leg, other)| !leg.passes_to(other));
            let spoken_to = both.is_some_and(|(leg, other)| !other.passes_to(leg));
            let Some(leg) = self.legs.get_mut(&id) else { continue };
            leg.equip(hears, spoken_to);
            let (hears, listed) = (leg.reader.is_some() || leg.ear.is_some(), self.listeners.contains(&id));
            match (hears, listed) {
                (true, false) => self.listeners.push(id),
                (false, true) => self.listeners.retain(|listener| *listener != id),
                (true, true) | (false, false) => {}
            }
        }
    }
}
