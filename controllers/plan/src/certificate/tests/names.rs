use super::made::*;
use crate::certificate::Names;
use crate::certificate::names::needed;

fn names(all: &[&str]) -> Names {
    let mut names = Names::default();
    for name in all {
        match name.parse() {
            Ok(address) => {
                names.addresses.insert(address);
            }
            Err(_) => names.add_dns(name),
        }
    }
    names
}

#[test]
fn a_wildcard_stands_for_exactly_one_label() {
    let cases = [
        ("*.example.com", "a.example.com", true),
        ("*.example.com", "A.Example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "a.b.example.com", false),
        ("*.example.com", "*.example.com", true),
        ("*.com", "*.example.com", false),
        ("a.example.com", "*.example.com", false),
        ("a.example.com", "a.example.com.", true),
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false),
        ("::1", "0:0:0:0:0:0:0:1", true),
    ];
    for (has, needs, covered) in cases {
        assert_eq!(
            names(&[has]).missing(&names(&[needs])).is_empty(),
            covered,
            "{has} for {needs}"
        );
    }
}

#[test]
fn a_certificate_needs_the_names_of_the_tenant_and_the_additional_ones() {
    let certificate = certificate(serde_json::json!({
        "additionalDnsNames": ["s3.example.com"], "additionalIpAddresses": ["192.0.2.7", "2001:db8::1"]
    }));
    insta::assert_debug_snapshot!(needed(&certificate, &tenant()).unwrap().list(), @r#"
    [
        "*.store-hl.ns.svc.cluster.local",
        "localhost",
        "s3.example.com",
        "store-api.ns.svc",
        "192.0.2.7",
        "2001:db8::1",
    ]
    "#);
}

#[test]
fn nothing_is_needed_before_the_tenant_has_told_its_names() {
    let mut tenant = tenant();
    tenant.status = None;
    assert_eq!(needed(&own(), &tenant), None);
}
