//! What wakes a Pool.

use crds::Pool;
use crds::names::{LABEL_POOL, LABEL_TENANT};
use futures::stream::BoxStream;
use kit::Source;
use kit::watch::Wake;
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use plan::meta;

use crate::context::{Sources, owner_name};

/// One stream for each kind that a Pool depends on.
#[must_use]
pub fn wakes(sources: &Sources) -> Vec<BoxStream<'static, Wake<Pool>>> {
    let of_tenant = |pools: Source<Pool>| {
        move |namespace: &str, tenant: &str| -> Vec<ObjectRef<Pool>> {
            pools
                .select(namespace, |pool| pool.spec.tenant_ref.name == tenant)
                .iter()
                .map(|pool| ObjectRef::from_obj(pool.as_ref()))
                .collect()
        }
    };
    let (tenants, certificates, maps, pods) = (
        of_tenant(sources.pools.clone()),
        of_tenant(sources.pools.clone()),
        of_tenant(sources.pools.clone()),
        of_tenant(sources.pools.clone()),
    );
    vec![
        sources
            .tenants
            .wakes(move |tenant| tenants(meta::namespace(tenant), meta::name(tenant))),
        sources.certificates.wakes(move |certificate| {
            certificates(meta::namespace(certificate), &certificate.spec.tenant_ref.name)
        }),
        sources.config_maps.wakes(move |map| {
            meta::label(map, LABEL_TENANT)
                .map(|tenant| maps(meta::namespace(map), tenant))
                .unwrap_or_default()
        }),
        // A server of one Pool may be what another Pool of the Tenant waits for.
        sources.pods.wakes(move |pod| {
            meta::label(pod, LABEL_TENANT)
                .map(|tenant| pods(meta::namespace(pod), tenant))
                .unwrap_or_default()
        }),
        sources.stateful_sets.wakes(labelled),
        sources.claims.wakes(labelled),
    ]
}

fn labelled<K: Resource>(object: &K) -> Option<ObjectRef<Pool>> {
    Some(ObjectRef::new(owner_name(object, "Pool", LABEL_POOL)?).within(meta::namespace(object)))
}
