use super::*;

fn placed(scheduling: Value) -> Pool {
    pool(json!({"scheduling": scheduling}))
}

fn required(terms: Value) -> Value {
    json!({"affinity": {"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
    }}})
}

fn tainted(key: &str, effect: &str) -> Vec<Arc<Node>> {
    let one = |index| {
        let taints = json!({"taints": [{"key": key, "value": "x", "effect": effect}]});
        node(&format!("n{index}"), json!({"spec": taints}))
    };
    (0..4).map(one).collect()
}

#[test]
fn a_selector_that_no_node_has_is_named_where_it_is_written() {
    let selector = json!({"nodeSelector": {"disk": "nvme"}});
    let of_pool = found(&placed(selector.clone()), cluster(nodes(4)));
    one(
        "Pool",
        &of_pool,
        Weight::Blocks,
        &["spec.scheduling.nodeSelector disk=nvme"],
    );
    assert!(!of_pool[0].text.contains("Tenant"), "{}", of_pool[0].text);
    let inherited = found_with(
        tenant(json!({"scheduling": selector.clone()})),
        &pool(json!({})),
        cluster(nodes(4)),
    );
    one(
        "Tenant",
        &inherited,
        Weight::Blocks,
        &["Tenant shop: spec.scheduling.nodeSelector disk=nvme"],
    );
    let overridden = found_with(
        tenant(json!({"scheduling": selector})),
        &placed(json!({"nodeSelector": {"kubernetes.io/hostname": "n1"}})),
        cluster(nodes(4)),
    );
    assert!(
        overridden.iter().all(|finding| finding.weight == Weight::Warns),
        "{overridden:?}"
    );
}

#[test]
fn required_node_affinity_is_read_as_the_scheduler_reads_it() {
    let expression = |operator: &str, values: Value| json!([{"matchExpressions": [{"key": "size", "operator": operator, "values": values}]}]);
    let labelled: Vec<_> = (0..4)
        .map(|index| {
            let name = format!("n{index}");
            node(
                &name,
                json!({"metadata": {"name": name, "labels": {"size": "5"}}}),
            )
        })
        .collect();
    for (terms, fits) in [
        (expression("In", json!(["5", "6"])), true),
        (expression("In", json!(["6"])), false),
        (expression("NotIn", json!(["6"])), true),
        (expression("NotIn", json!(["5"])), false),
        (expression("Exists", json!([])), true),
        (expression("DoesNotExist", json!([])), false),
        (expression("Gt", json!(["4"])), true),
        (expression("Gt", json!(["5"])), false),
        (expression("Lt", json!(["6"])), true),
        (expression("Lt", json!(["5"])), false),
        (expression("SomethingNew", json!(["5"])), true),
        (
            json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n0", "n1", "n2", "n3"]}]}]),
            true,
        ),
        (
            json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["z"]}]}]),
            false,
        ),
        (json!([{}]), false),
        (
            json!([{}, {"matchExpressions": [{"key": "size", "operator": "Exists"}]}]),
            true,
        ),
    ] {
        let found = found(&placed(required(terms.clone())), cluster(labelled.clone()));
        if fits {
            assert_eq!(found, [], "{terms}");
        } else {
            one(
                &terms.to_string(),
                &found,
                Weight::Blocks,
                &["spec.scheduling.affinity.nodeAffinity"],
            );
        }
    }
}

#[test]
fn taints_must_be_tolerated_unless_they_only_prefer() {
    let tolerations = |toleration: Value| json!({"tolerations": [toleration]});
    for (effect, toleration, fits) in [
        ("NoSchedule", json!({"key": "other"}), false),
        ("NoExecute", json!({"key": "other"}), false),
        ("PreferNoSchedule", json!({"key": "other"}), true),
        ("NoSchedule", json!({"key": "db", "value": "x"}), true),
        ("NoSchedule", json!({"key": "db", "value": "y"}), false),
        ("NoSchedule", json!({"key": "db", "operator": "Exists"}), true),
        ("NoSchedule", json!({"operator": "Exists"}), true),
        (
            "NoSchedule",
            json!({"operator": "Exists", "effect": "NoExecute"}),
            false,
        ),
    ] {
        let what = format!("{effect} {toleration}");
        let found = found(&placed(tolerations(toleration)), cluster(tainted("db", effect)));
        if fits {
            assert_eq!(found, [], "{what}");
        } else {
            one(
                &what,
                &found,
                Weight::Blocks,
                &["spec.scheduling.tolerations", &format!("db=x:{effect}")],
            );
        }
    }
}

#[test]
fn nodes_that_are_only_away_are_waited_for() {
    let cordoned = (0..4).map(|index| node(&format!("n{index}"), json!({"spec": {"unschedulable": true}})));
    for (what, nodes) in [
        ("cordoned", cordoned.collect()),
        ("not ready", tainted("node.kubernetes.io/not-ready", "NoSchedule")),
    ] {
        let found = found(&pool(json!({})), cluster(nodes));
        one(what, &found, Weight::Waits, &["cordoned or not ready", "goes on"]);
    }
}

#[test]
fn a_cluster_without_nodes_blocks() {
    one(
        "none",
        &found(&pool(json!({})), cluster(vec![])),
        Weight::Blocks,
        &["no nodes"],
    );
}

#[test]
fn one_server_must_fit_on_one_node() {
    let asks = |resources: Value| pool(json!({"resources": resources}));
    for (resources, fits) in [
        (json!({"requests": {"cpu": "8", "memory": "16Gi"}}), true),
        (json!({"requests": {"cpu": "8001m"}}), false),
        (json!({"requests": {"memory": "17Gi"}}), false),
        (json!({"limits": {"memory": "17Gi"}}), false),
        (
            json!({"requests": {"memory": "1Gi"}, "limits": {"memory": "17Gi"}}),
            true,
        ),
        (json!({"requests": {"example.com/gpu": "1"}}), false),
        (json!({"requests": {"cpu": "not a number"}}), true),
    ] {
        let what = resources.to_string();
        let found = found(&asks(resources), cluster(nodes(4)));
        if fits {
            assert_eq!(found, [], "{what}");
        } else {
            one(
                &what,
                &found,
                Weight::Blocks,
                &["spec.resources", "the most of a node", "even if nothing else ran"],
            );
        }
    }
}

#[test]
fn a_node_with_the_processors_and_one_with_the_memory_are_not_one_node() {
    let uneven = vec![
        node(
            "a",
            json!({"status": {"allocatable": {"cpu": "64", "memory": "1Gi"}}}),
        ),
        node(
            "b",
            json!({"status": {"allocatable": {"cpu": "1", "memory": "512Gi"}}}),
        ),
    ];
    let pool = pool(json!({"resources": {"requests": {"cpu": "32", "memory": "64Gi"}}}));
    let found = found(&pool, cluster(uneven));
    one(
        "uneven",
        &found,
        Weight::Blocks,
        &[
            "cpu 32 (the most of a node: 64)",
            "memory 64Gi (the most of a node: 512Gi)",
        ],
    );
}
