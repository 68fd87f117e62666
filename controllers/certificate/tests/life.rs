//! Years of one certificate, in the order in which its controller would be woken.

use jiff::{SignedDuration, Timestamp};
use plan::certificate::{Cert, SPREAD, parsed};
use serde_json::json;

use super::cluster::Cluster;

const SKEW: SignedDuration = SignedDuration::from_mins(10);

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// What a server shows, and what it trusts.
#[derive(Clone)]
struct Shown {
    chain: Vec<Cert>,
    roots: Vec<Cert>,
}

impl Shown {
    fn of(cluster: &Cluster) -> Self {
        Self {
            chain: cluster.certs("tls.crt"),
            roots: cluster.certs("ca.crt"),
        }
    }

    /// A peer that still or already has the other's Secret accepts this one, on a clock that is off.
    fn accepted_by(&self, peer: &Self, now: Timestamp) {
        for clock in [now - SKEW, now, now + SKEW] {
            assert!(
                self.chain[0].valid_at(clock),
                "at {clock}: {:?}",
                self.chain[0].not_after
            );
            assert!(
                parsed::root(&self.chain, &peer.roots, clock).is_some(),
                "not trusted at {clock}"
            );
        }
    }
}

async fn live(mut cluster: Cluster, years: i64) -> (usize, usize) {
    let mut now = start();
    let end = now + days(365 * years);
    let (mut certificates, mut roots) = (1, 1);
    let mut plan = cluster.settle(now).await;
    let mut shown = Shown::of(&cluster);
    while now < end {
        let wait = plan.requeue(now, days(30));
        now += SignedDuration::try_from(wait).unwrap();
        shown.accepted_by(&shown, now);
        plan = cluster.settle(now).await;
        let next = Shown::of(&cluster);
        next.accepted_by(&next, now);
        next.accepted_by(&shown, now);
        shown.accepted_by(&next, now);
        certificates += usize::from(next.chain != shown.chain);
        roots += usize::from(next.roots[0] != shown.roots[0]);
        assert!(next.roots.len() <= 2, "old roots pile up");
        shown = next;
    }
    (certificates, roots)
}

#[tokio::test]
async fn over_twenty_five_years_every_server_accepts_every_other_at_every_change() {
    let (certificates, roots) = live(Cluster::new(json!({"issuer": {"selfSigned": {}}})), 25).await;
    assert!((140..170).contains(&certificates), "{certificates} certificates");
    assert_eq!(roots, 3);
}

#[tokio::test]
async fn five_years_of_long_certificates_change_their_roots_in_time() {
    let spec = json!({"issuer": {"selfSigned": {}}, "duration": "26280h", "renewBefore": "17520h"});
    let (certificates, _) = live(Cluster::new(spec), 20).await;
    assert!((18..30).contains(&certificates), "{certificates} certificates");
}

#[tokio::test]
async fn a_certificate_that_ended_while_the_operator_was_away_is_replaced_at_once() {
    let mut cluster = Cluster::new(json!({"issuer": {"selfSigned": {}}}));
    cluster.settle(start()).await;
    let before = Shown::of(&cluster);
    // Once within the life of the CA, and once long after it.
    for years in [1, 20] {
        let later = start() + days(365 * years);
        cluster.settle(later).await;
        let after = Shown::of(&cluster);
        after.accepted_by(&after, later);
        assert_ne!(after.chain, before.chain);
    }
}

#[tokio::test]
async fn a_deleted_ca_changes_the_root_in_two_steps_and_a_deleted_certificate_at_once() {
    let mut cluster = Cluster::new(json!({"issuer": {"selfSigned": {}}}));
    cluster.settle(start()).await;
    let old = Shown::of(&cluster);
    cluster.ca = None;
    cluster.settle(start()).await;
    let announced = Shown::of(&cluster);
    assert_eq!(announced.chain, old.chain);
    assert_eq!(announced.roots.len(), 2);
    cluster.settle(start() + SPREAD).await;
    let switched = Shown::of(&cluster);
    assert_ne!(switched.chain, old.chain);
    switched.accepted_by(&announced, start() + SPREAD);
    announced.accepted_by(&switched, start() + SPREAD);

    cluster.secret = None;
    cluster.settle(start() + days(1)).await;
    let restored = Shown::of(&cluster);
    assert_ne!(restored.chain, switched.chain);
    restored.accepted_by(&switched, start() + days(1));
}

#[tokio::test]
async fn work_that_was_cut_off_after_any_write_is_resumed() {
    let mut cut = Cluster::new(json!({"issuer": {"selfSigned": {}}}));
    let (_, worked) = cut.step(start()).await.unwrap();
    assert!(worked && cut.ca.is_some() && cut.secret.is_none());
    let ca = cut.ca.clone();
    let later = start() + SignedDuration::from_hours(5);
    cut.settle(later).await;
    assert_eq!(cut.ca, ca);
    let shown = Shown::of(&cut);
    shown.accepted_by(&shown, later);
}

#[tokio::test]
async fn changed_names_are_in_the_certificate_after_the_next_visit() {
    let mut cluster = Cluster::new(json!({"issuer": {"selfSigned": {}}}));
    cluster.settle(start()).await;
    let roots = cluster.value("ca.crt");
    cluster.certificate.spec.additional_dns_names = vec!["s3.example.com".into()];
    cluster.settle(start() + days(1)).await;
    assert!(cluster.certs("tls.crt")[0].names.dns.contains("s3.example.com"));
    assert_eq!(cluster.value("ca.crt"), roots);
}

#[tokio::test]
async fn a_key_is_new_at_each_renewal_unless_it_is_to_stay() {
    for (policy, stays) in [("Always", false), ("Never", true)] {
        let mut cluster =
            Cluster::new(json!({"issuer": {"selfSigned": {}}, "privateKey": {"rotationPolicy": policy}}));
        cluster.settle(start()).await;
        let (key, serial) = (cluster.public_key(), cluster.certs("tls.crt")[0].serial.clone());
        cluster.settle(start() + days(70)).await;
        assert_eq!(cluster.public_key() == key, stays, "{policy}");
        assert_ne!(cluster.certs("tls.crt")[0].serial, serial, "{policy}");
    }
}
