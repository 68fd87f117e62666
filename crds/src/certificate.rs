//! `TenantCertificate`: a certificate for a Tenant, renewed in time.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{NameRef, SecretRef};

/// A certificate for the Tenant it names, issued or checked, and renewed in time.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "storage.rustfs.com", version = "v1alpha1", kind = "TenantCertificate", namespaced,
    status = "TenantCertificateStatus", shortname = "rtc", category = "rustfs", derive = "PartialEq",
    doc = "A certificate for the Tenant it names, issued or checked, and renewed in time.",
    selectable = ".spec.tenantRef.name",
    printcolumn(name = "Tenant", type_ = "string", json_path = ".spec.tenantRef.name"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Secret", type_ = "string", json_path = ".status.secretName"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.notAfter"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 50").message("metadata.name must start with a letter, hold only a-z, 0-9 and '-', and have at most 50 characters: it becomes part of Secret names")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("duration(self.?duration.orValue('2160h')) > duration(self.?renewBefore.orValue('1m'))").message("duration must be longer than renewBefore").field_path(".renewBefore"))]
pub struct TenantCertificateSpec {
    /// The Tenant this certificate is for, in the same namespace. It may not exist yet. It cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.tenantRef cannot be changed: create another TenantCertificate for the other Tenant"))]
    pub tenant_ref: NameRef,
    /// Where the certificate comes from. Default: `selfSigned`. A change issues a new certificate.
    // No default in the schema: the API server would write it down, nobody would own it, and another issuer that is
    // applied later would come beside it.
    #[serde(default, skip_serializing_if = "Issuer::is_default")]
    pub issuer: Issuer,
    /// How long an issued certificate is valid, as `2160h`: at least `1h` and at most `876000h`, 100 years; beyond that
    /// none is issued, and the condition `Issued` says so. Default: 90 days. A change issues a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1h')").message("duration must be at least 1h"))]
    pub duration: Option<String>,
    /// How long before its end an issued certificate is renewed, at least `1m`. More than nine tenths of `duration`
    /// count as nine tenths. Default: a third of `duration`. A change moves the next renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("renewBefore must be at least 1m"))]
    pub renew_before: Option<String>,
    /// The private key of an issued certificate. Default: ECDSA with 256 bits, a new one at every renewal. Another
    /// algorithm or size issues a new certificate; `rotationPolicy` counts from the next renewal on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<PrivateKey>,
    /// More DNS names, for example of an Ingress. Default: none. A change issues a new certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    #[x_kube(validation = Rule::new("self.all(n, n.matches('^([*][.])?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$'))").message("additionalDnsNames must be DNS names in lower case, at most with a leading '*.'"))]
    pub additional_dns_names: Vec<String>,
    /// More IP addresses. Default: none. A change issues a new certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 2, max = 45)))]
    #[x_kube(validation = Rule::new("self.all(a, isIP(a))").message("additionalIpAddresses must be IPv4 or IPv6 addresses"))]
    pub additional_ip_addresses: Vec<String>,
}

/// Where a certificate comes from. Exactly one is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.selfSigned) ? 1 : 0) + (has(self.ca) ? 1 : 0) + (has(self.certManager) ? 1 : 0) + (has(self.provided) ? 1 : 0) == 1").message("issuer needs exactly one of selfSigned, ca, certManager, provided"))]
pub struct Issuer {
    /// The operator makes a CA for this certificate in the Secret `{name}-ca`, and issues from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<SelfSigned>,
    /// A given CA issues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaIssuer>,
    /// cert-manager issues: the operator asks it by a Certificate of this object's name, whose Secret is
    /// `{name}-issued`, and gives servers what it has issued once all of them trust it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<CertManager>,
    /// A given certificate is checked and used as it is; nothing is issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provided: Option<Provided>,
}

impl Issuer {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Issuer {
    fn default() -> Self {
        Self {
            self_signed: Some(SelfSigned {}),
            ca: None,
            cert_manager: None,
            provided: None,
        }
    }
}

/// An own CA, made by the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct SelfSigned {}

/// A given CA.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaIssuer {
    /// Secret with `tls.crt` (the CA's certificate) and `tls.key` (its key).
    pub secret_ref: SecretRef,
}

/// cert-manager.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertManager {
    /// The issuer of cert-manager. It must put its root into the Secret as `ca.crt`: servers verify each other by it.
    pub issuer_ref: IssuerRef,
}

/// An issuer of cert-manager.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerRef {
    /// Its name. A change asks the other issuer for a new certificate.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its kind. Default: `Issuer`, which is in the namespace of this object; `ClusterIssuer` has no namespace. A change
    /// asks the other issuer for a new certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub kind: Option<String>,
    /// API group of its kind. Default: `cert-manager.io`; another one for an issuer from outside cert-manager. A change
    /// asks the other issuer for a new certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub group: Option<String>,
}

/// A given certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provided {
    /// Secret with `tls.crt` (certificate and intermediates), `tls.key` and `ca.crt` (the roots that clients trust).
    pub secret_ref: SecretRef,
}

/// The private key of an issued certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.size) || (self.?algorithm.orValue('ECDSA') == 'RSA' ? self.size in [2048, 3072, 4096] : self.?algorithm.orValue('ECDSA') == 'ECDSA' ? self.size in [256, 384] : false)").message("privateKey.size must be 2048, 3072 or 4096 for RSA, 256 or 384 for ECDSA, and unset for Ed25519").field_path(".size"))]
pub struct PrivateKey {
    /// Algorithm of the key. Default: `ECDSA`.
    #[serde(default)]
    pub algorithm: KeyAlgorithm,
    /// Size in bits: RSA 2048 (default), 3072, 4096; ECDSA 256 (default), 384; Ed25519 none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i32>,
    /// Whether a renewal makes a new key. Default: `Always`.
    #[serde(default)]
    pub rotation_policy: RotationPolicy,
}

/// Algorithm of a private key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    /// RSA.
    RSA,
    /// ECDSA on a NIST curve.
    #[default]
    ECDSA,
    /// Ed25519. Some older clients do not know it.
    Ed25519,
}

/// Whether a renewal makes a new key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RotationPolicy {
    /// A new key at every renewal.
    #[default]
    Always,
    /// The key stays while it fits the spec.
    Never,
}

/// What the operator has seen of a TenantCertificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantCertificateStatus {
    /// The generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled` (kstatus), and `TenantFound`, `Issued`. All are present from the first
    /// visit on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The Secret that servers mount: key and chain as `tls.key`/`tls.crt` and in the names RustFS reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// Changes whenever the certificate does: SHA-256 of the chain, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Serial number of the certificate, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Start of the certificate's validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// End of the certificate's validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// When it is renewed, by the operator or by cert-manager; unset for a provided one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_time: Option<Time>,
    /// DNS names and IP addresses the certificate is valid for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject_names: Vec<String>,
}
