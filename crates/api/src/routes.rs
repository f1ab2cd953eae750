//! The router, made of the table of routes.

mod queries;
mod table;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::App;
use crate::client::arrive;
use crate::guard::{GREATEST_BODY, Guard, authorise, harden};
use crate::problem::Problem;
use crate::route::Route;

#[cfg(test)]
pub(crate) use table::groups;

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
