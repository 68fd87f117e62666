//! What is to be made for a certificate that the operator issues.

use crds::TenantCertificate;
use crds::certificate::RotationPolicy;
use jiff::{SignedDuration, Timestamp};

use super::asked::{Asked, BACKDATE};
use super::ca::{self, Issuing, NoCa};
use super::checks::{self, ISSUER_CHANGED, Input, Terms, Violation};
use super::held::Held;
use super::names::Names;
use super::parsed::Cert;
use super::renewal::renewal;
use super::secret::{self, ANNOTATION_OLD_ROOTS_UNTIL, ANNOTATION_ROOTS_SINCE, Roots};
use super::{CaOrder, Observed, Order, Plan, SPREAD, Work, verdict};
use crate::condition::Finding;
use crate::meta;

/// An own CA starts this long before it is made.
const CA_BACKDATE: SignedDuration = SignedDuration::from_hours(1);

/// All that the decisions about an issued certificate look at.
pub(super) struct Case<'a> {
    pub certificate: &'a TenantCertificate,
    pub held: Option<&'a Held>,
    pub needed: &'a Names,
    pub asked: &'a Asked,
    pub now: Timestamp,
    /// When the certificate that is there is renewed.
    pub renewal: Option<Timestamp>,
}

pub(super) fn managed(
    found: Finding,
    certificate: &TenantCertificate,
    observed: &Observed,
    needed: &Names,
    asked: &Asked,
    now: Timestamp,
) -> Plan {
    let held = observed.held.as_ref();
    let case = Case {
        certificate,
        held,
        needed,
        asked,
        now,
        renewal: held
            .and_then(Held::leaf)
            .map(|leaf| renewal(meta::uid(certificate), asked, leaf)),
    };
    let issuing = match issuing(&case, observed.ca.as_ref()) {
        Ok(issuing) => Ok(issuing),
        Err(Stop::Plan(stop)) => return stop.into_plan(found, &case),
        Err(Stop::Trouble(trouble)) => Err(trouble),
    };
    let violation = case.check(issuing.as_ref().ok());
    let mut plan = verdict::managed(
        found,
        &case,
        violation.as_ref(),
        issuing.as_ref().ok(),
        issuing.as_ref().err(),
    );
    if let Ok(issuing) = issuing {
        let next = |why| issue(&case, &issuing, why);
        let (work, wake_at) = hand_over(&case, &issuing, violation, next);
        plan.work = work;
        plan.wake_at = earliest(plan.wake_at, wake_at);
    }
    plan
}

enum Stop {
    Plan(Box<Early>),
    Trouble(Violation),
}

enum Early {
    Taken(String),
    MakeCa(CaOrder),
    RewriteCa,
}

impl Early {
    fn into_plan(self, found: Finding, case: &Case<'_>) -> Plan {
        match self {
            Self::Taken(name) => verdict::name_taken(found, &name),
            Self::MakeCa(order) => waiting_for(found, case, Work::MakeCa(order)),
            Self::RewriteCa => waiting_for(found, case, Work::RewriteCa),
        }
    }
}

fn waiting_for(found: Finding, case: &Case<'_>, work: Work) -> Plan {
    let mut plan = verdict::managed(found, case, case.check(None).as_ref(), None, None);
    plan.work = work;
    plan
}

fn issuing(case: &Case<'_>, held: Option<&Held>) -> Result<Issuing, Stop> {
    let (asked, now) = (case.asked, case.now);
    if let Some(given) = &case.certificate.spec.issuer.ca {
        return ca::given(&given.secret_ref.name, held, asked, now).map_err(Stop::Trouble);
    }
    let leaf = case.held.and_then(Held::leaf);
    let early = match ca::own(held, leaf, asked, meta::uid(case.certificate), now) {
        Ok(_) if held.is_some_and(|held| !case.marked(held)) => Early::RewriteCa,
        Ok(issuing) => return Ok(issuing),
        Err(NoCa::Taken) => Early::Taken(crds::names::ca_secret(meta::name(case.certificate))),
        Err(NoCa::Make(replaces)) => Early::MakeCa(CaOrder {
            key: asked.key,
            not_before: now - CA_BACKDATE,
            not_after: now + ca::own_duration(asked),
            replaces,
        }),
    };
    Err(Stop::Plan(Box::new(early)))
}

impl Case<'_> {
    /// Whether a Secret has its owner, and the labels by which it is watched.
    fn marked(&self, held: &Held) -> bool {
        let labels = secret::labels(self.certificate);
        !held.orphan
            && labels
                .iter()
                .all(|(key, value)| held.labels.get(key) == Some(value))
    }

    fn check(&self, issuing: Option<&Issuing>) -> Option<Violation> {
        let name = crds::names::certificate_secret(meta::name(self.certificate));
        checks::check(&Input {
            held: self.held,
            place: &format!("Secret '{name}'"),
            needed: self.needed,
            terms: Some(Terms {
                uid: meta::uid(self.certificate),
                asked: self.asked,
                issuing,
            }),
            now: self.now,
        })
    }

    /// Whether servers go on with what they have until all of them trust the other root of the next one.
    pub(super) fn can_wait(&self, why: &Violation, issuing: &Issuing) -> bool {
        let lives = self
            .held
            .and_then(Held::leaf)
            .is_some_and(|leaf| leaf.valid_at(self.now));
        lives && why.can_wait() && self.changes_root(issuing)
    }

    /// Whether the next certificate leads to another root than the one that is there.
    pub(super) fn changes_root(&self, issuing: &Issuing) -> bool {
        self.held
            .and_then(|held| held.root(self.now))
            .is_some_and(|root| *root != issuing.root)
    }
}

