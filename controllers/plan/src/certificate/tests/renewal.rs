use jiff::SignedDuration;
use proptest::prelude::*;

use super::made::*;
use crate::certificate::Asked;
use crate::certificate::asked::{BACKDATE, asked};
use crate::certificate::parsed::Cert;
use crate::certificate::renewal::renewal;

fn at(issued: jiff::Timestamp, asked: &Asked, template: &Cert) -> Cert {
    Cert {
        not_before: issued - BACKDATE,
        not_after: issued + asked.duration,
        ..template.clone()
    }
}

fn an_asked(duration_hours: i64, renew_before_minutes: Option<i64>) -> Asked {
    let mut spec = serde_json::json!({"duration": format!("{duration_hours}h")});
    if let Some(minutes) = renew_before_minutes {
        spec["renewBefore"] = format!("{minutes}m").into();
    }
    asked(&certificate(spec)).unwrap()
}

proptest! {
    #[test]
    fn over_five_years_of_rotations_no_certificate_ends_and_none_is_renewed_at_once(
        uid in "[0-9a-f]{8}-[0-9a-f]{4}",
        hours in 1_i64..20_000,
        before in proptest::option::of(1_i64..2_000_000),
        skew_seconds in -600_i64..=600,
    ) {
        let template = root("root").cert;
        let asked = an_asked(hours, before);
        let jitter = (asked.duration / 20).min(SignedDuration::from_hours(1));
        let mut issued = now();
        // Short ones would make thousands of rotations that all are the same.
        for _ in 0..(5 * 365 * 24 / hours + 1).min(60) {
            let cert = at(issued, &asked, &template);
            let due = renewal(&uid, &asked, &cert);
            prop_assert_eq!(due, renewal(&uid, &asked, &cert));
            prop_assert!(due <= cert.not_after - asked.renew_before);
            prop_assert!(due >= cert.not_after - asked.renew_before - jitter);
            // At the worst a twentieth of the duration passes between two issuances.
            prop_assert!(due >= issued + asked.duration / 20);
            // A clock that is behind does not find the new certificate in the future, and one that is ahead does not
            // find the old one ended while the new one is made.
            let skew = SignedDuration::from_secs(skew_seconds);
            prop_assert!(cert.not_before <= issued + skew);
            if asked.renew_before > SignedDuration::from_mins(10) {
                prop_assert!(due + skew <= cert.not_after);
            }
            issued = due;
        }
    }
}

#[test]
fn certificates_of_one_day_are_not_renewed_in_one_minute() {
    let asked = default_asked();
    let cert = at(now(), &asked, &root("root").cert);
    let mut minutes: Vec<i64> = (0..200)
        .map(|index| renewal(&format!("uid-{index}"), &asked, &cert).as_second() / 60)
        .collect();
    minutes.sort_unstable();
    minutes.dedup();
    assert!(minutes.len() > 40, "{} different minutes", minutes.len());
}

#[test]
fn a_certificate_whose_dates_make_no_sense_is_due() {
    let cert = Cert {
        not_before: now(),
        not_after: now() - days(1),
        ..root("root").cert
    };
    assert!(renewal(UID, &default_asked(), &cert) <= now());
}
