//! Writes to the admin API: which there were, and those whose answer never comes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// A write whose answer is held back for ever.
#[derive(Clone, Debug, Deserialize)]
pub struct Cut {
    /// `namespace/name` of the Tenant.
    tenant: String,
    /// As `writes` names it.
    site: String,
    /// It is carried out all the same.
    carried_out: bool,
}

/// What is held back, and what there was.
#[derive(Debug, Default)]
pub struct Cuts {
    planned: Vec<Cut>,
    writes: BTreeMap<String, Vec<String>>,
    held: BTreeMap<String, Vec<String>>,
}

impl Cuts {
    /// Holds the answer to a write back.
    pub fn plan(&mut self, cut: Cut) {
        self.planned.push(cut);
    }

    /// Forgets what there was of one Tenant, so that its writes are counted anew.
    pub fn forget(&mut self, tenant: &str) {
        self.planned.retain(|cut| cut.tenant != tenant);
        self.writes.remove(tenant);
        self.held.remove(tenant);
    }

    /// Notes a write; whether it is to be carried out, where its answer is held back.
    pub fn note(&mut self, tenant: &str, site: &str) -> Option<bool> {
        let writes = self.writes.entry(tenant.to_owned()).or_default();
        writes.push(site.to_owned());
        let count = writes.iter().filter(|known| *known == site).count();
        let name = format!("{site} #{count}");
        let place = self
            .planned
            .iter()
            .position(|cut| cut.tenant == tenant && cut.site == name)?;
        let cut = self.planned.remove(place);
        if !cut.carried_out {
            writes.pop();
        }
        self.held.entry(tenant.to_owned()).or_default().push(name);
        Some(cut.carried_out)
    }

    /// What there was and what was held back of one Tenant: `{"writes": […], "held": […]}`.
    pub fn of(&self, tenant: &str) -> Value {
        json!({"writes": self.writes.get(tenant), "held": self.held.get(tenant)})
    }
}

#[cfg(test)]
mod tests {
    use super::{Cut, Cuts};

    #[test]
    fn the_write_that_is_named_is_held_back_once_and_counted_only_if_carried_out() {
        let mut cuts = Cuts::default();
        for (site, carried_out) in [("cancel p1 #1", false), ("cancel p1 #2", true)] {
            let (tenant, site) = ("ns/store".to_owned(), site.to_owned());
            cuts.plan(Cut {
                tenant,
                site,
                carried_out,
            });
        }
        assert_eq!(cuts.note("ns/store", "clear p1"), None);
        assert_eq!(cuts.note("ns/other", "cancel p1"), None);
        assert_eq!(cuts.note("ns/store", "cancel p1"), Some(false));
        assert_eq!(cuts.note("ns/store", "cancel p1"), None);
        assert_eq!(cuts.note("ns/store", "cancel p1"), Some(true));
        assert_eq!(cuts.note("ns/store", "cancel p1"), None);
        assert_eq!(cuts.of("ns/store")["held"].as_array().map(Vec::len), Some(2));
    }
}
