//! What wakes a Tenant, besides its own changes.

use crds::Tenant;
use crds::names::LABEL_TENANT;
use futures::stream::BoxStream;
use kit::watch::Wake;
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use plan::meta;

use crate::context::{Sources, owner_name};

/// One stream for each kind that a Tenant depends on.
#[must_use]
pub fn wakes(sources: &Sources) -> Vec<BoxStream<'static, Wake<Tenant>>> {
    let tenants = sources.tenants.clone();
    vec![
        // Which one is the default decides whether Pools differ.
        sources.storage_classes.wakes(move |_| tenants.references()),
        sources
            .pools
            .wakes(|pool| named(pool, &pool.spec.tenant_ref.name)),
        sources
            .certificates
            .wakes(|certificate| named(certificate, &certificate.spec.tenant_ref.name)),
        sources
            .monitors
            .wakes(|monitor| named(monitor, &monitor.spec.tenant_ref.name)),
        sources
            .stateful_sets
            .wakes(|set| named(set, meta::label(set, LABEL_TENANT)?)),
        // A Pod's owner is its StatefulSet: only the label tells of the Tenant.
        sources
            .pods
            .wakes(|pod| named(pod, meta::label(pod, LABEL_TENANT)?)),
        // The Pool that a claim was made for may be gone.
        sources
            .claims
            .wakes(|claim| named(claim, meta::label(claim, LABEL_TENANT)?)),
        sources.config_maps.wakes(labelled),
        sources.secrets.wakes(labelled),
        sources.services.wakes(labelled),
        sources.service_accounts.wakes(labelled),
        sources.disruption_budgets.wakes(labelled),
        sources.network_policies.wakes(labelled),
        sources.jobs.wakes(labelled),
    ]
}

fn named<K: Resource>(object: &K, tenant: &str) -> Option<ObjectRef<Tenant>> {
    Some(ObjectRef::new(tenant).within(meta::namespace(object)))
}

fn labelled<K: Resource>(object: &K) -> Option<ObjectRef<Tenant>> {
    named(object, owner_name(object, "Tenant", LABEL_TENANT)?)
}
