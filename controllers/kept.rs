//! What of large objects is kept in the caches: what decisions are made on, and no more. A whole server Pod takes some
//! 50 KiB, and most of its changes decide nothing.

use k8s_openapi::api::core::v1::{
    Container, ContainerStatus, Node, NodeSpec, NodeStatus, Pod, PodSpec, PodStatus,
};
use kube::api::ObjectMeta;

/// What of a Node decides where servers may run. Its status changes with every sign of life; this does not.
pub(crate) fn placement(node: Node) -> Node {
    let spec = node.spec.unwrap_or_default();
    let status = node.status.unwrap_or_default();
    let metadata = node.metadata;
    Node {
        metadata: ObjectMeta {
            name: metadata.name,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            labels: metadata.labels,
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec {
            taints: spec.taints,
            unschedulable: spec.unschedulable,
            ..NodeSpec::default()
        }),
        status: Some(NodeStatus {
            allocatable: status.allocatable,
            ..NodeStatus::default()
        }),
    }
}

/// What of a server's Pod decides: what it was started with and where, and how it is.
pub(crate) fn server(pod: Pod) -> Pod {
    let spec = pod.spec.unwrap_or_default();
    let status = pod.status.unwrap_or_default();
    let statuses = |of: Option<Vec<ContainerStatus>>| of.map(|of| of.into_iter().map(state).collect());
    Pod {
        metadata: pod.metadata,
        spec: Some(PodSpec {
            containers: spec.containers.into_iter().map(start).collect(),
            node_name: spec.node_name,
            ..PodSpec::default()
        }),
        status: Some(PodStatus {
            conditions: status.conditions,
            container_statuses: statuses(status.container_statuses),
            init_container_statuses: statuses(status.init_container_statuses),
            phase: status.phase,
            pod_ip: status.pod_ip,
            start_time: status.start_time,
            ..PodStatus::default()
        }),
    }
}

/// Its image, where it answers, and which Secrets its variables come from.
fn start(container: Container) -> Container {
    let env = container.env.into_iter().flatten();
    let from = env.filter(|variable| variable.value_from.is_some());
    Container {
        env: Some(from.collect()),
        image: container.image,
        name: container.name,
        ports: container.ports,
        ..Container::default()
    }
}

fn state(status: ContainerStatus) -> ContainerStatus {
    ContainerStatus {
        last_state: status.last_state,
        name: status.name,
        ready: status.ready,
        state: status.state,
        ..ContainerStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_server_is_kept_what_it_was_started_with_and_how_it_is() {
        let whole = json!({
            "metadata": {"name": "store-p0-0", "labels": {"a": "b"}, "resourceVersion": "7"},
            "spec": {
                "nodeName": "n1",
                "volumes": [{"name": "data", "emptyDir": {}}],
                "containers": [{
                    "name": "rustfs", "image": "rustfs/rustfs:1.0.1", "command": ["/usr/bin/rustfs"],
                    "ports": [{"name": "api", "containerPort": 9000}],
                    "env": [
                        {"name": "RUSTFS_VOLUMES", "value": "a long one"},
                        {"name": "RUSTFS_ACCESS_KEY",
                         "valueFrom": {"secretKeyRef": {"name": "store-credentials-r1", "key": "accesskey"}}},
                    ],
                }],
            },
            "status": {
                "phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.0.0.2", "startTime": "2026-01-02T03:04:05Z",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{
                    "name": "rustfs", "image": "i", "imageID": "j", "ready": true, "restartCount": 1,
                    "state": {"running": {}},
                }],
            },
        });
        let kept = server(serde_json::from_value(whole).unwrap());
        assert_eq!(
            serde_json::to_value(&kept).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "store-p0-0", "labels": {"a": "b"}, "resourceVersion": "7"},
                "spec": {
                    "nodeName": "n1",
                    "containers": [{
                        "name": "rustfs", "image": "rustfs/rustfs:1.0.1",
                        "ports": [{"name": "api", "containerPort": 9000}],
                        "env": [{"name": "RUSTFS_ACCESS_KEY",
                            "valueFrom": {"secretKeyRef": {"name": "store-credentials-r1", "key": "accesskey"}}}],
                    }],
                },
                "status": {
                    "phase": "Running", "podIP": "10.0.0.1", "startTime": "2026-01-02T03:04:05Z",
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "containerStatuses": [{
                        "name": "rustfs", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                        "state": {"running": {}},
                    }],
                },
            })
        );
    }
}
