//! The fields of the kinds, as the schemas of their CustomResourceDefinitions tell them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Map, Value, json};

/// One field: where it is, and what its schema says.
#[derive(Clone, Debug)]
pub struct Field {
    /// Kind of the object.
    pub kind: String,
    /// As `spec.env[].name`.
    pub path: String,
    /// Its schema.
    pub schema: Value,
    /// Whether it has no fields of its own.
    pub leaf: bool,
}

/// The schema of each kind.
static KINDS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let kind = |crd: CustomResourceDefinition| {
        let schema = crd
            .spec
            .versions
            .into_iter()
            .next()
            .and_then(|version| version.schema);
        let schema = serde_json::to_value(schema).expect("a schema is JSON");
        (crd.spec.names.kind, schema["openAPIV3Schema"].clone())
    };
    crds::all().into_iter().map(kind).collect()
});

/// The schema of a kind's `spec`.
fn spec_of(kind: &str) -> &'static Value {
    &KINDS[kind]["properties"]["spec"]
}

/// The rules of whole objects, with the kind.
pub fn rules_of_kinds() -> Vec<(&'static str, &'static str)> {
    let of = |(kind, schema): (&'static String, &'static Value)| {
        let rules = rules(schema).into_iter();
        rules
            .map(|(_, message)| (kind.as_str(), message))
            .collect::<Vec<_>>()
    };
    KINDS.iter().flat_map(of).collect()
}

/// All fields of all kinds.
pub fn fields() -> Vec<Field> {
    let mut all = Vec::new();
    for kind in KINDS.keys() {
        walk(kind, "spec", spec_of(kind), &mut all);
    }
    all
}

fn walk(kind: &str, path: &str, schema: &Value, all: &mut Vec<Field>) {
    let properties = schema["properties"].as_object();
    let items = schema.get("items");
    all.push(Field {
        kind: kind.to_owned(),
        path: path.to_owned(),
        schema: schema.clone(),
        leaf: properties.is_none() && items.is_none(),
    });
    for (name, field) in properties.into_iter().flatten() {
        walk(kind, &format!("{path}.{name}"), field, all);
    }
    if let Some(items) = items {
        walk(kind, &format!("{path}[]"), items, all);
    }
}

/// `spec` with a value at a path, and around it no more than the schema requires.
pub fn lay(kind: &str, spec: &Value, path: &str, value: &Value) -> Value {
    let mut spec = spec.clone();
    let way = path.replace("[]", ".[]");
    let way: Vec<&str> = way.split('.').skip(1).collect();
    put(&mut spec, spec_of(kind), &way, value);
    spec
}

fn put(place: &mut Value, schema: &Value, way: &[&str], value: &Value) {
    let Some((first, rest)) = way.split_first() else {
        *place = value.clone();
        return;
    };
    if place.is_null() {
        *place = least(schema);
    }
    if *first == "[]" {
        let mut item = least(&schema["items"]);
        put(&mut item, &schema["items"], rest, value);
        *place = json!([item]);
    } else {
        if !place.is_object() {
            *place = json!({});
        }
        put(&mut place[*first], &schema["properties"][*first], rest, value);
    }
}

/// The least that a schema lets pass.
pub fn least(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            let required = required.filter_map(Value::as_str);
            let field = |name: &str| (name.to_owned(), least(&schema["properties"][name]));
            Value::Object(required.map(field).collect::<Map<_, _>>())
        }
        Some("array") => {
            let count = schema["minItems"].as_u64().unwrap_or(0);
            (0..count).map(|_| least(&schema["items"])).collect()
        }
        Some("integer") => json!(schema["minimum"].as_f64().map_or(1, whole)),
        Some("boolean") => json!(false),
        _ => json!("x"),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "limits are whole numbers")]
fn whole(number: f64) -> i64 {
    number as i64
}

/// The values at the borders of what a schema lets pass, but for those of the type of the number.
pub fn borders(schema: &Value) -> Vec<Value> {
    let limits = ["minimum", "maximum"];
    let of_type = [f64::from(i32::MIN), f64::from(i32::MAX)].map(whole);
    let limits = limits.iter().filter_map(|name| schema[*name].as_f64().map(whole));
    let limits = limits.filter(|limit| !of_type.contains(limit));
    let words = schema["enum"].as_array().cloned().unwrap_or_default();
    limits.map(|limit| json!(limit)).chain(words).collect()
}

/// Values that a schema does not let pass, each with what is wrong with it.
pub fn wrong(schema: &Value) -> Vec<(&'static str, Value)> {
    let mut all = vec![("of another type", of_another_type(schema))];
    let number = |name: &str| schema[name].as_f64().map(whole);
    all.extend(number("minimum").map(|least| ("too small", json!(least - 1))));
    all.extend(number("maximum").map(|most| ("too large", json!(most + 1))));
    if schema["enum"].is_array() {
        all.push(("none of the words", json!("NoneOfThem")));
    }
    if number("minLength").is_some_and(|least| least > 0) {
        all.push(("empty", json!("")));
    }
    let count = |name: &str| schema[name].as_u64().and_then(|most| usize::try_from(most).ok());
    all.extend(count("maxLength").map(|most| ("too long", json!("x".repeat(most + 1)))));
    all.extend(count("minItems").map(|_| ("empty", json!([]))));
    all.extend(count("maxItems").map(|most| ("too many", (0..=most).map(|at| item(schema, at)).collect())));
    let entries = |most: usize| (0..=most).map(|at| (format!("k{at}"), json!("x"))).collect();
    all.extend(count("maxProperties").map(|most| ("too many", Value::Object(entries(most)))));
    if schema["additionalProperties"].is_object() {
        let entry = of_another_type(&schema["additionalProperties"]);
        all.push(("an entry of another type", json!({"k": entry})));
    }
    if schema["properties"].is_object() {
        let mut object = least(schema);
        object["unknownField"] = json!(1);
        all.push(("with an unknown field", object));
    }
    all
}

fn of_another_type(schema: &Value) -> Value {
    if schema["x-kubernetes-int-or-string"] == true {
        return json!(true);
    }
    match schema["type"].as_str() {
        Some("string") => json!(7),
        Some("object") => json!(["x"]),
        _ => json!("x"),
    }
}

/// One of many items, none like another.
fn item(schema: &Value, at: usize) -> Value {
    let mut item = least(&schema["items"]);
    if item.is_object() {
        item["name"] = json!(format!("n{at}"));
    } else if schema["items"]["enum"].is_null() {
        item = json!(format!("n{at}"));
    }
    item
}

/// The rules a field has of its own.
pub fn rules(schema: &Value) -> Vec<(&str, &str)> {
    let rules = schema["x-kubernetes-validations"].as_array();
    rules
        .into_iter()
        .flatten()
        .filter_map(|rule| Some((rule["rule"].as_str()?, rule["message"].as_str()?)))
        .collect()
}

/// A path without the places in lists: both of `spec.env[name="A"].value` and `spec.env[].value` become
/// `spec.env.value`. A list of messages stays.
pub fn plain(text: &str) -> String {
    let mut inside = false;
    let mut bare = String::new();
    for letter in text.chars() {
        let names = bare.chars().next_back().is_some_and(char::is_alphanumeric);
        match letter {
            '[' if names => inside = true,
            ']' if inside => inside = false,
            _ if !inside => bare.push(letter),
            _ => {}
        }
    }
    bare
}
