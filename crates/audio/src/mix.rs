//! Mixing: who hears whom, with fades instead of clicks and a soft limit instead of clipping.

/// The most members of one mix.
pub const MOST_MEMBERS: usize = 32;
/// Samples of the longest frame: 20 ms of 48 kHz.
const LONGEST_FRAME: usize = 960;
/// A change of loudness takes this long, in milliseconds.
const FADE_MS: usize = 8;
/// Up to here sound passes unchanged (−2.5 dB of full scale); above it bends towards full scale and never reaches it.
const KNEE: i32 = 24_576;
const ROOM: i32 = i16::MAX as i32 - KNEE;

/// Adds `more` to `sum`, sample by sample, saturating: two loud speakers clip, they don't wrap.
pub fn mix(sum: &mut [i16], more: &[i16]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
}

/// A sum of voices as a sample: unchanged while it is soft, bent smoothly where it is loud, in order everywhere.
pub fn limit(sum: i32) -> i16 {
    let over = i64::from(sum.saturating_abs().saturating_sub(KNEE));
    if over <= 0 {
        return sum as i16;
    }
    let room = i64::from(ROOM);
    let bent = KNEE + (over * room / (over + room)) as i32;
    (bent * sum.signum()) as i16
}

/// A loudness that goes to its target in a straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fade {
    now: f32,
    target: f32,
    step: f32,
}

impl Fade {
    /// Loudness `now` (0 to 1), for audio at `rate` Hz.
    pub fn new(now: f32, rate: u32) -> Fade {
        let samples = (rate as usize * FADE_MS / 1000).max(1);
        Fade { now, target: now, step: 1.0 / samples as f32 }
    }

    /// Goes to `target` (0 to 1) in at most 8 ms from the next sample on.
    pub fn to(&mut self, target: f32) {
        self.target = target.clamp(0.0, 1.0);
    }

    /// True when nothing is heard, now and until the next [`to`](Fade::to).
    pub fn is_silent(&self) -> bool {
        self.now == 0.0 && self.target == 0.0
    }

    /// Adds a frame at this loudness to a sum.
    fn add(&mut self, frame: &[i16], sum: &mut [i32]) {
        if self.now == 1.0 && self.target == 1.0 {
            sum.iter_mut().zip(frame).for_each(|(sum, sample)| *sum += i32::from(*sample));
        } else if !self.is_silent() {
            for (sum, sample) in sum.iter_mut().zip(frame) {
                self.now += (self.target - self.now).clamp(-self.step, self.step);
                *sum += (f32::from(*sample) * self.now) as i32;
            }
        }
    }
}

/// A conference: each member hears the others, or those whom it shall hear.
///
/// Each tick every member's frame is [`put`](Mixer::put), then each one's mix [taken](Mixer::mix), then comes
/// [`next`](Mixer::next). Supervision is a matter of [`hear`](Mixer::hear): a listener hears and is not heard, a
/// whisperer is heard by the agent alone. After construction nothing is allocated.
#[derive(Debug, Clone)]
pub struct Mixer {
    length: usize,
    members: usize,
    frames: Box<[i16]>,
    put: u32,
    /// How loud each member is in each one's mix, by listener and then speaker.
    fades: Box<[Fade]>,
    sum: Box<[i32]>,
}

impl Mixer {
    /// A mix of frames of 20 ms at `rate` Hz (up to 48,000) for up to 32 members, of whom nobody hears another yet.
    pub fn new(rate: u32, members: usize) -> Mixer {
        let (length, members) = ((rate as usize / 50).min(LONGEST_FRAME), members.min(MOST_MEMBERS));
        Mixer {
            length,
            members,
            frames: vec![0; members * length].into_boxed_slice(),
            put: 0,
            fades: vec![Fade::new(0.0, rate); members * members].into_boxed_slice(),
            sum: vec![0; length].into_boxed_slice(),
        }
    }

    /// From now on `listener` hears `speaker` with this loudness (0 to 1). Numbers beyond the members are passed over.
    pub fn hear(&mut self, listener: usize, speaker: usize, loudness: f32) {
        if listener < self.members
            && let Some(fade) = self.fades_of(listener).get_mut(speaker)
        {
            fade.to(loudness);
        }
    }

    /// Everybody hears everybody else, and nobody themselves.
    pub fn all_hear_all(&mut self) {
        for listener in 0..self.members {
            for (speaker, fade) in self.fades_of(listener).iter_mut().enumerate() {
                fade.to(if listener == speaker { 0.0 } else { 1.0 });
            }
        }
    }

    /// What `member` says in this tick. A frame that is too short ends in silence.
    pub fn put(&mut self, member: usize, frame: &[i16]) {
        if member < self.members {
            let own = &mut self.frames[member * self.length..][..self.length];
            own.fill(0);
            own.iter_mut().zip(frame).for_each(|(own, sample)| *own = *sample);
            self.put |= 1 << member;
        }
    }

