//! A release from its first installation to its last.

use serde_json::{Value, json};

use crate::chart;
use crate::equal::{name, values_of};
use crate::helm::{NAMESPACE, RELEASE};
use crate::kustomize::combinations;
use crate::site::Site;

/// How often an upgrade that asks for nothing may meet a status being written.
const ATTEMPTS: usize = 5;

#[test]
fn a_release_comes_and_changes_and_goes_and_leaves_every_store() {
    let Some(site) = Site::start("helm-release") else {
        return;
    };
    site.cluster.create_namespace(NAMESPACE);
    site.cluster.install_prometheus_kinds();
    let objects = site.helm.render(&json!({})).unwrap();

    installs_everything(&site, &objects);
    takes_every_value(&site);
    writes_nothing_when_nothing_is_asked_for(&site, &objects);
    upgrades_the_kinds_and_rolls_them_back(&site, &objects);
    keeps_the_kinds_that_are_not_its_own_any_more(&site, &objects);
    has_room_for_another_one_in_a_namespace_of_its_own(&site);
    goes_and_leaves_the_kinds_and_every_store(&site, &objects);
    leaves_kinds_that_another_name_can_take(&site, &objects);
}

fn folder() -> String {
    chart::folder().to_string_lossy().into_owned()
}

fn installs_everything(site: &Site, objects: &[Value]) {
    let words = site.done(&["install", RELEASE, &folder()]);
    let next = "kubectl -n rustfs-system rollout status deployment/rustfs-operator";
    assert!(words.contains(next), "what to do next is said: {words}");
    site.rolled_out();
    assert_eq!(site.live(objects).len(), objects.len());
}

/// All components at the same time, accepted, there, and gone again when they are not asked for.
fn takes_every_value(site: &Site) {
    let most = combinations().into_iter().max_by_key(Vec::len).unwrap();
    let values = values_of(&most);
    let wanted = site.helm.render(&values).unwrap();
    site.done(&["upgrade", RELEASE, &folder(), "--values", &site.file_of(&values)]);
    assert_eq!(site.live(&wanted).len(), wanted.len());
    site.done(&["upgrade", RELEASE, &folder(), "--reset-values"]);
    let fewer = site.helm.render(&json!({})).unwrap();
    let names: Vec<_> = fewer.iter().map(name).collect();
    let left: Vec<_> = site
        .live(&wanted)
        .into_keys()
        .filter(|name| !names.contains(name))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What controllers write of a status meanwhile changes versions too, so that this is tried more than once.
fn writes_nothing_when_nothing_is_asked_for(site: &Site, objects: &[Value]) {
    site.rolled_out();
    let mut written = Vec::new();
    for _ in 0..ATTEMPTS {
        let before = site.versions(objects);
        site.done(&["upgrade", RELEASE, &folder()]);
        let after = site.versions(objects);
        let changed = after
            .iter()
            .filter(|(name, version)| before.get(*name) != Some(version));
        written = changed.map(|(name, _)| name.clone()).collect();
        if written.is_empty() {
            return;
        }
    }
    panic!("an upgrade to the same writes {written:?} each time");
}

fn upgrades_the_kinds_and_rolls_them_back(site: &Site, objects: &[Value]) {
    let names =
        || site.live(objects)["CustomResourceDefinition /pools.storage.rustfs.com"]["spec"]["names"].clone();
    assert_eq!(names()["shortNames"], json!(["rp"]));
    let changed = site.copy_of_the_chart();
    let file = changed.join("files/crds/pools.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let more = text.replacen("    - rp\n", "    - rp\n    - rpool\n", 1);
    assert_ne!(text, more);
    std::fs::write(&file, more).unwrap();
    site.done(&["upgrade", RELEASE, &changed.to_string_lossy()]);
    assert_eq!(names()["shortNames"], json!(["rp", "rpool"]));
    site.done(&["rollback", RELEASE]);
    assert_eq!(names()["shortNames"], json!(["rp"]));
}

fn keeps_the_kinds_that_are_not_its_own_any_more(site: &Site, objects: &[Value]) {
    let uids = site.uids(objects);
    site.done(&["upgrade", RELEASE, &folder(), "--set", "crds.install=false"]);
    assert_eq!(site.uids(objects), uids);
    site.done(&["upgrade", RELEASE, &folder(), "--reset-values"]);
    assert_eq!(site.uids(objects), uids);
}

fn has_room_for_another_one_in_a_namespace_of_its_own(site: &Site) {
    site.cluster.create_namespace("other");
    let install = ["install", "second", &folder(), "--namespace", "other", "--set"];
    let words = site
        .tried(&[&install[..], &["crds.install=false"]].concat())
        .expect_err("two would watch the same namespaces");
    assert!(
        words.contains("ClusterRole") && words.contains("cannot be imported"),
        "{words}"
    );
    site.done(&[&install[..], &["crds.install=false,singleNamespace=true"]].concat());
    site.done(&["uninstall", "second", "--namespace", "other"]);
}

fn goes_and_leaves_the_kinds_and_every_store(site: &Site, objects: &[Value]) {
    let store = "config/samples/minimal/store.yaml";
    site.cluster.fine(&["-n", "other", "apply", "-f", store], "");
    let tenant = || {
        let arguments = [
            "-n",
            "other",
            "get",
            "tenant",
            "mini",
            "-o",
            "jsonpath={.metadata.uid}",
        ];
        site.cluster.fine(&arguments, "")
    };
    let (uid, uids) = (tenant(), site.uids(objects));

    let words = site.done(&["uninstall", RELEASE]);
    assert!(words.contains("kept due to the resource policy"), "{words}");
    let mut left = site.uids(objects);
    assert_eq!(left.len(), 4, "only the kinds are left: {left:?}");
    left.retain(|name, found| uids[name] != *found);
    assert!(left.is_empty(), "the kinds are those from before");
    assert_eq!(everything_of_helm(site), 4, "nothing else is marked as Helm's");
    assert_eq!(tenant(), uid);

    site.done(&["install", RELEASE, &folder()]);
    assert_eq!(tenant(), uid);
    assert_eq!(site.live(objects).len(), objects.len());
}

/// The kinds that are left are the former release's, until another one is told to take them.
fn leaves_kinds_that_another_name_can_take(site: &Site, objects: &[Value]) {
    site.done(&["uninstall", RELEASE]);
    let words = site
        .tried(&["install", "another", &folder()])
        .expect_err("Helm takes nothing unasked");
    assert!(words.contains("cannot be imported"), "{words}");
    site.done(&["install", "another", &folder(), "--take-ownership"]);
    assert_eq!(site.live(objects).len(), objects.len());
}

/// How many objects of any kind are Helm's, its own Secrets among them.
fn everything_of_helm(site: &Site) -> usize {
    let kinds = site
        .cluster
        .fine(&["api-resources", "--verbs=list", "-o", "name"], "");
    let kinds: Vec<_> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    let count = |selector: &str| {
        let kinds = kinds.join(",");
        let arguments = ["get", &kinds, "-A", "-l", selector, "-o", "name"];
        site.cluster.fine(&arguments, "").lines().count()
    };
    count("app.kubernetes.io/managed-by=Helm") + count("owner=helm")
}
