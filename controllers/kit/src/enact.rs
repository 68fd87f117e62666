//! Carries out the steps of a plan, one after the other, each in a span of its own.

use kube::Resource;
use kube::api::ObjectMeta;
use kube::api::PropagationPolicy::{Background, Orphan};
use plan::{Enacted, Failure, Outcome, Step, Target};
use tracing::{Instrument, field};

use crate::child::Form;
use crate::classify::Class;
use crate::error::Error;
use crate::expect::Key;
use crate::kit::{Kit, key};
use crate::{adopt, apply, finalizer, grow, prune, run, trace};

/// The reconciled object, without its type.
pub(crate) struct Owner<'a> {
    pub(crate) key: Key,
    pub(crate) plural: String,
    pub(crate) meta: &'a ObjectMeta,
}

impl<'a> Owner<'a> {
    pub(crate) fn of<O: Resource<DynamicType = ()>>(object: &'a O) -> Self {
        Self::named::<O>(object.meta())
    }

    /// The object of kind `O` with these metadata.
    pub(crate) fn named<O: Resource<DynamicType = ()>>(meta: &'a ObjectMeta) -> Self {
        Self {
            key: key::<O>(
                meta.namespace.as_deref().unwrap_or_default(),
                meta.name.as_deref().unwrap_or_default(),
            ),
            plural: O::plural(&()).into_owned(),
            meta,
        }
    }

    pub(crate) fn uid(&self) -> &str {
        self.meta.uid.as_deref().unwrap_or_default()
    }

    pub(crate) fn resource(&self) -> kube::api::ApiResource {
        resource(&self.key.0, &self.key.1, &self.plural)
    }
}

/// The address of a kind.
pub(crate) fn resource(api_version: &str, kind: &str, plural: &str) -> kube::api::ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    kube::api::ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

pub(crate) async fn enact<O>(kit: &Kit, object: &O, steps: Vec<Step>) -> Enacted
where
    O: Resource<DynamicType = ()> + Sync,
{
    if steps.is_empty() {
        return Enacted::default();
    }
    let owner = Owner::of(object);
    all(kit, &owner, steps)
        .instrument(tracing::info_span!("enact"))
        .await
}

async fn all(kit: &Kit, owner: &Owner<'_>, steps: Vec<Step>) -> Enacted {
    let mut enacted = Enacted::default();
    for step in steps {
        let form = match &step {
            Step::Apply(child) | Step::Create(child) => Form::of(child),
            _ => None,
        };
        let (verb, kind, action) = title(&step, form.as_ref(), owner);
        let span = tracing::info_span!(
            "step",
            otel.name = format!("{verb} {kind}"),
            otel.status_code = field::Empty,
            action,
            changed = field::Empty,
            error = field::Empty,
        );
        let result = one(kit, owner, &step, form).instrument(span.clone()).await;
        match &result {
            Ok(changed) => {
                span.record("changed", *changed);
                if *changed {
                    kit.wrote();
                }
            }
            Err(failure) => {
                trace::fail(&span, &failure.message);
                run::failed(failure.reason);
            }
        }
        let ends = result.is_err() && !step.is_alone();
        enacted.outcomes.push(Outcome { action, result });
        if ends {
            break;
        }
    }
    enacted
}

/// Carries out one step; `form` is that of its child, if it has one.
async fn one(kit: &Kit, owner: &Owner<'_>, step: &Step, form: Option<Form>) -> Result<bool, Failure> {
    match step {
        Step::Hold(name) => finalizer::hold(kit, owner, name).await,
        Step::Release(name) => finalizer::release(kit, owner, name).await,
        Step::Apply(_) => apply::apply(kit, owner, &form.ok_or_else(invalid)?).await,
        Step::Create(_) => apply::create(kit, &form.ok_or_else(invalid)?).await,
        Step::Adopt(target) => adopt::adopt(kit, owner, target).await,
        Step::Delete(target, why) => prune::delete(kit, owner, target, why, Background).await,
        Step::Orphan(target, why) => prune::delete(kit, owner, target, why, Orphan).await,
        Step::Grow(target, size, why) => grow::grow(kit, owner, target, size, why).await,
    }
}

fn invalid() -> Failure {
    Failure {
        reason: "ChildInvalid",
        message: "a planned child has no type, name or namespace: this is a defect of the operator"
            .to_owned(),
        transient: false,
    }
}

fn title(step: &Step, form: Option<&Form>, owner: &Owner<'_>) -> (&'static str, String, String) {
    let of_child = |verb: &'static str| match form {
        Some(form) => (
            verb,
            form.resource.kind.clone(),
            format!("{verb} {} {}", form.resource.kind, form.name),
        ),
        None => (verb, "child".to_owned(), format!("{verb} child")),
    };
    let of_target = |verb: &'static str, target: &Target| {
        (
            verb,
            target.kind.clone(),
            format!("{verb} {} {}", target.kind, target.name),
        )
    };
    let of_owner =
        |verb: &'static str, name: &str| (verb, owner.key.1.clone(), format!("{verb} finalizer {name}"));
    match step {
        Step::Hold(name) => of_owner("hold", name),
        Step::Release(name) => of_owner("release", name),
        Step::Apply(_) => of_child("apply"),
        Step::Create(_) => of_child("create"),
        Step::Adopt(target) => of_target("adopt", target),
        Step::Delete(target, _) => of_target("delete", target),
        Step::Orphan(target, _) => of_target("orphan", target),
        Step::Grow(target, ..) => of_target("grow", target),
    }
}

/// An error as the outcome of a step: with the next step a person can take, if one must.
pub(crate) fn failure(error: &Error) -> Failure {
    let verdict = error.verdict();
    let advice = match (verdict.class, verdict.reason) {
        (Class::Refused, "ApiForbidden") => {
            "; grant the operator this right, or raise the quota that is full"
        }
        (Class::Refused, "ApiUnreadable") => "; the operator cannot read the answer",
        (Class::Refused, _) => "; correct the field the message names",
        _ => "",
    };
    Failure {
        reason: verdict.reason,
        message: format!("{error}{advice}"),
        transient: verdict.is_transient(),
    }
}
