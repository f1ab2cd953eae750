//! The OpenAPI document, made from the table of routes.

#[cfg(test)]
mod agreement;
mod schemas;
mod tables;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::problem::Problem;
use crate::route::{Form, Group, Route};
use schemas::{example, kind_of, reference};

/// The description of these routes.
pub(crate) fn show(groups: &[Group]) -> Response {
    Json(document(groups)).into_response()
}

fn document(groups: &[Group]) -> Value {
    let schemas = schemas::all();
    let mut paths: Map<String, Value> = Map::new();
    for (group, route) in groups.iter().flat_map(|group| group.routes.iter().map(move |route| (group, route)))
    {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_owned(), operation(group, route, &schemas));
        }
    }
    let tag = |group: &Group| json!({ "name": group.tag, "description": group.about });
    let tags: Vec<Value> = groups.iter().map(tag).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hotline",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Lists are JSON arrays, newest first; a Link header with rel=next leads on. \
                            Instants are RFC 3339, answered in UTC. 列表为 JSON 数组，最新在前，下一页见 Link 头；时间为 UTC。",
        },
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
    })
}

fn operation(group: &Group, route: &Route, schemas: &Map<String, Value>) -> Value {
    let (id, summary) = route.about;
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "tags": [group.tag],
        "parameters": parameters(group, route, schemas),
        "responses": responses(route, schemas),
        "security": [],
    });
    if let (Some(roles), Some(fields)) = (route.roles, operation.as_object_mut()) {
        fields.insert("security".to_owned(), json!([{ "token": [] }]));
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        fields.insert("x-roles".to_owned(), json!(roles));
        if let Some(name) = route.body {
            let content = content(&reference(name), schemas, "application/json");
            fields.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
        }
    }
    operation
}

fn parameters(group: &Group, route: &Route, schemas: &Map<String, Value>) -> Vec<Value> {
    let mut parameters = Vec::new();
    if let Some((name, kind)) = group.named.filter(|_| route.path.contains('{')) {
        let schema = kind_of(kind);
        let example = example(&schema, schemas);
        parameters.push(
            json!({ "name": name, "in": "path", "required": true, "schema": schema, "example": example }),
        );
    }
    for (name, kind, about) in route.query {
        let (name, required) = name.strip_suffix('!').map_or((*name, false), |name| (name, true));
        let schema = kind_of(kind);
        let example = example(&schema, schemas);
        parameters.push(json!({
            "name": name, "in": "query", "required": required, "description": about, "schema": schema, "example": example,
        }));
    }
    if route.is_once {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Sent again within ten minutes, it is carried out once 十分钟内重复发送只执行一次",
            "schema": kind_of("IdempotencyKey"), "example": "c06xq3m8k0r000-1",
        }));
    }
    parameters
}

fn responses(route: &Route, schemas: &Map<String, Value>) -> Value {
    let mut responses = Map::new();
    let done = json!({ "description": "Done 完成", "content": answer(route, schemas) });
    for further in route.further {
        let mut response = json!({ "description": further.about });
        if further.has_body {
            response["content"] = done["content"].clone();
        }
        responses.insert(further.status.to_owned(), response);
    }
    responses.insert(route.success().to_owned(), done);
    for status in route.all_refusals() {
        responses.insert(status.to_string(), refusal(Some(status)));
    }
    responses.insert("default".to_owned(), refusal(None));
    Value::Object(responses)
}

/// A refusal with this status; `None` for any other.
fn refusal(status: Option<u16>) -> Value {
    let problem = Problem::example(status.unwrap_or(400));
    let mut refusal = json!({
        "description": problem["title"],
        "content": { "application/problem+json": { "schema": reference("Problem"), "example": problem } },
    });
    let header = |name: &str, kind: &str| json!({ name: { "schema": { "type": kind } } });
    match status {
        Some(429 | 503) => refusal["headers"] = header("Retry-After", "integer"),
        Some(401) => refusal["headers"] = header("WWW-Authenticate", "string"),
        Some(426) => refusal["headers"] = header("Upgrade", "string"),
        Some(_) | None => {}
    }
    refusal
}

