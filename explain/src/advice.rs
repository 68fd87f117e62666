//! For each reason: what is waited for, and the next step. A reason that is not here has its step in its message.

use crds::Pool;
use crds::names::ANNOTATION_HOLD_DRAIN;
use plan::meta;
use plan::topology::Phase;

use crate::node::{Node, State};
use crate::{Seen, find, head};

/// What an object waits for, and what a person can do.
type Advice = (Option<String>, Option<String>);

/// A TenantCertificate or a TenantMonitor.
pub(crate) fn of_follower(node: Node, tenant: &str, seen: &Seen) -> Node {
    let advice = match node.reason.as_str() {
        "NamesUnknown" => (
            Some(tenant_state(tenant, seen)),
            Some(explain(seen, &format!("tenant/{tenant}"))),
        ),
        "NoServerReady" => (
            Some(format!("a ready server of tenant/{tenant}")),
            Some(explain(seen, &format!("tenant/{tenant}"))),
        ),
        reason => of_tenant_reference(reason, tenant, seen),
    };
    given(node, advice, seen)
}

/// A Tenant. `children` is what belongs to it, as it is.
pub(crate) fn of_tenant(node: Node, children: &[Node], seen: &Seen) -> Node {
    let first = |kind: &str| {
        let mut open = children
            .iter()
            .filter(|child| child.kind == kind && !child.is_fine());
        open.next().map(Node::title)
    };
    let name = node.name.clone();
    let advice: Advice = match node.reason.as_str() {
        "NoPools" => (
            first("pool").or_else(|| Some("a Pool that names it".to_owned())),
            first("pool")
                .is_none()
                .then(|| format!("create a Pool with spec.tenantRef.name: {name}")),
        ),
        "CertificateMissing" => (
            Some("a TenantCertificate".to_owned()),
            Some(format!(
                "create a TenantCertificate with spec.tenantRef.name: {name}"
            )),
        ),
        "CertificateNotReady" => (first("tenantcertificate"), None),
        "RollingOut" => (
            turn(seen).map(|pool| format!("pool/{pool}, which has the turn")),
            None,
        ),
        "Paused" => (None, Some(resume(&name, seen))),
        "Deleting" => (
            first("tenantmonitor")
                .or_else(|| first("pool"))
                .or_else(|| first("tenantcertificate")),
            None,
        ),
        _ => (first("pool"), None),
    };
    given(node, advice, seen)
}

/// A Pool. `servers` is what of its servers is to be told, as they are.
pub(crate) fn of_pool(node: Node, pool: &Pool, servers: &[Node], seen: &Seen) -> Node {
    let tenant = pool.spec.tenant_ref.name.as_str();
    let of_tenant = || {
        (
            Some(tenant_state(tenant, seen)),
            Some(explain(seen, &format!("tenant/{tenant}"))),
        )
    };
    let open: Vec<&Node> = servers.iter().filter(|server| !server.is_fine()).collect();
    let advice: Advice = match node.reason.as_str() {
        "TopologyMissing" | "NotYetAccepted" | "CredentialsNotReady" | "Dismissed" => of_tenant(),
        "CertificateNotReady" => certificate(tenant, seen),
        "VolumesPending" | "VolumesGrowing" | "VolumeLost" => volumes(&open, seen),
        "ServersNotReady" | "Forming" | "Joining" => (titles(&open), None),
        "JoinWaits" | "DrainWaits" | "Draining" | "Requested" => (Some(others(tenant, seen)), None),
        "NodeLost" => (Some("the Node, or a person's word on it".to_owned()), None),
        "CallingOff" | "Respelled" => (Some(format!("the servers of tenant/{tenant}")), None),
        "ScannerBehind" => (
            Some(format!("the scanner of the servers of tenant/{tenant}")),
            None,
        ),
        "DrainFailed" if retried(pool) => (Some("the time at which it is begun again".to_owned()), None),
        "DrainFailed" | "CapacityShort" | "ScannerConflict" if !meta::deleting(pool) => (
            None,
            Some(seen.kubectl(&format!(
                "patch pool {} --type merge -p '{{\"spec\":{{\"state\":\"Active\"}}}}'",
                meta::name(pool)
            ))),
        ),
        "DrainHeld" => (
            Some("the annotation on it".to_owned()),
            Some(seen.kubectl(&format!(
                "annotate pool {} {ANNOTATION_HOLD_DRAIN}-",
                meta::name(pool)
            ))),
        ),
        "ServersOutdated" => (Some(whose_turn(meta::name(pool), seen)), None),
        "Deleting" | "Leaving" => (titles(&servers.iter().collect::<Vec<_>>()), None),
        reason => of_tenant_reference(reason, tenant, seen),
    };
    given(node, advice, seen)
}

