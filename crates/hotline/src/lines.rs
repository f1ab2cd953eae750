//! Trunks as the API and the metrics show them.

use api::{Gateway, Registration, RegistrationState, Sample, Trunk, TrunkFailure, Trunks};

use crate::signalling::{Failure, GatewayState, GatewayStatus, Lines, Standing, TrunkStatus};

impl Trunks for Lines {
    fn trunks(&self) -> Vec<Trunk> {
        self.status().into_iter().map(trunk).collect()
    }
}

fn trunk(status: TrunkStatus) -> Trunk {
    let TrunkStatus { name, registered, gateways, calls, last_failure } = status;
    let failure = |Failure { at, place, what }| TrunkFailure { at, place, what };
    Trunk {
        name,
        registration: registered.map(registration),
        gateways: gateways.into_iter().map(gateway).collect(),
        calls,
        last_failure: last_failure.map(failure),
    }
}

fn registration(standing: Standing) -> Registration {
    let (state, until, status) = match standing {
        Standing::Asking => (RegistrationState::Asking, None, None),
        Standing::Until(until) => (RegistrationState::Registered, Some(until), None),
        Standing::Refused(status) => (RegistrationState::Rejected, None, Some(status)),
        Standing::Silent => (RegistrationState::Silent, None, None),
        Standing::Left => (RegistrationState::Removed, None, None),
    };
    Registration { state, until, status }
}

fn gateway(status: GatewayStatus) -> Gateway {
    let GatewayStatus { gateway, addresses, state } = status;
    let addresses = addresses.iter().map(ToString::to_string).collect();
    let state = match state {
        GatewayState::Up => api::GatewayState::Up,
        GatewayState::Failed => api::GatewayState::Resting,
        GatewayState::Silent => api::GatewayState::Silent,
        GatewayState::Unknown => api::GatewayState::Unresolved,
    };
    Gateway { uri: gateway, addresses, state }
}

/// The figures of all trunks.
pub(crate) fn samples(lines: &Lines) -> Vec<Sample> {
    let trunks = lines.trunks();
    let sample = |name, help, labels, value: f64| Sample { labels, ..Sample::gauge(name, help, value) };
    let of_trunk = |trunk: &Trunk| vec![("trunk", trunk.name.clone())];
    let calls = trunks.iter().map(|trunk| {
        let help = "Calls of a trunk in progress, in and out";
        sample("hotline_trunk_calls", help, of_trunk(trunk), trunk.calls as f64)
    });
    let gateways = trunks.iter().flat_map(|trunk| {
        trunk.gateways.iter().map(move |gateway| {
            let labels = vec![("gateway", gateway.uri.clone()), ("trunk", trunk.name.clone())];
            let is_up = f64::from(u8::from(gateway.state == api::GatewayState::Up));
            sample("hotline_trunk_gateway_up", "1 while calls go to a gateway first", labels, is_up)
        })
    });
    let registrations = trunks.iter().filter_map(|trunk| {
        let registration = trunk.registration.as_ref()?;
        let is_registered = f64::from(u8::from(registration.state == RegistrationState::Registered));
        let help = "1 while a provider has our registration";
        Some(sample("hotline_trunk_registered", help, of_trunk(trunk), is_registered))
    });
    calls.chain(gateways).chain(registrations).collect()
}
