//! The schemas of the kinds, with what their making leaves open or loses. Where Kubernetes' own types leave something
//! open, the API server refuses what could not be read afterwards: an object that cannot be read is one the operator
//! can do nothing for.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// How Kubernetes writes quantities. All that is number or text in these kinds is one.
const QUANTITY: &str = "^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$";

/// The definition of a kind. Whole numbers have borders, quantities a form, and each field its own words.
pub(crate) fn of<K: CustomResourceExt + JsonSchema>() -> CustomResourceDefinition {
    let mut crd = K::crd();
    let said = said::<K>();
    for version in &mut crd.spec.versions {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            walk(schema, &said);
        }
    }
    crd
}

/// The schema of a kind as its types say it. On the way to Kubernetes' form an optional field whose type is an enum
/// takes the description of the enum in place of its own.
fn said<K: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<K>().to_value()
}

fn walk(schema: &mut JSONSchemaProps, said: &Value) {
    if let Some(text) = said["description"].as_str() {
        schema.description = Some(text.to_owned());
    }
    // What may be absent is either that or null.
    let said = said["anyOf"].get(0).unwrap_or(said);
    if schema.format.as_deref() == Some("int32") {
        schema.minimum.get_or_insert(f64::from(i32::MIN));
        schema.maximum.get_or_insert(f64::from(i32::MAX));
    }
    if schema.x_kubernetes_int_or_string == Some(true) {
        schema.pattern.get_or_insert_with(|| QUANTITY.to_owned());
    }
    for (name, property) in schema.properties.iter_mut().flatten() {
        walk(property, &said["properties"][name.as_str()]);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        walk(items, &said["items"]);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        walk(values, &said["additionalProperties"]);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Pool, Tenant};

    #[test]
    fn an_optional_field_of_an_enum_says_its_own_words() {
        let [tenant, pool] = [super::of::<Tenant>(), super::of::<Pool>()]
            .map(|crd| serde_json::to_value(crd.spec.versions[0].schema.clone()).unwrap());
        let spec = |schema: &serde_json::Value, field: &str| {
            let spec = &schema["openAPIV3Schema"]["properties"]["spec"]["properties"];
            spec.pointer(&format!("{field}/description")).unwrap().to_string()
        };
        let job = "/hooks/items/properties/job/properties/imagePullPolicy";
        for (text, part) in [
            (
                spec(&tenant, "/imagePullPolicy"),
                "A change causes a rolling restart.",
            ),
            (spec(&tenant, job), "Default: the cluster's rule."),
            (spec(&pool, "/reclaimPolicy"), "Default: the Tenant's"),
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn quantities_have_a_form_and_whole_numbers_have_borders() {
        let schemas = crate::all()
            .into_iter()
            .map(|crd| serde_json::to_string(&crd.spec));
        let text: String = schemas.map(Result::unwrap).collect();
        let count = |part: &str| text.matches(part).count();
        assert!(count("\"x-kubernetes-int-or-string\":true") > 0);
        assert_eq!(
            count("\"x-kubernetes-int-or-string\":true"),
            count("[KMGTPE]i|[numkMGTPE]")
        );
        assert_eq!(
            count("\"format\":\"int32\",\"type\""),
            0,
            "a border stands between them"
        );
    }
}
