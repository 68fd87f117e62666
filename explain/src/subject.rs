//! What is to be explained, as a person names it.

/// One of the four kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Tenant.
    Tenant,
    /// A Pool.
    Pool,
    /// A TenantCertificate.
    TenantCertificate,
    /// A TenantMonitor.
    TenantMonitor,
}

/// An object by kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

impl Kind {
    /// As it is written in a manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "Tenant",
            Self::Pool => "Pool",
            Self::TenantCertificate => "TenantCertificate",
            Self::TenantMonitor => "TenantMonitor",
        }
    }

    /// Singular, plural, short name, whatever the case, and with the group if one likes.
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let plain = text.strip_suffix(".storage.rustfs.com").unwrap_or(&text);
        match plain {
            "tenant" | "tenants" | "rt" => Some(Self::Tenant),
            "pool" | "pools" | "rp" => Some(Self::Pool),
            "tenantcertificate" | "tenantcertificates" | "rtc" => Some(Self::TenantCertificate),
            "tenantmonitor" | "tenantmonitors" | "rtm" => Some(Self::TenantMonitor),
            _ => None,
        }
    }
}

impl Subject {
    /// Reads `pool/a`, or `pool` and `a`; `Err` is a sentence for a person.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let pair = match words {
            [one] => one.split_once('/'),
            [kind, name] => Some((kind.as_str(), name.as_str())),
            _ => None,
        };
        let Some((kind, name)) = pair.filter(|(_, name)| !name.is_empty()) else {
            return Err("name one object, as tenant/store or pool/a".to_owned());
        };
        let known = Kind::parse(kind).ok_or_else(|| {
            format!(
                "{kind} is none of the kinds that can be explained: tenant (rt), pool (rp), tenantcertificate (rtc), \
                 tenantmonitor (rtm)"
            )
        })?;
        Ok(Self {
            kind: known,
            name: name.to_owned(),
        })
    }
}
