//! The tables that [`super::schemas`] makes schemas of.

/// Objects: name, what it is, and its fields, each `name:type`. A type is the name of a schema, or `text`, `count`,
/// `integer`, `number`, `ratio` (0 to 1), `boolean`; in brackets it is an array of them; with `?` behind it, it may be null.
/// A field whose name ends in `~` may be missing. A name that ends in `!` is of what we are sent: other fields are refused.
pub(super) const OBJECTS: &[(&str, &str, &str)] = &[
    (
        "Contact",
        "One visit of one customer 一次联系",
        "id:ContactId direction:Way caller:Number? caller_name:text? number:Number? diversions:[Diversion] trunk:text? \
         language:Language flow:text? node:text? \
         queue:QueueName? agent:Party? started_at:Time answered_at:Time? talked_at:Time? ended_at:Time? end:End? \
         recording_id:RecordingId?",
    ),
    (
        "WholeContact",
        "A contact with all that belongs to it 一次联系的全部内容",
        "id:ContactId direction:Way caller:Number? caller_name:text? number:Number? diversions:[Diversion] trunk:text? \
         language:Language flow:text? node:text? \
         queue:QueueName? agent:Party? started_at:Time answered_at:Time? talked_at:Time? ended_at:Time? end:End? \
         recording_id:RecordingId? segments:[Segment] queue_visits:[QueueVisit] quality:[Quality] coverage:Coverage? \
         legal_hold:LegalHold? recordings~:[Recording]",
    ),
    (
        "Diversion",
        "A number that passed the call on before it came here; withheld: none 来电到达前的转移",
        "number:Number? reason:DiversionReason",
    ),
    ("End", "How a contact ended 结束方式", "by:EndedBy cause:Cause class:Class"),
    (
        "Segment",
        "A customer with one agent 与一名座席的通话",
        "id:SegmentId contact_id:ContactId agent:Party queue:QueueName started_at:Time ended_at:Time? ended_by:EndedBy? \
         cause:Cause? holds:count held_ms:count",
    ),
    (
        "QueueVisit",
        "A contact's stay in a queue 排队",
        "contact_id:ContactId queue:QueueName entered_at:Time bonus_s:count position:count left_at:Time? \
         reason:LeaveReason? waited_ms:count?",
    ),
    (
        "Quality",
        "What one party's audio was like; without an agent: the customer's 音质",
        "agent:Party? measured_at:Time codec:Codec packets:count lost:count jitter_ms:count round_trip_ms:count? \
         mos:number speech_dbov:number? silence:ratio clipped_ms:count talk_over_ms:count",
    ),
    (
        "Coverage",
        "How much of the answered time was recorded 录音覆盖",
        "answered_ms:count recorded_ms:count masked_ms:count dropped_ms:count ratio:ratio",
    ),
    (
        "LegalHold",
        "What keeps recordings from being erased 法律保全",
        "since:Time by:text person:text? reason:text",
    ),
    (
        "Recording",
        "A recording 录音",
        "id:RecordingId contact_id:ContactId path:text encrypted:boolean state:RecordingState opened_at:Time \
         closed_at:Time? duration_ms:count? channels:count rate:count sha256:Sha256? gaps:[Gap] fault:text? listened:count",
    ),
    (
        "Gap",
        "A span without audio; channel 0 is the customer's 缺口",
        "channel:count from_ms:count length_ms:count cause:GapCause",
    ),
    ("Masking", "Who left out what was said, and why 遮蔽", "by:Actor reason:text"),
    (
        "Agent",
        "An agent now 座席状态",
        "id:AgentId shift:Shift activity:Activity seat_online:boolean since:Time?",
    ),
    (
        "Queue",
        "A queue now and since the day began 队列状态",
        "name:QueueName waiting:count longest_waiting_ms:count offered:count answered:count abandoned:count \
         answered_in_time:count service_level:ratio?",
    ),
    (
        "DirectoryEntry",
        "A department, branch or person now; numbers outside are shown to those who lead 部门、分公司或个人",
        "extension:Number kind:DirectoryKind zh:text en:text public:boolean open:boolean changes_at:Time? \
         ring_s:seconds members:[DirectoryMember] deputy:Number? closed:text unanswered:text",
    ),
    ("DirectoryMember", "Who takes its calls 成员", "who:Party? state:Agent?"),
    (
        "Trunk",
        "A trunk now 中继状态",
        "name:text registration:Registration? gateways:[Gateway] calls:count last_failure:TrunkFailure?",
    ),
    (
        "Registration",
        "Our registration with a trunk's provider 中继注册",
        "state:RegistrationState until:Time? status:Status?",
    ),
    (
        "Gateway",
        "Where a trunk's calls go, and where its name leads 外呼网关",
        "uri:text addresses:[text] state:GatewayState",
    ),
    ("TrunkFailure", "What went wrong last at a trunk 最近故障", "at:Time place:text what:text"),
    ("Pressed", "What was pressed in secret 安全按键", "keys:Keys count:count"),
    (
        "SipMessage",
        "A SIP message; secrets are masked SIP 消息",
        "at:Time received:boolean transport:Transport local:text peer:text sip_call_id:text cut:boolean text:text",
    ),
    (
        "Sample",
        "What was drawn, and all that it takes to draw it again 抽样结果",
        "queue:QueueName? frame:SampleFrame order:SampleOrder frame_size:count frame_sha256:Sha256 seed:Seed \
         contacts:[ContactId]",
    ),
    (
        "SampleFrame",
        "What it was drawn from 抽样范围",
        "until:Time since:Time? queue:QueueName? agent:AgentId? outcome:Class? direction:Way? language:Language? \
         shortest_s:count? longest_s:count?",
    ),
    (
        "Event",
        "One entry of the log 事件日志的一条",
        "node:count seq:count at:Time by:Actor? event:Happening",
    ),
    ("Token", "A token 令牌", "name:TokenName role:Role agent:AgentId? created_at:Time revoked_at:Time?"),
    ("Ticket", "An address that is worth a token for a while 短期地址", "url:text expires_s:count"),
    (
        "NewToken",
        "A token with its secret, shown once 新令牌（仅显示一次）",
        "name:TokenName role:Role token:text",
    ),
    ("Health", "The process lives 存活", "alive:boolean"),
    (
        "Readiness",
        "Whether it can take calls, part by part 就绪情况",
        "ready:boolean not_ready:[text] warnings:[text] checks:[Check]",
    ),
    ("Check", "One part 检查项", "name:text state:CheckState reason_en~:text reason_zh~:text"),
    ("Reason!", "Why 原因", "reason:Sentence"),
    (
        "Call!",
        "Whom to call and who talks; the agent's phone first unless said otherwise 外呼",
        "number:Number agent:AgentId first~:First queue~:QueueName",
    ),
    ("PlacedCall", "The contact, whose events say how it goes 外呼联系", "contact:ContactId"),
    ("Seat!", "Whose seat rings 振铃座席", "seat:AgentId"),
    ("Moved", "How a transfer ended 转接结果", "outcome:MoveOutcome reason:Refusal?"),
    ("ParkedAt", "Where the customer is parked 驻留位", "slot:SlotNumber"),
    ("Word!", "On whose word, and why 依据", "reason:Sentence person~:Sentence?"),
    ("WantedErasure!", "Whether it is only asked about 是否试运行", "dry_run:boolean"),
    (
        "Erasure",
        "What became of a recording whose time is over 到期录音的处理结果",
        "recording_id:RecordingId contact_id:ContactId path:text sha256:Sha256? opened_at:Time queue:QueueName? rule:text \
         held:boolean again:boolean erased:boolean fault~:text",
    ),
    ("WantedReload!", "Whether it is only asked about 是否试运行", "dry_run:boolean"),
    (
        "Reloaded",
        "What the files say differently 配置变化",
        "dry_run:boolean changes:[Change] warnings:[Fault]",
    ),
    (
        "Change",
        "A value that differs; secrets are masked 一处变化",
        "file:text key:text before:text? after:text? effect:Effect",
    ),
    (
        "Fault",
        "Something wrong in a file; line 0 is the whole file 配置问题",
        "file:text line:count message_en:text message_zh:text hint_en:text hint_zh:text",
    ),
    (
        "Problem",
        "Why a request was refused (RFC 9457) 拒绝原因",
        "type:text title:text title_zh:text title_en:text status:Status detail~:text detail_zh~:text detail_en~:text \
         newest~:count log~:text faults~:[Fault]",
    ),
    ("Description", "What this document is about 文档说明", "title:text version:text description:text"),
];

