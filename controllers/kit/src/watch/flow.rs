//! One watch's way through life: list, watch, resume after a cut, list again when the version has expired.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::Resource;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use kube::core::error_boundary::InvalidObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout};

use super::health::Access;
use super::hub::{Hub, Listing};
use crate::classify::explain;
use crate::env::Env;
use crate::metrics::Kind;
use crate::retry::Delays;

/// Objects of a page: its text is in memory, and whole ones are larger.
const PAGE: u32 = 50;
const PAGE_OF_METADATA: u32 = 100;
const LIST_WITHIN: Duration = Duration::from_secs(20);
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// The API server sends a bookmark about once a minute: a watch that is silent for longer is dead.
const SILENT_AFTER: Duration = Duration::from_secs(90);
/// A watch that lived this long was healthy, whatever ended it.
const HEALTHY_AFTER: Duration = Duration::from_secs(2);
/// After this many watches in a row that broke as soon as they were open: what follows their version cannot be heard.
const SHORT_LIVES: u32 = 5;
/// A kind that is not served is looked for again after this long.
const SERVED_EVERY: Duration = Duration::from_secs(5);
/// A right that is missing is looked for again after this long: each look is a refusal in the audit log.
const PERMITTED_EVERY: Duration = Duration::from_secs(60);
/// So that after a cut all watches are back within five seconds.
const DELAYS: Delays = Delays {
    first: Duration::from_millis(50),
    most: Duration::from_secs(1),
};

pub(super) type Parse<R, K> = Box<dyn Fn(R) -> Result<K, Box<InvalidObject>> + Send + Sync>;

/// What is no failure of a watch: then there are no objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tolerates {
    /// Nothing.
    Nothing,
    /// An API server without the kind.
    NotServed,
    /// That, and an operator without the right to see it.
    NotPermitted,
}

pub(super) struct Flow<R, K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Eq + Hash,
{
    pub(super) env: Env,
    pub(super) url: String,
    pub(super) selector: Option<String>,
    pub(super) hub: Arc<Hub<K>>,
    pub(super) parse: Parse<R, K>,
    pub(super) tolerates: Tolerates,
    /// How many unparsed objects of this watch the metric counts now.
    pub(super) rejected: AtomicI64,
}

/// A page of a list, its objects as they came.
#[derive(Deserialize)]
struct Page<'a> {
    metadata: ListMeta,
    /// Null is how an API server may write that there are none; an answer without it says nothing.
    #[serde(borrow, deserialize_with = "Option::deserialize")]
    items: Option<Vec<&'a RawValue>>,
}

type Events<R> = BoxStream<'static, Result<WatchEvent<R>, kube::Error>>;

enum Cut {
    /// It ended in good order or was broken: resume at the version it has come to.
    Resume(Option<String>),
    /// The version is too old, or unknown: list again.
    Expired(Option<String>),
    /// The kind cannot be seen, and that is no failure.
    Without(Access),
}

enum ListError {
    Without(Access),
    Failed(String),
}

/// When a kind that cannot be seen is looked for again.
fn again(access: Access) -> Duration {
    match access {
        Access::NotPermitted => PERMITTED_EVERY,
        Access::NotServed | Access::Open => SERVED_EVERY,
    }
}

