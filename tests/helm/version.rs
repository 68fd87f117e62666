//! The chart is that of the operator beside it.

use std::path::Path;

use serde_json::{Value, json};

use crate::chart;
use crate::helm::Helm;
use crate::kustomize::{rendered, repository};

#[test]
fn the_chart_and_the_base_have_the_version_of_the_operator() {
    let version = env!("CARGO_PKG_VERSION");
    let chart = read(&chart::folder().join("Chart.yaml"));
    assert_eq!(chart["appVersion"], version);
    assert_eq!(chart["version"], version);
    let base = rendered("kustomize/base");
    let deployment = base.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, &json!(format!("rustfs-operator:{version}")));
}

#[test]
fn the_chart_wants_the_kubernetes_that_the_readme_names() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, rest) = readme
        .split_once("on Kubernetes ")
        .expect("the README names the oldest Kubernetes");
    let oldest = rest.split_whitespace().next().unwrap();
    let chart = read(&chart::folder().join("Chart.yaml"));
    assert_eq!(chart["kubeVersion"], format!(">={oldest}.0-0"));
}

#[test]
fn helm_has_no_complaint_about_the_chart() {
    let Some(helm) = Helm::find() else { return };
    helm.run(&["lint", "--strict", &chart::folder().to_string_lossy()], "")
        .unwrap();
}

fn read(path: &Path) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
