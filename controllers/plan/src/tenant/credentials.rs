//! Whether the servers' secrets are there and usable, may be made, or are lost.

use crds::Tenant;
use crds::conditions::CREDENTIALS_READY;
use crds::names;

use super::facts;
use super::observed::Observed;
use super::secret::SecretCheck;
use super::verdict::Verdict;
use super::{pair, rotation, secret};
use crate::meta;

/// Reason while servers go on with the pair that was taken, because the one that is offered cannot be.
pub(crate) const PAIR_KEPT: &str = "RunningPairKept";

/// Judges both Secrets; the first that is not usable decides.
pub(crate) fn judge(tenant: &Tenant, observed: &Observed) -> Verdict {
    let relied_on = facts::formed(tenant, observed) || observed.started();
    let of_rpc = rpc(tenant, observed).fault(relied_on);
    match (pair_fault(tenant, observed), of_rpc) {
        (Some(fault), None) if observed.kept_credentials.is_some() => kept(tenant, observed, fault),
        (Some(fault), _) | (None, Some(fault)) => fault,
        (None, None) => {
            let (reason, message) = rotation::describe(tenant, observed).unwrap_or_else(|| {
                let (credentials, rpc) = (credentials_secret(tenant), rpc_secret(tenant));
                let message =
                    format!("root credentials are in Secret {credentials}, the internode secret in {rpc}");
                ("Usable", message)
            });
            Verdict::good(CREDENTIALS_READY, reason, message)
        }
    }
}

/// Why no pair can be taken from the Secret it is to come from.
pub(crate) fn pair_fault(tenant: &Tenant, observed: &Observed) -> Option<Verdict> {
    let relied_on = facts::formed(tenant, observed) || observed.started();
    let name = credentials_secret(tenant);
    let put_back = secret::put_back(tenant, observed).is_some();
    let aspect = Aspect {
        field: "spec.credentialsSecretRef",
        given: tenant.spec.credentials_secret_ref.is_some(),
        check: &observed.credentials,
        // After a change from a given Secret to a generated one there is none yet, and none was lost.
        used: recorded(tenant).is_none_or(|recorded| recorded == name),
        fresh: observed.fresh_credentials.is_some(),
        name,
    };
    aspect.fault(relied_on).filter(|_| !put_back)
}

fn rpc<'a>(tenant: &Tenant, observed: &'a Observed) -> Aspect<'a> {
    Aspect {
        name: rpc_secret(tenant),
        field: "spec.rpcSecretRef",
        given: tenant.spec.rpc_secret_ref.is_some(),
        check: &observed.rpc,
        used: true,
        fresh: observed.fresh_rpc.is_some(),
    }
}

fn kept(tenant: &Tenant, observed: &Observed, mut fault: Verdict) -> Verdict {
    let latest = pair::taken(observed).latest;
    let copy = names::credentials_generation(meta::name(tenant), latest);
    fault.finding.reason = PAIR_KEPT.to_owned();
    fault.finding.message += &format!("; servers go on with the pair in Secret {copy}");
    fault
}

/// Whether servers may be started: with the pair that was taken, or with one that can be.
pub(crate) fn allow_servers(verdict: &Verdict) -> bool {
    verdict.holds() || verdict.finding.reason == PAIR_KEPT
}

/// The Secret the servers take root credentials from.
pub(crate) fn credentials_secret(tenant: &Tenant) -> String {
    tenant.spec.credentials_secret_ref.as_ref().map_or_else(
        || names::credentials_secret(meta::name(tenant)),
        |reference| reference.name.clone(),
    )
}

fn rpc_secret(tenant: &Tenant) -> String {
    tenant.spec.rpc_secret_ref.as_ref().map_or_else(
        || names::rpc_secret(meta::name(tenant)),
        |reference| reference.name.clone(),
    )
}

fn recorded(tenant: &Tenant) -> Option<&str> {
    tenant.status.as_ref()?.credentials_secret_name.as_deref()
}

struct Aspect<'a> {
    name: String,
    field: &'static str,
    given: bool,
    check: &'a SecretCheck,
    used: bool,
    fresh: bool,
}

impl Aspect<'_> {
    fn fault(&self, relied_on: bool) -> Option<Verdict> {
        let (name, field) = (&self.name, self.field);
        match self.check {
            SecretCheck::Usable => None,
            SecretCheck::Invalid { key, why } => Some(Verdict::stuck(
                CREDENTIALS_READY,
                "SecretInvalid",
                match self.given {
                    true => format!("{field}: key {key} of Secret {name}: {why}"),
                    false => format!("key {key} of Secret {name}: {why}"),
                },
            )),
            SecretCheck::Foreign => Some(Verdict::waiting(
                CREDENTIALS_READY,
                "NameTaken",
                format!(
                    "Secret {name} belongs to another owner; if that is an earlier Tenant of this name, it is removed soon"
                ),
            )),
            SecretCheck::Missing if self.given => Some(Verdict::waiting(
                CREDENTIALS_READY,
                "SecretMissing",
                format!("{field} names Secret {name}, which does not exist: create it"),
            )),
            SecretCheck::Missing if relied_on && self.used => Some(Verdict::stuck(
                CREDENTIALS_READY,
                "CredentialsLost",
                format!(
                    "Secret {name} was generated and is gone; servers still use its values, so new ones are not made. \
                     Restore the Secret from a backup, or create it with the values the servers run with"
                ),
            )),
            SecretCheck::Missing if self.fresh => None,
            SecretCheck::Missing => Some(Verdict::waiting(
                CREDENTIALS_READY,
                "Generating",
                format!("Secret {name} is about to be generated"),
            )),
        }
    }
}
