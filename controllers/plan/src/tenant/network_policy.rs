//! Who may reach the servers over the network.

use crds::Tenant;
use crds::names::{APP_NAME, LABEL_TENANT, MANAGED_BY, PORT_API, PORT_CONSOLE};
use crds::network::NetworkPeer;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::hooks;
use super::observed::Observed;
use crate::meta;
use crate::step::{Child, Step, turned_off};

/// Makes the policy, or takes back the one that was asked for before.
pub(crate) fn step(tenant: &Tenant, observed: &Observed) -> Option<Step> {
    let asked = tenant.spec.network_policy.as_ref();
    let Some((asked, clients)) = asked.and_then(|asked| Some((asked, asked.clients.as_ref()?))) else {
        let made = observed.network_policy.as_deref()?;
        return meta::controls(tenant, made).then(|| turned_off(meta::target_at(made)));
    };
    let name = meta::name(tenant);
    Some(Step::Apply(Box::new(Child::NetworkPolicy(NetworkPolicy {
        metadata: meta::child_meta(name, tenant, meta::labels(name, "network")),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(meta::select([(LABEL_TENANT, name)])),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(ingress(tenant, observed, clients, asked.console.as_ref())),
            ..NetworkPolicySpec::default()
        }),
    }))))
}

fn ingress(
    tenant: &Tenant,
    observed: &Observed,
    clients: &[NetworkPeer],
    console: Option<&Vec<NetworkPeer>>,
) -> Vec<NetworkPolicyIngressRule> {
    let console = console.map_or(clients, Vec::as_slice);
    let rules = [
        (PORT_API, insiders(tenant, observed)),
        (PORT_API, clients.iter().map(peer).collect()),
        (PORT_CONSOLE, console.iter().map(peer).collect()),
    ];
    // A rule that names nobody would let everybody in.
    let rules = rules.into_iter().filter(|(_, from)| !from.is_empty());
    rules.map(|(port, from)| rule(port, from)).collect()
}

/// Without these the store would not work: its servers among themselves, the operator, and hooks.
fn insiders(tenant: &Tenant, observed: &Observed) -> Vec<NetworkPolicyPeer> {
    let name = meta::name(tenant);
    let pods = |selector| NetworkPolicyPeer {
        pod_selector: Some(selector),
        ..NetworkPolicyPeer::default()
    };
    let namespace = observed.settings.operator_namespace.as_str();
    vec![
        pods(meta::select([(LABEL_TENANT, name)])),
        NetworkPolicyPeer {
            namespace_selector: Some(meta::select([("kubernetes.io/metadata.name", namespace)])),
            ..pods(meta::select([("app.kubernetes.io/name", MANAGED_BY)]))
        },
        pods(meta::select([
            ("app.kubernetes.io/name", hooks::POD_NAME),
            ("app.kubernetes.io/instance", name),
            ("app.kubernetes.io/part-of", APP_NAME),
        ])),
    ]
}

fn peer(asked: &NetworkPeer) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: asked.namespace_selector.clone(),
        pod_selector: asked.pod_selector.clone(),
        ip_block: asked.ip_block.as_ref().map(|block| IPBlock {
            cidr: block.cidr.clone(),
            except: (!block.except.is_empty()).then(|| block.except.clone()),
        }),
    }
}

fn rule(port: i32, from: Vec<NetworkPolicyPeer>) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule {
        from: Some(from),
        ports: Some(vec![NetworkPolicyPort {
            port: Some(IntOrString::Int(port)),
            protocol: Some("TCP".to_owned()),
            ..NetworkPolicyPort::default()
        }]),
    }
}
