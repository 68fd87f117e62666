//! cert-manager's own controllers, and issuers for them.

use std::process::Command;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::process::Process;

/// Installs the kinds of cert-manager.
pub fn install_kinds(cluster: &Cluster) {
    let folder = cluster
        .localkube_plain(&["crds", "cert-manager"])
        .expect("the kinds of cert-manager");
    cluster
        .kubectl(&["apply", "--server-side", "-f", folder.trim()])
        .expect("they can be installed");
    cluster
        .kubectl(&[
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd/certificates.cert-manager.io",
            "crd/issuers.cert-manager.io",
            "crd/certificaterequests.cert-manager.io",
        ])
        .expect("they are served");
}

/// Starts its controllers; they end when this value goes.
pub fn start(cluster: &Cluster) -> Process {
    let program = cluster
        .localkube_plain(&["build", "--only", "certmanager"])
        .expect("cert-manager can be built");
    let mut command = Command::new(program.trim());
    command.arg("--kubeconfig").arg(&cluster.kubeconfig);
    Process::start(command, &cluster.scratch.join("cert-manager.log"))
}

/// An issuer with a CA of its own, and what makes that CA, as a person would write them.
pub fn authority(namespace: &str, name: &str) -> Value {
    let meta = |name: &str| json!({"namespace": namespace, "name": name});
    let root = format!("{name}-root");
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": meta(&root), "spec": {"selfSigned": {}}},
        {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": meta(&root), "spec": {
            "isCA": true, "commonName": root, "secretName": root, "duration": "87600h",
            "privateKey": {"algorithm": "ECDSA", "size": 256}, "issuerRef": {"name": root}}},
        {"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": meta(name),
            "spec": {"ca": {"secretName": root}}},
    ]})
}
