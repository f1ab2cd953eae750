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
    App, agents, audio, contacts, document, events, health, metrics, pausing, recordings, retention, samples,
    secure, supervision, tickets, tokens, trace, welcome,
};

/// The greatest body of a request, in bytes.
pub(crate) const GREATEST_BODY: usize = 16 * 1024;

/// Everybody with a token.
const ALL: &[Role] = &Role::ALL;
/// Those who see contacts and events.
const CONTACTS: &[Role] = &[Role::Admin, Role::Supervisor, Role::Qa, Role::Viewer];
/// Those who see that there are recordings.
pub(crate) const RECORDINGS: &[Role] = &[Role::Admin, Role::Supervisor, Role::Qa];
/// Those who hear them.
const AUDIO: &[Role] = &[Role::Admin, Role::Qa];
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
    pub(crate) summary: &'static str,
    /// The schema of what it answers, empty when there is no body.
    pub(crate) answer: &'static str,
    handler: MethodRouter<App>,
}

/// Every route there is.
pub(crate) fn routes() -> Vec<Route> {
    let free =
        |path, summary, answer, handler| Route { method: "get", path, roles: None, summary, answer, handler };
    let route = |method, path, roles, summary, answer, handler| Route {
        method,
        path,
        roles: Some(roles),
        summary,
        answer,
        handler,
    };
    vec![
        free("/", "What is here, for people", "page", get(welcome::show)),
        free("/healthz", "Is the process alive?", "Health", get(health::healthz)),
        free("/readyz", "Can it take calls?", "Readiness", get(health::readyz)),
        route("get", "/metrics", METRICS, "Figures for Prometheus", "text", get(metrics::show)),
        free("/api/openapi.json", "This document", "Document", get(document::show)),
        route("get", "/api/v1/contacts", CONTACTS, "Contacts", "[Contact]", get(contacts::list)),
        route("get", "/api/v1/contacts/{id}", CONTACTS, "One contact", "WholeContact", get(contacts::one)),
        route("get", "/api/v1/recordings", RECORDINGS, "Recordings", "[Recording]", get(recordings::list)),
        route("get", "/api/v1/recordings/{id}", RECORDINGS, "A recording", "Recording", get(recordings::one)),
        route("get", "/api/v1/recordings/{id}/audio", AUDIO, "Its audio", "audio", get(audio::fetch)),
        route("post", PAUSE, STATES, "Leave out of the recording what is said", "", post(pausing::pause)),
        route("post", RESUME, STATES, "Record again", "", post(pausing::resume)),
        route("post", SECURE_INPUT, SECURE, "Keep what the customer presses", "", post(secure::start)),
        route("delete", SECURE_INPUT, SECURE, "End the secure input", "", delete(secure::end)),
        route("get", SECURE_INPUT, PRESSED, "What was pressed, once", "Pressed", get(secure::read)),
        route(
            "post",
            SUPERVISIONS,
            LEADERS,
            "Listen, whisper, barge in, take over",
            "",
            post(supervision::supervise),
        ),
        route("delete", SUPERVISOR, LEADERS, "End a seat's supervision", "", delete(supervision::end)),
        route(
            "post",
            PARTIES,
            STATES,
            "Ask a colleague into the conversation",
            "",
            post(supervision::add_party),
        ),
        route("post", PARTY_GONE, STATES, "Take a colleague out again", "", post(supervision::remove_party)),
        route(
            "post",
            LEAVE,
            STATES,
            "Leave the customer to whoever else talks",
            "",
            post(supervision::leave),
        ),
        route("post", HOLD, LEADERS, "Keep its recordings whatever the rules say", "", post(retention::hold)),
        route("post", LET_GO, LEADERS, "Let the rules apply again", "", post(retention::let_go)),
        route("post", RETENTION, ADMIN, "Erase what is kept no longer", "[Erasure]", post(retention::apply)),
        route("get", "/api/v1/agents", ALL, "Agents", "[Agent]", get(agents::list)),
        route("post", "/api/v1/agents/{id}/ready", STATES, "Ready for calls", "", post(agents::ready)),
        route("post", "/api/v1/agents/{id}/break", STATES, "On a break", "", post(agents::take_break)),
        route("get", "/api/v1/queues", ALL, "Queues", "[Queue]", get(agents::queues)),
        route("get", "/api/v1/qa/samples", AUDIO, "Draw a sample", "Sample", get(samples::draw)),
        route("post", EXPORTED, ADMIN, "Note that a recording was exported", "", post(samples::exported)),
        route("get", "/api/v1/events", CONTACTS, "Events, by long poll", "[Event]", get(events::poll)),
        route("get", STREAM, CONTACTS, "Events, by WebSocket", "", get(events::stream)),
        route("post", TICKET, CONTACTS, "A ticket for one stream", "Ticket", post(tickets::for_stream)),
        route("post", LINK, AUDIO, "An address that a page can play", "Ticket", post(tickets::for_audio)),
        route("get", "/api/v1/sip/trace", ADMIN, "The last SIP messages", "[SipMessage]", get(trace::show)),
        route("get", "/api/v1/tokens", ADMIN, "Tokens", "[Token]", get(tokens::list)),
        route("post", "/api/v1/tokens", ADMIN, "Make a token", "NewToken", post(tokens::create)),
        route("delete", "/api/v1/tokens/{name}", ADMIN, "Revoke a token", "", delete(tokens::revoke)),
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
