//! What belongs to a route. The router and the description of the API are both made of it.

use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use store::Role;

use crate::App;

/// Routes of one subject.
pub(crate) struct Group {
    pub(crate) tag: &'static str,
    pub(crate) about: &'static str,
    /// Name and schema of the parameter in the groups' paths.
    pub(crate) named: Option<(&'static str, &'static str)>,
    pub(crate) routes: Vec<Route>,
}

/// A parameter of a query: name, type, what it is; one with `!` must be given.
pub(crate) type Parameter = (&'static str, &'static str, &'static str);

/// A form of an answer that is not JSON.
pub(crate) struct Form {
    pub(crate) media_type: &'static str,
    /// The `format` of its schema: `binary`; `None` for text.
    pub(crate) format: Option<&'static str>,
    pub(crate) example: &'static str,
}

/// A status beside the usual one that is no refusal.
pub(crate) struct Further {
    pub(crate) status: &'static str,
    pub(crate) about: &'static str,
    /// Whether it has the same body as the usual one; otherwise it has none.
    pub(crate) has_body: bool,
}

/// One route. Schemas are named as in the description.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Its `operationId` and what it is for.
    pub(crate) about: (&'static str, &'static str),
    /// `None` needs no token.
    pub(crate) roles: Option<&'static [Role]>,
    /// What may be in the query.
    pub(crate) query: &'static [Parameter],
    /// The schema of what it is sent.
    pub(crate) body: Option<&'static str>,
    /// The schema of the JSON that it answers.
    pub(crate) answer: Option<&'static str>,
    /// What else its answer may be.
    pub(crate) forms: &'static [Form],
    /// The status of an answer that is no refusal, where it is neither 200 nor 204.
    success: Option<&'static str>,
    /// Further statuses that are no refusals.
    pub(crate) further: &'static [Further],
    /// The refusals that it has beside those of all its kind.
    refusals: &'static [u16],
    /// Carried out once for each `Idempotency-Key`.
    pub(crate) is_once: bool,
    pub(crate) handler: MethodRouter<App>,
}

impl Route {
    fn new(
        method: &'static str,
        path: &'static str,
        about: (&'static str, &'static str),
        handler: MethodRouter<App>,
    ) -> Route {
        Route {
            method,
            path,
            about,
            roles: None,
            query: &[],
            body: None,
            answer: None,
            forms: &[],
            success: None,
            further: &[],
            refusals: &[],
            is_once: false,
            handler,
        }
    }

    pub(crate) fn get<T: 'static>(
        path: &'static str,
        about: (&'static str, &'static str),
        handler: impl Handler<T, App>,
    ) -> Route {
        Route::new("get", path, about, routing::get(handler))
    }

    pub(crate) fn post<T: 'static>(
        path: &'static str,
        about: (&'static str, &'static str),
        handler: impl Handler<T, App>,
    ) -> Route {
        Route::new("post", path, about, routing::post(handler))
    }

    pub(crate) fn delete<T: 'static>(
        path: &'static str,
        about: (&'static str, &'static str),
        handler: impl Handler<T, App>,
    ) -> Route {
        Route::new("delete", path, about, routing::delete(handler))
    }

    pub(crate) fn for_roles(self, roles: &'static [Role]) -> Route {
        Route { roles: Some(roles), ..self }
    }

    pub(crate) fn asks(self, query: &'static [Parameter]) -> Route {
        Route { query, ..self }
    }

    /// Sent twice under one `Idempotency-Key` it is carried out once.
    pub(crate) fn once(self) -> Route {
        Route { is_once: true, ..self }
    }

    pub(crate) fn takes(self, body: &'static str) -> Route {
        Route { body: Some(body), ..self }
    }

    pub(crate) fn answers(self, answer: &'static str) -> Route {
        Route { answer: Some(answer), ..self }
    }

    /// It answers in one of these forms, or in JSON where [`Route::answers`] names a schema.
    pub(crate) fn serves(self, forms: &'static [Form]) -> Route {
        Route { forms, ..self }
    }

    pub(crate) fn also(self, further: &'static [Further]) -> Route {
        Route { further, ..self }
    }

    /// It makes something: 201.
    pub(crate) fn creates(self) -> Route {
        Route { success: Some("201"), ..self }
    }

    /// It goes on as a WebSocket: 101.
    pub(crate) fn switches(self) -> Route {
        Route { success: Some("101"), ..self }
    }

    pub(crate) fn refuses(self, refusals: &'static [u16]) -> Route {
        Route { refusals, ..self }
    }

    /// The status of an answer that is no refusal.
    pub(crate) fn success(&self) -> &'static str {
        let has_body = self.answer.is_some() || !self.forms.is_empty();
        self.success.unwrap_or(if has_body { "200" } else { "204" })
    }

    /// The refusals that it may answer with.
    pub(crate) fn all_refusals(&self) -> Vec<u16> {
        let mut refusals = self.refusals.to_vec();
        if self.roles.is_some() {
            // Every protected route first asks the database about the token, and its address may have too many.
            refusals.extend([401, 403, 429, 503]);
        }
        if self.path.contains('{') {
            refusals.push(404);
        }
        if !self.query.is_empty() || self.body.is_some() {
            refusals.push(422);
        }
        if self.method != "get" {
            refusals.extend([408, 409, 413]);
        }
        if self.body.is_some() {
            refusals.push(415);
        }
        refusals.sort_unstable();
        refusals.dedup();
        refusals
    }
}
