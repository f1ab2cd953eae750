//! What may be in the queries of routes.

use crate::route::Parameter;

pub(super) const CONTACTS: &[Parameter] = &[
    ("before", "ContactId", "Those before this one; a Link header names the next page 上一页最后一条"),
    ("queue", "QueueName", "Whose last queue this is 最后队列"),
    ("agent", "AgentId", "Whose last agent this is 最后座席"),
    ("direction", "Way", "方向"),
    ("since", "Time", "That arrived then or later 起始时间"),
    ("limit", "Limit", "Rows of the answer 条数"),
];

pub(super) const RECORDINGS: &[Parameter] = &[
    ("before", "RecordingId", "Those before this one; a Link header names the next page 上一页最后一条"),
    ("contact", "ContactId", "Of this contact 所属联系"),
    ("since", "Time", "That were opened then or later 起始时间"),
    ("limit", "Limit", "Rows of the answer 条数"),
];

pub(super) const AUDIO: &[Parameter] = &[
    ("format", "AudioFormat", "The recording, or its copy 原录音或副本"),
    ("ticket", "TicketSecret", "In place of a token 代替令牌的票据"),
];

pub(super) const SAMPLES: &[Parameter] = &[
    ("count!", "SampleCount", "How many contacts 数量"),
    ("seed!", "Seed", "The same seed draws the same from the same frame 随机种子"),
    ("until", "Time", "Ended then or before; now when not given 截止时间"),
    ("since", "Time", "Arrived then or later 起始时间"),
    ("queue", "QueueName", "Whose last queue this is 最后队列"),
    ("agent", "AgentId", "Whose last agent this is 最后座席"),
    ("outcome", "Class", "That count as this 结果"),
    ("direction", "Way", "方向"),
    ("language", "Language", "语言"),
    ("shortest_s", "seconds", "Of at least so many seconds 最短时长"),
    ("longest_s", "seconds", "Of at most so many seconds 最长时长"),
];

pub(super) const POLL: &[Parameter] = &[
    ("after", "Seq", "The last that was read 上次读到的序号"),
    ("wait", "WaitSeconds", "Seconds to wait when there is none 等待秒数"),
    ("limit", "Limit", "Entries of the answer 条数"),
];

pub(super) const STORY: &[Parameter] = &[
    ("after", "Seq", "The last that was read; a Link header names the next page 上次读到的序号"),
    ("limit", "Limit", "Entries of the answer 条数"),
];

pub(super) const STREAM: &[Parameter] = &[
    ("after", "Seq", "The last that was read; without it, from now on 上次读到的序号"),
    ("type", "EventTypes", "事件类型"),
    ("contact", "ContactId", "Of this contact alone 仅此联系"),
    ("queue", "QueueName", "Of this queue alone 仅此队列"),
    ("agent", "AgentId", "Of this agent alone 仅此座席"),
    ("ticket", "TicketSecret", "In place of a token 代替令牌的票据"),
];

pub(super) const TRACE: &[Parameter] = &[
    ("contact", "ContactId", "Of this contact, agents' legs included 所属联系"),
    ("from", "Number", "Of calls from this number 主叫号码"),
    ("last", "TraceCount", "The last so many; 100 when nothing else is given 最后若干条"),
    ("format", "TraceFormat", "格式"),
];
