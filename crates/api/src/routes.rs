//! What is where, who may, what it is sent and what it answers: one table, of which the router and the description of the
//! API are made.

mod queries;
mod table;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{self, MethodRouter};
use store::Role;

use crate::App;
use crate::client::arrive;
use crate::guard::{GREATEST_BODY, Guard, authorise, harden};
use crate::problem::Problem;

pub(crate) use table::groups;

/// Routes of one subject.
pub(crate) struct Group {
    pub(crate) tag: &'static str,
    pub(crate) about: &'static str,
    /// Name and schema of what its paths name in braces.
    pub(crate) named: Option<(&'static str, &'static str)>,
    pub(crate) routes: Vec<Route>,
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
    pub(crate) query: &'static [queries::Parameter],
    /// The schema of what it is sent.
    pub(crate) body: Option<&'static str>,
    /// The schema of what it answers, empty when there is no body.
    pub(crate) answer: &'static str,
    /// The status of an answer that is no refusal, where it is neither 200 nor 204.
    success: Option<&'static str>,
    /// The refusals that it has beside those of all its kind.
    refusals: &'static [u16],
    /// Carried out once for each `Idempotency-Key`.
    pub(crate) is_once: bool,
    handler: MethodRouter<App>,
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
            answer: "",
            success: None,
            refusals: &[],
            is_once: false,
            handler,
        }
    }

    fn get<T: 'static>(
        path: &'static str,
        about: (&'static str, &'static str),
        handler: impl Handler<T, App>,
    ) -> Route {
        Route::new("get", path, about, routing::get(handler))
    }

    fn post<T: 'static>(
        path: &'static str,
        about: (&'static str, &'static str),
        handler: impl Handler<T, App>,
    ) -> Route {
        Route::new("post", path, about, routing::post(handler))
    }

    fn delete<T: 'static>(
        path: &'static str,
        about: (&'static str, &'static str),
        handler: impl Handler<T, App>,
    ) -> Route {
        Route::new("delete", path, about, routing::delete(handler))
    }

    fn for_roles(self, roles: &'static [Role]) -> Route {
        Route { roles: Some(roles), ..self }
    }

    fn asks(self, query: &'static [queries::Parameter]) -> Route {
        Route { query, ..self }
    }

    fn takes(self, body: &'static str) -> Route {
        Route { body: Some(body), ..self }
    }

    fn answers(self, answer: &'static str) -> Route {
        Route { answer, ..self }
    }

    /// It makes something: 201.
    fn creates(self) -> Route {
        Route { success: Some("201"), ..self }
    }

    /// It goes on as a WebSocket: 101.
    fn switches(self) -> Route {
        Route { success: Some("101"), ..self }
    }

    /// Sent twice under one `Idempotency-Key` it is carried out once.
    fn once(self) -> Route {
        Route { is_once: true, ..self }
    }

    fn refuses(self, refusals: &'static [u16]) -> Route {
        Route { refusals, ..self }
    }

    /// The status of an answer that is no refusal.
    pub(crate) fn success(&self) -> &'static str {
        self.success.unwrap_or(if self.answer.is_empty() { "204" } else { "200" })
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

/// The API as an axum router.
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    let routes = table::groups().into_iter().flat_map(|group| group.routes);
    for Route { path, roles, handler, .. } in routes {
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
