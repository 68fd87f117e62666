//! Lets a volume claim ask for more: this very claim at this very version.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{Patch, PatchParams};
use plan::step::Why;
use plan::{Failure, Target};
use serde_json::json;

use crate::adopt::{key, title};
use crate::call::{Call, LIMIT};
use crate::enact::{Owner, failure, resource};
use crate::events::Note;
use crate::expect::caught_up;
use crate::kit::{Kit, Meta};

/// Sets the size asked for, and nothing else. `Ok(false)` while an own write of it has not been seen yet.
pub(crate) async fn grow(
    kit: &Kit,
    owner: &Owner<'_>,
    target: &Target,
    size: &Quantity,
    why: &Why,
) -> Result<bool, Failure> {
    let key = key(target);
    if !caught_up(&kit.look(&key), kit.writes().last(&key).as_ref()) {
        return Ok(false);
    }
    let kind = resource(&target.api_version, &target.kind, &target.plural);
    let body = json!({
        "metadata": { "uid": target.uid, "resourceVersion": target.resource_version },
        "spec": { "resources": { "requests": { "storage": size } } },
    });
    let params = PatchParams {
        field_manager: Some(kit.manager().to_owned()),
        ..PatchParams::default()
    };
    let written: Meta = Call {
        verb: "patch",
        resource: &target.plural,
        action: format!("grow {}", title(target)),
        limit: LIMIT,
    }
    .send(
        kit.env(),
        kit.api(&kind, &target.namespace)
            .patch(&target.name, &params, &Patch::Merge(&body)),
    )
    .await
    .map_err(|error| failure(&error))?;
    kit.note_write(key, &written.metadata, 0, 0);
    kit.events().publish(
        owner,
        Note {
            warning: false,
            reason: why.reason.to_owned(),
            message: why.message.clone(),
            action: "Grow",
        },
        None,
    );
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, Asked, refusal, server};
    use crds::Pool;
    use plan::Step;
    use serde_json::Value;

    fn claim() -> Target {
        Target {
            api_version: "v1".to_owned(),
            kind: "PersistentVolumeClaim".to_owned(),
            plural: "persistentvolumeclaims".to_owned(),
            namespace: "ns".to_owned(),
            name: "data-0-store-p0-0".to_owned(),
            uid: "c1".to_owned(),
            resource_version: Some("7".to_owned()),
        }
    }

    fn step() -> Step {
        let why = Why {
            reason: "VolumesGrow",
            message: "m".to_owned(),
        };
        Step::Grow(claim(), Quantity("2Gi".to_owned()), why)
    }

    fn pool() -> Pool {
        let mut pool = Pool::new("p0", crds::PoolSpec::default());
        pool.metadata.namespace = Some("ns".to_owned());
        pool
    }

    #[tokio::test]
    async fn only_the_size_of_the_very_claim_that_was_seen_is_written() {
        let (env, record) = server(|_: &Asked| {
            let meta = json!({ "name": "data-0-store-p0-0", "uid": "c1", "resourceVersion": "8" });
            let kind = "PartialObjectMetadata";
            Answer::Json(
                200,
                json!({ "apiVersion": "meta.k8s.io/v1", "kind": kind, "metadata": meta }),
            )
        });
        let enacted = Kit::new(&env, "pool").enact(&pool(), vec![step()]).await;
        assert!(enacted.changed());
        let patches: Vec<_> = record
            .all()
            .into_iter()
            .filter(|asked| asked.method == "PATCH")
            .collect();
        assert_eq!(patches.len(), 1);
        assert!(
            patches[0]
                .uri
                .starts_with("/api/v1/namespaces/ns/persistentvolumeclaims/data-0-store-p0-0?")
        );
        let expected: Value = json!({
            "metadata": { "uid": "c1", "resourceVersion": "7" },
            "spec": { "resources": { "requests": { "storage": "2Gi" } } },
        });
        assert_eq!(patches[0].body, expected);
    }

    #[tokio::test]
    async fn a_claim_that_changed_meanwhile_is_looked_at_again() {
        let (env, _) = server(|_: &Asked| refusal(409, "Conflict", "the object has been modified"));
        let enacted = Kit::new(&env, "pool").enact(&pool(), vec![step()]).await;
        assert!(enacted.failure().unwrap().transient);
    }
}
