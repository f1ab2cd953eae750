//! The OpenAPI document, made from the table of routes.

use axum::Json;
use axum::response::{IntoResponse, Response};
use model::Supervision;
use serde_json::{Map, Value, json};

use crate::routes::{HOLD, LET_GO, PARTIES, PARTY_GONE, PAUSE, RETENTION, Route, SUPERVISIONS, routes};

pub(crate) async fn show() -> Response {
    Json(document(&routes())).into_response()
}

fn document(routes: &[Route]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_owned(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hotline",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Lists are JSON arrays, newest first; a Link header with rel=next leads on. \
                            Instants are RFC 3339 in UTC.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = Vec::new();
    for name in ["id", "name"] {
        if route.path.contains(&format!("{{{name}}}")) {
            let schema = json!({ "type": "string" });
            parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
    }
    for (name, kind, required) in query_of(route) {
        let schema = json!({ "type": kind });
        parameters.push(json!({ "name": name, "in": "query", "required": required, "schema": schema }));
    }
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(route),
        "security": [],
    });
    if let (Some(roles), Some(fields)) = (route.roles, operation.as_object_mut()) {
        fields.insert("security".to_owned(), json!([{ "token": [] }]));
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        fields.insert("x-roles".to_owned(), json!(roles));
        if let Some(name) = body_of(route) {
            let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
            fields.insert("requestBody".to_owned(), body);
        }
    }
    operation
}

/// The schema of what it is sent.
fn body_of(route: &Route) -> Option<&'static str> {
    match (route.method, route.path) {
        ("post", "/api/v1/tokens") => Some("WantedToken"),
        ("post", PAUSE) => Some("Reason"),
        ("post", SUPERVISIONS) => Some("WantedSupervision"),
        ("post", PARTIES | PARTY_GONE) => Some("Seat"),
        ("post", HOLD | LET_GO) => Some("Word"),
        ("post", RETENTION) => Some("WantedErasure"),
        _ => None,
    }
}

/// Name, type, and whether it must be given.
fn query_of(route: &Route) -> &'static [(&'static str, &'static str, bool)] {
    match (route.method, route.path) {
        ("get", "/api/v1/contacts") => &[
            ("before", "string", false),
            ("queue", "string", false),
            ("agent", "string", false),
            ("since", "string", false),
            ("limit", "integer", false),
        ],
        ("get", "/api/v1/recordings") => &[
            ("before", "string", false),
            ("contact", "string", false),
            ("since", "string", false),
            ("limit", "integer", false),
        ],
        ("get", "/api/v1/recordings/{id}/audio") => {
            &[("format", "string", false), ("ticket", "string", false)]
        }
        ("get", "/api/v1/qa/samples") => &[
            ("queue", "string", true),
            ("count", "integer", true),
            ("seed", "integer", true),
            ("since", "string", false),
        ],
        ("get", "/api/v1/events") => {
            &[("after", "integer", false), ("wait", "integer", false), ("limit", "integer", false)]
        }
        ("get", "/api/v1/events/stream") => &[
            ("after", "integer", false),
            ("type", "string", false),
            ("contact", "string", false),
            ("queue", "string", false),
            ("agent", "string", false),
            ("ticket", "string", false),
        ],
        _ => &[],
    }
}

fn responses(route: &Route) -> Value {
    let done = match (route.method, route.path) {
        (_, "/api/v1/events/stream") => "101",
        ("post", "/api/v1/tokens" | "/api/v1/events/ticket" | "/api/v1/recordings/{id}/link") => "201",
        (_, _) if route.answer.is_empty() => "204",
        (_, _) => "200",
    };
    let mut responses = json!({
        done: { "description": "Done", "content": content(route.answer) },
        "default": { "description": "Refused", "content": {
            "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } },
        } },
    });
    if let (Some(responses), "/api/v1/events" | "/api/v1/events/stream") =
        (responses.as_object_mut(), route.path)
    {
        let about = "`after` is beyond the newest entry: `newest` has its number, `log` the id of the log";
        responses.insert(
            "409".to_owned(),
            json!({ "description": about, "content": {
            "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } },
        } }),
        );
    }
    if let (Some(responses), "audio") = (responses.as_object_mut(), route.answer) {
        responses.insert("206".to_owned(), json!({ "description": "A range", "content": content("audio") }));
        responses.insert("304".to_owned(), json!({ "description": "Not changed" }));
    }
    responses
}

