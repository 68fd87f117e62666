//! Makes the reconciled object the controlling owner of an object that a user wrote.

use crds::Tenant;
use kube::Resource;
use kube::api::{ApiResource, ObjectMeta, Patch, PatchParams};
use plan::{Failure, Target};
use serde_json::json;

use crate::apply::controller;
use crate::call::{Call, LIMIT};
use crate::classify::Class;
use crate::enact::{Owner, failure, resource};
use crate::error::Error;
use crate::expect::{Key, caught_up};
use crate::kit::{Kit, Meta};
use crate::watch::registry::Look;

/// Sets owner and label. `Ok(false)` if they were set.
pub(crate) async fn adopt(kit: &Kit, owner: &Owner<'_>, target: &Target) -> Result<bool, Failure> {
    let key = key(target);
    let look = kit.look(&key);
    if !caught_up(&look, kit.writes().last(&key).as_ref()) {
        return Ok(false);
    }
    let kind = resource(&target.api_version, &target.kind, &target.plural);
    let current = match look {
        Look::Known(meta) => *meta,
        _ => read(kit, target, &kind).await?,
    };
    if is_adopted(owner, target, &current)? {
        return Ok(false);
    }
    let written = match patch(kit, owner, target, &kind, &current).await {
        // Its own controller writes its status meanwhile. What matters here is looked at again.
        Err(error) if error.verdict().class == Class::Conflict => {
            let current = read(kit, target, &kind).await?;
            if is_adopted(owner, target, &current)? {
                return Ok(false);
            }
            patch(kit, owner, target, &kind, &current).await
        }
        written => written,
    };
    let written = written.map_err(|error| failure(&error))?;
    kit.note_write(key, &written.metadata, 0, 0);
    Ok(true)
}

async fn read(kit: &Kit, target: &Target, kind: &ApiResource) -> Result<ObjectMeta, Failure> {
    let found: Result<Meta, Error> = Call {
        verb: "get",
        resource: &target.plural,
        action: format!("get {}", title(target)),
        limit: LIMIT,
    }
    .send(kit.env(), kit.api(kind, &target.namespace).get(&target.name))
    .await;
    found.map(|found| found.metadata).map_err(|error| failure(&error))
}

async fn patch(
    kit: &Kit,
    owner: &Owner<'_>,
    target: &Target,
    kind: &ApiResource,
    current: &ObjectMeta,
) -> Result<Meta, Error> {
    let body = body(owner, target, current);
    let params = PatchParams::apply(kit.manager()).force();
    Call {
        verb: "patch",
        resource: &target.plural,
        action: format!("adopt {}", title(target)),
        limit: LIMIT,
    }
    .send(
        kit.env(),
        kit.api(kind, &target.namespace)
            .patch(&target.name, &params, &Patch::Apply(&body)),
    )
    .await
}

fn is_adopted(owner: &Owner<'_>, target: &Target, current: &ObjectMeta) -> Result<bool, Failure> {
    if current.uid.as_deref() != Some(target.uid.as_str()) {
        return Err(Failure {
            reason: "ApiConflict",
            message: format!("{} is not the object that was seen", title(target)),
            transient: true,
        });
    }
    match controller(current) {
        Some((uid, _)) if uid == owner.uid() => Ok(label(current) == wanted(owner, current)),
        Some((_, other)) => Err(Failure {
            reason: "AdoptionConflict",
            message: format!(
                "{} is controlled by {other}; remove that owner reference, or let it name another {}",
                title(target),
                owner.key.1
            ),
            transient: false,
        }),
        None => Ok(false),
    }
}

fn label(current: &ObjectMeta) -> Option<&String> {
    current.labels.as_ref()?.get(crds::names::LABEL_TENANT)
}

/// The Tenant it belongs to: its owner, or whatever it says already.
fn wanted<'a>(owner: &'a Owner<'_>, current: &'a ObjectMeta) -> Option<&'a String> {
    if owner.key.1 == Tenant::kind(&()) {
        Some(&owner.key.3)
    } else {
        label(current)
    }
}

fn body(owner: &Owner<'_>, target: &Target, current: &ObjectMeta) -> serde_json::Value {
    let version = current.resource_version.as_ref();
    let mut metadata = json!({
        "name": target.name,
        "namespace": target.namespace,
        "uid": target.uid,
        "ownerReferences": [{
            "apiVersion": owner.key.0,
            "kind": owner.key.1,
            "name": owner.key.3,
            "uid": owner.uid(),
            "controller": true,
            "blockOwnerDeletion": true,
        }],
    });
    if let Some(tenant) = wanted(owner, current) {
        metadata["labels"] = json!({ crds::names::LABEL_TENANT: tenant });
    }
    if let (Some(version), Some(fields)) = (version, metadata.as_object_mut()) {
        fields.insert("resourceVersion".to_owned(), version.clone().into());
    }
    json!({ "apiVersion": target.api_version, "kind": target.kind, "metadata": metadata })
}

pub(crate) fn key(target: &Target) -> Key {
    (
        target.api_version.clone(),
        target.kind.clone(),
        target.namespace.clone(),
        target.name.clone(),
    )
}

pub(crate) fn title(target: &Target) -> String {
    format!("{} {}/{}", target.kind, target.namespace, target.name)
}
