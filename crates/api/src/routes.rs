//! The table of routes: what is where, and who may.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, post};
use store::Role;

use crate::client::arrive;
use crate::guard::{Guard, authorise, harden};
use crate::problem::Problem;
use crate::tickets::STREAM;
use crate::{
    App, agents, audio, configuration, contacts, document, events, health, metrics, pausing, recordings,
    retention, samples, secure, supervision, tickets, tokens, trace, welcome,
};

/// The greatest body of a request, in bytes.
pub(crate) const GREATEST_BODY: usize = 16 * 1024;

/// Everybody with a token.
const ALL: &[Role] = &Role::ALL;
/// Those who see contacts and events.
const CONTACTS: &[Role] = &[Role::Admin, Role::Supervisor, Role::Qa, Role::Viewer];
/// Those who see that there are recordings.
pub(crate) const RECORDINGS: &[Role] = &[Role::Admin, Role::Supervisor, Role::Qa];
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

pub(crate) const PAUSE: &str = "/api/v1/contacts/{id}/recording/pause";
pub(crate) const HOLD: &str = "/api/v1/contacts/{id}/legal-hold";
pub(crate) const LET_GO: &str = "/api/v1/contacts/{id}/legal-hold/clear";
pub(crate) const RETENTION: &str = "/api/v1/retention";
pub(crate) const RELOAD: &str = "/api/v1/configuration/reload";
const RESUME: &str = "/api/v1/contacts/{id}/recording/resume";
pub(crate) const SUPERVISIONS: &str = "/api/v1/supervisions";
pub(crate) const PARTIES: &str = "/api/v1/contacts/{id}/parties";
pub(crate) const PARTY_GONE: &str = "/api/v1/contacts/{id}/parties/remove";
const SUPERVISOR: &str = "/api/v1/supervisions/{id}";
const EXPORTED: &str = "/api/v1/recordings/{id}/exported";
const TICKET: &str = "/api/v1/events/ticket";
const LINK: &str = "/api/v1/recordings/{id}/link";
const LEAVE: &str = "/api/v1/contacts/{id}/leave";
const SECURE_INPUT: &str = "/api/v1/contacts/{id}/secure-input";

/// One route.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// `None` needs no token.
    pub(crate) roles: Option<&'static [Role]>,
    /// Its `operationId` and what it is for.
    pub(crate) about: (&'static str, &'static str),
    /// The schema of what it answers, empty when there is no body.
    pub(crate) answer: &'static str,
    handler: MethodRouter<App>,
}

