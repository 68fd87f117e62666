//! Reads Secrets. A reconcile seldom comes alone, and each needs the same three: what was read a short while ago is taken
//! again, as long as the watch of their metadata shows that very version.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kit::{Error, Kit};
use tokio::time::Instant;
use zeroize::Zeroize;

use crate::context::Sources;

/// How long values are kept.
const KEPT: Duration = Duration::from_secs(60);

/// Secrets by namespace and name.
#[derive(Default)]
pub(super) struct Secrets(Mutex<HashMap<(String, String), Kept>>);

struct Kept {
    read: Instant,
    secret: Secret,
}

impl Kept {
    /// Whether it is this version of this object.
    fn is(&self, uid: Option<&str>, version: Option<&str>) -> bool {
        let own = &self.secret.metadata;
        uid.is_some()
            && version.is_some()
            && (own.uid.as_deref(), own.resource_version.as_deref()) == (uid, version)
            && self.is_fresh()
    }

    fn is_fresh(&self) -> bool {
        self.read.elapsed() < KEPT
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let data = self.secret.data.iter_mut();
        for value in data.flat_map(std::collections::BTreeMap::values_mut) {
            value.0.zeroize();
        }
    }
}

/// What reading takes.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) kit: &'a Kit,
    pub(super) sources: &'a Sources,
    pub(super) secrets: &'a Secrets,
}

impl Reader<'_> {
    /// What `look` makes of one Secret; of none where there is none, for which a watch's word is not enough.
    pub(super) async fn read<T>(
        self,
        namespace: &str,
        name: &str,
        look: impl FnOnce(Option<&Secret>) -> T,
    ) -> Result<T, Error> {
        let key = (namespace.to_owned(), name.to_owned());
        let shown = self.sources.secrets.get(namespace, name);
        if let Some(shown) = shown
            .as_ref()
            .filter(|_| self.kit.caught_up::<Secret>(None, namespace, name))
        {
            let (uid, version) = (&shown.metadata.uid, &shown.metadata.resource_version);
            let kept = self.secrets.0.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = kept
                .get(&key)
                .filter(|kept| kept.is(uid.as_deref(), version.as_deref()));
            if let Some(kept) = kept {
                return Ok(look(Some(&kept.secret)));
            }
        }
        let found: Option<Secret> = self.kit.get(namespace, name).await?;
        let kept = found.map(|mut secret| {
            // Nobody asks for it, and as a tree it is many times what the rest takes.
            secret.metadata.managed_fields = None;
            Kept {
                read: Instant::now(),
                secret,
            }
        });
        let seen = look(kept.as_ref().map(|kept| &kept.secret));
        let mut all = self.secrets.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, kept| kept.is_fresh());
        match kept.filter(|_| shown.is_some()) {
            Some(kept) => drop(all.insert(key, kept)),
            None => drop(all.remove(&key)),
        }
        Ok(seen)
    }
}
