//! What the operator was started with, as far as decisions depend on it.

/// Settings of the process. They are the same for every object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// DNS domain of the cluster, as `cluster.local`. It is part of every server's name for life.
    pub cluster_domain: String,
    /// The namespace the operator runs in.
    pub operator_namespace: String,
    /// The one namespace that is watched; none = all.
    pub watch_namespace: Option<String>,
    /// Image of a Tenant that names none.
    pub default_image: String,
    /// Labels of the Service that leads to the operator's metrics port; a ServiceMonitor selects on them.
    pub metrics_service_labels: std::collections::BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster_domain: "cluster.local".into(),
            operator_namespace: "rustfs-system".into(),
            watch_namespace: None,
            default_image: crds::names::DEFAULT_IMAGE.into(),
            metrics_service_labels: [
                ("app.kubernetes.io/name".into(), crds::names::MANAGED_BY.into()),
                ("app.kubernetes.io/component".into(), "metrics".into()),
            ]
            .into(),
        }
    }
}