/// Every route there is.
pub(crate) fn routes() -> Vec<Route> {
    let free =
        |path, about, answer, handler| Route { method: "get", path, roles: None, about, answer, handler };
    let route = |method, path, roles, about, answer, handler| Route {
        method,
        path,
        roles: Some(roles),
        about,
        answer,
        handler,
    };
    vec![
        free("/", ("index", "What is here, for people 首页"), "page", get(welcome::show)),
        free("/healthz", ("isAlive", "Is the process alive? 进程是否存活"), "Health", get(health::healthz)),
        free("/readyz", ("isReady", "Can it take calls? 能否接听来电"), "Readiness", get(health::readyz)),
        route(
            "get",
            "/metrics",
            METRICS,
            ("getMetrics", "Figures for Prometheus Prometheus 指标"),
            "text",
            get(metrics::show),
        ),
        free(
            "/api/openapi.json",
            ("getDescription", "This document 本文档"),
            "Document",
            get(document::show),
        ),
        route(
            "get",
            "/api/v1/contacts",
            CONTACTS,
            ("listContacts", "Contacts 联系记录"),
            "[Contact]",
            get(contacts::list),
        ),
        route(
            "get",
            "/api/v1/contacts/{id}",
            CONTACTS,
            ("getContact", "One contact 一次联系"),
            "WholeContact",
            get(contacts::one),
        ),
        route(
            "get",
            "/api/v1/contacts/{id}/events",
            CONTACTS,
            ("listContactEvents", "All that happened in one contact 一次联系的全部事件"),
            "[Event]",
            get(contacts::story),
        ),
        route(
            "get",
            "/api/v1/recordings",
            RECORDINGS,
            ("listRecordings", "Recordings 录音"),
            "[Recording]",
            get(recordings::list),
        ),
        route(
            "get",
            "/api/v1/recordings/{id}",
            RECORDINGS,
            ("getRecording", "A recording 一条录音"),
            "Recording",
            get(recordings::one),
        ),
        route(
            "get",
            "/api/v1/recordings/{id}/audio",
            AUDIO,
            ("getAudio", "Its audio 录音的音频"),
            "audio",
            get(audio::fetch),
        ),
        route(
            "post",
            PAUSE,
            STATES,
            ("pauseRecording", "Leave out of the recording what is said 暂停录音"),
            "",
            post(pausing::pause),
        ),
        route(
            "post",
            RESUME,
            STATES,
            ("resumeRecording", "Record again 恢复录音"),
            "",
            post(pausing::resume),
        ),
        route(
            "post",
            SECURE_INPUT,
            SECURE,
            ("startSecureInput", "Keep what the customer presses 开始安全输入"),
            "",
            post(secure::start),
        ),
        route(
            "delete",
            SECURE_INPUT,
            SECURE,
            ("endSecureInput", "End the secure input 结束安全输入"),
            "",
            delete(secure::end),
        ),
        route(
            "get",
            SECURE_INPUT,
            PRESSED,
            ("readSecureInput", "What was pressed, once 读取按键（仅一次）"),
            "Pressed",
            get(secure::read),
        ),
        route(
            "post",
            SUPERVISIONS,
            LEADERS,
            ("supervise", "Listen, whisper, barge in, take over 监听、密语、强插、接管"),
            "",
            post(supervision::supervise),
        ),
        route(
            "delete",
            SUPERVISOR,
            LEADERS,
            ("endSupervision", "End a seat's supervision 结束监听"),
            "",
            delete(supervision::end),
        ),
        route(
            "post",
            PARTIES,
            STATES,
            ("addParty", "Ask a colleague into the conversation 邀请同事加入通话"),
            "",
            post(supervision::add_party),
        ),
        route(
            "post",
            PARTY_GONE,
            STATES,
            ("removeParty", "Take a colleague out again 请同事退出通话"),
            "",
            post(supervision::remove_party),
        ),
        route(
            "post",
            LEAVE,
            STATES,
            ("leaveConversation", "Leave the customer to whoever else talks 退出通话，客户留给同事"),
            "",
            post(supervision::leave),
        ),
        route(
            "post",
            HOLD,
            LEADERS,
            ("setLegalHold", "Keep its recordings whatever the rules say 法律保全"),
            "",
            post(retention::hold),
        ),
        route(
            "post",
            LET_GO,
            LEADERS,
            ("clearLegalHold", "Let the rules apply again 解除法律保全"),
            "",
            post(retention::let_go),
        ),
        route(
            "post",
            RETENTION,
            ADMIN,
            ("applyRetention", "Erase what is kept no longer 删除到期录音"),
            "[Erasure]",
            post(retention::apply),
        ),
        route(
            "post",
            RELOAD,
            ADMIN,
            ("reloadConfiguration", "Read the configuration anew 重新载入配置"),
            "Reloaded",
            post(configuration::reload),
        ),
        route("get", "/api/v1/agents", ALL, ("listAgents", "Agents 座席"), "[Agent]", get(agents::list)),
        route(
            "post",
            "/api/v1/agents/{id}/ready",
            STATES,
            ("setReady", "Ready for calls 置为可接听"),
            "",
            post(agents::ready),
        ),
        route(
            "post",
            "/api/v1/agents/{id}/break",
            STATES,
            ("takeBreak", "On a break 小休"),
            "",
            post(agents::take_break),
        ),
        route("get", "/api/v1/queues", ALL, ("listQueues", "Queues 队列"), "[Queue]", get(agents::queues)),
        route(
            "get",
            "/api/v1/qa/samples",
            SAMPLES,
            ("drawSample", "Draw a sample 质检抽样"),
            "Sample",
            get(samples::draw),
        ),
        route(
            "post",
            EXPORTED,
            ADMIN,
            ("noteExport", "Note that a recording was exported 登记录音导出"),
            "",
            post(samples::exported),
        ),
        route(
            "get",
            "/api/v1/events",
            CONTACTS,
            ("pollEvents", "Events, by long poll 事件（长轮询）"),
            "[Event]",
            get(events::poll),
        ),
        route(
            "get",
            STREAM,
            CONTACTS,
            ("streamEvents", "Events, by WebSocket 事件（WebSocket）"),
            "",
            get(events::stream),
        ),
        route(
            "post",
            TICKET,
            CONTACTS,
            ("makeStreamTicket", "A ticket for one stream 事件流票据"),
            "Ticket",
            post(tickets::for_stream),
        ),
        route(
            "post",
            LINK,
            AUDIO,
            ("makeAudioLink", "An address that a page can play 网页可播放的地址"),
            "Ticket",
            post(tickets::for_audio),
        ),
        route(
            "get",
            "/api/v1/sip/trace",
            ADMIN,
            ("traceSip", "The last SIP messages 最近的 SIP 消息"),
            "[SipMessage]",
            get(trace::show),
        ),
        route("get", "/api/v1/tokens", ADMIN, ("listTokens", "Tokens 令牌"), "[Token]", get(tokens::list)),
        route(
            "post",
            "/api/v1/tokens",
            ADMIN,
            ("createToken", "Make a token 创建令牌"),
            "NewToken",
            post(tokens::create),
        ),
        route(
            "delete",
            "/api/v1/tokens/{name}",
            ADMIN,
            ("revokeToken", "Revoke a token 吊销令牌"),
            "",
            delete(tokens::revoke),
        ),
    ]
}

/// The API as an axum router.
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for Route { path, roles, handler, .. } in routes() {
        let handler = match roles {
            Some(roles) => {
                let guard = Guard { app: app.clone(), roles };
                handler.route_layer(from_fn_with_state(guard, authorise))
            }
            None => handler,
        };
        router = router.route(path, handler);
    }
    router
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(GREATEST_BODY))
        .layer(from_fn(harden))
        .layer(from_fn_with_state(app.clone(), arrive))
        .with_state(app)
}
