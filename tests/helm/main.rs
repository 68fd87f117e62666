//! The Helm chart renders what Kustomize renders, each of its values does something, and its releases live and end well
//! on a real API server.
//!
//! `HELM` names the Helm to use; without it what needs it is left out. `KUBECTL` names the kubectl that renders, and with
//! `LOCALKUBE` set to the localkube program control planes are started, as for the manifests.

// A test says what went wrong by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/chart.rs"]
mod chart;
// Shared with the manifests' tests, which need some parts that are not needed here.
#[allow(dead_code)]
#[path = "../support/control_plane.rs"]
mod control_plane;
#[path = "../support/guide.rs"]
mod guide;
#[allow(dead_code)]
#[path = "../support/kustomize.rs"]
mod kustomize;

mod equal;
mod helm;
mod manual;
mod moving;
mod refused;
mod release;
mod site;
mod values;
mod version;
