//! Deletes what a plan names: this very object at this very version, never anything else of that name.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{DeleteParams, Preconditions, PropagationPolicy};
use plan::step::Why;
use plan::{Failure, Target};

use crate::adopt::{key, title};
use crate::call::{Call, LIMIT};
use crate::classify::Class;
use crate::enact::{Owner, failure, resource};
use crate::events::Note;
use crate::kit::Kit;

/// Deletes the target; what belongs to it goes too, or stays. `Ok(false)` if it was gone.
pub(crate) async fn delete(
    kit: &Kit,
    owner: &Owner<'_>,
    target: &Target,
    why: &Why,
    dependents: PropagationPolicy,
) -> Result<bool, Failure> {
    let kind = resource(&target.api_version, &target.kind, &target.plural);
    let params = DeleteParams {
        propagation_policy: Some(dependents),
        preconditions: Some(Preconditions {
            uid: Some(target.uid.clone()),
            resource_version: target.resource_version.clone(),
        }),
        ..DeleteParams::default()
    };
    let answer = Call {
        verb: "delete",
        resource: &target.plural,
        action: format!("delete {}", title(target)),
        limit: LIMIT,
    }
    .send(
        kit.env(),
        kit.api(&kind, &target.namespace).delete(&target.name, &params),
    )
    .await;
    match answer {
        Ok(left) => {
            // While it goes away gracefully the cache must show at least that.
            match left.left() {
                Some(left) => kit.note_write(key(target), &left.metadata, 0, 0),
                None => kit.writes().forget(&key(target)),
            }
            kit.events().publish(
                owner,
                Note {
                    warning: false,
                    reason: why.reason.to_owned(),
                    message: why.message.clone(),
                    action: "Delete",
                },
                Some(reference(target)),
            );
            Ok(true)
        }
        Err(error) if error.verdict().class == Class::Gone => Ok(false),
        Err(error) => Err(failure(&error)),
    }
}

/// Makes the deletions of two objects for one reason two events.
fn reference(target: &Target) -> ObjectReference {
    ObjectReference {
        api_version: Some(target.api_version.clone()),
        kind: Some(target.kind.clone()),
        namespace: Some(target.namespace.clone()),
        name: Some(target.name.clone()),
        uid: Some(target.uid.clone()),
        ..ObjectReference::default()
    }
}
