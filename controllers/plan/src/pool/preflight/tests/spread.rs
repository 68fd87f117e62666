use super::*;

fn apart(term: Value) -> Pool {
    pool(json!({"scheduling": {"affinity": {"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [term],
    }}}}))
}

fn constrained(constraint: Value) -> Pool {
    pool(json!({"scheduling": {"topologySpreadConstraints": [constraint]}}))
}

/// Nodes in these zones.
fn zoned(zones: &[&str]) -> Vec<Arc<Node>> {
    let one = |(index, zone): (usize, &&str)| {
        let name = format!("n{index}");
        node(
            &name,
            json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "zone": zone}}}),
        )
    };
    zones.iter().enumerate().map(one).collect()
}

#[test]
fn servers_that_must_be_apart_need_a_place_each() {
    let ours = json!({"matchLabels": {"storage.rustfs.com/pool": "ssd"}});
    let host = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": ours});
    let zone = json!({"topologyKey": "zone", "labelSelector": ours});
    let others =
        json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}});
    let elsewhere =
        json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": ours, "namespaces": ["x"]});
    let unlabelled = json!({"topologyKey": "rack", "labelSelector": ours});
    let by_revision = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": ours,
        "matchLabelKeys": ["pod-template-hash"]});
    for (what, term, zones, fits) in [
        ("enough nodes", host.clone(), vec!["a", "a", "b", "b"], true),
        ("a node too few", host, vec!["a", "b", "c"], false),
        ("nodes, but not zones", zone, vec!["a", "a", "b", "b"], false),
        ("someone else's Pods", others, vec!["a", "b", "c"], true),
        ("another namespace", elsewhere, vec!["a", "b", "c"], true),
        (
            "a label that nodes do not have",
            unlabelled,
            vec!["a", "b", "c"],
            true,
        ),
        (
            "a rule that is not understood",
            by_revision,
            vec!["a", "b", "c"],
            true,
        ),
    ] {
        let found = found(&apart(term), cluster(zoned(&zones)));
        if fits {
            assert!(
                found.iter().all(|one| one.weight == Weight::Warns),
                "{what}: {found:?}"
            );
        } else {
            one(
                what,
                &found,
                Weight::Blocks,
                &["podAntiAffinity", "4 servers must be kept apart"],
            );
        }
    }
}

#[test]
fn a_strict_spread_must_be_possible() {
    let strict = |more: Value| {
        let mut constraint =
            json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"});
        for (key, value) in more.as_object().into_iter().flatten() {
            constraint[key] = value.clone();
        }
        constrained(constraint)
    };
    let three = ["a", "b", "c"];
    for (what, pool, zones, fits) in [
        ("three zones take any number", strict(json!({})), &three[..], true),
        (
            "more zones are asked for than there are",
            strict(json!({"minDomains": 4})),
            &three[..],
            false,
        ),
        (
            "and a skew that allows it",
            strict(json!({"minDomains": 4, "maxSkew": 2})),
            &three[..],
            true,
        ),
        (
            "no node has the label",
            strict(json!({"topologyKey": "rack"})),
            &three[..],
            false,
        ),
        (
            "it is a wish only",
            strict(json!({"topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway"})),
            &three[..],
            true,
        ),
    ] {
        let found = found(&pool, cluster(zoned(zones)));
        if fits {
            assert!(
                found.iter().all(|one| one.weight == Weight::Warns),
                "{what}: {found:?}"
            );
        } else {
            one(
                what,
                &found,
                Weight::Blocks,
                &["spec.scheduling.topologySpreadConstraints", "of 4 servers"],
            );
        }
    }
}

#[test]
fn a_zone_that_counts_and_takes_no_server_holds_the_others_down() {
    let mut some = zoned(&["a", "b"]);
    let taints = json!({"taints": [{"key": "db", "effect": "NoSchedule"}]});
    some.push(node(
        "n9",
        json!({"metadata": {"name": "n9", "labels": {"zone": "c", "kubernetes.io/hostname": "n9"}}, "spec": taints}),
    ));
    let strict = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"});
    let held = found(&constrained(strict.clone()), cluster(some.clone()));
    one("counted", &held, Weight::Blocks, &["at most 2 of 4 servers"]);
    let mut honest = strict;
    honest["nodeTaintsPolicy"] = json!("Honor");
    assert_eq!(found(&constrained(honest), cluster(some)), []);
}

#[test]
fn nodes_that_are_away_are_counted_as_coming_back() {
    let mut some = nodes(3);
    some.push(node(
        "n3",
        json!({"spec": {"unschedulable": true}, "metadata": {"name": "n3", "labels": {"zone": "n3"}}}),
    ));
    let term =
        json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"storage.rustfs.com/pool": "ssd"}}});
    one(
        "one cordoned",
        &found(&apart(term), cluster(some)),
        Weight::Waits,
        &["cordoned or not ready"],
    );
}

#[test]
fn one_node_must_not_take_more_than_may_be_missing() {
    for (what, count, says) in [
        ("all on one", 1, Some("4 of 4 drives")),
        ("two on each", 2, None),
        ("one on each", 4, None),
    ] {
        let found = found(&pool(json!({})), cluster(nodes(count)));
        match says {
            Some(says) => one(
                what,
                &found,
                Weight::Warns,
                &["spec.servers 4", says, "add nodes"],
            ),
            None => assert_eq!(found, [], "{what}"),
        }
    }
}
