use jiff::SignedDuration;
use serde_json::json;

use super::made::certificate;
use crate::certificate::asked::asked;

fn duration(text: &str) -> Result<SignedDuration, String> {
    asked(&certificate(json!({"duration": text}))).map(|asked| asked.duration)
}

#[test]
fn durations_are_read_as_kubernetes_writes_them() {
    assert_eq!(duration("2160h"), Ok(SignedDuration::from_hours(2160)));
    assert_eq!(duration("1h30m"), Ok(SignedDuration::from_mins(90)));
    assert_eq!(duration("1.5h"), Ok(SignedDuration::from_mins(90)));
    assert_eq!(duration("7200s"), Ok(SignedDuration::from_hours(2)));
    assert_eq!(duration("3600000ms"), Ok(SignedDuration::from_hours(1)));
}

#[test]
fn what_is_no_duration_names_its_field() {
    for text in [
        "",
        "90",
        "90d",
        "-1h",
        "h",
        "1h2",
        "1..2h",
        "999999999999999999999h",
        "1e3h",
        "∞",
    ] {
        assert!(duration(text).unwrap_err().starts_with("spec.duration"), "{text}");
    }
    let renew_before = certificate(json!({"renewBefore": "soon"}));
    assert!(asked(&renew_before).unwrap_err().starts_with("spec.renewBefore"));
}

#[test]
fn a_certificate_is_renewed_a_third_before_its_end_unless_asked_otherwise() {
    let default = asked(&certificate(json!({}))).unwrap();
    assert_eq!(default.renew_before * 3, default.duration);
    let greedy = asked(&certificate(json!({"duration": "1h", "renewBefore": "59m"}))).unwrap();
    assert_eq!(greedy.renew_before, SignedDuration::from_mins(54));
}

#[test]
fn a_size_must_fit_its_algorithm() {
    let fits = |key| asked(&certificate(json!({"privateKey": key}))).is_ok();
    assert!(fits(json!({"algorithm": "RSA", "size": 4096})));
    assert!(fits(json!({"algorithm": "ECDSA", "size": 384})));
    assert!(fits(json!({"algorithm": "Ed25519"})));
    assert!(!fits(json!({"algorithm": "RSA", "size": 1024})));
    assert!(!fits(json!({"algorithm": "ECDSA", "size": 2048})));
    assert!(!fits(json!({"algorithm": "Ed25519", "size": 256})));
}
