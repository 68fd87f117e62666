//! Follows the Pods: a server for each that runs on a loopback address.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::task::JoinHandle;

use crate::world::World;
use crate::{environment, server};

const SELECTOR: &str = "storage.rustfs.com/tenant";

/// A server's task; ends with this value.
struct Running {
    uid: String,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts and stops servers as Pods come and go. Does not end.
pub async fn follow(client: Client, namespace: Option<&str>, world: Arc<World>) {
    let pods = match namespace {
        Some(namespace) => Api::<Pod>::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let mut events = Box::pin(watcher(pods, watcher::Config::default().labels(SELECTOR)).default_backoff());
    let mut running: HashMap<String, Running> = HashMap::new();
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(pod)) => {
                listed.insert(key(&pod));
                take(&client, &world, &mut running, pod);
            }
            Ok(watcher::Event::InitDone) => running.retain(|key, _| listed.contains(key)),
            Ok(watcher::Event::Apply(pod)) => take(&client, &world, &mut running, pod),
            Ok(watcher::Event::Delete(pod)) => {
                running.remove(&key(&pod));
            }
            Err(error) => tracing::warn!(%error, "the watch of Pods was cut"),
        }
    }
}

fn take(client: &Client, world: &Arc<World>, running: &mut HashMap<String, Running>, pod: Pod) {
    let (key, uid) = (key(&pod), pod.uid().unwrap_or_default());
    if !runs_on_loopback(&pod) {
        running.remove(&key);
        return;
    }
    if running.get(&key).is_some_and(|one| one.uid == uid) {
        return;
    }
    let task = tokio::spawn(server::run(client.clone(), world.clone(), pod));
    running.insert(key, Running { uid, task });
}

fn key(pod: &Pod) -> String {
    format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any())
}

/// Only fake Pods have loopback addresses: a real Pod's server is never stood in for.
fn runs_on_loopback(pod: &Pod) -> bool {
    let running = pod
        .status
        .as_ref()
        .is_some_and(|status| status.phase.as_deref() == Some("Running"));
    let loopback = environment::pod_ip(pod)
        .and_then(|ip| ip.parse::<std::net::IpAddr>().ok())
        .is_some_and(|ip| ip.is_loopback());
    running && loopback
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Pod, PodStatus};

    use super::runs_on_loopback;

    fn pod(phase: &str, ip: &str) -> Pod {
        let status = PodStatus {
            phase: Some(phase.into()),
            pod_ip: Some(ip.into()),
            ..PodStatus::default()
        };
        Pod {
            status: Some(status),
            ..Pod::default()
        }
    }

    #[test]
    fn only_running_pods_on_loopback_get_a_server() {
        assert!(runs_on_loopback(&pod("Running", "127.7.0.3")));
        assert!(!runs_on_loopback(&pod("Pending", "127.7.0.3")));
        assert!(!runs_on_loopback(&pod("Running", "10.244.0.7")));
        assert!(!runs_on_loopback(&Pod::default()));
    }
}
