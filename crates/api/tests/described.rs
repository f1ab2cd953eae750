//! What is answered obeys its schema in the description, and has no field that the schema does not name.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use serde_json::{Value, json};
use store::Role;
use world::World;

/// What of a value does not obey a schema, if anything. Patterns and formats are not looked at.
fn check(at: &str, value: &Value, schema: &Value, document: &Value) -> Result<(), String> {
    if let Some(path) = schema["$ref"].as_str() {
        let named = document.pointer(path.trim_start_matches('#')).expect("a schema of that name");
        return check(at, value, named, document);
    }
    for alternatives in [&schema["anyOf"], &schema["oneOf"]].into_iter().filter_map(Value::as_array) {
        let mut tried = alternatives.iter().map(|schema| check(at, value, schema, document));
        if !tried.any(|tried| tried.is_ok()) {
            return Err(format!("{at}: {value} is none of {alternatives:?}"));
        }
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    if !types.is_empty() && !types.iter().any(|one| is_of(value, one)) {
        return Err(format!("{at}: {value} is not of {types:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !value.is_null() && !words.contains(value)) {
        return Err(format!("{at}: {value} is no word of {}", schema["enum"]));
    }
    let is_beyond = |limit: &Value, beyond: fn(f64, f64) -> bool| {
        value.as_f64().zip(limit.as_f64()).is_some_and(|(number, limit)| beyond(number, limit))
    };
    if is_beyond(&schema["minimum"], |a, b| a < b) || is_beyond(&schema["maximum"], |a, b| a > b) {
        return Err(format!("{at}: {value} is beyond the limits"));
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        check(&format!("{at}/{place}"), item, &schema["items"], document)?;
    }
    fields(at, value, schema, document)
}

fn fields(at: &str, value: &Value, schema: &Value, document: &Value) -> Result<(), String> {
    let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            return Err(format!("{at}: no {name}"));
        }
    }
    for (name, field) in fields {
        match properties.get(name) {
            Some(schema) => check(&format!("{at}/{name}"), field, schema, document)?,
            None if schema["additionalProperties"] == true => {}
            None => return Err(format!("{at}: the schema has no field {name}")),
        }
    }
    Ok(())
}

fn is_of(value: &Value, kind: &Value) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some(_) | None => false,
    }
}

/// The body that a route answers to an administrator, and whether it obeys its schema.
async fn ask(world: &World, document: &Value, (method, path): (&str, &str), real: &str, body: &str) -> Value {
    let token = world.token(Role::Admin);
    let heard = world
        .raw(&format!(
            "{method} {real} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    let answers = &document["paths"][path][method.to_lowercase()]["responses"];
    let answer = answers.get(heard.status.to_string()).unwrap_or(&answers["default"]);
    let kind = heard.header("content-type").expect("a content type");
    let schema = &answer["content"][kind]["schema"];
    assert!(!schema.is_null(), "{method} {path} answers {} with {kind}", heard.status);
    let value = heard.json();
    assert_eq!(check(path, &value, schema, document), Ok(()), "{value:#}");
    value
}

#[tokio::test]
async fn answers_obey_their_schemas_and_have_no_other_fields() {
    let world = World::start().await;
    let document = world.get(Role::Admin, "/api/openapi.json").await.json();
    let (contact, recording) = (world.contact.to_string(), world.recording.to_string());
    let mut walked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let is_json = !methods["get"]["responses"]["200"]["content"]["application/json"].is_null();
        if !is_json {
            continue;
        }
        let id = if path.contains("recordings") { &recording } else { &contact };
        let real = path.replace("{id}", id) + if path.contains("samples") { "?count=1&seed=7" } else { "" };
        let value = ask(&world, &document, ("GET", path), &real, "").await;
        // The fake center keeps no SIP messages.
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        assert!(!is_empty || path.ends_with("/trace"), "{path}");
        walked += 1;
    }
    assert_eq!(walked, 17);
    for (path, body, fields) in [
        ("/api/v1/configuration/reload", r#"{"dry_run":true}"#, "changes"),
        ("/api/v1/configuration/reload", r#"{"dry_run":false}"#, "faults"),
        ("/api/v1/tokens", r#"{"name":"wall","role":"viewer"}"#, "token"),
        ("/api/v1/tokens", r#"{"name":"wall","role":"viewer"}"#, "detail_zh"),
        ("/api/v1/events/ticket", "", "url"),
    ] {
        let value = ask(&world, &document, ("POST", path), path, body).await;
        assert!(!value[fields].is_null(), "{path}: {value}");
    }
    let beyond = ask(&world, &document, ("GET", "/api/v1/events"), "/api/v1/events?after=999", "").await;
    assert!(beyond["newest"].is_u64() && beyond["log"].is_string(), "{beyond}");
}

#[test]
fn what_does_not_obey_is_found() {
    let schema = json!({ "type": "object", "required": ["a"], "properties": {
        "a": { "type": "integer", "minimum": 1 }, "b": { "type": ["string", "null"], "enum": ["x"] } } });
    let wrong = |value: Value| check("", &value, &schema, &Value::Null).is_err();
    assert!(!wrong(json!({ "a": 1, "b": "x" })) && !wrong(json!({ "a": 1, "b": null })));
    for value in [json!({}), json!({ "a": 0 }), json!({ "a": "1" }), json!({ "a": 1, "b": "y" })] {
        assert!(wrong(value.clone()), "{value}");
    }
    assert!(wrong(json!({ "a": 1, "c": 1 })), "a field without a schema");
    assert!(wrong(json!([1])), "no object");
}
