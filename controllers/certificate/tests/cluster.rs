//! The Secrets of one TenantCertificate, and the same loop as the controller's around them.

use crds::{Tenant, TenantCertificate};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use plan::Failure;
use plan::certificate::{Observed, Part, Plan, Work, parsed, plan};

use crate::certificate::carry_out::make;
use crate::certificate::observe::{Seen, read};

pub struct Cluster {
    pub certificate: TenantCertificate,
    pub tenant: Tenant,
    pub secret: Option<Secret>,
    pub ca: Option<Secret>,
}

impl Cluster {
    pub fn new(spec: serde_json::Value) -> Self {
        let mut spec = spec;
        spec["tenantRef"] = serde_json::json!({"name": "store"});
        Self {
            certificate: serde_json::from_value(serde_json::json!({
                "metadata": {"name": "site", "namespace": "ns", "uid": "0f7b9d6e-5d4c", "generation": 1},
                "spec": spec
            }))
            .unwrap(),
            tenant: serde_json::from_value(serde_json::json!({
                "metadata": {"name": "store", "namespace": "ns", "uid": "tenant-uid"}, "spec": {},
                "status": {"serverNames": ["*.store-hl.ns.svc.cluster.local", "store-api.ns.svc", "localhost"]}
            }))
            .unwrap(),
            secret: None,
            ca: None,
        }
    }

    pub fn seen(&self) -> Seen {
        let (held, key) = read(&self.certificate, self.secret.clone());
        let (ca, ca_key) = read(&self.certificate, self.ca.clone());
        Seen {
            observed: Observed {
                tenant: Some(self.tenant.clone()),
                held,
                ca,
                ..Observed::default()
            },
            key,
            ca_key,
            issued_key: None,
        }
    }

    /// One step of the work there is; whether there was any.
    pub async fn step(&mut self, now: Timestamp) -> Result<(Plan, bool), Failure> {
        let seen = self.seen();
        let decided = plan(&self.certificate, &seen.observed, now);
        if decided.work == Work::None {
            return Ok((decided, false));
        }
        let made = make(&self.certificate, &seen, &decided.work, now).await?;
        match made.metadata.name.as_deref() {
            Some("site-ca") => self.ca = Some(made),
            Some("site-tls") => self.secret = Some(made),
            other => panic!("a Secret named {other:?}"),
        }
        Ok((decided, true))
    }

    /// Steps until there is nothing left to do.
    pub async fn settle(&mut self, now: Timestamp) -> Plan {
        for _ in 0..4 {
            let (plan, worked) = self.step(now).await.unwrap();
            if !worked {
                return plan;
            }
        }
        panic!("there is always something left to do");
    }

    pub fn certs(&self, key: &str) -> Vec<plan::certificate::Cert> {
        parsed::parse(self.value(key).as_bytes()).unwrap()
    }

    pub fn value(&self, key: &str) -> String {
        value(self.secret.as_ref().unwrap(), key)
    }

    pub fn public_key(&self) -> Vec<u8> {
        match self.seen().observed.held.unwrap().key {
            Part::Read(key) => key.bytes,
            other => panic!("{other:?}"),
        }
    }
}

pub fn value(secret: &Secret, key: &str) -> String {
    String::from_utf8(secret.data.as_ref().unwrap()[key].0.clone()).unwrap()
}