impl<R, K> Flow<R, K>
where
    R: Resource<DynamicType = K::DynamicType> + Clone + Debug + DeserializeOwned + Send + 'static,
    K: Resource + Clone + Send + Sync + 'static,
    K::DynamicType: Clone + Eq + Hash + Send + Sync,
{
    /// Never ends.
    pub(super) async fn run(self) {
        let mut version: Option<String> = None;
        let mut failures = 0;
        let mut short_lives = 0;
        loop {
            let Some(mut at) = version.take() else {
                version = self.begin(&mut failures).await;
                continue;
            };
            let mut lived = false;
            let cut = match self.open(&at).await {
                Ok(events) => {
                    let opened = Instant::now();
                    let cut = self.follow(events, &mut at).await;
                    lived = opened.elapsed() >= HEALTHY_AFTER;
                    short_lives = if lived { 0 } else { short_lives + 1 };
                    cut
                }
                Err(cut) => cut,
            };
            if lived {
                failures = 0;
            }
            let error = match cut {
                Cut::Resume(error) if short_lives < SHORT_LIVES => {
                    version = Some(at);
                    error
                }
                Cut::Resume(error) | Cut::Expired(error) => {
                    short_lives = 0;
                    error
                }
                Cut::Without(access) => {
                    sleep(again(access)).await;
                    continue;
                }
            };
            if let Some(error) = error {
                self.pause(&mut failures, error).await;
            } else if !lived {
                self.pause(&mut failures, "the watch ends as soon as it opens".to_owned())
                    .await;
            }
        }
    }

    /// Lists. Nothing: it has waited, to be tried again.
    async fn begin(&self, failures: &mut u32) -> Option<String> {
        match self.list().await {
            Ok(listed) => return Some(listed),
            Err(ListError::Without(access)) => sleep(again(access)).await,
            Err(ListError::Failed(error)) => self.pause(failures, error).await,
        }
        None
    }

    async fn pause(&self, failures: &mut u32, error: String) {
        let kind = self.hub.health.kind();
        tracing::debug!(kind, error, "a watch was cut");
        if *failures == 5 {
            tracing::warn!(kind, error, "a watch cannot be opened");
        }
        self.hub.health.cut(error);
        self.env
            .metrics()
            .watch_restarts
            .get_or_create(&Kind {
                kind: kind.to_owned(),
            })
            .inc();
        let delay = DELAYS.after(*failures);
        *failures = failures.saturating_add(1);
        sleep(delay).await;
    }

    async fn list(&self) -> Result<String, ListError> {
        let mut listing = Listing::default();
        let mut token = None;
        loop {
            let page = match self.page(token).await {
                Ok(page) => page,
                Err(error) => {
                    let without = self.without(&error).map(ListError::Without);
                    return Err(without.unwrap_or_else(|| ListError::Failed(explain(&error))));
                }
            };
            let page = self.take(&page, &mut listing).map_err(ListError::Failed)?;
            token = page.continue_.filter(|token| !token.is_empty());
            let version = page.resource_version;
            if token.is_none() {
                let version = version
                    .filter(|version| !version.is_empty())
                    .ok_or_else(|| ListError::Failed("the list has no resourceVersion".to_owned()))?;
                self.hub.replace(listing);
                // A right to list alone is not enough to know: the watch must open too.
                if self.tolerates != Tolerates::NotPermitted {
                    self.hub.access(Access::Open);
                }
                self.hub.health.heard(Some(&version));
                self.hub.health.fill();
                self.count_unparsed();
                return Ok(version);
            }
        }
    }

    /// Why the kind cannot be seen, if that is no failure of this watch; then the store is empty.
    fn without(&self, error: &kube::Error) -> Option<Access> {
        let access = match self.tolerates {
            Tolerates::NotPermitted if is(error, 403) => Access::NotPermitted,
            Tolerates::NotPermitted | Tolerates::NotServed if is(error, 404) => Access::NotServed,
            _ => return None,
        };
        // First: nobody may take the emptied store for what there is.
        self.hub.access(access);
        self.hub.replace(Listing::default());
        self.count_unparsed();
        self.hub.health.heard(None);
        self.hub.health.fill();
        Some(access)
    }

    /// Takes the objects of a page one by one, so that no two are in memory in all their parts. Returns what the page
    /// says of itself.
    fn take(&self, text: &str, listing: &mut Listing<K>) -> Result<ListMeta, String> {
        // The error may quote what a Secret holds.
        let broken = |_| "an answer to a list cannot be read".to_owned();
        let page: Page<'_> = serde_json::from_str(text).map_err(broken)?;
        for raw in page.items.unwrap_or_default() {
            let raw = serde_json::from_str(raw.get()).map_err(broken)?;
            self.hub.listed(listing, self.read(raw));
        }
        Ok(page.metadata)
    }

    async fn page(&self, token: Option<String>) -> Result<String, kube::Error> {
        let params = ListParams {
            label_selector: self.selector.clone(),
            limit: Some(if R::metadata_api() { PAGE_OF_METADATA } else { PAGE }),
            continue_token: token,
            ..ListParams::default()
        };
        let request = Request::new(&self.url);
        let mut request = if R::metadata_api() {
            request.list_metadata(&params)
        } else {
            request.list(&params)
        }
        .map_err(kube::Error::BuildRequest)?;
        request.extensions_mut().insert("list");
        within(LIST_WITHIN, self.env.client().request_text(request)).await
    }

    async fn open(&self, from: &str) -> Result<Events<R>, Cut> {
        let params = WatchParams {
            label_selector: self.selector.clone(),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = Request::new(&self.url);
        let request = if R::metadata_api() {
            request.watch_metadata(&params, from)
        } else {
            request.watch(&params, from)
        };
        let opened = match request {
            Ok(mut request) => {
                request.extensions_mut().insert("watch");
                within(OPEN_WITHIN, self.env.client().request_events::<R>(request)).await
            }
            Err(error) => Err(kube::Error::BuildRequest(error)),
        };
        let events = match opened {
            Ok(events) => events.boxed(),
            Err(error) if self.tolerates == Tolerates::NotPermitted && is(&error, 403) => {
                return Err(self.without(&error).map_or(Cut::Expired(None), Cut::Without));
            }
            // A kind that is no longer served is found out by listing it.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 410) => {
                return Err(Cut::Expired(Some(status.message)));
            }
            Err(error) => return Err(Cut::Resume(Some(explain(&error)))),
        };
        self.hub.access(Access::Open);
        Ok(events)
    }

    /// Hears what comes until it is cut. `at` is the version it has come to.
    async fn follow(&self, mut events: Events<R>, at: &mut String) -> Cut {
        // A watch that breaks as soon as it is open is as good as cut: to be open is to have heard, or lived on.
        let mut patience = HEALTHY_AFTER;
        loop {
            let event = match timeout(patience, events.next()).await {
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(error))) => return Cut::Resume(Some(explain(&error))),
                Ok(None) => return Cut::Resume(None),
                Err(_) if patience < SILENT_AFTER => {
                    self.hub.health.heard(None);
                    patience = SILENT_AFTER;
                    continue;
                }
                Err(_) => return Cut::Expired(Some("the watch fell silent".to_owned())),
            };
            match event {
                WatchEvent::Error(status) if status.code == 410 => {
                    return Cut::Expired(Some(status.message));
                }
                WatchEvent::Error(status) => return Cut::Resume(Some(status.message)),
                event => self.hear(event, at),
            }
            patience = SILENT_AFTER;
        }
    }

    fn hear(&self, event: WatchEvent<R>, at: &mut String) {
        match event {
            WatchEvent::Added(raw) | WatchEvent::Modified(raw) => {
                note(at, raw.meta().resource_version.as_deref());
                self.hub.there(self.read(raw));
                self.count_unparsed();
            }
            WatchEvent::Deleted(raw) => {
                note(at, raw.meta().resource_version.as_deref());
                self.hub.gone(self.read(raw));
                self.count_unparsed();
            }
            WatchEvent::Bookmark(mark) => note(at, Some(&mark.metadata.resource_version)),
            WatchEvent::Error(_) => return,
        }
        self.hub.health.heard(Some(at));
    }

    /// Nobody here reads who applied which field, and it is most of an object's size.
    fn read(&self, mut raw: R) -> Result<K, Box<InvalidObject>> {
        trim(raw.meta_mut());
        (self.parse)(raw)
    }

    /// Keeps the metric true. It is added to, not set: a kind may have several watches, with other selectors.
    fn count_unparsed(&self) {
        let now = i64::try_from(self.hub.count_unparsed()).unwrap_or(i64::MAX);
        let before = self.rejected.swap(now, Ordering::Relaxed);
        self.env
            .metrics()
            .rejected
            .get_or_create(&Kind {
                kind: self.hub.health.kind().to_owned(),
            })
            .inc_by(now - before);
    }
}

/// Drops what is large and what nobody may act on.
pub(crate) fn trim(meta: &mut kube::api::ObjectMeta) {
    meta.managed_fields = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        if annotations.is_empty() {
            meta.annotations = None;
        }
    }
}

fn is(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

fn note(at: &mut String, version: Option<&str>) {
    if let Some(version) = version.filter(|version| !version.is_empty()) {
        version.clone_into(at);
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, kube::Error> {
    timeout(limit, call).await.unwrap_or_else(|_| {
        Err(kube::Error::Service(
            format!("no answer within {} s", limit.as_secs()).into(),
        ))
    })
}

#[cfg(test)]
mod tests;
