//! Every value of every field: refused with its path, or named by a condition, or found in what the operator makes; and
//! the way back leads back. What is tried of which field is in `tests/fields`.

mod judge;
mod store;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::node::v1::RuntimeClass;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::World;
use crate::fields::{Effect, Store, Trial, refusals, schema, trials};
use store::Lane;

/// How many stores values are tried on at the same time.
const LANES: [(Store, usize); 5] = [
    (Store::Plain, 4),
    (Store::Tls, 3),
    (Store::Hasty, 3),
    (Store::Open, 1),
    (Store::Two, 1),
];

/// A class that Pods of `tests/fields` name.
const CLASS: &str = "rustfs-values";

/// What is left to try on a kind of store, and what came of the rest.
#[derive(Default)]
struct Campaign {
    left: Mutex<BTreeMap<Store, VecDeque<Trial>>>,
    faults: Mutex<Vec<String>>,
    slowest: Mutex<Vec<(Duration, String)>>,
}

pub async fn every_value_is_refused_or_reflected_or_named_and_the_way_back_leads_back(world: Arc<World>) {
    let _operator = world.running().await;
    runtime_class(&world).await;
    run(&world, &LANES).await;
    let classes: Api<RuntimeClass> = Api::all(world.cluster.admin.clone());
    let gone = classes.delete(CLASS, &DeleteParams::default()).await;
    gone.expect("a RuntimeClass can be deleted");
}

pub async fn every_value_of_a_monitor_reaches_prometheus_and_the_way_back_leads_back(world: Arc<World>) {
    let _operator = world.running().await;
    let folder = world.cluster.localkube_plain(&["crds", "prometheus"]);
    let folder = folder.expect("the kinds of the Prometheus operator");
    let installed = world
        .cluster
        .kubectl(&["apply", "--server-side", "-f", folder.trim()]);
    installed.expect("they can be installed");
    run(&world, &[(Store::Watched, 1)]).await;
}

async fn run(world: &World, lanes: &[(Store, usize)]) {
    let begun = Instant::now();
    let campaign = Campaign::on(lanes);
    let count = campaign.count();
    let mut running = FuturesUnordered::new();
    for (store, number) in lanes {
        running.extend((0..*number).map(|_| campaign.lane(world, *store)));
    }
    running.collect::<Vec<()>>().await;
    let faults = campaign
        .faults
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    println!("{count}, in {} s", begun.elapsed().as_secs());
    let mut slowest = campaign
        .slowest
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    slowest.sort();
    for (time, title) in slowest.iter().rev().take(5) {
        println!("  {:.1} s {title}", time.as_secs_f64());
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

impl Campaign {
    fn on(lanes: &[(Store, usize)]) -> Self {
        let mut left: BTreeMap<Store, VecDeque<Trial>> = BTreeMap::new();
        let only = std::env::var("VALUES").unwrap_or_default();
        let derived = refusals().into_iter().map(|(_, trial)| trial);
        let all = trials().into_iter().chain(derived);
        let all: Vec<Trial> = all.filter(|trial| trial.title().contains(&only)).collect();
        assert!(!all.is_empty(), "no value is called {only:?}");
        let here = |trial: &Trial| lanes.iter().any(|(store, _)| *store == trial.store);
        for trial in all.into_iter().filter(here) {
            left.entry(trial.store).or_default().push_back(trial);
        }
        Self {
            left: Mutex::new(left),
            ..Self::default()
        }
    }

    /// One line for people.
    fn count(&self) -> String {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<&Trial> = left.values().flatten().collect();
        let of = |wanted: fn(&Effect) -> bool| all.iter().filter(|trial| wanted(&trial.effect)).count();
        let kinds: Vec<&str> = all.iter().map(|trial| trial.kind).collect();
        let fields = schema::fields().into_iter().filter(|field| field.leaf);
        let fields = fields
            .filter(|field| kinds.contains(&field.kind.as_str()))
            .count();
        format!(
            "{fields} fields, {} values: {} refused, {} named by a condition, {} at the price of a server, {} reflected, \
             {} without effect yet",
            all.len(),
            of(|effect| matches!(effect, Effect::Refused(_))),
            of(|effect| matches!(effect, Effect::Named(_) | Effect::Held(..))),
            of(|effect| matches!(effect, Effect::Costs(..))),
            of(|effect| matches!(
                effect,
                Effect::Shown(_) | Effect::Says(..) | Effect::Gone(_) | Effect::Moved(_)
            )),
            of(|effect| matches!(effect, Effect::Silent(_))),
        )
    }

    fn next(&self, store: Store) -> Option<Trial> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.get_mut(&store)?.pop_front()
    }

    fn fault(&self, text: String) {
        println!("{text}");
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text);
    }

    /// Tries one value after the other on a store; on another one where no way leads back.
    async fn lane(&self, world: &World, store: Store) {
        let mut lane: Option<Lane> = None;
        while let Some(trial) = self.next(store) {
            let mut here = match lane.take() {
                Some(lane) => lane,
                None => Lane::open(world, store).await,
            };
            let begun = Instant::now();
            let outcome = here.judge(&trial).await;
            let time = (begun.elapsed(), trial.title());
            self.slowest
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(time);
            if let Err(fault) = outcome {
                let fault: String = fault.chars().take(4000).collect();
                self.fault(format!("{} ({store:?}): {fault}", trial.title()));
                if let Err(fault) = here
                    .go_back(&Trial {
                        rolls: true,
                        ..trial.clone()
                    })
                    .await
                {
                    self.fault(format!("{}: and no way leads back: {fault}", trial.title()));
                    here.leave().await;
                    continue;
                }
            }
            // What it leaves may change by itself while another value is judged.
            if trial.leaves.is_some() {
                here.leave().await;
                continue;
            }
            lane = Some(here);
        }
        if let Some(mut here) = lane {
            if let Err(fault) = here.is_untouched().await {
                self.fault(format!(
                    "after all that was refused on a store ({store:?}): {fault}"
                ));
            }
            here.leave().await;
        }
    }
}

/// A class that Pods may name.
async fn runtime_class(world: &World) {
    let class = json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": CLASS}, "handler": "runc",
    });
    let classes: Api<RuntimeClass> = Api::all(world.cluster.admin.clone());
    let how = PatchParams::apply("person").force();
    classes
        .patch(CLASS, &how, &Patch::Apply(&class))
        .await
        .expect("a RuntimeClass can be made");
}
