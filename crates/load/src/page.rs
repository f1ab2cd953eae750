//! The report as one page that needs nothing else: tables and plots, Chinese and English.

mod plot;

use super::report::{Media, Report, ms, percent};
use plot::{Axis, Line, Plot};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
    h1,h2{line-height:1.2}table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccc;padding:.3rem .6rem;\
    text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}.good{color:#0a7d33}.bad{color:#b00020}\
    .plot{overflow-x:auto}svg{width:100%;min-width:36rem;height:auto}svg text{font:12px system-ui,sans-serif;fill:#444}";

/// Prints the page.
pub(super) fn print(report: &Report) -> String {
    let (class, verdict) = if report.is_good() {
        ("good", "every call heard its own counterpart 每通电话都听到了自己的对方")
    } else {
        ("bad", "calls failed 有通话失败")
    };
    format!(
        "<!doctype html>\n<html lang=\"zh\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>hotline load · 负载测试</title>\n\
         <style>{STYLE}</style>\n<h1>Load report · 负载测试报告</h1>\n<p class=\"{class}\">{verdict}</p>\n\
         {}{}{}{}{}</html>\n",
        plan(report),
        calls(report),
        signalling(report),
        media(report),
        plots(report)
    )
}

fn plan(report: &Report) -> String {
    let plan = &report.plan;
    table(
        "Plan · 计划",
        &[
            ("target 被测系统", format!("{}, {}", plan.target, plan.number)),
            (
                "calls at once 并发",
                format!("{} ({} a second 每秒, hold 通话 {} s)", plan.calls, plan.rate, plan.hold_s),
            ),
            ("agents 座席", format!("{} (answer after 振铃 {} ms)", plan.agents, plan.answer_after_ms)),
            ("codecs 编码", format!("{}, {}", plan.codec, plan.agent_codec)),
            ("encryption 加密", plan.srtp.unwrap_or("none 无").to_owned()),
            (
                "injected 注入",
                format!(
                    "loss 丢包 {} %, jitter 抖动 {} ms, reordering 乱序 {} %",
                    plan.loss_percent, plan.jitter_ms, plan.reorder_percent
                ),
            ),
        ],
    )
}

fn calls(report: &Report) -> String {
    let calls = &report.calls;
    let mut rows = vec![
        ("begun 发起", calls.begun.to_string()),
        ("completed 成功", calls.completed.to_string()),
        ("failed 失败", calls.failed.to_string()),
        ("most at once 最高并发", format!("{} ({} talking 通话中)", calls.most_at_once, calls.most_talking)),
        ("seats registered 已注册座席", format!("{} / {}", calls.seats_registered, calls.seats)),
    ];
    // The completed have a row already.
    let others = calls.by_outcome.iter().filter(|(outcome, _)| *outcome != "completed");
    let others: Vec<(String, String)> =
        others.map(|(outcome, count)| (in_both(outcome), count.to_string())).collect();
    rows.extend(others.iter().map(|(outcome, count)| (outcome.as_str(), count.clone())));
    table("Calls · 通话", &rows)
}

/// An outcome's name, with the Chinese.
fn in_both(outcome: &str) -> String {
    let chinese = match outcome {
        "no answer" => "无应答",
        "nobody came" => "无座席接听",
        "cut short" => "中途中断",
        "wrong voice" => "串音",
        "one way" => "单通",
        "unfinished" => "未完成",
        refused if refused.starts_with("refused") => "被拒绝",
        _ => "",
    };
    format!("{outcome} {chinese}")
}

fn signalling(report: &Report) -> String {
    let signalling = &report.signalling;
    table(
        "Signalling, RFC 6076 · 信令",
        &[
            ("RRD registration 注册", ms(&signalling.rrd)),
            ("SRD session request 呼叫建立", ms(&signalling.srd)),
            ("SDD session disconnect 呼叫拆除", ms(&signalling.sdd)),
            ("SER establishment ratio 接通率", percent(signalling.ser, 2)),
            ("SEER establishment effectiveness 有效接通率", percent(signalling.seer, 2)),
            ("requests sent again 重发", signalling.requests_repeated.to_string()),
        ],
    )
}

fn media(report: &Report) -> String {
    let (media, generator) = (&report.media, &report.generator);
    let mut rows = vec![
        ("heard of expected 收到/应收", format!("{} / {}", media.packets_received, media.packets_expected)),
        ("missing 丢失", percent(media.loss_percent, 3)),
        ("of these injected 其中注入", media.injected_loss.to_string()),
        ("lost by the system 系统丢失", media.lost_by_target.to_string()),
        ("repeated, out of order 重复、乱序", format!("{}, {}", media.repeated, media.reordered)),
        ("of other calls 串音", media.foreign.to_string()),
        ("with changed codes 重新编码", media.changed.to_string()),
        ("known by ear alone 仅靠听辨认", by_ear(media)),
        ("added delay 附加时延", ms(&media.delay_us)),
        ("spacing error of prompts and music 提示音与音乐间隔误差", ms(&media.spacing_error_us)),
        ("the generator behind by 发生器自身延迟", ms(&generator.behind_us)),
    ];
    if let Some(cost) = &report.cost {
        rows.push((
            "cores in use 占用核数",
            format!("{:.3} at {:.0} calls 通话, {:.1} s", cost.cores, cost.talking, cost.steady_s),
        ));
        rows.push((
            "core-seconds a call-minute 核秒/通话分钟",
            format!("{:.4}", cost.core_seconds_per_call_minute),
        ));
        rows.push(("memory a call 每通话内存", format!("{:.1} KiB", cost.bytes_per_call / 1024.0)));
    }
    table("Audio · 语音", &rows)
}

/// Of those phones the packets say nothing of loss and delay.
fn by_ear(media: &Media) -> String {
    match media.ears_by_name {
        0 => "none 无".to_owned(),
        ears => format!(
            "{ears} phones 部话机; their loss and delay are not measurable 其丢包与时延无法测量 ({} names heard 次)",
            media.names_heard
        ),
    }
}

fn table(title: &str, rows: &[(&str, String)]) -> String {
    let row =
        |(name, value): &(&str, String)| format!("<tr><td>{}<td class=\"n\">{}\n", text(name), text(value));
    format!("<h2>{title}</h2>\n<table>\n{}</table>\n", rows.iter().map(row).collect::<String>())
}

fn plots(report: &Report) -> String {
    let samples = &report.samples;
    let of = |value: fn(&super::watch::Sample) -> f64| samples.iter().map(|s| (s.at_s, value(s))).collect();
    let mut plots = vec![Plot {
        title: "Calls over time · 并发通话",
        x: Axis { name: "s 秒", logarithmic: false },
        y: Axis { name: "calls 通话", logarithmic: false },
        lines: vec![
            Line { name: "begun 进行中", points: of(|sample| sample.calls as f64) },
            Line { name: "talking 通话中", points: of(|sample| sample.talking as f64) },
        ],
    }];
    // As tails are read: each step to the right is a tenth of the packets.
    let tail = |(share, us): &(f64, u64)| (1.0 / (1.0 - share.min(0.999_99)), (*us as f64).max(1.0) / 1000.0);
    plots.push(Plot {
        title: "Added delay: one packet of so many is later · 附加时延尾部",
        x: Axis { name: "one packet of 每多少包中一包", logarithmic: true },
        y: Axis { name: "ms 毫秒", logarithmic: true },
        lines: vec![Line { name: "delay 时延", points: report.delay_curve.iter().map(tail).collect() }],
    });
    let used = samples.windows(2).filter_map(|pair| {
        let [a, b] = pair else { return None };
        Some((b.at_s, (b.cpu_s? - a.cpu_s?) / (b.at_s - a.at_s).max(0.001)))
    });
    plots.push(Plot {
        title: "Cores that the system uses · 系统占用核数",
        x: Axis { name: "s 秒", logarithmic: false },
        y: Axis { name: "cores 核", logarithmic: false },
        lines: vec![Line { name: "cores 核", points: used.collect() }],
    });
    plots.iter().map(Plot::print).collect()
}

/// Text in a page.
pub(super) fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_dash_and_text_is_no_markup() {
        assert_eq!(ms(&super::super::histogram::Histogram::default().percentiles()), "–");
        assert_eq!(text("<b>&"), "&lt;b&gt;&amp;");
    }
}
