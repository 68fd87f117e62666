use super::*;

#[test]
fn the_stateful_set_of_a_plain_pool() {
    let plan = plan(&pool(), &accepted());
    insta::assert_yaml_snapshot!(applied(&plan).unwrap());
}

#[test]
fn the_stateful_set_of_a_pool_with_tls_and_every_setting() {
    let mut tenant = tls_tenant();
    let settings = json!({
        "image": "registry.example/rustfs:1.0.1", "imagePullPolicy": "Always",
        "imagePullSecrets": [{"name": "pull"}],
        "credentialsSecretRef": {"name": "root"}, "rpcSecretRef": {"name": "between"},
        "tls": {"mode": "Enabled"},
        "env": [
            {"name": "RUSTFS_CHECK_UPDATE", "value": "true"},
            {"name": "RUSTFS_REGION", "value": "eu"},
        ],
        "podMetadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}},
        "scheduling": {
            "nodeSelector": {"disk": "any"},
            "tolerations": [{"key": "storage", "operator": "Exists"}],
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
            ],
            "priorityClassName": "high",
        },
        "resources": {"requests": {"cpu": "1"}},
        "podSecurityContext": {"fsGroup": 5},
        "containerSecurityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}},
        "serviceAccountName": "servers",
    });
    tenant.spec = object(settings);
    let mut pool = pool();
    pool.spec.scheduling = Some(object(
        json!({"nodeSelector": {"disk": "ssd"}, "schedulerName": "mine"}),
    ));
    pool.spec.resources = Some(object(json!({"limits": {"memory": "4Gi"}})));
    let observed = Observed {
        tenant: Some(Arc::new(tenant)),
        certificate: Some(Arc::new(certificate("True"))),
        ..accepted()
    };
    let plan = plan(&pool, &observed);
    insta::assert_yaml_snapshot!(applied(&plan).unwrap());
}

#[test]
fn the_status_of_a_pool_that_serves() {
    insta::assert_yaml_snapshot!(reported(&pool(), &serving()));
}
