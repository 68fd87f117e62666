//! Does what the plan asks for, and looks again, until there is nothing left to do.

use crds::TenantCertificate;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kit::Error;
use plan::certificate::{Order, Plan, Work, ca, plan, secret};
use plan::{Child, Enacted, Failure, Step};

use super::Controller;
use super::issue::{self, IssueError};
use super::observe::{self, Seen};

/// A CA, a certificate, and one look after each; one more for a Secret that changed meanwhile.
const ROUNDS: usize = 4;

/// How far it came.
pub(super) struct Done {
    pub seen: Seen,
    pub plan: Plan,
    pub failure: Option<Failure>,
    /// There is work left that did not change anything: what was read and what is cached differ.
    pub unsettled: bool,
}

pub(super) async fn carry_out(
    controller: &Controller,
    certificate: &TenantCertificate,
) -> Result<Done, Error> {
    let mut seen = observe::observe(controller, certificate).await?;
    let mut decided = plan(certificate, &seen.observed, controller.kit.now());
    // What comes of them wakes the object again; what servers have is cared for whatever does.
    let steps = std::mem::take(&mut decided.steps);
    let mut failure = controller.kit.enact(certificate, steps).await.failure().cloned();
    let mut failed = false;
    for _ in 0..ROUNDS {
        if decided.work == Work::None {
            break;
        }
        let now = controller.kit.now();
        let changed = match make(certificate, &seen, &decided.work, now).await {
            Ok(secret) => apply(controller, certificate, secret).await,
            Err(failure) => Err(failure),
        };
        match changed {
            Ok(true) => {
                seen = observe::observe(controller, certificate).await?;
                decided = plan(certificate, &seen.observed, controller.kit.now());
            }
            Ok(false) => break,
            Err(why) => {
                failure = Some(why);
                failed = true;
                break;
            }
        }
    }
    let unsettled = !failed && decided.work != Work::None;
    Ok(Done {
        seen,
        plan: decided,
        failure,
        unsettled,
    })
}

async fn apply(
    controller: &Controller,
    certificate: &TenantCertificate,
    secret: Secret,
) -> Result<bool, Failure> {
    let step = Step::Apply(Box::new(Child::Secret(secret)));
    let enacted: Enacted = controller.kit.enact(certificate, vec![step]).await;
    match enacted.failure() {
        Some(failure) => Err(failure.clone()),
        None => Ok(enacted.changed()),
    }
}

/// Makes the Secret that the work asks for.
pub(super) async fn make(
    certificate: &TenantCertificate,
    seen: &Seen,
    work: &Work,
    now: Timestamp,
) -> Result<Secret, Failure> {
    match work.clone() {
        Work::MakeCa(order) => {
            let owned = certificate.clone();
            let replaces = order.replaces.clone();
            let made = blocking(move || issue::make_ca(&order, |unique| ca::own_subject(&owned, unique)));
            let (ca, key) = made.await?;
            let mut secret = secret::ca(certificate, &ca, replaces.as_deref());
            key.put(&mut secret, &["tls.key"]);
            Ok(secret)
        }
        Work::RewriteCa => {
            let (Some(held), Some(key)) = (&seen.observed.ca, &seen.ca_key) else {
                return Err(gone());
            };
            let ca = held.leaf().ok_or_else(gone)?;
            let replaces = held.annotations.get(ca::ANNOTATION_REPLACES);
            let mut secret = secret::ca(certificate, ca, replaces.map(String::as_str));
            key.put(&mut secret, &["tls.key"]);
            Ok(secret)
        }
        Work::Issue(order) => issue_secret(certificate, seen, *order, now).await,
        Work::Rewrite(roots) => {
            let (Some(chain), Some(key)) = (
                seen.observed.held.as_ref().and_then(|held| held.chain.read()),
                &seen.key,
            ) else {
                return Err(gone());
            };
            let mut secret = secret::certificate(certificate, chain, &roots);
            key.put(&mut secret, &secret::PRIVATE);
            Ok(secret)
        }
        Work::Copy(copy) => {
            let issued = seen.observed.issued.as_ref();
            let (Some(chain), Some(key)) = (issued.and_then(|held| held.chain.read()), &seen.issued_key)
            else {
                return Err(gone());
            };
            tracing::info!(
                reason = copy.why.reason,
                "handing over what cert-manager has issued: {}",
                copy.why.message
            );
            let mut secret = secret::certificate(certificate, chain, &copy.roots);
            key.put(&mut secret, &secret::PRIVATE);
            Ok(secret)
        }
        Work::None => Err(gone()),
    }
}

async fn issue_secret(
    certificate: &TenantCertificate,
    seen: &Seen,
    order: Order,
    now: Timestamp,
) -> Result<Secret, Failure> {
    let Some(ca_key) = seen.ca_key.clone() else {
        return Err(gone());
    };
    tracing::info!(
        reason = order.why.reason,
        "issuing a certificate: {}",
        order.why.message
    );
    let old = seen.key.clone();
    let roots = order.roots.clone();
    let (chain, key) = blocking(move || issue::issue(&order, &ca_key, old.as_ref())).await?;
    let mut secret = secret::certificate(certificate, &chain, &roots);
    key.put(&mut secret, &secret::PRIVATE);
    check(certificate, seen, &secret, now)?;
    Ok(secret)
}

/// Nothing is written that would be replaced again at once: the new certificate passes the checks, or it is a fault.
fn check(
    certificate: &TenantCertificate,
    seen: &Seen,
    secret: &Secret,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut observed = seen.observed.clone();
    (observed.held, _) = observe::read(certificate, Some(secret.clone()));
    match plan(certificate, &observed, now).work {
        Work::Issue(order) => Err(Failure {
            reason: "IssuedUnfit",
            message: format!(
                "the new certificate was not written, because {}",
                order.why.message
            ),
            transient: false,
        }),
        _ => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IssueError> + Send + 'static,
) -> Result<T, Failure> {
    let failure = |message: String, transient| Failure {
        reason: "IssueFailed",
        message,
        transient,
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) => {
            let transient = matches!(error, IssueError::Random);
            Err(failure(error.to_string(), transient))
        }
        Err(_) => Err(failure("making the certificate was cut off".to_owned(), true)),
    }
}

fn gone() -> Failure {
    Failure {
        reason: "IssueFailed",
        message: "a Secret changed while it was read; it is read again".to_owned(),
        transient: true,
    }
}
