//! The schemas of bodies and answers.

use serde_json::{Map, Value, json};

use super::tables::{OBJECTS, STRINGS, WORDS};

/// The greatest count, and the greatest number of milliseconds: that of a database column.
const GREATEST_COUNT: u64 = i64::MAX as u64;

/// What a target of a transfer or consultation may be named by.
const TARGETS: [&str; 5] = ["agent", "queue", "node", "number", "extension"];

/// All schemas by name.
pub(super) fn all() -> Map<String, Value> {
    let mut schemas = Map::new();
    for (name, about, fields) in OBJECTS {
        let (name, is_strict) = name.strip_suffix('!').map_or((*name, false), |name| (name, true));
        let mut schema = object(about, fields);
        if let (Some(schema), true) = (schema.as_object_mut(), is_strict) {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
        schemas.insert(name.to_owned(), schema);
    }
    for (name, about, words) in WORDS {
        let schema = json!({ "type": "string", "description": about, "enum": words, "examples": [words[0]] });
        schemas.insert((*name).to_owned(), schema);
    }
    for (name, about, pattern, example) in STRINGS {
        let schema =
            json!({ "type": "string", "description": about, "pattern": pattern, "examples": [example] });
        schemas.insert((*name).to_owned(), schema);
    }
    for (name, schema) in others() {
        schemas.insert(name.to_owned(), schema);
    }
    schemas
}

/// Schemas that are neither plain objects nor plain strings.
fn others() -> [(&'static str, Value); 17] {
    let integer = |least: u64, greatest: u64, example: u64| json!({ "type": "integer", "minimum": least, "maximum": greatest, "examples": [example] });
    let one_key = |key: &str, schema: Value| json!({ "type": "object", "required": [key], "properties": { key: schema }, "additionalProperties": false });
    let only = |key: &str| {
        let others = TARGETS.into_iter().filter(|other| *other != key);
        let nulls = others.map(|other| (other.to_owned(), json!({ "type": "null" })));
        let properties = nulls.chain([(key.to_owned(), json!({ "type": "string" }))]).collect::<Map<_, _>>();
        json!({ "required": [key], "properties": properties })
    };
    let targets = TARGETS.map(only);
    let word = |words: &[&str]| json!({ "type": "string", "enum": words });
    let text = || json!({ "type": "string" });
    let who = json!({ "required": ["seat", "mode", "agent"], "properties": { "agent": reference("AgentId"), "contact": { "type": "null" } } });
    let what = json!({ "required": ["seat", "mode", "contact"], "properties": { "contact": reference("ContactId"), "agent": { "type": "null" } } });
    let whose = json!({ "required": ["agent"], "properties": { "role": { "type": "string", "const": "agent" }, "agent": reference("AgentId") } });
    let others: Vec<&str> =
        words_of("Role").iter().copied().filter(|role| !["agent", "supervisor"].contains(role)).collect();
    let leaders = json!({ "properties": { "role": { "type": "string", "const": "supervisor" } } });
    let nobodys = json!({ "properties": { "role": word(&others), "agent": { "type": "null" } } });
    [
        (
            "Time",
            json!({ "type": "string", "format": "date-time", "description": "RFC 3339; we answer UTC 时间",
                    "examples": ["2026-11-23T08:30:00.000Z"] }),
        ),
        ("Limit", integer(1, 1_000, 100)),
        ("Seq", integer(0, u64::MAX, 0)),
        ("Seed", integer(0, u64::MAX, 7)),
        ("Status", integer(400, 599, 404)),
        ("SampleCount", integer(0, 10_000, 20)),
        ("TraceCount", integer(1, 10_000, 100)),
        ("WaitSeconds", integer(0, 60, 30)),
        ("SlotNumber", integer(0, 65_535, 701)),
        (
            "WantedMove",
            json!({ "type": "object", "description": "To whom 转往",
                "properties": { "agent": nullable(reference("AgentId")), "queue": nullable(reference("QueueName")),
                    "node": nullable(reference("NodeName")), "number": nullable(reference("Number")),
                    "extension": nullable(reference("Number")) },
                "additionalProperties": false, "oneOf": targets,
                "examples": [{ "queue": "complaint" }] }),
        ),
        (
            "Shift",
            json!({ "description": "May the agent be given calls? 是否当班", "examples": ["ready"], "oneOf": [
                word(&["signed_out", "ready"]), one_key("not_ready", reference("NotReadyReason"))] }),
        ),
        (
            "Actor",
            json!({ "description": "Who commands 操作者", "examples": [{ "token": "wallboard" }], "oneOf": [
                word(&["command_line", "flow", "schedule"]), one_key("agent", reference("AgentId")), one_key("token", text())] }),
        ),
        (
            "GapCause",
            json!({ "description": "Why audio is missing 缺口原因", "examples": ["lost"], "oneOf": [
                word(&["lost", "dropped", "held"]), one_key("masked", reference("Masking"))] }),
        ),
        (
            "Happening",
            json!({ "type": "object", "required": ["about", "type"],
                "description": "What happened; each type has further fields of its own 事件内容",
                "properties": { "about": reference("EventGroup"), "type": reference("EventType"), "contact": nullable(reference("ContactId")),
                    "recording": nullable(reference("RecordingId")) },
                "additionalProperties": true }),
        ),
        (
            "WantedToken",
            json!({ "type": "object", "required": ["name", "role"],
                "properties": { "name": reference("TokenName"), "role": reference("Role"),
                    "agent": nullable(reference("AgentId")) },
                "additionalProperties": false, "oneOf": [nobodys, leaders, whose],
                "examples": [{ "name": "wallboard", "role": "viewer" }] }),
        ),
        (
            "WantedSupervision",
            json!({ "type": "object", "required": ["seat", "mode"],
                "properties": { "seat": reference("AgentId"), "mode": reference("Supervision"),
                    "agent": nullable(reference("AgentId")), "contact": nullable(reference("ContactId")) },
                "additionalProperties": false, "oneOf": [who, what],
                "examples": [{ "seat": "2001", "mode": "listen", "agent": "1001" }] }),
        ),
        (
            "Document",
            json!({ "type": "object", "required": ["openapi", "info", "paths", "components"],
                "properties": { "openapi": text(), "info": reference("Description"),
                    "tags": { "type": "array", "items": { "type": "object", "additionalProperties": true } },
                    "paths": { "type": "object", "additionalProperties": true },
                    "components": { "type": "object", "additionalProperties": true } },
                "examples": [{ "openapi": "3.1.0", "info": { "title": "Hotline", "version": "0.1.0", "description": "" },
                    "paths": {}, "components": {} }] }),
        ),
    ]
}

fn words_of(name: &str) -> &'static [&'static str] {
    WORDS.iter().find(|(found, _, _)| *found == name).map_or(&[], |(_, _, words)| words)
}

fn object(about: &str, fields: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, kind) in fields.split_whitespace().filter_map(|field| field.split_once(':')) {
        let (name, is_required) = name.strip_suffix('~').map_or((name, true), |name| (name, false));
        properties.insert(name.to_owned(), kind_of(kind));
        if is_required {
            required.push(name);
        }
    }
    json!({ "type": "object", "description": about, "properties": properties, "required": required })
}