/// What is done for the certificate that servers have, and when to look again. `next` makes the next one, which leads
/// to the root of `issuing`: at once, unless servers have to learn that root before.
pub(super) fn hand_over(
    case: &Case<'_>,
    issuing: &Issuing,
    violation: Option<Violation>,
    next: impl Fn(Violation) -> Work,
) -> (Work, Option<Timestamp>) {
    let Some(held) = case.held else {
        return (violation.map_or(Work::None, next), None);
    };
    let roots = roots(case, issuing, held);
    match violation {
        Some(why) if why.reason == ISSUER_CHANGED || case.can_wait(&why, issuing) => {
            let announced = held
                .roots
                .read()
                .is_some_and(|roots| roots.contains(&issuing.root))
                && held.instant(ANNOTATION_ROOTS_SINCE).is_some();
            let switch = switch(case, issuing, held, roots.since, &why);
            if announced && switch <= case.now {
                (next(why), None)
            } else if announced {
                (rewrite(case, held, &roots), Some(switch))
            } else {
                (Work::Rewrite(roots), Some(switch))
            }
        }
        Some(why) => (next(why), None),
        None => (rewrite(case, held, &roots), roots.old_until),
    }
}

/// When the next certificate may come from the new CA: once every server trusts it, and no earlier than need be if
/// the change was planned and nothing else is asked for, so that clients have time to learn the new root too.
fn switch(case: &Case<'_>, issuing: &Issuing, held: &Held, since: Timestamp, why: &Violation) -> Timestamp {
    let spread = since + SPREAD;
    let planned = held
        .root(case.now)
        .is_some_and(|root| issuing.replaces.as_deref() == Some(root.fingerprint().as_str()));
    match case.renewal {
        Some(renewal) if planned && why.still_good() => spread.max(renewal),
        _ => spread,
    }
}

fn rewrite(case: &Case<'_>, held: &Held, roots: &Roots) -> Work {
    let there = held.roots.read().map(Vec::as_slice).unwrap_or_default();
    let same = |one: &[Cert], other: &[Cert]| one.iter().all(|cert| other.contains(cert));
    let intact = held.copies_agree
        && case.marked(held)
        && same(there, &roots.certs)
        && same(&roots.certs, there)
        && held.instant(ANNOTATION_ROOTS_SINCE) == Some(roots.since)
        && held.instant(ANNOTATION_OLD_ROOTS_UNTIL) == roots.old_until;
    if intact {
        Work::None
    } else {
        Work::Rewrite(roots.clone())
    }
}

/// What `ca.crt` holds while the certificate that is there stays: the root that issues, the root of the
/// certificate, and older ones until their time is up.
fn roots(case: &Case<'_>, issuing: &Issuing, held: &Held) -> Roots {
    let there = held.roots.read().map(Vec::as_slice).unwrap_or_default();
    let own = held.root(case.now);
    let kept_until = held
        .instant(ANNOTATION_OLD_ROOTS_UNTIL)
        .filter(|until| *until > case.now);
    let old: Vec<Cert> = there
        .iter()
        .filter(|root| **root != issuing.root && root.valid_at(case.now))
        .filter(|root| Some(*root) == own || kept_until.is_some())
        .cloned()
        .collect();
    let since = held
        .instant(ANNOTATION_ROOTS_SINCE)
        .filter(|_| there.contains(&issuing.root))
        .unwrap_or_else(|| whole_seconds(case.now));
    Roots {
        old_until: kept_until.filter(|_| !old.is_empty()),
        certs: std::iter::once(issuing.root.clone()).chain(old).collect(),
        since,
    }
}

fn issue(case: &Case<'_>, issuing: &Issuing, why: Violation) -> Work {
    let Case { asked, now, .. } = *case;
    let keep_key = asked.rotation == RotationPolicy::Never
        && case
            .held
            .and_then(|held| held.key.read())
            .is_some_and(|key| key.kind == asked.key);
    let now = whole_seconds(now);
    Work::Issue(Box::new(Order {
        why,
        common_name: common_name(case.certificate),
        names: case.needed.clone(),
        key: asked.key,
        keep_key,
        not_before: now - BACKDATE,
        not_after: now + asked.duration,
        issuing: issuing.clone(),
        roots: roots_of_next(case, issuing),
    }))
}

/// The subject's common name: at most 64 characters.
fn common_name(certificate: &TenantCertificate) -> String {
    let mut name = certificate.spec.tenant_ref.name.clone();
    name.truncate(64);
    name
}

/// What `ca.crt` holds from the moment on in which the next certificate is there.
pub(super) fn roots_of_next(case: &Case<'_>, issuing: &Issuing) -> Roots {
    let mut roots = match case.held {
        Some(held) => roots(case, issuing, held),
        None => Roots {
            certs: vec![issuing.root.clone()],
            since: whole_seconds(case.now),
            old_until: None,
        },
    };
    if roots.certs.len() > 1 {
        // Servers show the old certificate until they have read the new one: at most to its end.
        let end = case.held.and_then(Held::leaf).map(|leaf| leaf.not_after);
        roots.old_until = roots.old_until.max(end.filter(|_| case.changes_root(issuing)));
    }
    roots
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

pub(super) fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
