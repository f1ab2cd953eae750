//! Which ways calls go out, and how many may.

use super::*;

fn trunk(name: &str, gateways: &[&str], change: impl FnOnce(&mut Outgoing)) -> Trunk {
    let gateways = gateways.iter().map(|gateway| gateway.parse().unwrap()).collect();
    let mut outgoing = Outgoing { gateways, ..Outgoing::default() };
    change(&mut outgoing);
    let terms = crate::signalling::Terms::default();
    Trunk { name: name.to_owned(), sources: Vec::new(), hosts: Vec::new(), client: None, terms, outgoing }
}

fn both() -> Arc<Carriers> {
    let carriers = Arc::new(Carriers::default());
    carriers.replace(&[
        trunk("a", &["sip:192.0.2.1", "sip:192.0.2.2:5070", "sip:[2001:db8::1]"], |_| {}),
        trunk("b", &["sip:192.0.2.3", "sip:name.example"], |_| {}),
    ]);
    carriers
}

/// The way to a gateway that is written as an address.
fn route(trunk: &str, gateway: &str) -> Route {
    let gateway: Gateway = gateway.parse().unwrap();
    let hop = at_once(&gateway).unwrap();
    Route { key: GatewayKey { trunk: trunk.to_owned(), gateway }, hop }
}

fn hosts(carriers: &Carriers, seconds: u64) -> Vec<String> {
    let now = Moment::from_ms(seconds * 1_000);
    let trunks = ["a".to_owned(), "none".to_owned(), "b".to_owned()];
    let routes = carriers.routes(now, &trunks, true, |_| 0);
    routes.iter().map(|route| route.hop.address.ip().to_string()).collect()
}

#[test]
fn gateways_that_failed_are_tried_last_for_a_while() {
    let carriers = both();
    assert_eq!(hosts(&carriers, 0), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    let route = route("a", "sip:192.0.2.1");
    let at = Time::from_unix_ms(0);
    carriers.failed((Moment::from_ms(1_000), at), &route, "503");
    assert_eq!(hosts(&carriers, 2), ["192.0.2.2", "192.0.2.3", "192.0.2.1"]);
    let status = carriers.status(Moment::from_ms(2_000));
    assert_eq!(status[0].gateways[0].state, GatewayState::Failed);
    assert_eq!(status[0].last_failure.as_ref().unwrap().what, "503");
    assert_eq!(status[1].gateways[1].state, GatewayState::Unknown);
    assert_eq!(hosts(&carriers, 32)[0], "192.0.2.1", "after 30 s it is tried first again");
    carriers.failed((Moment::from_ms(33_000), at), &route, "503");
    carriers.answered(&route);
    assert_eq!(hosts(&carriers, 34)[0], "192.0.2.1", "it answered since");
}

#[test]
fn a_trunk_has_so_many_calls_and_so_many_a_second_but_for_emergencies() {
    let carriers = Arc::new(Carriers::default());
    carriers.replace(&[trunk("a", &["sip:192.0.2.1"], |outgoing| {
        (outgoing.max_calls, outgoing.calls_per_second) = (Some(3), Some(2));
    })]);
    let take = |ms: u64, is_emergency: bool| carriers.take(Moment::from_ms(ms), "a", is_emergency);
    let inbound = carriers.came_in("a");
    let first = take(0, false).unwrap();
    let _second = take(1, false).unwrap();
    assert!(take(2_000, false).is_none(), "three calls, the one that came in among them");
    drop((inbound, first));
    assert_eq!(carriers.status(Moment::from_ms(0))[0].calls, 1);
    let third = take(2_100, false);
    assert!(third.is_some());
    drop(third);
    drop(take(2_200, false).unwrap());
    assert!(take(2_300, false).is_none(), "two began within this second");
    assert!(take(2_400, true).is_some(), "nothing limits emergencies");
    assert!(take(3_400, false).is_some());
    assert!(carriers.take(Moment::from_ms(9_000), "none", true).is_none());
}

#[test]
fn what_is_known_of_a_gateway_outlives_a_reload() {
    let carriers = both();
    let route = route("a", "sip:192.0.2.1");
    carriers.failed((Moment::from_ms(0), Time::from_unix_ms(0)), &route, "timeout");
    let _line = carriers.take(Moment::from_ms(0), "b", false).unwrap();
    carriers.replace(&[trunk("a", &["sip:192.0.2.9", "sip:192.0.2.1"], |_| {})]);
    assert_eq!(hosts(&carriers, 1), ["192.0.2.9", "192.0.2.1"]);
    assert_eq!(carriers.status(Moment::from_ms(0)).len(), 2, "a call of the other trunk goes on");
    assert!(carriers.take(Moment::from_ms(0), "b", false).is_some_and(|line| line.trunk() == "b"));
    assert!(carriers.is_gateway("192.0.2.9".parse().unwrap()));
    assert!(!carriers.is_gateway("192.0.2.3".parse().unwrap()));
}

#[test]
fn servers_of_one_name_fail_one_by_one() {
    let carriers = both();
    let key = GatewayKey { trunk: "b".to_owned(), gateway: "sip:name.example".parse().unwrap() };
    let hop = |address: &str, priority| {
        let (transport, share) = (sip::Transport::Udp, Share { priority, weight: 0 });
        Hop { transport, address: address.parse().unwrap(), share }
    };
    let (first, second) = (hop("192.0.2.7:5060", 1), hop("192.0.2.8:5060", 2));
    carriers.found(&key, vec![second, first]);
    let named = |seconds| hosts(&carriers, seconds).split_off(3);
    assert_eq!(named(0), ["192.0.2.7", "192.0.2.8"]);
    let route = Route { key: key.clone(), hop: first };
    carriers.failed((Moment::from_ms(1_000), Time::from_unix_ms(0)), &route, "503");
    assert_eq!(named(2), ["192.0.2.8", "192.0.2.7"]);
    assert_eq!(carriers.status(Moment::from_ms(2_000))[1].gateways[1].state, GatewayState::Up);
    carriers.found(&key, vec![first, second]);
    assert_eq!(named(2), ["192.0.2.8", "192.0.2.7"], "a look-up forgets no failure");
}

#[test]
fn weights_share_calls_between_gateways() {
    let carriers = Carriers::default();
    let gateways = ["sip:192.0.2.1", "sip:192.0.2.2"];
    carriers.replace(&[trunk("a", &gateways, |outgoing| outgoing.weights = vec![3, 1])]);
    let first = |drawn: u32| {
        let routes = carriers.routes(Moment::from_ms(0), &["a".to_owned()], true, |most| drawn.min(most));
        routes[0].hop.address.ip().to_string()
    };
    let firsts: Vec<String> = (1..=4).map(first).collect();
    assert_eq!(firsts, ["192.0.2.2", "192.0.2.1", "192.0.2.1", "192.0.2.1"]);
}
