//! What is tried of every field, and what must become of it.

mod certificate;
mod hooks;
mod monitor;
mod network;
mod pods;
mod pool;
pub mod schema;
mod tenant;

use serde_json::Value;

/// A store that values are tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    /// A Tenant and a Pool of one server with two drives.
    Plain,
    /// The same in a namespace that lets any Pod run.
    Open,
    /// The same, where a server may take ten seconds to become ready.
    Hasty,
    /// The same with TLS, an own internode secret, and a balanced console.
    Tls,
    /// The same with a second Pool.
    Two,
    /// The same with a monitor, in a cluster with a Prometheus operator's kinds.
    Watched,
}

/// What must become of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The API server refuses it; what it says beside the field's path.
    Refused(&'static str),
    /// A condition names the field with these words, and no server is touched.
    Named(&'static str),
    /// The same, and no server is replaced although its StatefulSet differs: why.
    Held(&'static str, &'static str),
    /// A condition names the field with these words, at the price of one server: why nobody knew before.
    Costs(&'static str, &'static str),
    /// Each part of it is found in a line of the state that contains this.
    Shown(&'static str),
    /// A line of the state with the first text contains the second.
    Says(&'static str, &'static str),
    /// A line of the state that contains this is gone.
    Gone(&'static str),
    /// What the object's status has here is another one, though no text tells it from the one before.
    Moved(&'static str),
    /// Nothing differs: why.
    Silent(&'static str),
}

/// A value of a field, and what must become of it.
#[derive(Clone, Debug)]
pub struct Trial {
    pub kind: &'static str,
    pub path: String,
    pub value: Value,
    pub effect: Effect,
    pub store: Store,
    /// Whether servers are made anew for it.
    pub rolls: bool,
    /// What stays after the way back: parts of lines, and why. Nothing else is tried on that store.
    pub leaves: Option<(&'static [&'static str], &'static str)>,
}

impl Trial {
    /// On another store.
    #[must_use]
    pub fn on(self, store: Store) -> Self {
        Self { store, ..self }
    }

    /// Servers are made anew for it, although no Pod's text shows it.
    #[must_use]
    pub fn rolls(self) -> Self {
        Self { rolls: true, ..self }
    }

    /// Servers stay, although a line of their StatefulSet differs.
    #[must_use]
    pub fn stays(self) -> Self {
        Self { rolls: false, ..self }
    }

    /// The way back leaves lines with these parts.
    #[must_use]
    pub fn leaves(self, parts: &'static [&'static str], why: &'static str) -> Self {
        Self {
            leaves: Some((parts, why)),
            ..self
        }
    }

    /// For messages.
    pub fn title(&self) -> String {
        let value = self.value.to_string();
        let value: String = value.chars().take(80).collect();
        format!("{} {} = {value}", self.kind, self.path)
    }
}

/// What the schemas themselves refuse, each with what is wrong with it.
pub fn refusals() -> Vec<(&'static str, Trial)> {
    let of = |field: schema::Field| {
        let (kind, store) = match field.kind.as_str() {
            "Tenant" => ("Tenant", Store::Plain),
            "Pool" => ("Pool", Store::Plain),
            "TenantCertificate" => ("TenantCertificate", Store::Tls),
            _ => ("TenantMonitor", Store::Watched),
        };
        let wrong = schema::wrong(&field.schema).into_iter();
        let refused = move |(what, value)| {
            (
                what,
                trial(kind, &field.path, value, Effect::Refused("")).on(store),
            )
        };
        wrong.map(refused).collect::<Vec<_>>()
    };
    schema::fields().into_iter().flat_map(of).collect()
}

/// All that is tried.
pub fn trials() -> Vec<Trial> {
    [
        tenant::trials(),
        network::trials(),
        hooks::trials(),
        pool::trials(),
        pods::trials(),
        certificate::trials(),
        monitor::trials(),
    ]
    .concat()
}

fn trial(kind: &'static str, path: &str, value: Value, effect: Effect) -> Trial {
    let rolls = match effect {
        Effect::Shown(place) | Effect::Says(place, _) => place.starts_with("StatefulSet"),
        Effect::Costs(..) => true,
        _ => false,
    };
    Trial {
        kind,
        path: path.to_owned(),
        value,
        effect,
        store: Store::Plain,
        rolls,
        leaves: None,
    }
}
