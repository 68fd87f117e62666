//! The StorageClass of the volumes.

use std::cmp::Reverse;
use std::sync::Arc;

use k8s_openapi::api::storage::v1::StorageClass;
use kube::Resource;

use super::nodes;
use super::report::Finding;
use super::wanted::Wanted;
use crate::meta;

const FIELD: &str = "spec.volumeClaim.storageClassName";
const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
/// Clusters of the first days still carry it, and Kubernetes still reads it.
const DEFAULT_BETA: &str = "storageclass.beta.kubernetes.io/is-default-class";

/// The class of claims that name none: of several defaults the newest, as Kubernetes chooses.
#[must_use]
pub fn default_class(classes: &[Arc<StorageClass>]) -> Option<&StorageClass> {
    let is_default = |class: &StorageClass| {
        let annotations = class.meta().annotations.as_ref();
        annotations.is_some_and(|found| {
            [DEFAULT, DEFAULT_BETA]
                .iter()
                .any(|key| found.get(*key).is_some_and(|value| value == "true"))
        })
    };
    let made = |class: &StorageClass| {
        let since = class.metadata.creation_timestamp.as_ref();
        since.map(|since| since.0)
    };
    classes
        .iter()
        .map(AsRef::as_ref)
        .filter(|class| is_default(class))
        .min_by_key(|class| (Reverse(made(class)), meta::name(*class).to_owned()))
}

/// Whether there is one, and what it can do.
pub(super) fn check(wanted: &Wanted<'_>, classes: &[Arc<StorageClass>]) -> Vec<Finding> {
    match find(wanted, classes) {
        Ok(class) => [expansion(class), binding(wanted, class)]
            .into_iter()
            .flatten()
            .collect(),
        Err(missing) => vec![missing],
    }
}

fn find<'a>(wanted: &Wanted<'_>, classes: &'a [Arc<StorageClass>]) -> Result<&'a StorageClass, Finding> {
    let Some(name) = &wanted.pool.spec.volume_claim.storage_class_name else {
        return default_class(classes).ok_or_else(|| {
            Finding::blocks(format!(
                "{FIELD} is not set, and the cluster has no default StorageClass: mark one with the annotation \
                 {DEFAULT}=true, or create this Pool anew with a class"
            ))
        });
    };
    let found = classes.iter().find(|class| meta::name(class.as_ref()) == name);
    found.map(AsRef::as_ref).ok_or_else(|| {
        Finding::blocks(format!(
            "{FIELD} {name}: there is no StorageClass of this name: create it (for volumes made by hand with \
             provisioner kubernetes.io/no-provisioner), or create this Pool anew with another class"
        ))
    })
}

fn expansion(class: &StorageClass) -> Option<Finding> {
    (class.allow_volume_expansion != Some(true)).then(|| {
        Finding::warns(format!(
            "{FIELD} {}: allowVolumeExpansion is not true: volumes of this class can never grow; set it on the \
             StorageClass if its driver can",
            meta::name(class)
        ))
    })
}

/// A volume that is bound before its server has a node may be where that server may not run.
fn binding(wanted: &Wanted<'_>, class: &StorageClass) -> Option<Finding> {
    let late = class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer");
    (!late && nodes::restricted(wanted)).then(|| {
        Finding::warns(format!(
            "{FIELD} {}: volumeBindingMode is Immediate and the servers may run on some nodes only: volumes may be \
             made where these nodes cannot reach them; prefer a class with WaitForFirstConsumer",
            meta::name(class)
        ))
    })
}