fn content(answer: &str) -> Value {
    let name = answer.trim_matches(['[', ']']);
    let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
    match answer {
        "" => json!({}),
        "page" => json!({ "text/html": { "schema": { "type": "string" } } }),
        "text" => json!({ "text/plain": { "schema": { "type": "string" } } }),
        "audio" => json!({
            "audio/wav": { "schema": { "type": "string", "format": "binary" } },
            "audio/flac": { "schema": { "type": "string", "format": "binary" } },
        }),
        _ if answer.starts_with('[') => {
            json!({ "application/json": { "schema": { "type": "array", "items": schema } } })
        }
        _ => json!({ "application/json": { "schema": schema } }),
    }
}

/// The shapes of answers: each field with its type; `?` where it may be null.
fn schemas() -> Value {
    let contact = "id:string caller:string? caller_name:string? number:string trunk:string language:string \
                   flow:string node:string? queue:string? agent:string? started_at:time answered_at:time? \
                   talked_at:time? ended_at:time? end:object? recording_id:string?";
    let whole = format!(
        "{contact} segments:array queue_visits:array quality:array coverage:object? legal_hold:object?"
    );
    let mut schemas = Map::new();
    for (name, fields) in [
        ("Contact", contact),
        ("WholeContact", whole.as_str()),
        (
            "Recording",
            "id:string contact_id:string path:string encrypted:boolean state:string opened_at:time closed_at:time? \
             duration_ms:integer? channels:integer rate:integer sha256:string? gaps:array fault:string? \
             listened:integer",
        ),
        ("Agent", "id:string shift:any activity:string seat_online:boolean since:time?"),
        (
            "Queue",
            "name:string waiting:integer longest_waiting_ms:integer offered:integer answered:integer \
             abandoned:integer answered_in_time:integer service_level:number?",
        ),
        ("Pressed", "keys:string count:integer"),
        (
            "SipMessage",
            "at:time received:boolean transport:string local:string peer:string sip_call_id:string \
             cut:boolean text:string",
        ),
        (
            "Sample",
            "queue:string? frame:object order:string frame_size:integer frame_sha256:string seed:integer contacts:array",
        ),
        ("Event", "seq:integer at:time event:object"),
        ("Token", "name:string role:string agent:string? created_at:time revoked_at:time?"),
        ("Ticket", "url:string expires_s:integer"),
        ("NewToken", "name:string role:string token:string"),
        ("Health", "alive:boolean"),
        ("Readiness", "ready:boolean not_ready:array warnings:array checks:array"),
        ("Reason", "reason:string"),
        ("Seat", "seat:string"),
        ("Word", "reason:string person:string?"),
        ("WantedErasure", "dry_run:boolean"),
        (
            "Erasure",
            "recording_id:string contact_id:string path:string sha256:string? opened_at:time queue:string? \
             rule:string held:boolean again:boolean erased:boolean",
        ),
        ("Problem", "type:string title:string title_zh:string title_en:string status:integer"),
        ("Document", "openapi:string info:object paths:object components:object"),
    ] {
        schemas.insert(name.to_owned(), object(fields));
    }
    let wanted = json!({
        "type": "object",
        "required": ["name", "role"],
        "properties": {
            "name": { "type": "string" },
            "role": { "enum": store::Role::ALL },
            "agent": { "type": ["string", "null"] },
        },
    });
    schemas.insert("WantedToken".to_owned(), wanted);
    let wanted = json!({
        "type": "object",
        "required": ["seat", "mode"],
        "properties": {
            "seat": { "type": "string" },
            "mode": { "enum": [Supervision::Listen, Supervision::Whisper, Supervision::Barge, Supervision::TakeOver] },
            "agent": { "type": ["string", "null"] },
            "contact": { "type": ["string", "null"] },
        },
    });
    schemas.insert("WantedSupervision".to_owned(), wanted);
    Value::Object(schemas)
}

fn object(fields: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, kind) in fields.split_whitespace().filter_map(|field| field.split_once(':')) {
        let (kind, nullable) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
        let base = if kind == "time" { "string" } else { kind };
        let mut schema = match (base, nullable) {
            ("any", _) => json!({}),
            (_, true) => json!({ "type": [base, "null"] }),
            (_, false) => json!({ "type": base }),
        };
        if let (Some(schema), "time") = (schema.as_object_mut(), kind) {
            schema.insert("format".to_owned(), json!("date-time"));
        }
        properties.insert(name.to_owned(), schema);
        required.push(name);
    }
    json!({ "type": "object", "properties": properties, "required": required })
}
