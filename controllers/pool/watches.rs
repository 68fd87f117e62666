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
            pools.references_of(namespace, tenant)
        }
    };
    let (tenants, certificates, maps, pods) = (
        of_tenant(sources.pools.clone()),
        of_tenant(sources.pools.clone()),
        of_tenant(sources.pools.clone()),
        of_tenant(sources.pools.clone()),
    );
    let mut wakes = vec![
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
    ];
    wakes.extend(of_cluster(&sources.nodes, &sources.pools));
    wakes.extend(of_cluster(&sources.storage_classes, &sources.pools));
    wakes
}

/// What belongs to the cluster is every Pool's: its changes, and whether it may be seen.
fn of_cluster<K>(source: &Source<K>, pools: &Source<Pool>) -> [BoxStream<'static, Wake<Pool>>; 2]
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    let every = |pools: Source<Pool>| move || pools.references();
    let (changed, access) = (every(pools.clone()), every(pools.clone()));
    [source.wakes(move |_| changed()), source.wakes_on_access(access)]
}

fn labelled<K: Resource>(object: &K) -> Option<ObjectRef<Pool>> {
    Some(ObjectRef::new(owner_name(object, "Pool", LABEL_POOL)?).within(meta::namespace(object)))
}
