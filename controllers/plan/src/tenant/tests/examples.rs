//! Everything made for one Tenant, for a person to read.

use crds::common::Metadata;
use crds::tenant::{ServiceTemplate, ServiceType, Services, Tls, TlsMode};
use serde_json::{Value, json};

use super::super::plan;
use super::world::*;
use crate::step::{Child, Step};

fn shown(steps: &[Step]) -> Vec<Value> {
    steps.iter().map(show).collect()
}

fn show(step: &Step) -> Value {
    match step {
        Step::Apply(child) => json!({ "apply": object(child) }),
        // A Secret's values differ each time in life; the shape is what matters.
        Step::Create(child) => json!({ "create": object(child) }),
        Step::Adopt(target) => json!({ "adopt": format!("{} {}", target.kind, target.name) }),
        Step::Delete(target, why) => {
            json!({ "delete": format!("{} {}: {}", target.kind, target.name, why.message) })
        }
        Step::Orphan(target, why) => {
            json!({ "orphan": format!("{} {}: {}", target.kind, target.name, why.message) })
        }
        Step::Grow(target, size, _) => {
            json!({ "grow": format!("{} {} to {}", target.kind, target.name, size.0) })
        }
        Step::Hold(finalizer) => json!({ "hold": finalizer }),
        Step::Release(finalizer) => json!({ "release": finalizer }),
    }
}

fn object(child: &Child) -> Value {
    let value = match child {
        Child::ServiceAccount(child) => serde_json::to_value(child),
        Child::Service(child) => serde_json::to_value(child),
        Child::Secret(child) => serde_json::to_value(child),
        Child::ConfigMap(child) => serde_json::to_value(child),
        Child::PodDisruptionBudget(child) => serde_json::to_value(child),
        Child::NetworkPolicy(child) => serde_json::to_value(child),
        Child::StatefulSet(child) => serde_json::to_value(child),
        Child::Job(child) => serde_json::to_value(child),
        Child::Dynamic(child) => serde_json::to_value(child),
    };
    value.unwrap()
}

#[test]
fn a_plain_tenant_with_one_pool() {
    let plan = plan(&tenant(), &with_pools([pool("p0", 4, 1)]));
    insta::assert_yaml_snapshot!(shown(&plan.steps));
}

#[test]
fn a_serving_tenant_whose_services_and_account_were_changed() {
    let (mut tenant, observed) = formed([pool("p0", 4, 4), pool("odd", 17, 1)]);
    tenant.spec.services = Some(Services {
        api: Some(ServiceTemplate {
            type_: ServiceType::LoadBalancer,
            metadata: Some(Metadata {
                labels: [("team".to_owned(), "storage".to_owned())].into(),
                annotations: [("example.org/dns".to_owned(), "s3.example.org".to_owned())].into(),
            }),
            load_balancer_class: Some("example.org/edge".into()),
            app_protocol: Some("kubernetes.io/h2c".into()),
        }),
        console: None,
    });
    tenant.spec.service_account_name = Some("given".into());
    let plan = plan(&tenant, &observed);
    insta::assert_yaml_snapshot!(shown(&plan.steps));
}

#[test]
fn the_names_a_certificate_must_hold() {
    let names = super::super::server_names(&tenant(), &Default::default());
    insta::assert_yaml_snapshot!(names);
}

#[test]
fn the_status_of_a_serving_tenant() {
    let (tenant, _) = formed([pool("p0", 4, 4), pool("odd", 17, 1)]);
    insta::assert_yaml_snapshot!(tenant.status);
}

#[test]
fn an_element_with_tls() {
    let mut tenant = tenant();
    tenant.spec.tls = Some(Tls {
        mode: TlsMode::Enabled,
        certificate_ref: None,
    });
    let plan = plan(&tenant, &with_pools([pool("p0", 4, 2)]));
    let topology = plan.topology.unwrap();
    assert_eq!(
        topology.volumes(),
        "https://store-p0-{0...3}.store-hl.shop.svc.cluster.local:9000/data/rustfs{0...1}"
    );
}
