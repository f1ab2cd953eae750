//! Tests that the fields in the document are those that the types read. Each of these types refuses other fields, and
//! its refusal names its own.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::schemas;
use crate::route::Route;
use crate::routes::groups;
use crate::{audio, calls, configuration, contacts, events, moves, pausing, recordings};
use crate::{retention, samples, supervision, tokens, trace};

/// The fields that a type reads, in alphabetical order, as its refusal of another field names them.
fn read_by<T: DeserializeOwned>() -> Vec<String> {
    let refused = serde_json::from_value::<T>(json!({ "no such field": 0 })).err();
    let said = refused.expect("a field that no type has").to_string();
    let mut fields: Vec<String> = said.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    fields.sort();
    fields
}

/// A property of each route that has it, by `operationId`.
fn of_routes<T>(what: impl Fn(&Route) -> Option<T>) -> BTreeMap<&'static str, T> {
    let routes = groups().into_iter().flat_map(|group| group.routes);
    routes.filter_map(|route| Some((route.about.0, what(&route)?))).collect()
}

#[test]
fn queries_have_the_fields_that_their_types_read() {
    let documented = of_routes(|route| {
        let mut names: Vec<String> =
            route.query.iter().map(|(name, ..)| name.trim_end_matches('!').to_owned()).collect();
        names.sort();
        (!names.is_empty()).then_some(names)
    });
    let read = BTreeMap::from([
        ("listContacts", read_by::<contacts::Filter>()),
        ("listContactEvents", read_by::<contacts::Story>()),
        ("listRecordings", read_by::<recordings::Filter>()),
        ("getAudio", read_by::<audio::Wanted>()),
        ("drawSample", read_by::<samples::Plan>()),
        ("pollEvents", read_by::<events::Poll>()),
        ("streamEvents", read_by::<events::From>()),
        ("traceSip", read_by::<trace::Wanted>()),
    ]);
    assert_eq!(documented, read);
}

#[test]
fn bodies_have_the_fields_that_their_types_read_and_their_examples_can_be_read() {
    let schemas = schemas::all();
    let documented = of_routes(|route| {
        let schema = &schemas[route.body?];
        assert_eq!(schema["additionalProperties"], false, "{}", route.about.0);
        Some(schema["properties"].as_object()?.keys().cloned().collect::<Vec<_>>())
    });
    let read = BTreeMap::from([
        ("pauseRecording", read_by::<pausing::Why>()),
        ("addParty", read_by::<supervision::Seat>()),
        ("removeParty", read_by::<supervision::Seat>()),
        ("setLegalHold", read_by::<retention::Word>()),
        ("clearLegalHold", read_by::<retention::Word>()),
        ("consult", read_by::<moves::Wanted>()),
        ("transfer", read_by::<moves::Wanted>()),
        ("call", read_by::<calls::Call>()),
        ("pickUp", read_by::<supervision::Seat>()),
        ("supervise", read_by::<supervision::Wanted>()),
        ("applyRetention", read_by::<retention::Wanted>()),
        ("reloadConfiguration", read_by::<configuration::Wanted>()),
        ("createToken", read_by::<tokens::Wanted>()),
    ]);
    assert_eq!(documented, read);
    let example = |name: &str| schemas::example(&schemas[name], &schemas);
    assert!(serde_json::from_value::<pausing::Why>(example("Reason")).is_ok());
    assert!(serde_json::from_value::<supervision::Seat>(example("Seat")).is_ok());
    assert!(serde_json::from_value::<moves::Wanted>(example("WantedMove")).is_ok());
    assert!(serde_json::from_value::<calls::Call>(example("Call")).is_ok());
    assert!(serde_json::from_value::<supervision::Wanted>(example("WantedSupervision")).is_ok());
    assert!(serde_json::from_value::<retention::Word>(example("Word")).is_ok());
    assert!(serde_json::from_value::<retention::Wanted>(example("WantedErasure")).is_ok());
    assert!(serde_json::from_value::<configuration::Wanted>(example("WantedReload")).is_ok());
    assert!(serde_json::from_value::<tokens::Wanted>(example("WantedToken")).is_ok());
}