/// Whether a drain that failed is begun again without anybody's doing.
fn retried(pool: &Pool) -> bool {
    let drain = pool.status.as_ref().and_then(|status| status.drain.as_ref());
    drain.is_some_and(|drain| drain.retry_at.is_some())
}

/// What a Tenant's absence or state does to all that name it.
fn of_tenant_reference(reason: &str, tenant: &str, seen: &Seen) -> Advice {
    match reason {
        "TenantMissing" => (
            Some(tenant_state(tenant, seen)),
            Some(format!("create Tenant {tenant} in namespace {}", seen.namespace)),
        ),
        "TenantDeleting" => (Some(tenant_state(tenant, seen)), None),
        "Paused" => (
            Some(format!("tenant/{tenant}, which is paused")),
            Some(resume(tenant, seen)),
        ),
        _ => (None, None),
    }
}

/// What was found out, unless something more pressing was; a standstill always has a next step.
fn given(mut node: Node, advice: Advice, seen: &Seen) -> Node {
    if node.state == State::Ready {
        return node;
    }
    node.waits_for = node.waits_for.or(advice.0);
    node.next = node.next.or(advice.1);
    if node.state == State::Stuck && node.next.is_none() {
        node.next = Some(format!(
            "change what the message names: {}",
            seen.kubectl(&format!("edit {} {}", node.kind, node.name))
        ));
    }
    node
}

fn tenant_state(name: &str, seen: &Seen) -> String {
    match &seen.tenant {
        None => format!("tenant/{name}, which does not exist"),
        Some(tenant) => {
            let tenant = head::tenant(tenant);
            match tenant.state {
                State::Ready => format!("tenant/{name}, which is ready"),
                State::Deleting => format!("tenant/{name}, which is being deleted"),
                _ => format!("tenant/{name} ({}: {})", tenant.reason, tenant.message),
            }
        }
    }
}

fn certificate(tenant: &str, seen: &Seen) -> Advice {
    let named = seen
        .tenant
        .as_ref()
        .and_then(|tenant| tenant.spec.tls.as_ref()?.certificate_ref.as_ref());
    let name = named.map_or(tenant, |reference| reference.name.as_str());
    let title = format!("tenantcertificate/{name}");
    match find(&seen.certificates, name) {
        None => (
            Some(format!("{title}, which does not exist")),
            Some(format!(
                "create TenantCertificate {name} in namespace {}",
                seen.namespace
            )),
        ),
        Some(_) => (Some(title.clone()), Some(explain(seen, &title))),
    }
}

/// The first volume that is not as it should be.
fn volumes(servers: &[&Node], seen: &Seen) -> Advice {
    let volumes = servers.iter().flat_map(|server| &server.children);
    let open: Vec<&Node> = volumes.filter(|volume| !volume.is_fine()).collect();
    let first = open.first().filter(|volume| volume.state != State::Missing);
    (
        titles(&open),
        first.map(|volume| seen.kubectl(&format!("describe pvc {}", volume.name))),
    )
}

fn titles(nodes: &[&Node]) -> Option<String> {
    let (first, more) = (nodes.first()?, nodes.len().saturating_sub(1));
    Some(match more {
        0 => first.title(),
        more => format!("{} and {more} more", first.title()),
    })
}

fn turn(seen: &Seen) -> Option<&str> {
    seen.topology.as_ref()?.turn.as_deref()
}

fn whose_turn(pool: &str, seen: &Seen) -> String {
    match turn(seen) {
        Some(holder) if holder == pool => {
            "its own servers: it has the turn and replaces them one at a time".to_owned()
        }
        Some(holder) => format!("pool/{holder}, which has the turn to replace its servers"),
        None => "its turn, which its Tenant gives".to_owned(),
    }
}

/// What the topology of a Tenant is busy with.
fn others(tenant: &str, seen: &Seen) -> String {
    let moving = seen.topology.iter().flat_map(|topology| &topology.pools);
    let moving = moving.filter(|member| member.phase != Phase::Active);
    let names: Vec<String> = moving.map(|member| format!("pool/{}", member.name)).collect();
    if names.is_empty() {
        format!("the servers of tenant/{tenant}")
    } else {
        names.join(", ")
    }
}

fn resume(tenant: &str, seen: &Seen) -> String {
    seen.kubectl(&format!(
        "patch tenant {tenant} --type merge -p '{{\"spec\":{{\"paused\":false}}}}'"
    ))
}

fn explain(seen: &Seen, title: &str) -> String {
    format!("kubectl rustfs explain {title} -n {}", seen.namespace)
}
