//! The language of tables and of what the running center says to the command line.
//!
//! `HOTLINE_LANG` (`zh`, `en` or `both`) decides, otherwise the locale of the environment; where neither names a
//! language, both are shown, as in all other lines.

use std::env;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Chinese alone.
    Chinese,
    /// English alone.
    English,
    /// English, then Chinese.
    Both,
}

impl Shown {
    /// As the environment of this process says.
    pub fn here() -> Shown {
        Shown::of(|name| env::var(name).ok())
    }

    /// As variables say (POSIX: `LC_ALL` goes before `LC_MESSAGES`, and that before `LANG`).
    fn of(variable: impl Fn(&str) -> Option<String>) -> Shown {
        let names = ["HOTLINE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];
        let said = names.into_iter().filter_map(variable).find(|value| !value.is_empty());
        let said = said.unwrap_or_default();
        match said.split(['_', '-', '.', '@']).next().unwrap_or_default() {
            "zh" => Shown::Chinese,
            "" | "C" | "POSIX" | "both" => Shown::Both,
            _ => Shown::English,
        }
    }

    /// A word of ours for people. `english` is shown as it is where no Chinese is known.
    pub fn word(self, english: &str) -> String {
        match (self, chinese(english)) {
            (Shown::Chinese, Some(chinese)) => chinese.to_owned(),
            (Shown::Both, Some(chinese)) => format!("{english} {chinese}"),
            (Shown::English, _) | (_, None) => english.to_owned(),
        }
    }

    /// What `Accept-Language` says of it.
    pub fn header(self) -> &'static str {
        match self {
            Shown::Chinese => "zh-CN",
            Shown::English => "en",
            Shown::Both => "*",
        }
    }
}

/// The columns an text takes in a terminal: Chinese characters and full-width marks take two.
pub fn width(text: &str) -> usize {
    let is_wide = |c: char| {
        matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd)
    };
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// The Chinese for the name of a column, or for a word in one.
fn chinese(english: &str) -> Option<&'static str> {
    let find = |list: &[(&str, &'static str)]| {
        list.iter().find(|(known, _)| *known == english).map(|(_, chinese)| *chinese)
    };
    find(COLUMNS).or_else(|| find(WORDS)).or_else(|| find(EVENTS)).or_else(|| find(FIELDS))
}

const COLUMNS: &[(&str, &str)] = &[
    ("id", "编号"),
    ("name", "名称"),
    ("caller", "主叫"),
    ("number", "被叫"),
    ("direction", "方向"),
    ("language", "语言"),
    ("queue", "队列"),
    ("agent", "座席"),
    ("started_at", "开始"),
    ("ended_at", "结束"),
    ("end", "结果"),
    ("contact_id", "联系编号"),
    ("opened_at", "开始"),
    ("state", "状态"),
    ("duration_ms", "时长（毫秒）"),
    ("path", "路径"),
    ("shift", "当班"),
    ("activity", "动态"),
    ("seat_online", "话机在线"),
    ("since", "起始"),
    ("waiting", "等待"),
    ("offered", "进线"),
    ("answered", "接通"),
    ("abandoned", "放弃"),
    ("service_level", "服务水平"),
    ("recording_id", "录音编号"),
    ("rule", "规则"),
    ("held", "已保全"),
    ("erased", "已删除"),
    ("fault", "故障"),
    ("from", "来源"),
    ("recording", "录音编号"),
    ("contact", "联系编号"),
    ("at", "时间"),
    ("event", "事件"),
    ("details", "详情"),
    ("by", "操作者"),
    ("file", "文件"),
    ("key", "位置"),
    ("before", "原值"),
    ("after", "新值"),
    ("effect", "生效"),
    ("registration", "注册"),
    ("gateway", "网关"),
    ("gateway_state", "网关状态"),
    ("calls", "通话数"),
    ("extension", "分机号"),
    ("kind", "类型"),
    ("zh", "中文名"),
    ("en", "英文名"),
    ("open_now", "营业中"),
    ("changes_at", "下次变化"),
    ("members", "成员"),
    ("deputy", "代理人"),
    ("closed", "非营业时间"),
    ("unanswered", "无人接听"),
    ("failed_at", "最近故障"),
    ("failure", "故障原因"),
];

