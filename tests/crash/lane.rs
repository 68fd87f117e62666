//! One namespace with an operator of its own behind a proxy that cuts it off.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use kube::api::{Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::Ground;
use crate::support::cutter::{Cutter, Fault};
use crate::support::process::Process;
use crate::support::space::{Kind, Space};

/// How often it is asked whether a server holds an answer back.
const GLANCE: Duration = Duration::from_millis(25);

/// Where one life is lived.
pub struct Lane {
    /// What all lanes share.
    pub ground: Arc<Ground>,
    /// The namespace.
    pub space: Space,
    /// The proxy before the API server.
    pub cutter: Arc<Cutter>,
    operator: Mutex<Option<Process>>,
    kubeconfig: PathBuf,
    /// Faults of writes to the servers that are to come, by site.
    admin: Mutex<Vec<(String, Fault)>>,
}

impl Lane {
    /// Makes the namespace, and a proxy for an operator that sees nothing else.
    pub async fn open(ground: &Arc<Ground>, prefix: &str, client: Client) -> Arc<Self> {
        let space = Space::make(&ground.cluster.admin, prefix).await;
        let cutter = Arc::new(Cutter::start(client).await);
        let kubeconfig = ground.cluster.scratch.join(format!("{}.kubeconfig", space.name));
        let file = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "lane",
            "clusters": [{"name": "lane", "cluster": {"server": format!("http://127.0.0.1:{}", cutter.port)}}],
            "contexts": [{"name": "lane", "context": {"cluster": "lane", "user": "lane"}}],
            "users": [{"name": "lane", "user": {}}],
        });
        std::fs::write(&kubeconfig, file.to_string()).expect("a kubeconfig can be written");
        Arc::new(Self {
            ground: Arc::clone(ground),
            space,
            cutter,
            operator: Mutex::default(),
            kubeconfig,
            admin: Mutex::default(),
        })
    }

    /// `namespace/name` of its Tenant.
    pub fn tenant(&self) -> String {
        format!("{}/store", self.space.name)
    }

    /// Starts the operator.
    pub fn start(&self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rustfs-operator"));
        command
            .args([
                "run",
                "--listen",
                "127.0.0.1:0",
                "--log-format",
                "human",
                "--no-traces",
            ])
            .args(["--leader-election", "false", "--identity", &self.space.name])
            .args(["--namespace", &self.space.name])
            .env("KUBECONFIG", &self.kubeconfig);
        let log = self
            .ground
            .cluster
            .scratch
            .join(format!("{}.log", self.space.name));
        self.cutter.open();
        *self.process() = Some(Process::start(command, &log));
    }

    fn kill(&self) {
        self.cutter.close();
        // Killed when the value goes.
        self.process().take();
    }

    fn process(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.operator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the operator said last.
    pub fn tail(&self) -> String {
        self.process()
            .as_ref()
            .map(|process| process.tail(15))
            .unwrap_or_default()
    }

    /// Begins a new count of writes with these faults; those of servers begin with `admin `.
    pub async fn plan(&self, faults: &[(String, Fault)]) {
        let servers = &self.ground.servers;
        servers.count_anew(&self.tenant()).await;
        let (admin, api): (Vec<_>, Vec<_>) = faults
            .iter()
            .cloned()
            .partition(|(site, _)| site.starts_with("admin "));
        for (site, fault) in &admin {
            let carried_out = matches!(fault, Fault::After | Fault::Unheard);
            let site = site.trim_start_matches("admin ");
            servers.cut(&self.tenant(), site, carried_out).await;
        }
        *self.admin.lock().unwrap_or_else(PoisonError::into_inner) = admin;
        self.cutter.plan(api);
    }

    /// Kills and starts the operator whenever it is cut off. Does not end.
    pub async fn revive(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = self.cutter.cut() => {}
                () = self.held_by_a_server() => {}
            }
            self.kill();
            self.start();
        }
    }

    async fn held_by_a_server(&self) {
        loop {
            if self.admin_left() {
                let (_, held) = self.ground.servers.writes(&self.tenant()).await;
                let mut admin = self.admin.lock().unwrap_or_else(PoisonError::into_inner);
                let is_held = |site: &str| held.iter().any(|held| site == format!("admin {held}"));
                if let Some(place) = admin
                    .iter()
                    .position(|(site, fault)| fault.kills() && is_held(site))
                {
                    admin.remove(place);
                    return;
                }
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn admin_left(&self) -> bool {
        let admin = self.admin.lock().unwrap_or_else(PoisonError::into_inner);
        !admin.is_empty()
    }

    /// Ends the operator and lets the namespace go, whatever is in it.
    pub async fn leave(&self) {
        self.kill();
        free::<Tenant>(&self.space).await;
        free::<Pool>(&self.space).await;
        free::<TenantCertificate>(&self.space).await;
        free::<TenantMonitor>(&self.space).await;
        let space = Space {
            client: self.space.client.clone(),
            name: self.space.name.clone(),
        };
        space.leave().await;
    }
}

async fn free<K: Kind>(space: &Space) {
    let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    for object in space.list::<K>().await {
        let name = object.name_any();
        let _ = space
            .api::<K>()
            .patch(&name, &PatchParams::default(), &none)
            .await;
    }
}
