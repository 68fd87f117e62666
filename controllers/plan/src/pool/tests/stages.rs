use super::*;

const ALL: [&str; 10] = [
    "Ready",
    "Reconciling",
    "Stalled",
    "TenantFound",
    "Accepted",
    "Preflight",
    "StorageReady",
    "WorkloadReady",
    "Joined",
    "Drained",
];

/// What a Pool waits for, the condition that says so, and what the whole is.
fn waiting() -> Vec<(&'static str, Observed, &'static str, &'static str)> {
    let with_tenant = |change: &dyn Fn(&mut Tenant)| {
        let mut tenant = tenant();
        change(&mut tenant);
        Observed {
            tenant: Some(Arc::new(tenant)),
            ..accepted()
        }
    };
    let refused = Topology {
        pools: Vec::new(),
        refused: vec![object(json!({
            "name": POOL, "uid": "pool-uid", "reason": "LayoutInvalid", "message": "too late",
        }))],
        ..topology(true)
    };
    let tls = |certificate: Option<&str>| Observed {
        tenant: Some(Arc::new(tls_tenant())),
        certificate: certificate.map(|issued| Arc::new(self::certificate(issued))),
        ..accepted()
    };
    vec![
        (
            "no Tenant",
            Observed::default(),
            "TenantFound",
            "False TenantMissing",
        ),
        (
            "a Tenant that leaves",
            with_tenant(&|tenant| {
                *tenant = leaving(tenant.clone());
            }),
            "TenantFound",
            "False TenantDeleting",
        ),
        (
            "no topology",
            Observed {
                topology: Stored::Missing,
                ..accepted()
            },
            "Accepted",
            "False TopologyMissing",
        ),
        (
            "a topology without it",
            Observed {
                topology: stored(Topology::default()),
                ..accepted()
            },
            "Accepted",
            "False NotYetAccepted",
        ),
        (
            "a refusal",
            Observed {
                topology: stored(refused),
                ..accepted()
            },
            "Accepted",
            "False LayoutInvalid",
        ),
        (
            "no credentials",
            with_tenant(&|tenant| tenant.status = None),
            "WorkloadReady",
            "False CredentialsNotReady",
        ),
        (
            "a variable of the operator's",
            with_tenant(&|tenant| {
                tenant.spec.env = object(json!([{"name": "RUSTFS_TLS_PATH", "value": "/x"}]))
            }),
            "WorkloadReady",
            "False InvalidEnvironment",
        ),
        (
            "what no server can be given",
            with_tenant(&|tenant| tenant.spec.env = object(json!([{"name": "A B", "value": "x"}]))),
            "WorkloadReady",
            "False TenantInvalid",
        ),
        (
            "no certificate",
            tls(None),
            "WorkloadReady",
            "False CertificateNotReady",
        ),
        (
            "a certificate not issued",
            tls(Some("False")),
            "WorkloadReady",
            "False CertificateNotReady",
        ),
        (
            "volumes of another layout",
            Observed {
                claims: vec![Arc::new(claim("data-0-shop-ssd-0", "4x1", "Bound"))],
                ..accepted()
            },
            "StorageReady",
            "False VolumesOfAnotherLayout",
        ),
        (
            "volumes of someone else",
            Observed {
                foreign_claim: Some("data-0-shop-ssd-0".to_owned()),
                ..accepted()
            },
            "StorageReady",
            "False VolumesNotOurs",
        ),
    ]
}

#[test]
fn a_pool_says_what_it_waits_for_and_makes_nothing() {
    for (what, observed, type_, says) in waiting() {
        assert_eq!(super::says(&reported(&pool(), &observed), type_), says, "{what}");
        assert_eq!(plan(&pool(), &observed).steps, Vec::new(), "{what}");
    }
}

#[test]
fn a_newcomer_takes_no_volumes_that_an_earlier_pool_of_its_name_kept() {
    let time = |text: &str| Some(object(json!(text)));
    let mut pool = pool();
    pool.metadata.creation_timestamp = time("2026-01-02T00:00:00Z");
    let mut kept = claim("data-0-shop-ssd-0", "4x2", "Bound");
    kept.metadata.creation_timestamp = time("2026-01-01T00:00:00Z");
    let seen = |formed: bool, phase: Phase| {
        let mut topology = topology(formed);
        topology.pools[0].phase = phase;
        Observed {
            topology: stored(topology),
            claims: vec![Arc::new(kept.clone())],
            ..accepted()
        }
    };
    let newcomer = seen(true, Phase::Joining);
    let status = reported(&pool, &newcomer);
    assert_eq!(super::says(&status, "StorageReady"), "False VolumesNotEmpty");
    assert!(message(&status, "StorageReady").contains("data-0-shop-ssd-0"));
    assert_eq!(plan(&pool, &newcomer).steps, Vec::new());
    for (formed, phase) in [(false, Phase::Joining), (true, Phase::Active)] {
        assert!(
            applied(&plan(&pool, &seen(formed, phase))).is_some(),
            "{formed} {phase:?}"
        );
    }
}

