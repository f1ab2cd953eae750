//! Every route there is, with all that belongs to it.

mod contacts;

use store::Role;

use super::queries;
use crate::route::{Form, Further, Group, Route};
use crate::tickets::STREAM;
use crate::{
    agents, audio, calls, configuration, directory, document, events, health, metrics, moves, recordings,
    retention, samples, sockets, supervision, tickets, tokens, trace, trunks, welcome,
};

/// Everybody with a token.
const ALL: &[Role] = &Role::ALL;
/// Those who see contacts and events.
const CONTACTS: &[Role] = &[Role::Admin, Role::Supervisor, Role::Qa, Role::Viewer];
/// Those who draw samples.
const SAMPLES: &[Role] = &[Role::Admin, Role::Qa];
/// Those who hear them; supervisors only what the policy allows ([`crate::hearing`]).
const AUDIO: &[Role] = &[Role::Admin, Role::Supervisor, Role::Qa];
/// Those who change agents' states; an agent only the own one.
const STATES: &[Role] = &[Role::Admin, Role::Supervisor, Role::Agent];
/// Shift leaders, who supervise and say what must be kept.
const LEADERS: &[Role] = &[Role::Admin, Role::Supervisor];
/// Those who see figures.
const METRICS: &[Role] = &[Role::Admin, Role::Supervisor, Role::Viewer];
/// Those who begin and end secure inputs; an agent only in the own contact.
const SECURE: &[Role] = &[Role::Admin, Role::Supervisor, Role::Agent, Role::Payment];
/// Those who are handed what was pressed in secret.
const PRESSED: &[Role] = &[Role::Admin, Role::Payment];
const ADMIN: &[Role] = &[Role::Admin];

const PAGE: &[Form] = &[text("text/html", "<!doctype html>…")];
const FIGURES: &[Form] = &[text("text/plain", "# TYPE hotline_calls gauge\nhotline_calls 3\n")];
const SOUND: &[Form] = &[bytes("audio/wav"), bytes("audio/flac")];
/// A ladder for people, a capture for other tools.
const LADDER_OR_CAPTURE: &[Form] =
    &[text("text/plain", "INVITE ───▶"), bytes("application/vnd.tcpdump.pcap")];

const fn text(media_type: &'static str, example: &'static str) -> Form {
    Form { media_type, format: None, example }
}

const fn bytes(media_type: &'static str) -> Form {
    Form { media_type, format: Some("binary"), example: "RIFF…" }
}

/// The groups of the API, in the order of its description.
pub(crate) fn groups() -> Vec<Group> {
    vec![
        Group {
            tag: "service", about: "The process itself 服务本身", named: None, routes: service_routes()
        },
        Group {
            tag: "contacts",
            about: "Customers' visits 联系",
            named: Some(("id", "ContactId")),
            routes: contacts::routes(),
        },
        Group { tag: "calls", about: "Calls to customers 外呼", named: None, routes: calls_routes() },
        Group {
            tag: "recordings",
            about: "录音",
            named: Some(("id", "RecordingId")),
            routes: recordings_routes(),
        },
        Group {
            tag: "supervisions",
            about: "Supervising 监听",
            named: Some(("id", "AgentId")),
            routes: supervisions_routes(),
        },
        Group {
            tag: "parking",
            about: "Parked calls 驻留",
            named: Some(("id", "SlotNumber")),
            routes: parking_routes(),
        },
        Group { tag: "retention", about: "Erasing 保留与删除", named: None, routes: retention_routes() },
        Group { tag: "configuration", about: "配置", named: None, routes: configuration_routes() },
        Group { tag: "agents", about: "座席", named: Some(("id", "AgentId")), routes: agents_routes() },
        Group { tag: "queues", about: "队列", named: None, routes: queues_routes() },
        Group {
            tag: "directory",
            about: "Departments, branches, persons 部门目录",
            named: None,
            routes: directory_routes(),
        },
        Group { tag: "trunks", about: "中继", named: None, routes: trunks_routes() },
        Group { tag: "qa", about: "Quality control 质检", named: None, routes: qa_routes() },
        Group { tag: "events", about: "The event log 事件日志", named: None, routes: events_routes() },
        Group { tag: "sip", about: "Signalling 信令", named: None, routes: sip_routes() },
        Group {
            tag: "tokens",
            about: "Tokens 令牌",
            named: Some(("name", "TokenName")),
            routes: tokens_routes(),
        },
    ]
}

fn calls_routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/calls", ("call", "Call a customer, for an agent 外呼客户"), calls::place)
            .for_roles(STATES)
            .takes("Call")
            .answers("PlacedCall")
            .creates()
            .refuses(&[404])
            .once(),
    ]
}

fn parking_routes() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/parking/{id}/pick-up",
            ("pickUp", "Ring a seat, to have the parked customer 取回驻留的通话"),
            moves::pick_up,
        )
        .for_roles(STATES)
        .takes("Seat")
        .once(),
    ]
}

fn service_routes() -> Vec<Route> {
    vec![
        Route::get("/", ("index", "What is here, for people 首页"), welcome::show).serves(PAGE),
        Route::get("/healthz", ("isAlive", "Is the process alive? 进程是否存活"), health::healthz)
            .answers("Health"),
        Route::get("/readyz", ("isReady", "Can it take calls? 能否接听来电"), health::readyz)
            .answers("Readiness")
            .also(&[Further { status: "503", about: "Not ready 未就绪", has_body: true }]),
        Route::get("/metrics", ("getMetrics", "Figures for Prometheus Prometheus 指标"), metrics::show)
            .for_roles(METRICS)
            .serves(FIGURES),
        // The description is made of this table, and stands in it.
        Route::get("/api/openapi.json", ("getDescription", "This document 本文档"), async || {
            document::show(&groups())
        })
        .answers("Document"),
    ]
}

