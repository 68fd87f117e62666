//! `rustfs-operator explain`: reads with the rights of whoever calls it, and prints why an object is not ready.

use std::fmt::Debug;
use std::process::ExitCode;
use std::time::Duration;

use ::crds::names::{self, LABEL_TENANT};
use ::crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use explain::{Kind, Seen, Subject};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::config::KubeConfigOptions;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Config, Resource};
use plan::topology::Topology;
use serde::de::DeserializeOwned;

use crate::args::{ExplainArgs, Output};

/// A person waits for the answer.
const WITHIN: Duration = Duration::from_secs(15);

/// Where something waits, is refused or is being deleted.
const NOT_READY: u8 = 1;
/// Where the tree could not be made.
const NOT_ASKED: u8 = 2;

/// Prints the tree. Exit code 0: all is ready; 1: something is not; 2: it could not be asked, and one sentence says why.
pub(crate) fn explain(args: &ExplainArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("failed to start the runtime: {error}")),
    };
    match runtime.block_on(answer(args)) {
        Ok((text, ready)) => match (crate::write_out(&text), ready) {
            (ExitCode::SUCCESS, false) => ExitCode::from(NOT_READY),
            (code, _) => code,
        },
        Err(sentence) => refuse(&sentence),
    }
}

fn refuse(sentence: &str) -> ExitCode {
    crate::fail(sentence);
    ExitCode::from(NOT_ASKED)
}

/// The text, and whether all is ready.
async fn answer(args: &ExplainArgs) -> Result<(String, bool), String> {
    let subject = Subject::parse(&args.object)?;
    let config = config(args).await?;
    let namespace = args
        .namespace
        .clone()
        .unwrap_or_else(|| config.default_namespace.clone());
    let client = kit::client::connect_with(config).map_err(|error| error.to_string())?;
    let reader = Reader { client, namespace };
    let seen = tokio::time::timeout(WITHIN, reader.read(&subject))
        .await
        .map_err(|_| format!("the API server did not answer within {} s", WITHIN.as_secs()))??;
    let node = explain::explain(&subject, &seen)
        .ok_or_else(|| reader.missing(subject.kind.as_str(), &subject.name))?;
    let text = match args.output {
        Output::Text => explain::text(&node, seen.now),
        Output::Json => explain::json(&node) + "\n",
    };
    Ok((text, node.is_fine()))
}

async fn config(args: &ExplainArgs) -> Result<Config, String> {
    let Some(context) = &args.context else {
        return Config::infer()
            .await
            .map_err(|error| format!("there is no kubeconfig that can be used: {error}"));
    };
    let options = KubeConfigOptions {
        context: Some(context.clone()),
        ..KubeConfigOptions::default()
    };
    Config::from_kubeconfig(&options)
        .await
        .map_err(|error| format!("the context {context} cannot be used: {error}"))
}

/// Reads of one namespace.
struct Reader {
    client: Client,
    namespace: String,
}

impl Reader {
    /// What a tree of the subject is made from, and no more: less may be asked of a person's rights.
    async fn read(&self, subject: &Subject) -> Result<Seen, String> {
        let tenant_name = self.tenant_of(subject).await?;
        let mut seen = Seen {
            now: jiff::Timestamp::now(),
            namespace: self.namespace.clone(),
            tenant: self.get(&tenant_name).await?,
            ..Seen::default()
        };
        let whole = matches!(subject.kind, Kind::Tenant | Kind::Pool);
        if whole {
            seen.pools = self.list(None).await?;
            seen.pools
                .retain(|pool: &Pool| pool.spec.tenant_ref.name == tenant_name);
            let labelled = format!("{LABEL_TENANT}={tenant_name}");
            seen.stateful_sets = self.list(Some(&labelled)).await?;
            seen.pods = self.list(Some(&labelled)).await?;
            seen.claims = self.list(Some(&labelled)).await?;
            let map: Option<ConfigMap> = self.get(&names::topology(&tenant_name)).await?;
            seen.topology = map.as_ref().and_then(topology);
        }
        if whole || subject.kind == Kind::TenantCertificate {
            seen.certificates = self.list(None).await?;
            let ours = |one: &TenantCertificate| one.spec.tenant_ref.name == tenant_name;
            seen.certificates.retain(ours);
        }
        if matches!(subject.kind, Kind::Tenant | Kind::TenantMonitor) {
            seen.monitors = self.list(None).await?;
            seen.monitors
                .retain(|one: &TenantMonitor| one.spec.tenant_ref.name == tenant_name);
        }
        Ok(seen)
    }

    /// The name of the Tenant it is or belongs to.
    async fn tenant_of(&self, subject: &Subject) -> Result<String, String> {
        let name = subject.name.as_str();
        let found = match subject.kind {
            Kind::Tenant => self.get::<Tenant>(name).await?.map(|_| name.to_owned()),
            Kind::Pool => self.get::<Pool>(name).await?.map(|one| one.spec.tenant_ref.name),
            Kind::TenantCertificate => {
                let found = self.get::<TenantCertificate>(name).await?;
                found.map(|one| one.spec.tenant_ref.name)
            }
            Kind::TenantMonitor => self
                .get::<TenantMonitor>(name)
                .await?
                .map(|one| one.spec.tenant_ref.name),
        };
        found.ok_or_else(|| self.missing(subject.kind.as_str(), name))
    }

    fn missing(&self, kind: &str, name: &str) -> String {
        format!(
            "there is no {kind} {name} in namespace {}; -n names another",
            self.namespace
        )
    }

    async fn get<K: Read>(&self, name: &str) -> Result<Option<K>, String> {
        self.api::<K>()
            .get_opt(name)
            .await
            .map_err(|error| self.sentence::<K>("get", &error))
    }

    async fn list<K: Read>(&self, selector: Option<&str>) -> Result<Vec<K>, String> {
        let params = ListParams {
            label_selector: selector.map(str::to_owned),
            ..ListParams::default()
        };
        let list = self.api::<K>().list(&params).await;
        let mut items = list.map_err(|error| self.sentence::<K>("list", &error))?.items;
        items.sort_by(|a, b| a.meta().name.cmp(&b.meta().name));
        Ok(items)
    }

    fn api<K: Read>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn sentence<K: Read>(&self, verb: &str, error: &kube::Error) -> String {
        let (plural, namespace) = (K::plural(&()), &self.namespace);
        let why = kit::classify::explain(error);
        match error {
            kube::Error::Api(status) if status.code == 403 => {
                format!(
                    "you may not {verb} {plural} in namespace {namespace}, which is needed for this: {why}"
                )
            }
            kube::Error::Api(status) if status.code == 404 => {
                format!("the API server knows no {plural}: the operator's kinds are not installed ({why})")
            }
            _ => format!("failed to {verb} {plural} in namespace {namespace}: {why}"),
        }
    }
}

/// A kind that is read in a namespace.
trait Read:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned
{
}
impl<K> Read for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned
{
}

fn topology(map: &ConfigMap) -> Option<Topology> {
    let text = map.data.as_ref()?.get(names::KEY_TOPOLOGY)?;
    Topology::parse(text).ok()
}
