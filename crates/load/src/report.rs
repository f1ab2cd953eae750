//! The report: as JSON, and as the lines that are printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use sip::{Codec, SrtpSuite};

use super::customer::Outcome;
use super::exchange::Traces;
use super::histogram::{Histogram, Percentiles};
use super::plan::{CODECS, Expects, Plan};
use super::rtp::ThreadFigures;
use super::verdict::{self, Packets};
use super::watch::{self, Cost, Sample};

/// The report of a run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) version: u32,
    pub(super) plan: Planned,
    pub(super) calls: Calls,
    pub(super) signalling: Signalling,
    pub(super) media: Media,
    pub(super) generator: Generator,
    /// What the watched process cost; none without `--pid`.
    pub(super) cost: Option<Cost>,
    pub(super) samples: Vec<Sample>,
    /// Share of packets, and the delay that they do not exceed in microseconds.
    pub(super) delay_curve: Vec<(f64, u64)>,
}

/// What was asked for.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Planned {
    pub(super) target: String,
    pub(super) number: String,
    pub(super) expects: &'static str,
    pub(super) agents: usize,
    pub(super) calls: usize,
    pub(super) rate: f64,
    pub(super) hold_s: f64,
    pub(super) seconds: u64,
    pub(super) codec: &'static str,
    pub(super) agent_codec: &'static str,
    /// The suite that phones prefer; none without SRTP.
    pub(super) srtp: Option<&'static str>,
    pub(super) loss_percent: f64,
    pub(super) jitter_ms: f64,
    pub(super) reorder_percent: f64,
    pub(super) answer_after_ms: u128,
}

/// How calls went.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Calls {
    pub(super) begun: usize,
    pub(super) completed: usize,
    pub(super) failed: usize,
    pub(super) by_outcome: BTreeMap<String, usize>,
    pub(super) most_at_once: usize,
    pub(super) most_talking: usize,
    pub(super) seats: usize,
    pub(super) seats_registered: usize,
}

/// RFC 6076, in its words; times in microseconds.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Signalling {
    #[serde(rename = "RRD_us")]
    pub(super) rrd: Percentiles,
    #[serde(rename = "SRD_us")]
    pub(super) srd: Percentiles,
    #[serde(rename = "SDD_us")]
    pub(super) sdd: Percentiles,
    #[serde(rename = "SER_percent")]
    pub(super) ser: Option<f64>,
    #[serde(rename = "SEER_percent")]
    pub(super) seer: Option<f64>,
    pub(super) invite_to_200_us: Percentiles,
    pub(super) requests_repeated: u64,
}

/// What the phones heard.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Media {
    pub(super) packets_sent: u64,
    pub(super) packets_expected: u64,
    pub(super) packets_received: u64,
    /// All that is missing, of the expected; none where nothing could be.
    pub(super) loss_percent: Option<f64>,
    pub(super) injected_loss: u64,
    pub(super) lost_by_target: u64,
    pub(super) repeated: u64,
    pub(super) reordered: u64,
    pub(super) changed: u64,
    pub(super) foreign: u64,
    pub(super) made_by_target: u64,
    pub(super) strays: u64,
    /// Of an encrypted call, and not made with its key.
    pub(super) not_authentic: u64,
    /// Phones that knew their counterpart by its voice, decoded, for the system made new packets of it: of their
    /// packets neither loss nor delay can be measured.
    pub(super) ears_by_name: usize,
    pub(super) names_heard: u64,
    pub(super) packets_decoded: u64,
    pub(super) delay_us: Percentiles,
    pub(super) spacing_error_us: Percentiles,
}

/// Whether the generator itself was in time.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Generator {
    pub(super) threads: usize,
    pub(super) phones_per_port: usize,
    pub(super) behind_us: Percentiles,
    pub(super) packets_unsent: u64,
    pub(super) peers_at_one_address: u64,
}

