//! Servers on Nodes that are gone. A Node that does not answer may still run its server and write to its volumes, so
//! nobody but a person can say that it is off: by the taint `out-of-service`, or by deleting the Node. Kubernetes then
//! releases Pods and volumes by itself; without such a word a Pod is never deleted by force here.
//! Source: <https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/>.

use crds::Pool;
use k8s_openapi::api::core::v1::{Node, Pod, Taint};

use super::{Observed, pods};
use crate::meta;

/// Reason of `WorkloadReady` while a server is on a Node that is gone.
pub(super) const NODE_LOST: &str = "NodeLost";

/// Set by Kubernetes on a Node that has not reported for some time.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// Set by a person on a Node that is certainly off.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// What is to be said of the first server that does not serve because its Node is gone; none where Nodes cannot be seen.
pub(super) fn first(pool: &Pool, observed: &Observed) -> Option<String> {
    let nodes = observed.cluster.nodes.as_ref()?;
    let mut own: Vec<(i32, &Pod)> = observed
        .pods
        .iter()
        .filter(|pod| !pods::ready(pod))
        .filter_map(|pod| Some((pods::ordinal(pool, pod)?, pod.as_ref())))
        .collect();
    own.sort_by_key(|(ordinal, _)| *ordinal);
    own.into_iter().find_map(|(_, pod)| {
        let name = pod.spec.as_ref()?.node_name.as_deref()?;
        let node = nodes.iter().find(|node| meta::name(node.as_ref()) == name);
        told(meta::name(pod), name, node.map(AsRef::as_ref))
    })
}

fn told(server: &str, name: &str, node: Option<&Node>) -> Option<String> {
    let on = format!("server {server} is on Node {name}");
    let Some(node) = node else {
        return Some(format!(
            "{on}, which does not exist any more: Kubernetes removes the Pod within minutes. Where its volumes were on \
             that Node alone, the next one cannot be scheduled: see docs/node-loss.md"
        ));
    };
    let taint = |key: &str| taints(node).find(|taint| taint.key == key);
    let lost = taint(UNREACHABLE);
    if taint(OUT_OF_SERVICE).is_some() {
        return Some(format!(
            "{on}, which is out of service: Kubernetes releases its Pods and volumes within minutes"
        ));
    }
    let since = lost?.time_added.as_ref();
    let since = since.map_or_else(String::new, |time| format!(" since {}", time.0));
    Some(format!(
        "{on}, which has not answered{since}. It may still run there, so it is not started elsewhere: bring the Node \
         back, or, once it is certainly off, kubectl taint node {name} {OUT_OF_SERVICE}=nodeshutdown:NoExecute"
    ))
}

fn taints(node: &Node) -> impl Iterator<Item = &Taint> {
    node.spec.iter().flat_map(|spec| spec.taints.iter().flatten())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(taints: serde_json::Value) -> Node {
        let spec = json!({"taints": taints});
        serde_json::from_value(json!({"metadata": {"name": "n1"}, "spec": spec})).unwrap()
    }

    fn said(taints: serde_json::Value) -> Option<String> {
        told("store-a-0", "n1", Some(&node(taints)))
    }

    #[test]
    fn a_node_that_answers_is_not_spoken_of() {
        assert_eq!(said(json!([])), None);
        let cordoned = json!([{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]);
        assert_eq!(said(cordoned), None);
    }

    #[test]
    fn a_silent_node_is_told_with_its_time_and_both_ways_out() {
        let taint = json!([{"key": UNREACHABLE, "effect": "NoExecute", "timeAdded": "2026-03-01T12:00:00Z"}]);
        let text = said(taint).unwrap();
        assert!(
            text.contains("has not answered since 2026-03-01T12:00:00Z"),
            "{text}"
        );
        assert!(
            text.ends_with("kubectl taint node n1 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"),
            "{text}"
        );
    }

    #[test]
    fn a_fenced_node_and_one_that_is_gone_are_left_to_kubernetes() {
        let taint = json!([
            {"key": UNREACHABLE, "effect": "NoExecute"},
            {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"},
        ]);
        assert!(said(taint).unwrap().contains("Kubernetes releases its Pods"));
        let gone = told("store-a-0", "n1", None).unwrap();
        assert!(gone.contains("does not exist any more"), "{gone}");
    }
}
