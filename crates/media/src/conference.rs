//! A conference of up to 32 legs of one call: its members, who hears whom, and the mix for each of them.
//!
//! A member keeps its seat for as long as it takes part, so a change of roles is only a fade of 8 ms in the mix. The
//! whole mix has one rate: that of the widest codec when the conference began.

use audio::mix::{MOST_MEMBERS, Mixer};
use audio::resample::Resampler;
use audio::{FRAME, RATE};
use model::{LegId, Role};

use crate::ear::{Frame, WIDEST};

/// Members, and the mix.
#[derive(Debug)]
pub(crate) struct Conference {
    rate: u32,
    mixer: Mixer,
    seats: Vec<Option<Member>>,
}

#[derive(Debug)]
struct Member {
    leg: LegId,
    role: Role,
    /// From the rate of the leg's frames to the conference's rate.
    up: Option<Resampler>,
    /// From the conference's rate to 8 kHz.
    down: Option<Resampler>,
}

/// What one member hears in a tick.
#[derive(Debug)]
pub(crate) struct Heard<'a> {
    pub(crate) leg: LegId,
    /// At the conference's rate.
    pub(crate) samples: &'a [i16],
    /// At 8 kHz.
    pub(crate) narrow: &'a [i16; FRAME],
}

impl Conference {
    /// A conference at `rate` Hz, 8,000 or 16,000.
    pub(crate) fn new(rate: u32) -> Conference {
        let seats = (0..MOST_MEMBERS).map(|_| None).collect();
        Conference { rate, mixer: Mixer::new(rate, MOST_MEMBERS), seats }
    }

    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// The legs that take part.
    pub(crate) fn legs(&self) -> impl Iterator<Item = LegId> {
        self.members().map(|(_, member)| member.leg)
    }

    /// The other parties, who hear the keys of a member.
    pub(crate) fn parties_beside(&self, leg: LegId) -> impl Iterator<Item = LegId> {
        let parties =
            self.members().filter(move |(_, member)| member.role == Role::Party && member.leg != leg);
        parties.map(|(_, member)| member.leg)
    }

    /// Makes these the members, in place of all earlier ones.
    pub(crate) fn seat(&mut self, members: &[(LegId, Role)]) {
        for seat in &mut self.seats {
            *seat = seat.take().filter(|member| members.iter().any(|(leg, _)| *leg == member.leg));
        }
        for (leg, role) in members {
            let own =
                self.seats.iter().position(|seat| seat.as_ref().is_some_and(|member| member.leg == *leg));
            let free = || self.seats.iter().position(Option::is_none);
            let Some(seat) = own.or_else(free).and_then(|seat| self.seats.get_mut(seat)) else { continue };
            match seat {
                Some(member) => member.role = *role,
                None => {
                    let (up, down) = match self.rate {
                        RATE => (None, None),
                        rate => (Resampler::new(RATE, rate), Resampler::new(rate, RATE)),
                    };
                    *seat = Some(Member { leg: *leg, role: *role, up, down });
                }
            }
        }
        self.tell_the_mixer();
    }

    /// Removes a member.
    pub(crate) fn leave(&mut self, leg: LegId) {
        let rest: Vec<_> = self.members().filter(|(_, member)| member.leg != leg).collect();
        let rest: Vec<(LegId, Role)> =
            rest.into_iter().map(|(_, member)| (member.leg, member.role)).collect();
        self.seat(&rest);
    }

    fn tell_the_mixer(&mut self) {
        for (listener, hears) in self.seats.iter().enumerate() {
            for (speaker, speaks) in self.seats.iter().enumerate() {
                let audible = match (hears, speaks) {
                    (Some(hears), Some(speaks)) => listener != speaker && speaks.is_heard_by(hears.leg),
                    (Some(_) | None, Some(_) | None) => false,
                };
                self.mixer.hear(listener, speaker, if audible { 1.0 } else { 0.0 });
            }
        }
    }

    fn members(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.seats.iter().enumerate().filter_map(|(seat, member)| Some((seat, member.as_ref()?)))
    }

    /// Takes what a member says in this tick.
    pub(crate) fn put(&mut self, leg: LegId, frame: &Frame) {
        let found = self.seats.iter_mut().enumerate().find_map(|(seat, member)| {
            member.as_mut().filter(|member| member.leg == leg).map(|member| (seat, member))
        });
        let Some((seat, member)) = found else { return };
        if frame.rate == self.rate {
            return self.mixer.put(seat, frame.samples());
        }
        // In a narrow conference a wide voice is used at 8 kHz, which the frame holds already.
        let Some(up) = &mut member.up else { return self.mixer.put(seat, frame.narrow()) };
        let mut room = [0; WIDEST];
        let made = up.process(frame.samples(), &mut room);
        self.mixer.put(seat, room.get(..made).unwrap_or_default());
    }

    /// Ends the tick: gives each member's mix to `tell`.
    pub(crate) fn mix(&mut self, mut tell: impl FnMut(Heard<'_>)) {
        let length = self.rate as usize / 50;
        for (seat, member) in self.seats.iter_mut().enumerate() {
            let Some(member) = member else { continue };
            let (mut room, mut narrow) = ([0; WIDEST], [0; FRAME]);
            let samples = room.get_mut(..length).unwrap_or_default();
            self.mixer.mix(seat, samples);
            match &mut member.down {
                Some(down) => _ = down.process(samples, &mut narrow),
                None => narrow.iter_mut().zip(&*samples).for_each(|(narrow, sample)| *narrow = *sample),
            }
            tell(Heard { leg: member.leg, samples, narrow: &narrow });
        }
        self.mixer.next();
    }
}

impl Member {
    fn is_heard_by(&self, listener: LegId) -> bool {
        match self.role {
            Role::Party => true,
            Role::Listener => false,
            Role::Whisperer { to } => to == listener,
        }
    }
}
