//! What a plan may ask for. The kit carries it out; nothing else writes.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::core::DynamicObject;

/// One thing to do. Steps are carried out in order; a failed step ends the list, unless it stands [alone](Step::is_alone).
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Put this finalizer on the reconciled object, unless it is there.
    Hold(&'static str),
    /// Take this finalizer off the reconciled object, at the version the plan was made for.
    Release(&'static str),
    /// Make the child as described, by server-side apply with the controller's field manager.
    Apply(Box<Child>),
    /// Make the child if no object of that name exists; an existing one is left exactly as it is.
    Create(Box<Child>),
    /// Make the reconciled object the controlling owner of an object, and, if it is a Tenant, set the Tenant label.
    Adopt(Target),
    /// Delete an object, only if it is still the one that was seen.
    Delete(Target, Why),
    /// Delete an object as it was seen, at its version, and leave all that belongs to it where it is.
    Orphan(Target, Why),
    /// Let a volume claim, as it was seen, ask for this much.
    Grow(Target, Quantity, Why),
}

impl Step {
    /// Whether nothing after it relies on it: if it fails, that is told, and the rest is done.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        match self {
            Self::Apply(child) => matches!(child.as_ref(), Child::NetworkPolicy(_)),
            Self::Delete(target, _) => target.kind == "NetworkPolicy",
            _ => false,
        }
    }
}

/// Deletes what the spec does not ask for any more.
pub(crate) fn turned_off(target: Target) -> Step {
    let message = format!("{} {} is turned off in the spec", target.kind, target.name);
    Step::Delete(
        target,
        Why {
            reason: "TurnedOff",
            message,
        },
    )
}

/// Why something is deleted or grown: the reason and message of the event that tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Reason in PascalCase, one of the event catalogue.
    pub reason: &'static str,
    /// A sentence for a person.
    pub message: String,
}

/// An object the operator makes. Its `Debug` names the object only: a Secret's values must reach no log.
// A Step boxes every child, so the size of the largest costs nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, PartialEq)]
pub enum Child {
    /// A ServiceAccount.
    ServiceAccount(ServiceAccount),
    /// A Service.
    Service(Service),
    /// A Secret.
    Secret(Secret),
    /// A ConfigMap.
    ConfigMap(ConfigMap),
    /// A PodDisruptionBudget.
    PodDisruptionBudget(PodDisruptionBudget),
    /// A NetworkPolicy.
    NetworkPolicy(NetworkPolicy),
    /// A StatefulSet.
    StatefulSet(StatefulSet),
    /// A Job.
    Job(Job),
    /// An object of a kind that is known at run time only, such as a ServiceMonitor. `types` must be set.
    Dynamic(DynamicObject),
}

impl std::fmt::Debug for Child {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, meta) = match self {
            Self::ServiceAccount(child) => ("ServiceAccount", &child.metadata),
            Self::Service(child) => ("Service", &child.metadata),
            Self::Secret(child) => ("Secret", &child.metadata),
            Self::ConfigMap(child) => ("ConfigMap", &child.metadata),
            Self::PodDisruptionBudget(child) => ("PodDisruptionBudget", &child.metadata),
            Self::NetworkPolicy(child) => ("NetworkPolicy", &child.metadata),
            Self::StatefulSet(child) => ("StatefulSet", &child.metadata),
            Self::Job(child) => ("Job", &child.metadata),
            Self::Dynamic(child) => (
                child.types.as_ref().map_or("object", |types| types.kind.as_str()),
                &child.metadata,
            ),
        };
        write!(formatter, "{kind} {}", meta.name.as_deref().unwrap_or_default())
    }
}

/// An object that was seen and is to be changed or deleted: never anything else of that name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// `apiVersion` of its kind, such as `apps/v1`.
    pub api_version: String,
    /// Its kind, such as `StatefulSet`.
    pub kind: String,
    /// Its plural resource name, such as `statefulsets`.
    pub plural: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The UID that was seen: a precondition.
    pub uid: String,
    /// The version the decision was made on: a precondition where set.
    pub resource_version: Option<String>,
}

/// What became of the steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Enacted {
    /// One for each step that was tried, in order.
    pub outcomes: Vec<Outcome>,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What was tried, as `apply StatefulSet store-p0`.
    pub action: String,
    /// Whether the API server changed or made anything; `Err` says why not.
    pub result: Result<bool, Failure>,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Reason in PascalCase, for conditions, events and metrics alike.
    pub reason: &'static str,
    /// What failed, on which object, why, and the next step.
    pub message: String,
    /// Whether trying again without a change may help.
    pub transient: bool,
}

impl Enacted {
    /// The failure that ended the steps, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.outcomes
            .iter()
            .find_map(|outcome| outcome.result.as_ref().err())
    }

    /// Whether anything was changed.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.outcomes.iter().any(|outcome| outcome.result == Ok(true))
    }
}

/// A child that already exists under our name but is controlled by someone else.
pub const NAME_TAKEN: &str = "NameTaken";