#[test]
fn all_conditions_are_there_from_the_first_visit_on() {
    for (what, observed, ..) in waiting() {
        let status = reported(&pool(), &observed);
        let types: Vec<_> = status
            .conditions
            .iter()
            .map(|condition| condition.type_.as_str())
            .collect();
        assert_eq!(types, ALL, "{what}");
        assert!(says(&status, "Ready").starts_with("False"), "{what}");
    }
}

#[test]
fn only_what_a_person_must_change_stalls() {
    let stalls = |what: &str| {
        !what.starts_with("no ")
            && !what.contains("leaves")
            && !what.contains("without it")
            && !what.contains("not issued")
    };
    for (what, observed, ..) in waiting() {
        let stalled = says(&reported(&pool(), &observed), "Stalled").starts_with("True");
        assert_eq!(stalled, stalls(what), "{what}");
    }
}

#[test]
fn a_variable_of_the_operators_is_named_with_its_place() {
    let mut tenant = tenant();
    tenant.spec.env = object(json!([{"name": "A", "value": "1"}, {"name": "RUSTFS_VOLUMES", "value": "/x"}]));
    let observed = Observed {
        tenant: Some(Arc::new(tenant)),
        ..accepted()
    };
    let status = reported(&pool(), &observed);
    assert!(message(&status, "Ready").contains("spec.env[1].name RUSTFS_VOLUMES"));
}

#[test]
fn a_changed_volume_claim_is_said_and_never_tried() {
    let mut pool = pool();
    pool.spec
        .volume_claim
        .labels
        .insert("team".to_owned(), "b".to_owned());
    let status = reported(&pool, &serving());
    assert_eq!(says(&status, "StorageReady"), "False VolumesImmutable");
    assert_eq!(says(&status, "Stalled"), "True VolumesImmutable");
    assert_eq!(plan(&pool, &serving()).steps, Vec::new());
}

#[test]
fn a_paused_tenant_changes_nothing_and_keeps_what_was_said() {
    let mut tenant = tenant();
    tenant.spec.paused = true;
    let mut pool = pool();
    pool.status = Some(reported(&pool, &serving()));
    let observed = Observed {
        tenant: Some(Arc::new(tenant)),
        ..serving()
    };
    let status = reported(&pool, &observed);
    assert_eq!(plan(&pool, &observed).steps, Vec::new());
    assert_eq!(says(&status, "Ready"), "False Paused");
    assert_eq!(says(&status, "Joined"), "True Joined");
    assert_eq!((status.servers, status.updated_servers), (4, 4));
}

#[test]
fn a_lost_topology_does_not_make_a_pool_forget_that_it_has_joined() {
    let mut pool = pool();
    pool.status = Some(reported(&pool, &serving()));
    let status = reported(
        &pool,
        &Observed {
            topology: Stored::Missing,
            ..serving()
        },
    );
    assert_eq!(says(&status, "Joined"), "True Joined");
    assert_eq!(status.topology_revision, Some(7));
    assert_eq!(status.element, pool.status.unwrap().element);
}

#[test]
fn servers_go_on_with_the_certificate_they_have_while_it_is_replaced() {
    let observed = Observed {
        tenant: Some(Arc::new(tls_tenant())),
        certificate: Some(Arc::new(certificate("False"))),
        ..serving()
    };
    assert!(applied(&plan(&pool(), &observed)).is_some());
}

#[test]
fn the_finalizer_is_held_before_anything_is_made() {
    let plan = plan(&pool(), &accepted());
    assert_eq!(plan.steps.first(), Some(&Step::Hold(crds::names::FINALIZER_POOL)));
}

#[test]
fn a_pool_without_servers_yet_is_forming() {
    let status = reported(&pool(), &accepted());
    assert_eq!(says(&status, "Accepted"), "True Accepted");
    assert_eq!(says(&status, "StorageReady"), "False VolumesPending");
    assert_eq!(says(&status, "Joined"), "False Forming");
    assert_eq!((status.set_width, status.parity), (Some(8), Some(4)));
}

#[test]
fn what_is_wrong_with_a_service_keeps_no_stateful_set_from_being_made_again() {
    let mut tenant = tenant();
    tenant.spec.services = Some(object(
        json!({"api": {"metadata": {"labels": {"team": "not a label"}}}}),
    ));
    let observed = |stateful_set| Observed {
        tenant: Some(Arc::new(tenant.clone())),
        stateful_set,
        ..serving()
    };
    assert!(applied(&plan(&pool(), &observed(None))).is_some());
    let is_there = observed(serving().stateful_set);
    assert!(is_there.stateful_set.is_some());
    assert_eq!(
        plan(&pool(), &is_there).steps,
        Vec::new(),
        "nobody watches a rollout meanwhile"
    );
}