/// Words, and an example: the first.
pub(super) const WORDS: &[(&str, &str, &[&str])] = &[
    ("Language", "语言", &["zh-CN", "en-US"]),
    ("EndedBy", "Who ended it 结束方", &["caller", "agent", "center", "operator", "network"]),
    (
        "Cause",
        "Why it ended 结束原因",
        &[
            "hung_up",
            "transferred",
            "cancelled",
            "flow_finished",
            "flow_failed",
            "unknown_number",
            "no_common_codec",
            "calls_full",
            "rtp_ports_full",
            "open_files_full",
            "overloaded",
            "trunk_full",
            "source_full",
            "waited_out",
            "busy",
            "declined",
            "no_answer",
            "unreachable",
            "not_allowed",
            "not_now",
            "shutting_down",
            "media_timeout",
            "signalling_timeout",
            "crashed",
            "failed",
        ],
    ),
    (
        "Class",
        "What reports count it as 统计分类",
        &["answered", "abandoned", "left_early", "self_service", "refused", "unanswered", "failed"],
    ),
    (
        "DiversionReason",
        "Why a call was passed on 转移原因",
        &[
            "unknown",
            "user_busy",
            "no_answer",
            "unavailable",
            "unconditional",
            "time_of_day",
            "do_not_disturb",
            "deflection",
            "follow_me",
            "out_of_service",
            "away",
        ],
    ),
    ("LeaveReason", "Why a queue was left 离队原因", &["answered", "abandoned", "redirected", "ended"]),
    ("Codec", "编码", &["PCMU", "PCMA", "G722", "opus", "L16/16000", "L16"]),
    ("RecordingState", "录音状态", &["open", "sealed", "damaged", "erased"]),
    ("Activity", "What an agent does 座席在做什么", &["idle", "offered", "talking", "wrap_up"]),
    (
        "NotReadyReason",
        "Why an agent is not ready 未就绪原因",
        &["break", "no_answer", "declined", "busy", "unreachable"],
    ),
    ("First", "Who is called first 先呼", &["agent", "customer"]),
    ("Way", "Which way a contact came about 方向", &["inbound", "outbound"]),
    ("Role", "角色", &["admin", "supervisor", "qa", "agent", "payment", "viewer"]),
    ("Supervision", "What a supervisor does 监听方式", &["listen", "whisper", "barge", "take_over"]),
    ("MoveOutcome", "转接结果", &["done", "returned", "requeued", "customer_gone"]),
    (
        "Refusal",
        "Why somebody did not take a call 未接原因",
        &["busy", "declined", "no_answer", "unreachable", "no_common_codec", "cancelled", "failed"],
    ),
    ("DirectoryKind", "What an entry of the directory is 目录条目类型", &["department", "branch", "person"]),
    ("Transport", "传输协议", &["udp", "tcp", "tls", "ws", "wss"]),
    ("SampleOrder", "How the frame is ordered before the draw 抽样前的排序", &["contact_id"]),
    ("Effect", "When a change takes effect 生效时间", &["now", "at_restart"]),
    (
        "RegistrationState",
        "How a registration stands 注册状态",
        &["asking", "registered", "rejected", "silent", "removed"],
    ),
    ("GatewayState", "How a gateway does 网关状态", &["up", "resting", "silent", "unresolved"]),
    ("CheckState", "检查结果", &["ready", "warning", "not_ready"]),
    ("AudioFormat", "音频格式", &["wav", "flac"]),
    ("TraceFormat", "跟踪格式", &["json", "text", "pcap"]),
    (
        "EventGroup",
        "What an event is about 事件类别",
        &["center", "contact", "queue", "agent", "recording", "storage"],
    ),
    (
        "EventType",
        "事件类型",
        &[
            "contact_started",
            "contact_placed",
            "contact_ringing",
            "contact_answered",
            "contact_ended",
            "agent_changed",
            "center_started",
            "drain_started",
            "clock_set",
            "configuration_replaced",
            "language_chosen",
            "legal_hold_set",
            "legal_hold_cleared",
            "node_entered",
            "digit_pressed",
            "secure_input_started",
            "secure_input_ended",
            "secure_input_read",
            "queue_entered",
            "queue_left",
            "offer_made",
            "offer_ended",
            "segment_started",
            "hold_started",
            "hold_ended",
            "guest_invited",
            "guest_joined",
            "guest_changed",
            "guest_left",
            "transfer_started",
            "transfer_ended",
            "extension_dialled",
            "extension_ended",
            "parked",
            "unparked",
            "segment_ended",
            "recording_opened",
            "recording_paused",
            "recording_resumed",
            "recording_closed",
            "recording_erased",
            "one_way_audio",
            "quality_measured",
            "recording_listened",
            "sample_drawn",
            "sip_trace_read",
            "storage_failed",
            "storage_restored",
        ],
    ),
];

