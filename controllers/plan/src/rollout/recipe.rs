//! What of the specs makes a server's Pod and can be taken back. The topology, the credentials and the certificate are
//! not among it: going back there is never safe.

use std::collections::BTreeMap;

use crds::common::{Metadata, Scheduling};
use crds::names::ANNOTATION_RESTARTED_AT;
use crds::tenant::ImagePullPolicy;
use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{
    EnvVar, LocalObjectReference, PodSecurityContext, ResourceRequirements, SecurityContext,
};
use kube::Resource;
use serde::{Deserialize, Serialize};

use crate::meta;
use crate::settings::Settings;

/// What of a Tenant and its Pools makes their servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The Tenant's part.
    pub tenant: TenantPart,
    /// Each Pool's part, by name.
    pub pools: BTreeMap<String, PoolPart>,
}

/// The Tenant's part of a recipe: fields of its spec, by their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "each is the Tenant's field of that name")]
pub struct TenantPart {
    /// Never empty: a Tenant that names none has the one of the operator that made this.
    pub image: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security_context: Option<PodSecurityContext>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_security_context: Option<SecurityContext>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The annotation that asks for a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_at: Option<String>,
}

/// A Pool's part of a recipe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "each is the Pool's field of that name")]
pub struct PoolPart {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// The annotation that asks for a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_at: Option<String>,
}

impl TenantPart {
    /// What this Tenant asks for.
    #[must_use]
    pub fn of(tenant: &Tenant, settings: &Settings) -> Self {
        let spec = tenant.spec.clone();
        Self {
            image: spec.image.unwrap_or_else(|| settings.default_image.clone()),
            image_pull_policy: spec.image_pull_policy,
            image_pull_secrets: spec.image_pull_secrets,
            env: spec.env,
            pod_metadata: spec.pod_metadata,
            scheduling: spec.scheduling,
            resources: spec.resources,
            pod_security_context: spec.pod_security_context,
            container_security_context: spec.container_security_context,
            service_account_name: spec.service_account_name,
            restarted_at: restarted_at(tenant),
        }
    }

    /// The Tenant as if it asked for this.
    #[must_use]
    pub fn onto(&self, tenant: &Tenant) -> Tenant {
        let part = self.clone();
        let mut tenant = tenant.clone();
        ask_restart(&mut tenant, part.restarted_at);
        let spec = &mut tenant.spec;
        spec.image = Some(part.image);
        spec.image_pull_policy = part.image_pull_policy;
        spec.image_pull_secrets = part.image_pull_secrets;
        spec.env = part.env;
        spec.pod_metadata = part.pod_metadata;
        spec.scheduling = part.scheduling;
        spec.resources = part.resources;
        spec.pod_security_context = part.pod_security_context;
        spec.container_security_context = part.container_security_context;
        spec.service_account_name = part.service_account_name;
        tenant
    }
}

impl PoolPart {
    /// What this Pool asks for.
    #[must_use]
    pub fn of(pool: &Pool) -> Self {
        Self {
            scheduling: pool.spec.scheduling.clone(),
            resources: pool.spec.resources.clone(),
            restarted_at: restarted_at(pool),
        }
    }

    /// The Pool as if it asked for this.
    #[must_use]
    pub fn onto(&self, pool: &Pool) -> Pool {
        let part = self.clone();
        let mut pool = pool.clone();
        ask_restart(&mut pool, part.restarted_at);
        pool.spec.scheduling = part.scheduling;
        pool.spec.resources = part.resources;
        pool
    }
}

impl Recipe {
    /// What a Tenant and these Pools ask for.
    pub fn of<'a>(tenant: &Tenant, pools: impl IntoIterator<Item = &'a Pool>, settings: &Settings) -> Self {
        Self {
            tenant: TenantPart::of(tenant, settings),
            pools: pools
                .into_iter()
                .map(|pool| (meta::name(pool).to_owned(), PoolPart::of(pool)))
                .collect(),
        }
    }

    /// Whether both are the same for everything that both speak of: a Pool that comes or goes changes no other's
    /// servers.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        let differs =
            |(name, part): (&String, &PoolPart)| other.part(name).is_some_and(|found| found != part);
        self.tenant == other.tenant && !self.pools.iter().any(differs)
    }

    /// The part of a Pool.
    #[must_use]
    pub fn part(&self, pool: &str) -> Option<&PoolPart> {
        self.pools.get(pool)
    }
}

fn restarted_at<K: Resource>(object: &K) -> Option<String> {
    object
        .meta()
        .annotations
        .as_ref()?
        .get(ANNOTATION_RESTARTED_AT)
        .filter(|at| !at.is_empty())
        .cloned()
}

fn ask_restart<K: Resource>(object: &mut K, at: Option<String>) {
    let annotations = object.meta_mut().annotations.get_or_insert_default();
    annotations.remove(ANNOTATION_RESTARTED_AT);
    annotations.extend(at.map(|at| (ANNOTATION_RESTARTED_AT.to_owned(), at)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tenant() -> Tenant {
        serde_json::from_value(json!({
            "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant",
            "metadata": {"name": "shop", "annotations": {ANNOTATION_RESTARTED_AT: "noon"}},
            "spec": {
                "image": "a", "imagePullPolicy": "Always", "imagePullSecrets": [{"name": "pull"}],
                "env": [{"name": "A", "value": ""}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}],
                "podMetadata": {"labels": {"team": "a"}}, "scheduling": {"nodeSelector": {"disk": "fast"}},
                "resources": {"requests": {"cpu": "1"}}, "podSecurityContext": {"runAsUser": 7},
                "containerSecurityContext": {"readOnlyRootFilesystem": false}, "serviceAccountName": "given",
            },
        }))
        .unwrap()
    }

    #[test]
    fn what_was_taken_from_a_tenant_and_written_down_makes_the_same_tenant() {
        let part = TenantPart::of(&tenant(), &Settings::default());
        let text = serde_json::to_string(&part).unwrap();
        let part: TenantPart = serde_json::from_str(&text).unwrap();
        assert_eq!(part.onto(&tenant()), tenant());
        let plain = Tenant::new("shop", crds::TenantSpec::default());
        assert_eq!(part.onto(&plain).spec, tenant().spec);
    }

    #[test]
    fn a_tenant_that_names_no_image_keeps_the_one_it_had_when_the_operator_is_renewed() {
        let plain = Tenant::new("shop", crds::TenantSpec::default());
        let part = TenantPart::of(&plain, &Settings::default());
        assert_eq!(
            part.onto(&plain).spec.image.as_deref(),
            Some(crds::names::DEFAULT_IMAGE)
        );
    }

    #[test]
    fn a_pool_that_comes_or_goes_leaves_recipes_in_agreement() {
        let pool = |name: &str| Pool::new(name, crds::PoolSpec::default());
        let of = |pools: &[Pool]| Recipe::of(&tenant(), pools, &Settings::default());
        let (one, both) = (of(&[pool("a")]), of(&[pool("a"), pool("b")]));
        assert!(one.agrees(&both) && both.agrees(&one));
        let mut changed = pool("a");
        changed.spec.scheduling = Some(Scheduling::default());
        assert!(!of(&[changed.clone()]).agrees(&both) && !both.agrees(&of(&[changed])));
    }
}