    /// What `listener` hears in this tick. To be called once a tick, because loudness moves on with it.
    pub fn mix(&mut self, listener: usize, out: &mut [i16]) {
        out.fill(0);
        if listener >= self.members {
            return;
        }
        self.sum.fill(0);
        let fades = &mut self.fades[listener * self.members..][..self.members];
        for (speaker, fade) in fades.iter_mut().enumerate() {
            if self.put & 1 << speaker != 0 || fade.now != fade.target {
                fade.add(&self.frames[speaker * self.length..][..self.length], &mut self.sum);
            }
        }
        out.iter_mut().zip(&self.sum).for_each(|(out, sum)| *out = limit(*sum));
    }

    /// Ends the tick: who puts no frame in the next one is silent in it.
    pub fn next(&mut self) {
        self.frames.fill(0);
        self.put = 0;
    }

    fn fades_of(&mut self, listener: usize) -> &mut [Fade] {
        &mut self.fades[listener * self.members..][..self.members]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Sine, level_db};

    #[test]
    fn loud_voices_clip_and_do_not_wrap() {
        let mut sum = [30_000, -30_000, 100, 7];
        mix(&mut sum, &[10_000, -10_000, -300]);
        assert_eq!(sum, [i16::MAX, i16::MIN, -200, 7]);
    }

    #[test]
    fn the_limit_is_soft_and_in_order() {
        assert!(limit(i32::MIN) >= -i16::MAX);
        let mut before = limit(-32 * 32_768);
        for sum in (-32 * 32_768..=32 * 32_767).step_by(7) {
            let now = limit(sum);
            assert!(now >= before && (i32::from(now) - i32::from(before)) <= 7, "{sum}");
            assert!(sum.abs() > KNEE || i32::from(now) == sum);
            before = now;
        }
        assert_eq!(limit(-30_000), -limit(30_000));
        assert!(limit(i32::MAX) > 32_000);
    }

    /// Plays ticks of one second in which each member says a tone of its own.
    fn heard(mixer: &mut Mixer, tones: &mut [Sine], listener: usize, ticks: usize) -> Vec<i16> {
        let (mut all, mut frame) = (Vec::new(), [0; 160]);
        for _ in 0..ticks {
            for (member, tone) in tones.iter_mut().enumerate() {
                tone.fill(&mut frame);
                mixer.put(member, &frame);
            }
            mixer.mix(listener, &mut frame);
            mixer.next();
            all.extend_from_slice(&frame);
        }
        all
    }

    fn tones(count: usize, amplitude: i16) -> Vec<Sine> {
        (0..count).map(|member| Sine::new(300.0 + 110.0 * member as f64, amplitude)).collect()
    }

    #[test]
    fn each_hears_the_others_and_not_themselves() {
        for count in [2, 3, 8, 32] {
            let mut mixer = Mixer::new(8000, count);
            mixer.all_hear_all();
            let mut tones = tones(count, 600);
            let heard = heard(&mut mixer, &mut tones, 1, 50);
            let level = |member: usize| level_db(&heard[800..], 300.0 + 110.0 * member as f64);
            for member in (0..count).filter(|member| *member != 1) {
                assert!((level(member) + 34.75).abs() < 0.5, "{member} of {count}: {}", level(member));
            }
            assert!(level(1) < -80.0, "{count}: {}", level(1));
        }
    }

    #[test]
    fn a_whisperer_is_heard_by_one_alone() {
        let (customer, agent, supervisor) = (0, 1, 2);
        let mut mixer = Mixer::new(8000, 3);
        mixer.all_hear_all();
        mixer.hear(customer, supervisor, 0.0);
        for (listener, whisper) in [(customer, false), (agent, true)] {
            let heard = heard(&mut mixer, &mut tones(3, 3000), listener, 30);
            assert_eq!(level_db(&heard[1600..], 520.0) > -30.0, whisper);
        }
    }

    #[test]
    fn changes_do_not_click_and_are_done_in_8_ms() {
        let mut mixer = Mixer::new(8000, 2);
        let mut tones = [Sine::new(100.0, 0), Sine::new(200.0, 16_000)];
        let mut all = Vec::new();
        for loudness in [0.0, 1.0, 0.0, 0.5, 1.0, 0.0] {
            mixer.hear(0, 1, loudness);
            all.extend(heard(&mut mixer, &mut tones, 0, 3));
        }
        let step = all.windows(2).map(|two| (i32::from(two[1]) - i32::from(two[0])).abs()).max().unwrap();
        // 200 Hz moves by 2,513 a sample, and the fade by 1/64 of the amplitude.
        assert!(step <= 2513 + 251, "{step}");
        assert!(all[..480].iter().all(|sample| *sample == 0));
        assert!(all[960 + 64..1440].iter().all(|sample| *sample == 0), "silent after 8 ms");
    }

    #[test]
    fn thirty_two_shouting_voices_stay_in_range() {
        let mut mixer = Mixer::new(8000, 40);
        mixer.all_hear_all();
        for extreme in [i16::MIN, i16::MAX] {
            (0..40).for_each(|member| mixer.put(member, &[extreme; 200]));
            let mut out = [0; 160];
            (0..3).for_each(|_| mixer.mix(0, &mut out));
            assert_eq!(i32::from(out[159]).signum(), i32::from(extreme).signum());
            assert!(out[159].unsigned_abs() > 32_000);
        }
        mixer.mix(99, &mut [0; 10]);
        mixer.hear(99, 99, 1.0);
    }
}