/// What it answers when it does not refuse, by media type.
fn answer(route: &Route, schemas: &Map<String, Value>) -> Value {
    let mut content = match route.answer {
        Some(kind) => content(&kind_of(kind), schemas, "application/json"),
        None => json!({}),
    };
    for Form { media_type, format, example } in route.forms {
        let mut schema = json!({ "type": "string" });
        if let Some(format) = format {
            schema["format"] = json!(format);
        }
        content[*media_type] = json!({ "schema": schema, "example": example });
    }
    content
}

fn content(schema: &Value, schemas: &Map<String, Value>, kind: &str) -> Value {
    json!({ kind: { "schema": schema, "example": example(schema, schemas) } })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::groups;

    /// Every schema in the document, with the way to it.
    fn schemas_in<'a>(at: &str, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let at = format!("{at}/{name}");
                    match name.as_str() {
                        "example" | "examples" => {}
                        "properties" | "schemas" => {
                            for (name, schema) in field.as_object().expect("schemas by name") {
                                found.push((format!("{at}/{name}"), schema));
                                schemas_in(&format!("{at}/{name}"), schema, found);
                            }
                        }
                        "schema" | "items" => {
                            found.push((at.clone(), field));
                            schemas_in(&at, field, found);
                        }
                        _ => schemas_in(&at, field, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| schemas_in(at, item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_property_has_a_type_and_every_reference_leads_somewhere() {
        let document = document(&groups());
        let mut found = Vec::new();
        schemas_in("", &document, &mut found);
        assert!(found.len() > 200, "{}", found.len());
        for (at, schema) in found {
            let says = |key| schema.get(key).is_some();
            assert!(says("type") || says("$ref") || says("oneOf") || says("anyOf"), "{at}: {schema}");
            if let Some(path) = schema["$ref"].as_str() {
                assert!(document.pointer(path.trim_start_matches('#')).is_some(), "{at}: {path}");
            }
            if schema["type"] == "integer" && at.contains("/parameters") {
                assert!(says("minimum") && says("maximum"), "{at}");
            }
        }
    }

    #[test]
    fn every_operation_has_an_id_a_tag_examples_and_its_refusals() {
        let document = document(&groups());
        let mut ids = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let at = format!("{method} {path}");
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{at}");
                let tag = &operation["tags"][0];
                assert!(
                    document["tags"].as_array().unwrap().iter().any(|one| one["name"] == *tag),
                    "{at}: {tag}"
                );
                let is_bilingual = |text: &str| text.is_ascii() != text.chars().any(|c| c > '\u{2e80}');
                assert!(is_bilingual(operation["summary"].as_str().unwrap()), "{at}");
                for parameter in operation["parameters"].as_array().unwrap() {
                    assert!(!parameter["example"].is_null(), "{at}: {parameter}");
                }
                let bodies = operation["responses"].as_object().unwrap().iter();
                let bodies = bodies.map(|(status, response)| (status.as_str(), response));
                let sent = operation.get("requestBody").map(|body| ("body", body));
                for (status, body) in bodies.chain(sent) {
                    for (kind, content) in body["content"].as_object().into_iter().flatten() {
                        assert!(!content["example"].is_null(), "{at} {status} {kind}");
                        let is_refusal = status.starts_with(['4', '5']) || status == "default";
                        let is_problem = kind == "application/problem+json";
                        assert!(is_refusal == is_problem || path == "/readyz", "{at} {status}");
                    }
                }
                let answers = |status| !operation["responses"][status].is_null();
                assert!(answers("default"), "{at}");
                if !operation["x-roles"].is_null() {
                    assert!(["401", "403", "429", "503"].into_iter().all(answers), "{at}");
                }
            }
        }
        assert_eq!(ids.len(), groups().iter().map(|group| group.routes.len()).sum::<usize>());
    }
}
