//! An installation goes from Kustomize to Helm and back while it runs.

use serde_json::{Value, json};

use crate::chart;
use crate::helm::{NAMESPACE, RELEASE};
use crate::kustomize::{build, rendered};
use crate::site::Site;

#[test]
fn an_installation_goes_from_kustomize_to_helm_and_back_without_a_pod_being_replaced() {
    let Some(site) = Site::start("helm-moving") else {
        return;
    };
    let base = rendered("kustomize/base");
    site.cluster.install(&build("kustomize/base"));
    site.rolled_out();
    let (pods, uids) = (pods(&site), site.uids(&base));

    is_refused_without_harm(&site, &base);

    site.section("helm", "From Kustomize to Helm");
    is_managed_by(&site, &base, "helm", "kubectl");
    can_be_changed_and_changed_back(&site, &base);
    assert_eq!(site.uids(&base), uids, "no object was made anew");

    site.section("helm", "From Helm to Kustomize");
    is_managed_by(&site, &base, "kubectl", "helm");
    site.cluster
        .fine(&["apply", "--server-side", "-k", "kustomize/base"], "");
    assert_eq!(site.uids(&base), uids, "no object was made anew");
    assert!(
        site.tried(&["status", RELEASE]).is_err(),
        "the release is forgotten"
    );
    for (name, object) in site.live(&base) {
        let text = object["metadata"].to_string();
        assert!(!text.contains("helm"), "{name} is marked: {text}");
    }
    site.rolled_out();
    assert_eq!(pods, self::pods(&site), "no Pod was replaced");

    goes_on_where_it_was_stopped(&site, &base);
    assert_eq!(site.uids(&base), uids, "no object was made anew");
}

/// Without force Helm stops at a field of which kubectl says something else, and can be told to go on.
fn goes_on_where_it_was_stopped(site: &Site, base: &[Value]) {
    let chart = chart::folder();
    let chart = chart.to_string_lossy();
    let limit = || {
        let deployment = &site.live(base)["Deployment rustfs-system/rustfs-operator"];
        let memory = "/spec/template/spec/containers/0/resources/limits/memory";
        deployment.pointer(memory).cloned()
    };
    let with = ["--set", "resources.limits.memory=1Gi", "--take-ownership"];
    let install = ["install", RELEASE, &chart];
    let words = site
        .tried(&[&install[..], &with].concat())
        .expect_err("kubectl says 512Mi");
    assert!(words.contains("conflict"), "{words}");
    assert_eq!(limit(), Some(json!("512Mi")));
    let go_on = ["upgrade", "--install", "--force-conflicts", RELEASE, &chart];
    site.done(&[&go_on[..], &with].concat());
    assert_eq!(limit(), Some(json!("1Gi")));
}

fn is_refused_without_harm(site: &Site, base: &[Value]) {
    let fixed: Vec<_> = base
        .iter()
        .filter(|object| object["kind"] != "Deployment")
        .cloned()
        .collect();
    let (before, generation) = (site.versions(&fixed), generation(site, base));
    let chart = chart::folder();
    let words = site
        .tried(&["install", RELEASE, &chart.to_string_lossy()])
        .expect_err("Helm takes nothing unasked");
    assert!(
        words.contains("cannot be imported into the current release"),
        "{words}"
    );
    assert_eq!(site.versions(&fixed), before);
    assert_eq!(self::generation(site, base), generation);
    assert!(
        site.tried(&["status", RELEASE]).is_err(),
        "nothing is left of the attempt"
    );
}

/// The objects that the chart brings have one manager of their fields; the namespace stays as it is.
fn is_managed_by(site: &Site, base: &[Value], manager: &str, former: &str) {
    for (name, object) in site.live(base) {
        if name.starts_with("Namespace") {
            continue;
        }
        let managers = object["metadata"]["managedFields"].as_array().unwrap();
        let has = |manager: &str| managers.iter().any(|one| one["manager"] == manager);
        assert!(has(manager), "{name} is not {manager}'s");
        assert!(!has(former), "{name} is {former}'s still");
    }
}

/// Without force, and what is not asked for any more goes.
fn can_be_changed_and_changed_back(site: &Site, base: &[Value]) {
    let chart = chart::folder();
    let chart = chart.to_string_lossy();
    let label = "serviceAccount.annotations.mine=yes";
    let annotation = || {
        let account = &site.live(base)["ServiceAccount rustfs-system/rustfs-operator"];
        account["metadata"]["annotations"]["mine"].clone()
    };
    site.done(&["upgrade", RELEASE, &chart, "--set", label]);
    assert_eq!(annotation(), json!("yes"));
    site.done(&["upgrade", RELEASE, &chart, "--reset-values"]);
    assert_eq!(annotation(), Value::Null);
}

fn generation(site: &Site, base: &[Value]) -> Value {
    site.live(base)["Deployment rustfs-system/rustfs-operator"]["metadata"]["generation"].clone()
}

fn pods(site: &Site) -> String {
    let arguments = [
        "-n",
        NAMESPACE,
        "get",
        "pods",
        "-o",
        "jsonpath={.items[*].metadata.uid}",
    ];
    let found = site.cluster.fine(&arguments, "");
    assert!(!found.is_empty());
    found
}