const WORDS: &[(&str, &str)] = &[
    ("asking", "注册中"),
    ("registered", "已注册"),
    ("rejected", "被拒绝"),
    ("silent", "无应答"),
    ("removed", "已注销"),
    ("up", "正常"),
    ("resting", "暂缓使用"),
    ("unresolved", "域名无法解析"),
    ("true", "是"),
    ("false", "否"),
    // When a change takes effect.
    ("now", "立即"),
    ("at_restart", "重启后"),
    ("zh-CN", "中文"),
    ("en-US", "英文"),
    ("department", "部门"),
    ("branch", "分公司"),
    ("person", "个人"),
    // Shifts and activities.
    ("signed_out", "未签入"),
    ("ready", "就绪"),
    ("break", "小休"),
    ("no_answer", "无应答"),
    ("declined", "已拒接"),
    ("busy", "忙"),
    ("unreachable", "无法到达"),
    ("not_allowed", "不允许"),
    ("not_now", "当前不可外呼"),
    ("idle", "空闲"),
    ("talking", "通话"),
    ("wrap_up", "话后整理"),
    // Recordings.
    ("open", "录制中"),
    ("sealed", "已封存"),
    ("damaged", "已损坏"),
    // Who ended a contact.
    ("center", "系统"),
    ("operator", "操作员"),
    ("network", "网络"),
    // Why.
    ("hung_up", "挂机"),
    ("transferred", "已转接"),
    ("cancelled", "取消"),
    ("flow_finished", "流程结束"),
    ("flow_failed", "流程出错"),
    ("unknown_number", "空号"),
    ("no_common_codec", "无共同编码"),
    ("calls_full", "呼叫已满"),
    ("rtp_ports_full", "端口用尽"),
    ("open_files_full", "文件数用尽"),
    ("overloaded", "过载"),
    ("trunk_full", "中继已满"),
    ("source_full", "来源已满"),
    ("waited_out", "等待超时"),
    ("shutting_down", "系统停止"),
    ("media_timeout", "媒体超时"),
    ("signalling_timeout", "信令超时"),
    ("crashed", "进程崩溃"),
    ("failed", "失败"),
    // What it counts as.
    ("left_early", "提前离开"),
    ("self_service", "自助"),
    ("refused", "未接"),
    ("unanswered", "外呼未接通"),
    // Which way a contact came about, and who is called first.
    ("inbound", "呼入"),
    ("outbound", "呼出"),
    ("customer", "客户"),
    // Why a queue was left, how an offer, a guest or a secure input ended.
    ("redirected", "转出"),
    ("ended", "结束"),
    ("accepted", "已接听"),
    ("timed_out", "超时"),
    ("caller_gone", "主叫已离开"),
    ("agent_gone", "座席已离开"),
    ("vanished", "设备失联"),
    ("dismissed", "被请出"),
    ("call_ended", "通话结束"),
    ("became_agent", "成为座席"),
    ("takes_customer", "待接客户"),
    ("complete", "完成"),
    ("incomplete", "未完成"),
    ("stopped", "已停止"),
    // What a guest is there for.
    ("listen", "监听"),
    ("whisper", "密语"),
    ("barge", "强插"),
    ("take_over", "接管"),
    ("colleague", "同事"),
    ("consulted", "被咨询"),
    // How a transfer or a stay in a parking slot ended.
    ("done", "完成"),
    ("returned", "已转回"),
    ("requeued", "重新排队"),
    ("customer_gone", "客户已离开"),
    ("picked_up", "已取回"),
    // How a call to an extension ended, besides the words of columns.
    ("passed_on", "已转往他处"),
    // Why audio is missing.
    ("lost", "丢包"),
    ("dropped", "未能写盘"),
    // Where a call was before.
    ("unknown", "未说明"),
    ("user_busy", "用户忙"),
    ("unavailable", "无法接通"),
    ("unconditional", "无条件"),
    ("time_of_day", "按时段"),
    ("do_not_disturb", "免打扰"),
    ("deflection", "本人转移"),
    ("follow_me", "跟随转移"),
    ("out_of_service", "停机"),
    ("away", "离开"),
    // Who.
    ("token", "令牌"),
    ("command_line", "命令行"),
    ("flow", "流程"),
    ("schedule", "定时"),
];

/// The types of events.
const EVENTS: &[(&str, &str)] = &[
    ("center_started", "系统启动"),
    ("drain_started", "停止接入"),
    ("clock_set", "时钟调整"),
    ("configuration_replaced", "配置重新载入"),
    ("sample_drawn", "质检抽样"),
    ("sip_trace_read", "查看信令"),
    ("contact_started", "来电"),
    ("contact_placed", "外呼"),
    ("contact_ringing", "客户振铃"),
    ("contact_answered", "应答"),
    ("language_chosen", "选择语言"),
    ("node_entered", "进入流程节点"),
    ("digit_pressed", "按键"),
    ("secure_input_started", "安全输入开始"),
    ("secure_input_ended", "安全输入结束"),
    ("secure_input_read", "安全输入已读取"),
    ("segment_started", "通话开始"),
    ("hold_started", "保持"),
    ("hold_ended", "取回"),
    ("guest_invited", "邀请加入"),
    ("guest_joined", "加入通话"),
    ("guest_changed", "改变参与方式"),
    ("guest_left", "退出通话"),
    ("transfer_started", "开始转接"),
    ("transfer_ended", "转接结束"),
    ("extension_dialled", "流程拨打分机"),
    ("extension_ended", "分机呼叫结束"),
    ("parked", "通话驻留"),
    ("unparked", "离开驻留位"),
    ("segment_ended", "通话结束"),
    ("contact_ended", "联系结束"),
    ("one_way_audio", "单向无声"),
    ("quality_measured", "语音质量"),
    ("legal_hold_set", "法律保全"),
    ("legal_hold_cleared", "解除保全"),
    ("queue_entered", "进入队列"),
    ("queue_left", "离开队列"),
    ("offer_made", "座席振铃"),
    ("offer_ended", "振铃结束"),
    ("agent_changed", "座席状态变化"),
    ("recording_opened", "开始录音"),
    ("recording_paused", "暂停录音"),
    ("recording_resumed", "恢复录音"),
    ("recording_closed", "录音完成"),
    ("recording_listened", "收听录音"),
    ("recording_erased", "删除录音"),
    ("storage_failed", "存储故障"),
    ("storage_restored", "存储恢复"),
];

