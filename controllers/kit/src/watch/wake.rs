//! Wakes on their way from a watch to a controller. A waiting wake is merged with the next one for the same object,
//! so a controller that does not run (yet) costs no more memory than there are objects.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use futures::stream::{self, BoxStream, StreamExt};
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::Notify;

use crate::run::locked;

/// How many causes of one wake are kept: links of a trace, nothing depends on them.
const CAUSES: usize = 16;

/// Why an object of kind `O` is reconciled: who changed, at which version.
#[derive(Clone, Debug)]
pub struct Wake<O: Resource<DynamicType = ()>> {
    /// The object to reconcile.
    pub target: ObjectRef<O>,
    /// UID and resourceVersion of the object that changed; links the traces.
    pub cause: Option<(String, String)>,
}

/// UID and resourceVersion.
pub(crate) type Cause = (String, String);

pub(crate) struct Queue<O: Resource<DynamicType = ()>> {
    waiting: Mutex<Waiting<O>>,
    arrived: Notify,
}

struct Waiting<O: Resource<DynamicType = ()>> {
    order: VecDeque<ObjectRef<O>>,
    causes: HashMap<ObjectRef<O>, Vec<Cause>>,
}

impl<O: Resource<DynamicType = ()> + 'static> Queue<O> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::new(Waiting {
                order: VecDeque::new(),
                causes: HashMap::new(),
            }),
            arrived: Notify::new(),
        })
    }

    pub(crate) fn push(&self, target: ObjectRef<O>, cause: Option<Cause>) {
        let mut waiting = locked(&self.waiting);
        if !waiting.causes.contains_key(&target) {
            waiting.order.push_back(target.clone());
        }
        let causes = waiting.causes.entry(target).or_default();
        if let Some(cause) = cause {
            causes.retain(|known| known.0 != cause.0);
            causes.push(cause);
            if causes.len() > CAUSES {
                causes.remove(0);
            }
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<(ObjectRef<O>, Vec<Cause>)> {
        let mut waiting = locked(&self.waiting);
        let target = waiting.order.pop_front()?;
        let causes = waiting.causes.remove(&target).unwrap_or_default();
        Some((target, causes))
    }

    async fn next(&self) -> (ObjectRef<O>, Vec<Cause>) {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.arrived.notified().await;
        }
    }
}

/// The wakes of a queue, one for each cause.
pub(crate) fn stream<O>(queue: Arc<Queue<O>>) -> BoxStream<'static, Wake<O>>
where
    O: Resource<DynamicType = ()> + 'static,
{
    stream::unfold(queue, |queue| async move {
        let (target, causes) = queue.next().await;
        let mut wakes: Vec<Wake<O>> = causes
            .into_iter()
            .map(|cause| Wake {
                target: target.clone(),
                cause: Some(cause),
            })
            .collect();
        if wakes.is_empty() {
            wakes.push(Wake { target, cause: None });
        }
        Some((stream::iter(wakes), queue))
    })
    .flatten()
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn cause(uid: &str, version: &str) -> Option<Cause> {
        Some((uid.to_owned(), version.to_owned()))
    }

    #[tokio::test]
    async fn wakes_for_one_object_are_merged_while_nobody_takes_them() {
        let queue = Queue::<ConfigMap>::new();
        let target = ObjectRef::new("a").within("ns");
        for version in 1..=1000 {
            queue.push(target.clone(), cause("u", &version.to_string()));
        }
        queue.push(ObjectRef::new("b").within("ns"), None);
        let mut wakes = stream(queue);
        let first = wakes.next().await.unwrap();
        assert_eq!(
            (first.target.name.as_str(), first.cause),
            ("a", cause("u", "1000"))
        );
        assert_eq!(wakes.next().await.unwrap().target.name, "b");
        assert!(wakes.next().now_or_never().is_none());
    }
}
