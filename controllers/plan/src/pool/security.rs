//! Security contexts: the PodSecurity level `restricted`, changed field by field as a spec says.

use crds::names::SERVER_UID;
use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};

/// Security context of the Pod.
pub(crate) fn pod(said: Option<&PodSecurityContext>) -> PodSecurityContext {
    let said = said.cloned().unwrap_or_default();
    PodSecurityContext {
        run_as_user: said.run_as_user.or(Some(SERVER_UID)),
        run_as_group: said.run_as_group.or(Some(SERVER_UID)),
        fs_group: said.fs_group.or(Some(SERVER_UID)),
        // Changing the owner of every file of a full volume takes hours.
        fs_group_change_policy: said
            .fs_group_change_policy
            .or_else(|| Some("OnRootMismatch".to_owned())),
        // Asking for user 0 is asking for root; with both the server would never start.
        run_as_non_root: said.run_as_non_root.or(Some(said.run_as_user != Some(0))),
        seccomp_profile: said.seccomp_profile.or_else(|| Some(runtime_default())),
        ..said
    }
}

/// Security context of the container.
pub(crate) fn container(said: Option<&SecurityContext>) -> SecurityContext {
    let said = said.cloned().unwrap_or_default();
    let capabilities = said.capabilities.clone().unwrap_or_default();
    // User, group and seccomp are the Pod's: a second default here would hide what is said there.
    SecurityContext {
        allow_privilege_escalation: said.allow_privilege_escalation.or(Some(false)),
        capabilities: Some(Capabilities {
            drop: capabilities.drop.or_else(|| Some(vec!["ALL".to_owned()])),
            add: capabilities.add,
        }),
        read_only_root_filesystem: said.read_only_root_filesystem.or(Some(true)),
        ..said
    }
}

fn runtime_default() -> SeccompProfile {
    SeccompProfile {
        type_: "RuntimeDefault".to_owned(),
        ..SeccompProfile::default()
    }
}
