//! Who may reach the servers of a Tenant.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Whom a NetworkPolicy lets in. The servers themselves, the operator and the Tenant's hooks always get in.
// Empty it means the same as absent: server-side apply makes one of the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.clients) || !has(self.console)").message("networkPolicy.console needs networkPolicy.clients: name who may use S3 too; [{namespaceSelector: {}}] is every Pod of the cluster").field_path(".clients"))]
pub struct NetworkPolicy {
    /// Who may use S3 and the admin API, port 9000. An empty list lets nobody in but those who always get in. Default:
    /// no policy is made. A change takes effect at once; it may cut clients off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<NetworkPeer>", length(max = 64))]
    pub clients: Option<Vec<NetworkPeer>>,
    /// Who may open the web console, port 9001. The page asks port 9000 from the browser, so who uses it must be among
    /// `clients` too. Default: as `clients`. A change takes effect at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub console: Option<Vec<NetworkPeer>>,
}

/// Pods, or addresses outside of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.ipBlock) != (has(self.namespaceSelector) || has(self.podSelector))").message("name Pods (namespaceSelector, podSelector or both) or addresses (ipBlock), and not both in one entry: write an entry for each"))]
pub struct NetworkPeer {
    /// Labels of namespaces whose Pods are meant; `{}` means all. Default: the Tenant's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Labels of the Pods that are meant; `{}` means all. Default: all Pods of those namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
    /// Addresses that are meant, as of a load balancer or of clients outside of the cluster. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_block: Option<IpBlock>,
}

/// A range of addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpBlock {
    /// The range, as `192.0.2.0/24` or `2001:db8::/64`.
    #[schemars(length(min = 1, max = 50))]
    #[x_kube(validation = Rule::new("isCIDR(self)").message("cidr must be a range of addresses, as 192.0.2.0/24"))]
    pub cidr: String,
    /// Smaller ranges within it that are not meant. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 50)))]
    #[x_kube(validation = Rule::new("self.all(e, isCIDR(e))").message("except must hold ranges of addresses, as 192.0.2.128/25"))]
    pub except: Vec<String>,
}
