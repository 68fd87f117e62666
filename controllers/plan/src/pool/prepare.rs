//! What every drive holds before its server starts. A server keeps a journal of unfinished repairs on its own drives;
//! RustFS 1.0 cannot drain a pool whose folder for it is on some drives of a set and not on most, and never forgets that
//! it tried. With a folder inside of it on every drive there is nothing to disagree about.
//! Source: `docs/decisions/0007`.

use crds::Tenant;
use crds::names::DATA_PATH;
use k8s_openapi::api::core::v1::{Container, ResourceRequirements, VolumeMount};

use super::security;

/// Name of the container.
const NAME: &str = "prepare";
/// On every drive.
const FOLDER: &str = ".rustfs.sys/buckets/.heal/mrf/keep";

/// The container that runs before the server, with its image, user and volumes. Where the folders are there it does
/// nothing.
pub(super) fn container(tenant: &Tenant, drives: i32, server: &Container) -> Container {
    let folders = (0..drives).map(|drive| format!("{DATA_PATH}{drive}/{FOLDER}"));
    Container {
        name: NAME.to_owned(),
        image: server.image.clone(),
        image_pull_policy: server.image_pull_policy.clone(),
        command: Some(
            ["mkdir", "-p"]
                .map(str::to_owned)
                .into_iter()
                .chain(folders)
                .collect(),
        ),
        resources: resources(server.resources.as_ref()),
        security_context: Some(security::container(
            tenant.spec.container_security_context.as_ref(),
        )),
        volume_mounts: server.volume_mounts.as_ref().map(|mounts| drives_of(mounts)),
        termination_message_policy: server.termination_message_policy.clone(),
        ..Container::default()
    }
}

fn drives_of(mounts: &[VolumeMount]) -> Vec<VolumeMount> {
    let drive = |mount: &&VolumeMount| mount.mount_path.starts_with(DATA_PATH);
    mounts.iter().filter(drive).cloned().collect()
}

/// The server's own: where a quota asks for them, of every container. Claims of devices are not for this one.
fn resources(server: Option<&ResourceRequirements>) -> Option<ResourceRequirements> {
    server.map(|server| ResourceRequirements {
        claims: None,
        ..server.clone()
    })
}
