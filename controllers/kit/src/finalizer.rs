//! Puts a finalizer on the reconciled object and takes it off, at the version the plan was made for.

use kube::api::{Patch, PatchParams};
use plan::Failure;
use serde_json::json;

use crate::call::{Call, LIMIT};
use crate::classify::Class;
use crate::enact::{Owner, failure};
use crate::error::Error;
use crate::kit::{Kit, Meta};

/// Adds the finalizer unless it is there.
pub(crate) async fn hold(kit: &Kit, owner: &Owner<'_>, name: &str) -> Result<bool, Failure> {
    let mut finalizers = owner.meta.finalizers.clone().unwrap_or_default();
    if finalizers.iter().any(|known| known == name) {
        return Ok(false);
    }
    finalizers.push(name.to_owned());
    match write(kit, owner, finalizers, format!("hold finalizer {name} on")).await {
        Ok(()) => Ok(true),
        Err(error) => Err(failure(&error)),
    }
}

/// Removes the finalizer if it is there.
pub(crate) async fn release(kit: &Kit, owner: &Owner<'_>, name: &str) -> Result<bool, Failure> {
    let mut finalizers = owner.meta.finalizers.clone().unwrap_or_default();
    let before = finalizers.len();
    finalizers.retain(|known| known != name);
    if finalizers.len() == before {
        return Ok(false);
    }
    match write(kit, owner, finalizers, format!("release finalizer {name} of")).await {
        Ok(()) => Ok(true),
        // With its last finalizer gone the object may be gone before we look.
        Err(error) if error.verdict().class == Class::Gone => Ok(false),
        Err(error) => Err(failure(&error)),
    }
}

/// The whole list at the version it was read: nobody else's finalizer can get lost. A conflict is tried again by the
/// next reconcile, which sees the newer object.
async fn write(kit: &Kit, owner: &Owner<'_>, finalizers: Vec<String>, verb: String) -> Result<(), Error> {
    let patch = json!({ "metadata": {
        "uid": owner.meta.uid,
        "resourceVersion": owner.meta.resource_version,
        "finalizers": finalizers,
    }});
    let (_, kind, namespace, name) = &owner.key;
    let params = PatchParams {
        field_manager: Some(kit.manager().to_owned()),
        ..PatchParams::default()
    };
    let api = kit.api(&owner.resource(), namespace);
    let written: Meta = Call {
        verb: "patch",
        resource: &owner.plural,
        action: format!("{verb} {kind} {namespace}/{name}"),
        limit: LIMIT,
    }
    .send(kit.env(), api.patch(name, &params, &Patch::Merge(&patch)))
    .await?;
    kit.note_write(owner.key.clone(), &written.metadata, 0, 0);
    Ok(())
}
