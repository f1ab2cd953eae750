//! Checks who may make a request: bearer tokens (RFC 6750) and their roles.

use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use store::{Bearer, Role};

use crate::App;
use crate::client::Client;
use crate::problem::Problem;
use crate::standing::Standing;
use crate::tickets;

/// The greatest body of a request, in bytes.
pub(crate) const GREATEST_BODY: usize = 16 * 1024;

/// How long the body of a request may take.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The check that stands before one route.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) app: App,
    pub(crate) roles: &'static [Role],
}

/// Lets a request through whose token has one of the route's roles, and gives the token's bearer to the handler.
pub(crate) async fn authorise(
    State(guard): State<Guard>,
    Extension(client): Extension<Client>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(redeemed) = by_ticket(&guard, &request) {
        // Its token may have been revoked since.
        let bearer = redeemed.ok_or_else(Problem::no_token)?;
        let stands = guard.app.store.still_stands(&bearer).await?;
        return if stands {
            admit(&guard, &client.standing, bearer, request, next).await
        } else {
            Err(Problem::no_token())
        };
    }
    let secret = bearer_secret(request.headers()).ok_or_else(Problem::no_token)?;
    let wrong = guard.app.wrong_tokens();
    if let Some(wait) = wrong.closed_for(Instant::now(), client.address, secret) {
        return Err(Problem::wait(wait));
    }
    let Some(bearer): Option<Bearer> = guard.app.store.authenticate(secret).await? else {
        let count = wrong.wrong(Instant::now(), client.address, secret);
        let (address, port) = (client.address, client.peer.port());
        let proxy = Some(client.peer.ip().to_canonical()).filter(|peer| *peer != address);
        let proxy = proxy.map(tracing::field::display);
        tracing::warn!(%address, port, proxy, count, "API authentication failed: wrong token");
        return Err(Problem::no_token());
    };
    wrong.right(client.address, secret);
    admit(&guard, &client.standing, bearer, request, next).await
}

/// The bearer of the token that a request's ticket stands for; `None` when there is no ticket.
fn by_ticket(guard: &Guard, request: &Request) -> Option<Option<Bearer>> {
    let has_token = request.headers().contains_key(header::AUTHORIZATION);
    let secret = tickets::in_query(request.uri().query()).filter(|_| !has_token)?;
    Some(guard.app.tickets().redeem(Instant::now(), secret, request.uri().path()))
}

async fn admit(
    guard: &Guard,
    standing: &Standing,
    bearer: Bearer,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    standing.proved(tokio::time::Instant::now());
    if !guard.roles.contains(&bearer.role) {
        return Err(Problem::forbidden());
    }
    let mut request = whole(request).await?;
    standing.whole();
    request.extensions_mut().insert(bearer);
    Ok(next.run(request).await)
}

/// The request with its whole body, so that no handler waits for a slow sender.
async fn whole(request: Request) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(BODY_TIME, to_bytes(body, GREATEST_BODY)).await;
    match body {
        Ok(Ok(body)) => Ok(Request::from_parts(parts, Body::from(body))),
        Ok(Err(_)) => Err(Problem::too_large(GREATEST_BODY)),
        Err(_) => Err(Problem::too_slow()),
    }
}

fn bearer_secret(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && (1..=256).contains(&secret.len())).then_some(secret)
}

/// Adds the headers to every answer that make a browser show it and do nothing else with it.
pub(crate) async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