/// The schema for a type as [`OBJECTS`] writes it.
pub(super) fn kind_of(kind: &str) -> Value {
    if let Some(kind) = kind.strip_suffix('?') {
        return nullable(kind_of(kind));
    }
    if let Some(items) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
        return json!({ "type": "array", "items": kind_of(items) });
    }
    match kind {
        "text" => json!({ "type": "string" }),
        "count" => json!({ "type": "integer", "minimum": 0, "maximum": GREATEST_COUNT }),
        "seconds" => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        "number" => json!({ "type": "number" }),
        "ratio" => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        "boolean" => json!({ "type": "boolean" }),
        name => reference(name),
    }
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn nullable(mut schema: Value) -> Value {
    match schema.get("type").cloned() {
        Some(kind) => {
            schema["type"] = json!([kind, "null"]);
            schema
        }
        None => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// A value that obeys the schema.
pub(super) fn example(schema: &Value, schemas: &Map<String, Value>) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return schemas.get(name).map_or(Value::Null, |schema| example(schema, schemas));
    }
    if let Some(given) = schema["examples"].get(0) {
        return given.clone();
    }
    if let Some(first) = schema["anyOf"].get(0) {
        return example(first, schemas);
    }
    let kind = if schema["type"].is_array() { &schema["type"][0] } else { &schema["type"] };
    match kind.as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties.map(|(name, schema)| (name.clone(), example(schema, schemas))).collect()
        }
        Some("array") => json!([example(&schema["items"], schemas)]),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("number") => json!(1.0),
        Some("boolean") => json!(true),
        Some(_) | None => json!("main"),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;

    use super::*;

    /// The words that a type reads, as its own refusal of another word names them.
    fn known<T: DeserializeOwned + Debug>(wrong: Value) -> Vec<String> {
        let said = serde_json::from_value::<T>(wrong).expect_err("no such word").to_string();
        let mut words: Vec<String> = said.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        words.sort();
        words
    }

    /// The types of events of all groups.
    fn known_events() -> Vec<String> {
        let word = || json!({ "type": "no such word" });
        let mut all = [
            known::<model::CenterEvent>(word()),
            known::<model::ContactEvent>(word()),
            known::<model::QueueEvent>(word()),
            known::<model::AgentEvent>(word()),
            known::<model::RecordingEvent>(word()),
            known::<model::StorageEvent>(word()),
        ]
        .concat();
        all.sort();
        all
    }

    #[test]
    fn words_are_those_that_the_types_have() {
        let word = || json!("no such word");
        for (name, known) in [
            ("Language", known::<model::Language>(word())),
            ("EndedBy", known::<model::EndedBy>(word())),
            ("Cause", known::<model::Cause>(word())),
            ("Class", known::<model::Class>(word())),
            ("Way", known::<model::Way>(word())),
            ("First", known::<model::First>(word())),
            ("DiversionReason", known::<model::DiversionReason>(word())),
            ("LeaveReason", known::<model::LeaveReason>(word())),
            ("Codec", known::<model::Codec>(word())),
            ("RecordingState", known::<model::RecordingState>(word())),
            ("Activity", known::<model::Activity>(word())),
            ("NotReadyReason", known::<model::NotReadyReason>(word())),
            ("Role", known::<store::Role>(word())),
            ("Supervision", known::<model::Supervision>(word())),
            ("EventGroup", known::<model::Event>(json!({ "about": "no such word" }))),
            ("EventType", known_events()),
        ] {
            let mut words = words_of(name).to_vec();
            words.sort_unstable();
            assert_eq!(words, known, "{name}");
        }
    }

    #[test]
    fn patterns_name_what_the_types_read() {
        for (name, _, _, example) in STRINGS {
            match *name {
                "ContactId" => drop(example.parse::<model::ContactId>().unwrap()),
                "RecordingId" => drop(example.parse::<model::RecordingId>().unwrap()),
                "SegmentId" => drop(example.parse::<model::SegmentId>().unwrap()),
                "AgentId" => drop(example.parse::<model::AgentId>().unwrap()),
                "QueueName" => drop(example.parse::<model::QueueName>().unwrap()),
                "Number" => drop(example.parse::<model::Number>().unwrap()),
                _ => {}
            }
        }
    }
}