/// What events say.
const FIELDS: &[(&str, &str)] = &[
    ("caller_name", "主叫名称"),
    ("shown", "外显号码"),
    ("first", "先呼"),
    ("diversions", "此前转移"),
    ("trunk", "中继"),
    ("sip_call_id", "SIP 呼叫编号"),
    ("node", "节点"),
    ("digit", "键"),
    ("digits", "键数"),
    ("how", "方式"),
    ("reason", "原因"),
    ("bonus_s", "加分秒数"),
    ("position", "位次"),
    ("waited_ms", "等待毫秒"),
    ("score_s", "得分秒数"),
    ("idle_ms", "空闲毫秒"),
    ("outcome", "结果"),
    ("guest", "加入者"),
    ("to", "转往"),
    ("attended", "先咨询"),
    ("slot", "驻留位"),
    ("part", "身份"),
    ("supervisor", "班组长"),
    ("cause", "原因"),
    ("class", "归类"),
    ("channels", "声道数"),
    ("channel", "声道"),
    ("rate", "采样率"),
    ("gaps", "缺口"),
    ("from_ms", "起始毫秒"),
    ("length_ms", "时长毫秒"),
    ("person", "责任人"),
    ("messages", "消息数"),
    ("quality", "质量"),
    ("codec", "编码"),
    ("packets", "包数"),
    ("jitter_ms", "抖动毫秒"),
    ("round_trip_ms", "往返毫秒"),
    ("mos", "MOS 评分"),
    ("speech_dbov", "语音电平"),
    ("silence", "静音比例"),
    ("clipped_ms", "削波毫秒"),
    ("talk_over_ms", "重叠毫秒"),
];

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;

    use super::*;
    use crate::shown::listings::TABLES;

    #[test]
    fn the_environment_decides_and_says_both_where_it_says_nothing() {
        for (variables, shown) in [
            (&[][..], Shown::Both),
            (&[("LANG", "zh_CN.UTF-8")], Shown::Chinese),
            (&[("LANG", "en_US.UTF-8")], Shown::English),
            (&[("LANG", "de_DE@euro")], Shown::English),
            (&[("LANG", "C.UTF-8")], Shown::Both),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "POSIX")], Shown::Both),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_MESSAGES", "en_GB")], Shown::English),
            (&[("LANG", "zh_CN.UTF-8"), ("HOTLINE_LANG", "en")], Shown::English),
            (&[("LANG", "zh_CN.UTF-8"), ("HOTLINE_LANG", "both")], Shown::Both),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "")], Shown::Chinese),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Shown::of(variable), shown, "{variables:?}");
        }
    }

    /// The words that a type reads, as its own refusal of another word names them.
    fn words<T: DeserializeOwned + Debug>() -> Vec<String> {
        let said = serde_json::from_str::<T>("\"no such word\"").unwrap_err().to_string();
        said.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_column_and_every_word_in_one_is_known() {
        for column in TABLES.iter().copied().flatten() {
            assert!(COLUMNS.iter().any(|(known, _)| known == column), "{column}");
        }
        let all = [
            words::<model::Shift>(),
            words::<model::NotReadyReason>(),
            words::<model::Activity>(),
            words::<model::RecordingState>(),
            words::<model::EndedBy>(),
            words::<model::Cause>(),
            words::<model::Class>(),
            words::<model::Way>(),
            words::<model::First>(),
            words::<model::Language>(),
            words::<model::LeaveReason>(),
            words::<model::OfferOutcome>(),
            words::<model::Refusal>(),
            words::<model::GuestEnd>(),
            words::<model::SecureEnd>(),
            words::<model::Part>(),
            words::<model::Supervision>(),
            words::<model::DiversionReason>(),
        ];
        for word in all.iter().flatten().filter(|word| *word != "not_ready") {
            assert!(chinese(word).is_some(), "{word}");
        }
    }

    #[test]
    fn chinese_takes_two_columns() {
        assert_eq!([width("id"), width("编号"), width("id 编号"), width("…（毫秒）")], [2, 4, 7, 9]);
    }
}