/// Strings: pattern, and an example.
pub(super) const STRINGS: &[(&str, &str, &str, &str)] = &[
    ("ContactId", "联系编号", "^c[0-7][0-9a-hjkmnp-tv-z]{12}$", "c06xq3m8k0r000"),
    ("RecordingId", "录音编号", "^r[0-7][0-9a-hjkmnp-tv-z]{12}$", "r06xq3m8k0r001"),
    ("SegmentId", "通话段编号", "^s[0-7][0-9a-hjkmnp-tv-z]{12}$", "s06xq3m8k0r002"),
    ("AgentId", "座席工号", "^[A-Za-z0-9_-]{1,32}$", "1001"),
    (
        "Party",
        "An agent, or somebody outside, as tel: and the number 座席工号，或 tel: 加外线号码",
        "^(tel:[A-Za-z0-9+*#._-]{1,64}|[A-Za-z0-9_-]{1,32})$",
        "1001",
    ),
    ("IdempotencyKey", "幂等键", "^[ -~]{1,128}$", "c06xq3m8k0r000-1"),
    ("NodeName", "流程节点", "^[^\\x00-\\x1f\\x7f]{1,64}$", "menu"),
    ("QueueName", "队列名", "^[A-Za-z0-9_-]{1,64}$", "inquiry"),
    ("Number", "号码", "^[A-Za-z0-9+*#._-]{1,64}$", "13800000000"),
    ("TokenName", "令牌名", "^[A-Za-z0-9_.-]{1,64}$", "wallboard"),
    (
        "Sha256",
        "SHA-256",
        "^[0-9a-f]{64}$",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    ("TicketSecret", "票据", "^[0-9a-f]{32}$", "0123456789abcdef0123456789abcdef"),
    ("Keys", "按键", "^[0-9*#A-D]*$", "4111"),
    (
        "EventTypes",
        "Types of events with commas between them 事件类型，逗号分隔",
        "^[a-z_]{1,40}(,[a-z_]{1,40}){0,49}$",
        "contact_started,contact_ended",
    ),
    (
        "Sentence",
        "1 to 200 characters on one line, blanks at neither end 一行文字",
        "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]{0,198}[^\\s\\x00-\\x1f\\x7f-\\x9f])?$",
        "card number 银行卡号",
    ),
];
