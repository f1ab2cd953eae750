//! Calls that move, by HTTP: to whom, how it ended, and once for each key.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use model::{Actor, CallOrder, First, MoveOrder, MoveTo, Order, Personal, Scope, Slot};
use serde_json::{Value, json};
use store::Role;
use world::{Heard, World};

async fn post(world: &World, role: Role, path: &str, headers: &str, body: Option<Value>) -> Heard {
    let token = world.token(role);
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let length = body.len();
    world
        .raw(&format!(
            "POST /api/v1/{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\
             Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\r\n{body}"
        ))
        .await
}

#[tokio::test]
async fn each_move_is_one_command_answered_with_its_outcome() {
    let world = World::start().await;
    let at = |verb: &str| format!("contacts/{}/{verb}", world.contact);
    for (verb, body, status, answer) in [
        ("hold", None, 204, Value::Null),
        ("retrieve", None, 204, Value::Null),
        ("consult", Some(json!({ "queue": "complaint" })), 204, Value::Null),
        ("swap", None, 204, Value::Null),
        ("join", None, 204, Value::Null),
        ("return", None, 204, Value::Null),
        ("transfer", Some(json!({ "agent": "1002" })), 200, json!({ "outcome": "done", "reason": null })),
        ("park", None, 200, json!({ "slot": 701 })),
    ] {
        let heard = post(&world, Role::Agent, &at(verb), "", body).await;
        assert_eq!(heard.status, status, "{verb}: {}", heard.head);
        if status == 200 {
            assert_eq!(heard.json(), answer, "{verb}");
        }
    }
    let picked = post(&world, Role::Agent, "parking/701/pick-up", "", Some(json!({ "seat": "1001" }))).await;
    assert_eq!(picked.status, 204);
    let orders = world.center.orders.lock().unwrap();
    let own = Scope::Agent("1001".parse().unwrap());
    assert!(orders.iter().all(|(by, scope, _)| *by == Actor::Token("agent".to_owned()) && *scope == own));
    let orders: Vec<&Order> = orders.iter().map(|(.., order)| order).collect();
    assert_eq!(
        orders[2],
        &Order::Move(world.contact, MoveOrder::Consult(MoveTo::Queue("complaint".parse().unwrap())))
    );
    assert_eq!(orders[8], &Order::PickUp { slot: Slot(701), seat: "1001".parse().unwrap() });
}

#[tokio::test]
async fn a_target_is_exactly_one_thing() {
    let world = World::start().await;
    let path = format!("contacts/{}/transfer", world.contact);
    for (body, status) in [
        (json!({ "node": "menu" }), 200),
        (json!({ "number": "+862155550100" }), 200),
        (json!({}), 422),
        (json!({ "agent": "1001", "queue": "inquiry" }), 422),
        (json!({ "agent": "10 01" }), 422),
        (json!({ "number": "sip:1@example.com" }), 422),
        (json!({ "to": "1001" }), 422),
    ] {
        assert_eq!(
            post(&world, Role::Supervisor, &path, "", Some(body.clone())).await.status,
            status,
            "{body}"
        );
    }
    assert_eq!(world.center.orders.lock().unwrap().len(), 2);
    assert_eq!(post(&world, Role::Viewer, &path, "", Some(json!({ "agent": "1001" }))).await.status, 403);
    assert_eq!(post(&world, Role::Admin, "contacts/c1/transfer", "", Some(json!({}))).await.status, 404);
    assert_eq!(post(&world, Role::Admin, "parking/no/pick-up", "", Some(json!({}))).await.status, 404);
}

#[tokio::test]
async fn a_command_that_is_sent_twice_under_one_key_is_carried_out_once() {
    let world = World::start().await;
    let path = format!("contacts/{}/park", world.contact);
    let key = |key: &str| format!("Idempotency-Key: {key}\r\n");
    for (headers, orders) in
        [(key("a"), 1), (key("a"), 1), (key("b"), 2), (String::new(), 3), (String::new(), 4)]
    {
        let heard = post(&world, Role::Admin, &path, &headers, None).await;
        assert_eq!((heard.status, heard.json()), (200, json!({ "slot": 701 })), "{headers}");
        assert_eq!(world.center.orders.lock().unwrap().len(), orders, "{headers}");
    }
    // Another command or another token under the same key is another one.
    let other = format!("contacts/{}/hold", world.contact);
    assert_eq!(post(&world, Role::Admin, &other, &key("a"), None).await.status, 204);
    assert_eq!(post(&world, Role::Supervisor, &path, &key("a"), None).await.status, 200);
    assert_eq!(world.center.orders.lock().unwrap().len(), 6);
    assert_eq!(post(&world, Role::Admin, &path, &key(&"x".repeat(129)), None).await.status, 422);
}

#[tokio::test]
async fn a_call_is_answered_with_its_contact_or_why_not() {
    let world = World::start().await;
    let call = |number: &str| json!({ "number": number, "agent": "1001" });
    let placed = post(&world, Role::Agent, "calls", "Idempotency-Key: k\r\n", Some(call("4000"))).await;
    assert_eq!((placed.status, placed.json()), (201, json!({ "contact": world::placed() })));
    post(&world, Role::Agent, "calls", "Idempotency-Key: k\r\n", Some(call("4000"))).await;
    let orders = world.center.orders.lock().unwrap().clone();
    let (number, agent) = (Personal::new("4000".parse().unwrap()), "1001".parse().unwrap());
    let order = Order::Call(CallOrder { number, agent, first: First::Agent, queue: None });
    assert_eq!(orders, [(Actor::Token("agent".to_owned()), Scope::Agent("1001".parse().unwrap()), order)]);
    for (body, status) in [
        (call("3000"), 409),
        (json!({ "number": "4000" }), 422),
        (json!({ "number": "4000", "agent": "1001", "first": "nobody" }), 422),
        (json!({ "number": "40 00", "agent": "1001" }), 422),
        (json!({ "number": "4000", "agent": "1001", "also": 1 }), 422),
    ] {
        let heard = post(&world, Role::Supervisor, "calls", "", Some(body.clone())).await;
        assert_eq!(heard.status, status, "{body}: {}", heard.head);
    }
    for role in [Role::Viewer, Role::Qa, Role::Payment] {
        assert_eq!(post(&world, role, "calls", "", Some(call("4000"))).await.status, 403, "{role:?}");
    }
}
