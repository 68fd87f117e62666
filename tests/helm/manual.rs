//! What the guide tells people to type, typed.

use serde_json::json;

use crate::helm::RELEASE;
use crate::site::Site;

#[test]
fn a_release_is_made_changed_and_taken_away_as_the_guide_says() {
    let Some(site) = Site::start("helm-manual") else {
        return;
    };
    site.section("helm", "Install");
    let objects = site.helm.render(&json!({})).unwrap();
    assert_eq!(site.live(&objects).len(), objects.len());

    site.section("helm", "Upgrade");
    let deployment = &site.live(&objects)["Deployment rustfs-system/rustfs-operator"]["spec"];
    assert_eq!(deployment["replicas"], 2);
    let image = deployment.pointer("/template/spec/containers/0/image").unwrap();
    let kept = image
        .as_str()
        .unwrap()
        .starts_with("your.registry/rustfs-operator:");
    assert!(kept, "what was set before stays: {image}");

    site.section("helm", "Uninstall");
    assert!(site.tried(&["status", RELEASE]).is_err());
}
