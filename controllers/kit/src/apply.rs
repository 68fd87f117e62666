//! Makes children: server-side apply, skipped while nobody has touched what the last one left; or plain creation.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Resource;
use kube::api::{DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::Request;
use plan::Failure;
use plan::step::NAME_TAKEN;
use serde_json::{Value, json};

use crate::call::{Call, LIMIT};
use crate::child::{Form, fingerprint};
use crate::enact::{Owner, failure};
use crate::expect::{Written, caught_up};
use crate::kit::{Kit, Meta};
use crate::watch::registry::Look;
use crate::watch::trim;

/// Applies a child. `Ok(false)` if nothing had to change.
pub(crate) async fn apply(kit: &Kit, owner: &Owner<'_>, form: &Form) -> Result<bool, Failure> {
    let key = form.key();
    let desired = form.hash();
    let look = kit.look(&key);
    let last = kit.writes().last(&key);
    if is_untouched(&look, last.as_ref(), desired) {
        return Ok(false);
    }
    let current = match look {
        Look::Known(meta) if controller(&meta).is_some_and(|(uid, _)| uid == owner.uid()) => Some(*meta),
        _ => read(kit, form).await?,
    };
    check_ownership(form, owner, current.as_ref())?;
    let before = current.and_then(|meta| meta.resource_version);
    let written = patch(kit, form).await?;
    let changed = before.is_none() || before != written.resource_version;
    let mark = fingerprint(&written);
    kit.note_write(key, &written, desired, mark);
    Ok(changed)
}

/// Whether our last write asked for the same, and the child is as that write left it, or is not seen yet.
fn is_untouched(look: &Look, last: Option<&Written>, desired: u64) -> bool {
    let Some(last) = last.filter(|last| last.desired == desired && desired != 0) else {
        return false;
    };
    if !caught_up(look, Some(last)) {
        return true;
    }
    matches!(look, Look::Known(meta) if fingerprint(meta) == last.fingerprint)
}

async fn read(kit: &Kit, form: &Form) -> Result<Option<ObjectMeta>, Failure> {
    let api = kit.api(&form.resource, &form.namespace);
    let found: Option<Meta> = Call {
        verb: "get",
        resource: &form.resource.plural,
        action: format!("get {}", form.title()),
        limit: LIMIT,
    }
    .send(kit.env(), api.get_opt(&form.name))
    .await
    .map_err(|error| failure(&error))?;
    Ok(found.map(|found| found.metadata))
}

async fn patch(kit: &Kit, form: &Form) -> Result<ObjectMeta, Failure> {
    let api = kit.api(&form.resource, &form.namespace);
    let params = PatchParams::apply(kit.manager()).force();
    let written: Meta = Call {
        verb: "patch",
        resource: &form.resource.plural,
        action: format!("apply {}", form.title()),
        limit: LIMIT,
    }
    .send(
        kit.env(),
        api.patch(&form.name, &params, &Patch::Apply(&form.body)),
    )
    .await
    .map_err(|error| failure(&error))?;
    let mut meta = written.metadata;
    trim(&mut meta);
    Ok(meta)
}

/// UID and title of the controller of an object.
pub(crate) fn controller(meta: &ObjectMeta) -> Option<(&str, String)> {
    meta.owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true))
        .map(|owner| (owner.uid.as_str(), format!("{} {}", owner.kind, owner.name)))
}

/// Nothing that is not ours is ever overwritten. What carries our labels but has lost its owner is taken back.
fn check_ownership(form: &Form, owner: &Owner<'_>, current: Option<&ObjectMeta>) -> Result<(), Failure> {
    let Some(current) = current else { return Ok(()) };
    if current.deletion_timestamp.is_some() {
        return Err(Failure {
            reason: "ChildTerminating",
            message: format!(
                "{} is being deleted; it is made again when it is gone",
                form.title()
            ),
            transient: true,
        });
    }
    let holder = match controller(current) {
        Some((uid, _)) if uid == owner.uid() => return Ok(()),
        Some((_, title)) => format!("is controlled by {title}"),
        None if is_marked(current) => return Ok(()),
        None => "was not made by the operator".to_owned(),
    };
    Err(Failure {
        reason: NAME_TAKEN,
        message: format!(
            "{} exists and {holder}; the operator does not overwrite it: delete or rename it, or give {} {} another name",
            form.title(),
            owner.key.1,
            owner.key.3
        ),
        transient: false,
    })
}

/// Another operator calls itself by the same name, so what it has left behind lacks only the second label.
fn is_marked(meta: &ObjectMeta) -> bool {
    meta.labels.as_ref().is_some_and(|labels| {
        labels.get(crds::names::LABEL_MANAGED_BY).map(String::as_str) == Some(crds::names::MANAGED_BY)
            && labels.contains_key(crds::names::LABEL_TENANT)
    })
}

/// Creates a child unless one of that name exists, which is then left alone. What says of itself that it never changes
/// must be the very same: whoever decided on another one has not seen it yet.
pub(crate) async fn create(kit: &Kit, form: &Form) -> Result<bool, Failure> {
    let key = form.key();
    if let Look::Known(_) = kit.look(&key) {
        return same(kit, form).await.map(|()| false);
    }
    let url = <DynamicObject as Resource>::url_path(&form.resource, Some(&form.namespace));
    let params = PostParams {
        field_manager: Some(kit.manager().to_owned()),
        ..PostParams::default()
    };
    let body = form.body.to_string().into_bytes();
    let sent = async {
        let mut request = Request::new(url)
            .create(&params, body)
            .map_err(kube::Error::BuildRequest)?;
        request.extensions_mut().insert("create");
        kit.env().client().request::<Meta>(request).await
    };
    let made = Call {
        verb: "create",
        resource: &form.resource.plural,
        action: format!("create {}", form.title()),
        limit: LIMIT,
    }
    .send(kit.env(), sent)
    .await;
    match made {
        Ok(made) => {
            kit.note_write(key, &made.metadata, 0, 0);
            Ok(true)
        }
        Err(error) if error.reason() == "ApiAlreadyExists" => same(kit, form).await.map(|()| false),
        Err(error) => Err(failure(&error)),
    }
}

/// Whether an immutable ConfigMap that exists has the contents of this one. Nothing is asked for other children.
async fn same(kit: &Kit, form: &Form) -> Result<(), Failure> {
    if form.resource.kind != "ConfigMap" || form.body["immutable"] != Value::Bool(true) {
        return Ok(());
    }
    let found: Option<ConfigMap> = kit
        .get(&form.namespace, &form.name)
        .await
        .map_err(|error| failure(&error))?;
    let data = found.and_then(|found| found.data);
    if data.is_none_or(|data| json!(data) == form.body["data"]) {
        return Ok(());
    }
    Err(Failure {
        reason: "ChildDiffers",
        message: format!(
            "{} exists with other contents than were decided on: it is looked at again; if this stays, something else made \
             it: delete or rename it",
            form.title()
        ),
        transient: true,
    })
}

#[cfg(test)]
mod tests;
