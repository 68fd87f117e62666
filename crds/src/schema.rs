//! What Kubernetes' own types leave open in a schema. The API server refuses there what could not be read afterwards: an
//! object that cannot be read is one the operator can do nothing for.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// How Kubernetes writes quantities. All that is number or text in these kinds is one.
const QUANTITY: &str = "^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$";

/// Sets the borders of whole numbers that have none, and the form of quantities.
pub(crate) fn close(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            walk(schema);
        }
    }
    crd
}

fn walk(schema: &mut JSONSchemaProps) {
    if schema.format.as_deref() == Some("int32") {
        schema.minimum.get_or_insert(f64::from(i32::MIN));
        schema.maximum.get_or_insert(f64::from(i32::MAX));
    }
    if schema.x_kubernetes_int_or_string == Some(true) {
        schema.pattern.get_or_insert_with(|| QUANTITY.to_owned());
    }
    for property in schema.properties.iter_mut().flat_map(|all| all.values_mut()) {
        walk(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        walk(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        walk(values);
    }
}

#[cfg(test)]
mod tests {
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
