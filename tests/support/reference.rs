//! Renders CustomResourceDefinitions as one page for a person.

use std::fmt::Write;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};

const HEAD: &str = "# API reference\n\n\
    <!-- Generated from crds/src by `make docs`; do not edit. -->\n\n\
    Group `storage.rustfs.com`, version `v1alpha1`. All kinds are namespaced and have a status subresource.\n\
    `kubectl explain pools.spec` shows the same text.\n";

/// Types of Kubernetes itself: named, not spelled out.
const FOREIGN: &[(&str, &str)] = &[
    ("affinity", "Affinity"),
    ("conditions", "[]Condition"),
    ("containerSecurityContext", "SecurityContext"),
    ("env", "[]EnvVar"),
    ("imagePullSecrets", "[]LocalObjectReference"),
    ("podSecurityContext", "PodSecurityContext"),
    ("resources", "ResourceRequirements"),
    ("tolerations", "[]Toleration"),
    ("topologySpreadConstraints", "[]TopologySpreadConstraint"),
];

/// The whole page.
pub fn markdown(all: &[CustomResourceDefinition]) -> String {
    let mut page = HEAD.to_owned();
    for crd in all {
        kind(&mut page, crd);
    }
    page
}

fn kind(page: &mut String, crd: &CustomResourceDefinition) {
    let names = &crd.spec.names;
    let short = names.short_names.clone().unwrap_or_default().join(", ");
    let schema = crd.spec.versions[0]
        .schema
        .as_ref()
        .and_then(|schema| schema.open_api_v3_schema.as_ref())
        .unwrap();
    write!(page, "\n## {}\n\n`kubectl get {}`", names.kind, names.plural).unwrap();
    if !short.is_empty() {
        write!(page, ", short `{short}`").unwrap();
    }
    writeln!(page, ". {}\n", text(schema)).unwrap();
    for part in ["spec", "status"] {
        if let Some(schema) = schema.properties.as_ref().and_then(|all| all.get(part)) {
            writeln!(page, "### {}.{part}\n", names.kind).unwrap();
            writeln!(page, "{}\n", text(schema)).unwrap();
            writeln!(page, "| field | type | meaning |\n|---|---|---|").unwrap();
            fields(page, schema, "");
            page.push('\n');
        }
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    rules(page, names.kind.as_str(), schema);
}

fn fields(page: &mut String, schema: &JSONSchemaProps, prefix: &str) {
    let required = schema.required.clone().unwrap_or_default();
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{prefix}{name}");
        let foreign = FOREIGN.iter().find(|(known, _)| known == name);
        let kind = foreign.map_or_else(|| type_of(field), |(_, kind)| (*kind).to_owned());
        let must = if required.contains(name) {
            " **Required.**"
        } else {
            ""
        };
        writeln!(page, "| `{path}` | {kind} | {}{must} |", text(field)).unwrap();
        if foreign.is_none() {
            fields(page, field, &format!("{path}."));
            if let Some(item) = item(field) {
                fields(page, item, &format!("{path}[]."));
            }
        }
    }
}

fn item(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match schema.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(item) => Some(item),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

fn type_of(schema: &JSONSchemaProps) -> String {
    if schema.x_kubernetes_int_or_string == Some(true) {
        return "quantity".to_owned();
    }
    if let Some(values) = &schema.enum_ {
        let names: Vec<_> = values.iter().filter_map(|value| value.0.as_str()).collect();
        return names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    match (schema.type_.as_deref(), item(schema)) {
        (Some("array"), Some(item)) => format!("[]{}", type_of(item)),
        (Some("object"), _) if schema.additional_properties.is_some() => "map of strings".to_owned(),
        (Some(kind), _) => schema
            .format
            .clone()
            .filter(|format| format == "date-time")
            .unwrap_or(kind.to_owned()),
        (None, _) => "any".to_owned(),
    }
}

fn text(schema: &JSONSchemaProps) -> String {
    let text = schema.description.clone().unwrap_or_default();
    text.replace('\n', " ").replace('|', "\\|").trim().to_owned()
}

fn rules(page: &mut String, kind: &str, schema: &JSONSchemaProps) {
    let mut found = Vec::new();
    collect(schema, &mut found);
    if found.is_empty() {
        return;
    }
    writeln!(page, "\n### What is refused for a {kind}\n").unwrap();
    for message in found {
        writeln!(page, "- {message}").unwrap();
    }
}

fn collect(schema: &JSONSchemaProps, found: &mut Vec<String>) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        let message = rule.message.clone().unwrap_or_else(|| rule.rule.clone());
        if !found.contains(&message) {
            found.push(message);
        }
    }
    for field in schema.properties.iter().flatten().map(|(_, field)| field) {
        collect(field, found);
    }
    if let Some(item) = item(schema) {
        collect(item, found);
    }
}
