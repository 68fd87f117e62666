//! A value that is not known, or not of its type, is refused by its name.

use serde_json::{Value, json};

use crate::chart::{self, defaults, leaves};
use crate::helm::Helm;
use crate::values::set;

#[test]
fn each_value_is_in_the_schema_and_of_another_type_is_refused_by_name() {
    let Some(helm) = Helm::find() else { return };
    for (path, default) in leaves() {
        let wrong = match default {
            Value::Bool(_) => json!("yes"),
            Value::Number(_) => json!("many"),
            Value::Array(_) => json!("one"),
            _ => json!(["one"]),
        };
        let words = refused(&helm, &path, wrong);
        let at = format!("'/{}", path.replace('.', "/"));
        assert!(words.contains(&at), "{path}: {words}");
    }
}

#[test]
fn words_and_numbers_beyond_what_is_known_are_refused_by_name() {
    let Some(helm) = Helm::find() else { return };
    for (path, wrong) in [
        ("image.repository", json!("registry.example/operator@sha256:00")),
        ("image.tag", json!("a tag")),
        ("image.digest", json!("sha256:short")),
        ("image.pullPolicy", json!("Sometimes")),
        ("image.pullSecrets", json!(["registry"])),
        ("replicas", json!(-1)),
        ("clusterDomain", json!("")),
        ("concurrency", json!(0)),
        ("concurrency", json!(257)),
        ("log.level", json!("")),
        ("log.format", json!("xml")),
        ("tracing.endpoint", json!("collector:4317")),
        ("tracing.protocol", json!("http")),
        ("tracing.serviceName", json!("")),
        ("tracing.headersSecret.key", json!("")),
        ("monitoring.serviceMonitor.interval", json!("often")),
        ("monitoring.dashboards.labels", json!({ "grafana_dashboard": 1 })),
        ("networkPolicy.extraEgress", json!(["all"])),
        ("resources.requests.cpu", json!([1])),
        ("env", json!([{ "value": "nameless" }])),
        ("affinity", json!({ "nodeAfinity": {} })),
    ] {
        let words = refused(&helm, path, wrong);
        let at = format!("'/{}", path.replace('.', "/"));
        assert!(words.contains(&at), "{path}: {words}");
    }
}

#[test]
fn an_unknown_value_is_refused_by_name_wherever_it_is() {
    let Some(helm) = Helm::find() else { return };
    let mut maps = vec![String::new()];
    for (path, _) in leaves() {
        let above: Vec<_> = path
            .match_indices('.')
            .map(|(at, _)| path[..at].to_owned())
            .collect();
        maps.extend(above);
    }
    maps.retain(|map| !["resources.requests", "resources.limits"].contains(&map.as_str()));
    maps.sort();
    maps.dedup();
    assert!(maps.len() > 8, "{maps:?}");
    for map in maps {
        let path = format!("{map}.mistyped").trim_start_matches('.').to_owned();
        let words = refused(&helm, &path, json!(1));
        assert!(words.contains("'mistyped'"), "{path}: {words}");
    }
}

#[test]
fn a_value_that_is_taken_away_is_missed_by_name() {
    let Some(helm) = Helm::find() else { return };
    for (path, _) in leaves() {
        // What is not asked for can be left out.
        if path.starts_with("resources.") {
            continue;
        }
        let words = refused(&helm, &path, Value::Null);
        let key = path.rsplit('.').next().unwrap();
        assert!(words.contains(&format!("'{key}'")), "{path}: {words}");
    }
}

#[test]
fn the_schema_knows_no_value_that_is_not_in_the_chart() {
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(chart::folder().join("values.schema.json")).unwrap())
            .unwrap();
    known("", &schema, &defaults());
}

/// What a user may give and the chart has no default for.
const WITHOUT_DEFAULT: [&str; 6] = [
    ".global",
    ".enabled",
    ".resources.claims",
    ".affinity.nodeAffinity",
    ".affinity.podAffinity",
    ".affinity.podAntiAffinity",
];

fn known(path: &str, schema: &Value, value: &Value) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        if WITHOUT_DEFAULT.contains(&path.as_str()) {
            continue;
        }
        assert!(
            !value[key].is_null(),
            "{path} is in the schema and not in values.yaml"
        );
        known(&path, inner, &value[key]);
    }
}

#[test]
fn a_variable_that_the_chart_sets_is_refused_with_what_to_use() {
    let Some(helm) = Helm::find() else { return };
    let everything = json!({
        "replicas": 2, "singleNamespace": true, "clusterDomain": "x", "concurrency": 9,
        "log": { "level": "debug", "format": "human" },
        "tracing": { "endpoint": "http://x", "headers": "a=b" },
    });
    let objects = helm.render(&everything).unwrap();
    let deployment = objects
        .iter()
        .find(|object| object["kind"] == "Deployment")
        .unwrap();
    let env = &deployment["spec"]["template"]["spec"]["containers"][0]["env"];
    let names = env
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap());
    for name in names {
        let values = json!({ "env": [{ "name": name, "value": "1" }] });
        let words = helm.render(&values).expect_err(name);
        assert!(words.contains("env: ") && words.contains(name), "{words}");
    }
}

#[test]
fn a_variable_that_is_given_twice_is_refused() {
    let Some(helm) = Helm::find() else { return };
    let one = json!({ "name": "HTTPS_PROXY", "value": "http://proxy:3128" });
    helm.render(&json!({ "env": [one] })).unwrap();
    let words = helm.render(&json!({ "env": [one, one] })).unwrap_err();
    assert!(words.contains("env: HTTPS_PROXY is there twice"), "{words}");
}

#[test]
fn an_older_kubernetes_is_refused() {
    let Some(helm) = Helm::find() else { return };
    let chart = chart::folder();
    let render = |version: &str| {
        let arguments = [
            "template",
            "x",
            &chart.to_string_lossy(),
            "--kube-version",
            version,
        ];
        helm.run(&arguments, "")
    };
    render("v1.33.0").unwrap();
    render("v1.33.1-gke.2").unwrap();
    let words = render("v1.32.9").unwrap_err();
    assert!(words.contains("kubeVersion"), "{words}");
}

/// What Helm says of a value.
fn refused(helm: &Helm, path: &str, value: Value) -> String {
    let mut values = json!({});
    set(&mut values, path, value.clone());
    match helm.render(&values) {
        Ok(_) => panic!("{path} may be {value}"),
        Err(words) => words,
    }
}
