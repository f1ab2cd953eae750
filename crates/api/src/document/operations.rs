//! What each operation is sent, and how it may answer.

use crate::routes::{HOLD, LET_GO, PARTIES, PARTY_GONE, PAUSE, RELOAD, RETENTION, Route, SUPERVISIONS};

/// A parameter of a query: name, type, what it is; one with `!` must be given.
type Parameter = (&'static str, &'static str, &'static str);

const CONTACTS: &[Parameter] = &[
    ("before", "ContactId", "Those before this one; a Link header names the next page 上一页最后一条"),
    ("queue", "QueueName", "Whose last queue this is 最后队列"),
    ("agent", "AgentId", "Whose last agent this is 最后座席"),
    ("since", "Time", "That arrived then or later 起始时间"),
    ("limit", "Limit", "Rows of the answer 条数"),
];

const RECORDINGS: &[Parameter] = &[
    ("before", "RecordingId", "Those before this one; a Link header names the next page 上一页最后一条"),
    ("contact", "ContactId", "Of this contact 所属联系"),
    ("since", "Time", "That were opened then or later 起始时间"),
    ("limit", "Limit", "Rows of the answer 条数"),
];

const AUDIO: &[Parameter] = &[
    ("format", "AudioFormat", "The recording, or its copy 原录音或副本"),
    ("ticket", "TicketSecret", "In place of a token 代替令牌的票据"),
];

const SAMPLES: &[Parameter] = &[
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

const POLL: &[Parameter] = &[
    ("after", "Seq", "The last that was read 上次读到的序号"),
    ("wait", "WaitSeconds", "Seconds to wait when there is none 等待秒数"),
    ("limit", "Limit", "Entries of the answer 条数"),
];

const STORY: &[Parameter] = &[
    ("after", "Seq", "The last that was read; a Link header names the next page 上次读到的序号"),
    ("limit", "Limit", "Entries of the answer 条数"),
];

const STREAM: &[Parameter] = &[
    ("after", "Seq", "The last that was read; without it, from now on 上次读到的序号"),
    ("type", "EventTypes", "事件类型"),
    ("contact", "ContactId", "Of this contact alone 仅此联系"),
    ("queue", "QueueName", "Of this queue alone 仅此队列"),
    ("agent", "AgentId", "Of this agent alone 仅此座席"),
    ("ticket", "TicketSecret", "In place of a token 代替令牌的票据"),
];

const TRACE: &[Parameter] = &[
    ("contact", "ContactId", "Of this contact, agents' legs included 所属联系"),
    ("from", "Number", "Of calls from this number 主叫号码"),
    ("last", "TraceCount", "The last so many; 100 when nothing else is given 最后若干条"),
    ("format", "TraceFormat", "格式"),
];

/// What may be in the query.
pub(super) fn query(route: &Route) -> &'static [Parameter] {
    match route.about.0 {
        "listContacts" => CONTACTS,
        "listRecordings" => RECORDINGS,
        "getAudio" => AUDIO,
        "drawSample" => SAMPLES,
        "pollEvents" => POLL,
        "listContactEvents" => STORY,
        "streamEvents" => STREAM,
        "traceSip" => TRACE,
        _ => &[],
    }
}

/// The type of what is in the path.
pub(super) fn path_type(route: &Route) -> Option<(&'static str, &'static str)> {
    let after = |start: &str| route.path.starts_with(start) && route.path.contains('{');
    match () {
        () if after("/api/v1/contacts/") => Some(("id", "ContactId")),
        () if after("/api/v1/recordings/") => Some(("id", "RecordingId")),
        () if after("/api/v1/agents/") || after("/api/v1/supervisions/") => Some(("id", "AgentId")),
        () if after("/api/v1/tokens/") => Some(("name", "TokenName")),
        () => None,
    }
}

/// The schema of what it is sent.
pub(super) fn body(route: &Route) -> Option<&'static str> {
    match (route.method, route.path) {
        ("post", "/api/v1/tokens") => Some("WantedToken"),
        ("post", PAUSE) => Some("Reason"),
        ("post", SUPERVISIONS) => Some("WantedSupervision"),
        ("post", PARTIES | PARTY_GONE) => Some("Seat"),
        ("post", HOLD | LET_GO) => Some("Word"),
        ("post", RETENTION) => Some("WantedErasure"),
        ("post", RELOAD) => Some("WantedReload"),
        _ => None,
    }
}

/// The group that it belongs to.
pub(super) fn tag(route: &Route) -> &'static str {
    let first = route.path.strip_prefix("/api/v1/").unwrap_or("").split('/').next();
    let tags = TAGS.iter().map(|(name, _)| *name);
    tags.into_iter().find(|tag| Some(*tag) == first).unwrap_or("service")
}

/// All groups.
pub(super) const TAGS: &[(&str, &str)] = &[
    ("service", "The process itself 服务本身"),
    ("contacts", "Customers' visits 联系"),
    ("recordings", "录音"),
    ("supervisions", "Supervising 监听"),
    ("retention", "Erasing 保留与删除"),
    ("configuration", "配置"),
    ("agents", "座席"),
    ("queues", "队列"),
    ("qa", "Quality control 质检"),
    ("events", "The event log 事件日志"),
    ("sip", "Signalling 信令"),
    ("tokens", "Tokens 令牌"),
];

/// The status of an answer that is no refusal.
pub(super) fn done(route: &Route) -> &'static str {
    match route.about.0 {
        "streamEvents" => "101",
        "createToken" | "makeStreamTicket" | "makeAudioLink" => "201",
        _ if route.answer.is_empty() => "204",
        _ => "200",
    }
}

/// The refusals that it may answer with.
pub(super) fn refusals(route: &Route) -> Vec<u16> {
    let mut refusals = Vec::new();
    if route.roles.is_some() {
        // Every protected route first asks the database about the token, and its address may have too many.
        refusals.extend([401, 403, 429, 503]);
    }
    if path_type(route).is_some() {
        refusals.push(404);
    }
    if !query(route).is_empty() || body(route).is_some() {
        refusals.push(422);
    }
    if route.roles.is_some() && route.method != "get" {
        refusals.extend([408, 413]);
    }
    if body(route).is_some() {
        refusals.push(415);
    }
    match route.about.0 {
        "getAudio" => refusals.extend([409, 416]),
        "pollEvents" | "readSecureInput" | "drawSample" => refusals.push(409),
        "streamEvents" => refusals.extend([409, 426]),
        "supervise" => refusals.extend([404, 409]),
        _ if route.method != "get" => refusals.push(409),
        _ => {}
    }
    refusals.sort_unstable();
    refusals
}
