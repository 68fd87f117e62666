//! The Services: one that gives every server its name, two that clients use.

use crds::Tenant;
use crds::names::{self, LABEL_TENANT, LABEL_TOPOLOGY_REVISION, PORT_API, PORT_CONSOLE};
use crds::tenant::{ServiceTemplate, ServiceType};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::facts;
use crate::meta;
use crate::step::{Child, Step};

/// Names every server, ready or not: peers must find each other before any of them can become ready.
pub(crate) fn headless(tenant: &Tenant) -> Step {
    let name = meta::name(tenant);
    let scheme = facts::scheme(tenant);
    apply(Service {
        metadata: meta::child_meta(
            names::headless_service(name),
            tenant,
            meta::labels(name, "internode"),
        ),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            cluster_ip: Some("None".into()),
            publish_not_ready_addresses: Some(true),
            selector: Some([(LABEL_TENANT.to_owned(), name.to_owned())].into()),
            ports: Some(vec![
                port("api", PORT_API, scheme),
                port("console", PORT_CONSOLE, scheme),
            ]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

/// S3 and the admin API, on servers of the serving topology revision only.
pub(crate) fn api(tenant: &Tenant, serving: u64) -> Step {
    let template = tenant
        .spec
        .services
        .as_ref()
        .and_then(|services| services.api.as_ref());
    let name = names::api_service(meta::name(tenant));
    apply(client(tenant, name, "api", PORT_API, template, serving))
}

/// The web console, on servers of the serving topology revision only.
pub(crate) fn console(tenant: &Tenant, serving: u64) -> Step {
    let template = tenant
        .spec
        .services
        .as_ref()
        .and_then(|services| services.console.as_ref());
    let name = names::console_service(meta::name(tenant));
    apply(client(tenant, name, "console", PORT_CONSOLE, template, serving))
}

fn client(
    tenant: &Tenant,
    name: String,
    component: &str,
    number: i32,
    template: Option<&ServiceTemplate>,
    serving: u64,
) -> Service {
    let template = template.cloned().unwrap_or_default();
    let given = template.metadata.unwrap_or_default();
    let mut labels = given.labels;
    labels.extend(meta::labels(meta::name(tenant), component));
    let mut metadata = meta::child_meta(name, tenant, labels);
    metadata.annotations = (!given.annotations.is_empty()).then_some(given.annotations);
    let protocol = template.app_protocol.as_deref().unwrap_or(facts::scheme(tenant));
    let balanced = template.type_ == ServiceType::LoadBalancer;
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some(type_name(template.type_).into()),
            load_balancer_class: template.load_balancer_class.filter(|_| balanced),
            selector: Some(
                [
                    (LABEL_TENANT.to_owned(), meta::name(tenant).to_owned()),
                    (LABEL_TOPOLOGY_REVISION.to_owned(), serving.to_string()),
                ]
                .into(),
            ),
            ports: Some(vec![port(component, number, protocol)]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(name: &str, number: i32, protocol: &str) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        target_port: Some(IntOrString::Int(number)),
        protocol: Some("TCP".into()),
        app_protocol: Some(protocol.to_owned()),
        ..ServicePort::default()
    }
}

fn type_name(type_: ServiceType) -> &'static str {
    match type_ {
        ServiceType::ClusterIP => "ClusterIP",
        ServiceType::NodePort => "NodePort",
        ServiceType::LoadBalancer => "LoadBalancer",
    }
}

fn apply(service: Service) -> Step {
    Step::Apply(Box::new(Child::Service(service)))
}