fn recordings_routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/recordings", ("listRecordings", "Recordings 录音"), recordings::list)
            .for_roles(recordings::SEEN_BY)
            .asks(queries::RECORDINGS)
            .answers("[Recording]"),
        Route::get("/api/v1/recordings/{id}", ("getRecording", "A recording 一条录音"), recordings::one)
            .for_roles(recordings::SEEN_BY)
            .answers("Recording"),
        Route::get("/api/v1/recordings/{id}/audio", ("getAudio", "Its audio 录音的音频"), audio::fetch)
            .for_roles(AUDIO)
            .asks(queries::AUDIO)
            .serves(SOUND)
            .also(&[
                Further { status: "206", about: "A range 部分内容", has_body: true },
                Further { status: "304", about: "Not changed 未改变", has_body: false },
            ])
            .refuses(&[409, 416]),
        Route::post(
            "/api/v1/recordings/{id}/exported",
            ("noteExport", "Note that a recording was exported 登记录音导出"),
            samples::exported,
        )
        .for_roles(ADMIN),
        Route::post(
            "/api/v1/recordings/{id}/link",
            ("makeAudioLink", "An address that a page can play 网页可播放的地址"),
            tickets::for_audio,
        )
        .for_roles(AUDIO)
        .answers("Ticket")
        .creates(),
    ]
}

fn supervisions_routes() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/supervisions",
            ("supervise", "Listen, whisper, barge in, take over 监听、密语、强插、接管"),
            supervision::supervise,
        )
        .for_roles(LEADERS)
        .takes("WantedSupervision")
        .refuses(&[404]),
        Route::delete(
            "/api/v1/supervisions/{id}",
            ("endSupervision", "End a seat's supervision 结束监听"),
            supervision::end,
        )
        .for_roles(LEADERS),
    ]
}

fn retention_routes() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/retention",
            ("applyRetention", "Erase what is kept no longer 删除到期录音"),
            retention::apply,
        )
        .for_roles(ADMIN)
        .takes("WantedErasure")
        .answers("[Erasure]"),
    ]
}

fn configuration_routes() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/configuration/reload",
            ("reloadConfiguration", "Read the configuration anew 重新载入配置"),
            configuration::reload,
        )
        .for_roles(ADMIN)
        .takes("WantedReload")
        .answers("Reloaded"),
    ]
}

fn agents_routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/agents", ("listAgents", "Agents 座席"), agents::list)
            .for_roles(ALL)
            .answers("[Agent]"),
        Route::post("/api/v1/agents/{id}/ready", ("setReady", "Ready for calls 置为可接听"), agents::ready)
            .for_roles(STATES),
        Route::post("/api/v1/agents/{id}/break", ("takeBreak", "On a break 小休"), agents::take_break)
            .for_roles(STATES),
    ]
}

fn queues_routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/queues", ("listQueues", "Queues 队列"), agents::queues)
            .for_roles(ALL)
            .answers("[Queue]"),
    ]
}

fn directory_routes() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/directory",
            ("listDirectory", "Who can be reached by which extension, and now 部门目录及当前状态"),
            directory::list,
        )
        .for_roles(STATES)
        .answers("[DirectoryEntry]"),
    ]
}

fn trunks_routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/trunks", ("listTrunks", "Trunks 中继"), trunks::list)
            .for_roles(METRICS)
            .answers("[Trunk]"),
    ]
}

fn qa_routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/qa/samples", ("drawSample", "Draw a sample 质检抽样"), samples::draw)
            .for_roles(SAMPLES)
            .asks(queries::SAMPLES)
            .answers("Sample")
            .refuses(&[409]),
    ]
}

fn events_routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/events", ("pollEvents", "Events, by long poll 事件（长轮询）"), events::poll)
            .for_roles(CONTACTS)
            .asks(queries::POLL)
            .answers("[Event]")
            .refuses(&[409]),
        Route::get(STREAM, ("streamEvents", "Events, by WebSocket 事件（WebSocket）"), events::stream)
            .for_roles(CONTACTS)
            .asks(queries::STREAM)
            .switches()
            .refuses(&[409, 426]),
        Route::post(
            "/api/v1/events/ticket",
            ("makeStreamTicket", "A ticket for one stream 事件流票据"),
            tickets::for_stream,
        )
        .for_roles(CONTACTS)
        .answers("Ticket")
        .creates(),
    ]
}

fn sip_routes() -> Vec<Route> {
    vec![
        // Who speaks SIP proves itself in SIP (RFC 7118); which pages may is the origin's matter.
        Route::get(
            "/sip",
            ("speakSip", "SIP, by WebSocket; where it is switched on SIP（WebSocket，需启用）"),
            sockets::open,
        )
        .switches()
        .refuses(&[403, 404, 426, 429, 503]),
        Route::get("/api/v1/sip/trace", ("traceSip", "The last SIP messages 最近的 SIP 消息"), trace::show)
            .for_roles(ADMIN)
            .asks(queries::TRACE)
            .answers("[SipMessage]")
            .serves(LADDER_OR_CAPTURE),
    ]
}

fn tokens_routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/tokens", ("listTokens", "Tokens 令牌"), tokens::list)
            .for_roles(ADMIN)
            .answers("[Token]"),
        Route::post("/api/v1/tokens", ("createToken", "Make a token 创建令牌"), tokens::create)
            .for_roles(ADMIN)
            .takes("WantedToken")
            .answers("NewToken")
            .creates(),
        Route::delete("/api/v1/tokens/{name}", ("revokeToken", "Revoke a token 吊销令牌"), tokens::revoke)
            .for_roles(ADMIN),
    ]
}
