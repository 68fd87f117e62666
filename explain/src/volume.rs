//! One volume of a server.

use crds::Pool;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Resource;
use plan::{meta, quantity};

use crate::node::{Node, State};
use crate::{Seen, find};

pub(crate) fn node(name: &str, pool: &Pool, seen: &Seen) -> Node {
    let Some(claim) = find(&seen.claims, name) else {
        let message = "the StatefulSet makes it with its server";
        return Node::open("pvc", name, State::Missing, "NotMade", message);
    };
    if let Some(since) = &claim.meta().deletion_timestamp {
        return Node {
            since: Some(since.0),
            waits_for: Some("the Pod that uses it".to_owned()),
            ..Node::open("pvc", name, State::Deleting, "", "it goes once no server uses it")
        };
    }
    let status = claim.status.as_ref();
    match status.and_then(|status| status.phase.as_deref()) {
        Some("Bound") => bound(name, claim, &pool.spec.volume_claim.size),
        Some("Lost") => Node {
            next: Some(seen.kubectl(&format!("describe pvc {name}"))),
            ..Node::open("pvc", name, State::Stuck, "Lost", "its volume is gone")
        },
        _ => Node {
            since: claim.meta().creation_timestamp.as_ref().map(|time| time.0),
            waits_for: Some(class(claim)),
            next: Some(seen.kubectl(&format!("describe pvc {name}"))),
            ..Node::open("pvc", name, State::Waiting, "Pending", "no volume is bound to it")
        },
    }
}

fn bound(name: &str, claim: &PersistentVolumeClaim, asked: &Quantity) -> Node {
    let capacity = claim
        .status
        .as_ref()
        .and_then(|status| status.capacity.as_ref())
        .and_then(|capacity| capacity.get("storage"));
    let Some(has) = capacity else {
        return Node::ready("pvc", name, "bound");
    };
    if !quantity::smaller(has, asked) {
        return Node::ready("pvc", name, format!("bound, {}", has.0));
    }
    let conditions = claim
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let said: Vec<&str> = conditions
        .filter(|condition| condition.status == "True")
        .map(|condition| condition.type_.as_str())
        .collect();
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(" ({})", said.join(", "))
    };
    Node {
        waits_for: Some(class(claim)),
        ..Node::open(
            "pvc",
            meta::name(claim),
            State::Waiting,
            "Growing",
            format!("it has {} of {}{said}", has.0, asked.0),
        )
    }
}

/// Who makes and grows its volume.
fn class(claim: &PersistentVolumeClaim) -> String {
    let class = claim
        .spec
        .as_ref()
        .and_then(|spec| spec.storage_class_name.as_deref());
    match class {
        Some(class) if !class.is_empty() => format!("the driver of storageclass/{class}"),
        _ => "a volume without a StorageClass, made by hand".to_owned(),
    }
}