impl Report {
    pub(super) fn new(plan: &Plan, traces: &Traces, figures: &ThreadFigures) -> Report {
        let outcomes = verdict::outcomes(traces, plan.expects);
        let durations = &figures.durations;
        Report {
            version: 1,
            plan: Planned::of(plan),
            calls: Calls::of(&outcomes, traces),
            signalling: Signalling::of(traces),
            media: Media::of(&verdict::packets(&traces.legs), figures),
            generator: Generator {
                threads: plan.threads,
                phones_per_port: plan.phones_per_port,
                behind_us: durations.behind.percentiles(),
                packets_unsent: figures.unsent,
                peers_at_one_address: figures.crowded,
            },
            cost: watch::cost(&traces.samples),
            samples: traces.samples.clone(),
            delay_curve: curve(&durations.delay),
        }
    }

    /// Every call heard its own counterpart, and every seat had registered.
    pub(super) fn is_good(&self) -> bool {
        self.calls.begun > 0 && self.calls.failed == 0 && self.calls.seats == self.calls.seats_registered
    }

    /// A few lines for a person.
    pub(super) fn lines(&self) -> String {
        let Report { calls, signalling, media, generator, .. } = self;
        let mut text = String::new();
        let mut line = |words: String| {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{words}");
        };
        line(format!(
            "{} calls 通电话: {} completed 成功, {} failed 失败; at most {} at once 最高并发, {} talking 通话中",
            calls.begun, calls.completed, calls.failed, calls.most_at_once, calls.most_talking
        ));
        for (outcome, count) in calls.by_outcome.iter().filter(|(outcome, _)| *outcome != "completed") {
            line(format!("  {outcome}: {count}"));
        }
        if calls.seats > 0 {
            line(format!("seats registered 已注册座席: {} of {}", calls.seats_registered, calls.seats));
        }
        line(format!(
            "set-up 接续: SRD {}, SDD {}, RRD {}; SER {}, SEER {}",
            ms(&signalling.srd),
            ms(&signalling.sdd),
            ms(&signalling.rrd),
            percent(signalling.ser, 1),
            percent(signalling.seer, 1)
        ));
        line(format!(
            "audio 语音: {} of {} packets heard 包, {} missing 丢失 ({} on the way there 注入, {} by the system 系统), \
             {} foreign 串音, {} out of order 乱序",
            media.packets_received,
            media.packets_expected,
            percent(media.loss_percent, 3),
            media.injected_loss,
            media.lost_by_target,
            media.foreign,
            media.reordered
        ));
        if media.ears_by_name > 0 {
            line(format!(
                "{} phones knew their counterpart by ear 靠听辨认 ({} names heard 次, {} packets decoded 包): \
                 of what the system encoded again, neither loss nor delay can be measured 重新编码的语音无法测量丢包与时延",
                media.ears_by_name, media.names_heard, media.packets_decoded
            ));
        }
        line(format!("added delay 附加时延: {}", ms(&media.delay_us)));
        line(format!(
            "spacing error of the system's own packets 系统自发包间隔误差: {}",
            ms(&media.spacing_error_us)
        ));
        line(format!("the generator itself was behind by 发生器自身延迟: {}", ms(&generator.behind_us)));
        if let Some(cost) = &self.cost {
            line(format!(
                "the system 被测系统: {:.3} cores 核 at {:.0} calls, {:.4} core-seconds a call-minute 核秒/通话分钟, \
                 {:.1} KiB a call 每通话内存",
                cost.cores,
                cost.talking,
                cost.core_seconds_per_call_minute,
                cost.bytes_per_call / 1024.0
            ));
        }
        text
    }
}

impl Planned {
    fn of(plan: &Plan) -> Planned {
        let percent = |of_a_million: u64| of_a_million as f64 / 10_000.0;
        Planned {
            target: plan.target.to_string(),
            number: plan.number.clone(),
            expects: match plan.expects {
                Expects::Agent => "agent",
                Expects::Echo => "echo",
                Expects::Nobody => "nobody",
            },
            agents: plan.agents.len(),
            calls: plan.calls,
            rate: plan.rate,
            hold_s: plan.hold.as_secs_f64(),
            seconds: plan.seconds.as_secs(),
            codec: name_of(plan.codec),
            agent_codec: name_of(plan.agent_codec),
            srtp: plan.srtp.map(SrtpSuite::name),
            loss_percent: percent(plan.weather.lost),
            jitter_ms: plan.weather.jitter_us as f64 / 1000.0,
            reorder_percent: percent(plan.weather.reordered),
            answer_after_ms: plan.answer_after.as_millis(),
        }
    }
}

