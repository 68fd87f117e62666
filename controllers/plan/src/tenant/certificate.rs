//! The certificate a TLS Tenant waits for.

use crds::conditions::{CERTIFICATE_READY, ISSUED};
use crds::tenant::TlsMode;
use crds::{Tenant, TenantCertificate};

use super::observed::Observed;
use super::verdict::Verdict;
use crate::condition;
use crate::meta;

/// The TenantCertificate whose key the servers use: the one that is named, or the one with the Tenant's name.
pub(crate) fn find<'a>(tenant: &Tenant, observed: &'a Observed) -> Option<&'a TenantCertificate> {
    let wanted = name(tenant);
    let mut certificates = observed.certificates.iter().map(AsRef::as_ref);
    certificates.find(|certificate| meta::name(*certificate) == wanted)
}

fn name(tenant: &Tenant) -> &str {
    let tls = tenant.spec.tls.as_ref();
    let reference = tls.and_then(|tls| tls.certificate_ref.as_ref());
    reference.map_or(meta::name(tenant), |reference| reference.name.as_str())
}

/// Whether there is a certificate to speak TLS with.
pub(crate) fn judge(tenant: &Tenant, observed: &Observed) -> Verdict {
    if tenant
        .spec
        .tls
        .as_ref()
        .is_none_or(|tls| tls.mode != TlsMode::Enabled)
    {
        return Verdict::good(CERTIFICATE_READY, "TlsDisabled", "the Tenant speaks plain HTTP");
    }
    let name = name(tenant);
    let Some(certificate) = find(tenant, observed) else {
        let message = format!(
            "TenantCertificate {name} for this Tenant does not exist: create it, or name another one in spec.tls.certificateRef"
        );
        return Verdict::waiting(CERTIFICATE_READY, "CertificateMissing", message);
    };
    if issued(certificate) {
        let message = format!("TenantCertificate {name} is issued");
        Verdict::good(CERTIFICATE_READY, "Issued", message)
    } else {
        let message = format!("TenantCertificate {name} is not issued yet: see its conditions");
        Verdict::waiting(CERTIFICATE_READY, "CertificateNotReady", message)
    }
}

fn issued(certificate: &TenantCertificate) -> bool {
    let status = certificate.status.as_ref();
    status
        .is_some_and(|status| status.secret_name.is_some() && condition::is_true(&status.conditions, ISSUED))
}
