//! What a server reads when it starts: the environment of its container.

use std::collections::HashMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ConfigMap, EnvVarSource, Pod, Secret};
use kube::{Api, Client, ResourceExt};

use crate::verify::Keys;
use crate::volumes::{self, Pool};
use crate::{Fault, tls};

const CONTAINER: &str = "rustfs";
const LABEL_TENANT: &str = "storage.rustfs.com/tenant";

/// A server, as its Pod describes it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `namespace/name` of the Pod.
    pub pod: String,
    /// `namespace/name` of the Tenant.
    pub tenant: String,
    /// The server's own name in the volumes string.
    pub host: String,
    /// Where it listens.
    pub address: IpAddr,
    /// The root key pair.
    pub keys: Keys,
    /// All pools of the store.
    pub pools: Vec<Pool>,
    /// Where its certificate is; absent means plain HTTP.
    pub tls: Option<tls::Source>,
}

/// Reads everything once, as a starting container does; changes later reach the next Pod only.
pub async fn read(client: &Client, pod: &Pod) -> Result<Identity, Fault> {
    let namespace = pod.namespace().unwrap_or_default();
    let address: IpAddr = pod_ip(pod).ok_or("the Pod has no address")?.parse()?;
    let env = resolve(client, &namespace, pod).await?;
    let value = |name: &str| env.get(name).map(|value| value.trim().to_owned());
    let required = |name: &str| value(name).ok_or_else(|| format!("{name} is not set"));
    let tenant = pod.labels().get(LABEL_TENANT).ok_or("the Pod names no Tenant")?;
    let host = required("RUSTFS_LOCAL_ENDPOINT_HOST")?;
    let pools = volumes::parse(&required("RUSTFS_VOLUMES")?)?;
    if !pools
        .iter()
        .flat_map(|pool| &pool.drives)
        .any(|drive| drive.host == host)
    {
        return Err(format!("{host} is not in RUSTFS_VOLUMES").into());
    }
    required("RUSTFS_RPC_SECRET")?;
    Ok(Identity {
        pod: format!("{namespace}/{}", pod.name_any()),
        tenant: format!("{namespace}/{tenant}"),
        host,
        address,
        keys: Keys {
            access: required("RUSTFS_ACCESS_KEY")?,
            secret: required("RUSTFS_SECRET_KEY")?,
        },
        pools,
        tls: value("RUSTFS_TLS_PATH")
            .map(|path| tls::source(pod, CONTAINER, &path))
            .transpose()?,
    })
}

/// The address the node gave the Pod.
pub fn pod_ip(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref()
}

async fn resolve(client: &Client, namespace: &str, pod: &Pod) -> Result<HashMap<String, String>, Fault> {
    let containers = pod
        .spec
        .as_ref()
        .map(|spec| spec.containers.as_slice())
        .unwrap_or_default();
    let container = containers
        .iter()
        .find(|one| one.name == CONTAINER)
        .ok_or("no container rustfs")?;
    let mut env = HashMap::new();
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) => Some(substitute(value, &env)),
            (None, Some(source)) => from(client, namespace, pod, source).await?,
            (None, None) => Some(String::new()),
        };
        if let Some(value) = value {
            env.insert(variable.name.clone(), value);
        }
    }
    Ok(env)
}

async fn from(
    client: &Client,
    namespace: &str,
    pod: &Pod,
    source: &EnvVarSource,
) -> Result<Option<String>, Fault> {
    if let Some(field) = &source.field_ref {
        return Ok(match field.field_path.as_str() {
            "metadata.name" => Some(pod.name_any()),
            "metadata.namespace" => Some(namespace.to_owned()),
            "status.podIP" => pod_ip(pod).map(str::to_owned),
            _ => None,
        });
    }
    if let Some(key) = &source.config_map_key_ref {
        let map = Api::<ConfigMap>::namespaced(client.clone(), namespace)
            .get_opt(&key.name)
            .await?;
        let value = map.and_then(|map| map.data?.remove(&key.key));
        return required(
            value,
            key.optional,
            &format!("ConfigMap {} has no {}", key.name, key.key),
        );
    }
    if let Some(key) = &source.secret_key_ref {
        let secret = Api::<Secret>::namespaced(client.clone(), namespace)
            .get_opt(&key.name)
            .await?;
        let value = secret.and_then(|secret| secret.data?.remove(&key.key));
        let value = value.map(|bytes| String::from_utf8(bytes.0)).transpose()?;
        return required(
            value,
            key.optional,
            &format!("Secret {} has no {}", key.name, key.key),
        );
    }
    Ok(None)
}

/// No variable where the source may be missing; no server where it must not.
fn required(value: Option<String>, optional: Option<bool>, missing: &str) -> Result<Option<String>, Fault> {
    if value.is_none() && optional != Some(true) {
        return Err(missing.into());
    }
    Ok(value)
}

/// Replaces `$(NAME)` by variables that stand before, as the kubelet does.
fn substitute(text: &str, env: &HashMap<String, String>) -> String {
    env.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("$({name})"), value)
    })
}

#[cfg(test)]
mod tests {
    use super::substitute;

    #[test]
    fn earlier_variables_are_put_in_and_unknown_ones_stay() {
        let env = [("POD_NAME".to_owned(), "t-p0-0".to_owned())].into();
        assert_eq!(
            substitute("$(POD_NAME).t-hl.$(OTHER)", &env),
            "t-p0-0.t-hl.$(OTHER)"
        );
    }
}