impl Calls {
    fn of(outcomes: &[Outcome], traces: &Traces) -> Calls {
        let mut by_outcome = BTreeMap::new();
        outcomes.iter().for_each(|outcome| *by_outcome.entry(outcome.name()).or_default() += 1);
        let completed = outcomes.iter().filter(|outcome| **outcome == Outcome::Completed).count();
        let most = |of: fn(&Sample) -> usize| traces.samples.iter().map(of).max().unwrap_or(0);
        Calls {
            begun: outcomes.len(),
            completed,
            failed: outcomes.len() - completed,
            by_outcome,
            most_at_once: most(|sample| sample.calls),
            most_talking: most(|sample| sample.talking),
            seats: traces.seats,
            seats_registered: traces.registered,
        }
    }
}

impl Signalling {
    fn of(traces: &Traces) -> Signalling {
        let status = |call: &super::exchange::Call| match call.outcome {
            Outcome::Refused(status) => Some(status),
            _ => None,
        };
        let redirected = |call: &&super::exchange::Call| status(call).is_some_and(|code| code / 100 == 3);
        let attempts = traces.calls.iter().filter(|call| !redirected(call)).count();
        let answered = traces.calls.iter().filter(|call| call.answered).count();
        // Section 4.7: busy, away and declining are the user's doing, not the system's.
        let by_the_user =
            traces.calls.iter().filter(|call| matches!(status(call), Some(480 | 486 | 600 | 603))).count();
        let share = |part: usize| (attempts > 0).then(|| part as f64 * 100.0 / attempts as f64);
        Signalling {
            rrd: traces.wire.rrd.percentiles(),
            srd: traces.wire.srd.percentiles(),
            sdd: traces.wire.sdd.percentiles(),
            ser: share(answered),
            seer: share(answered + by_the_user),
            invite_to_200_us: traces.wire.answered.percentiles(),
            requests_repeated: traces.wire.repeated,
        }
    }
}

impl Media {
    fn of(packets: &Packets, figures: &ThreadFigures) -> Media {
        let missing = packets.expected.saturating_sub(packets.received);
        Media {
            packets_sent: packets.sent,
            packets_expected: packets.expected,
            packets_received: packets.received,
            loss_percent: (packets.expected > 0).then(|| missing as f64 * 100.0 / packets.expected as f64),
            injected_loss: packets.injected,
            lost_by_target: packets.lost,
            repeated: packets.repeated,
            reordered: packets.reordered,
            changed: packets.changed,
            foreign: packets.foreign,
            made_by_target: packets.made,
            ears_by_name: packets.by_ear,
            names_heard: packets.names,
            packets_decoded: packets.decoded,
            strays: figures.strays,
            not_authentic: figures.not_authentic,
            delay_us: figures.durations.delay.percentiles(),
            spacing_error_us: figures.durations.spacing.percentiles(),
        }
    }
}

/// As it is typed.
fn name_of(codec: Codec) -> &'static str {
    CODECS.into_iter().find(|(_, known)| *known == codec).map_or("l16 at 8 kHz", |(typed, _)| typed)
}

/// Where the tail of a distribution is looked at.
const SHARES: [f64; 14] =
    [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 1.0];

fn curve(delays: &Histogram) -> Vec<(f64, u64)> {
    SHARES.iter().filter_map(|share| Some((*share, delays.quantile(*share)?))).collect()
}

/// Median, 99 %, 99.9 % and the longest.
pub(super) fn ms(figures: &Percentiles) -> String {
    match [figures.p50, figures.p99, figures.p999, figures.longest] {
        [Some(p50), Some(p99), Some(p999), Some(longest)] => {
            let [p50, p99, p999, longest] = [p50, p99, p999, longest].map(|us| us as f64 / 1000.0);
            format!("p50 {p50:.2} p99 {p99:.2} p99.9 {p999:.2} max {longest:.1} ms")
        }
        _ => "–".to_owned(),
    }
}

/// A percentage with this many decimals.
pub(super) fn percent(value: Option<f64>, decimals: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.decimals$} %"))
}
