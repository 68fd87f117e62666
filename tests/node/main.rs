//! Tests with real servers and the operator in its own image, on a real node.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test says what is wrong by panicking"
)]

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "shared by several test programs, each of which uses a part"
)]
mod support;

mod certificates;
mod faults;
mod growth;
mod moving;
mod rebalance;
mod replace;
mod rolls;
mod rotation;
mod s3;
mod scene;
mod stores;
mod topology;
mod versions;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use support::cluster::Cluster;
use support::failure::why;
use support::operator::{self, NAMESPACE};
use tokio::runtime::Runtime;

/// What every test is handed.
pub struct World {
    /// The control plane with its node.
    pub cluster: Cluster,
    /// The Python that runs the S3 client.
    pub python: PathBuf,
}

type Test = fn(Arc<World>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Names a test after its function.
macro_rules! tests {
    ($($module:ident :: $name:ident),* $(,)?) => {
        vec![$((stringify!($name), (|world| Box::pin($module::$name(world))) as Test)),*]
    };
}

fn main() -> ExitCode {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut arguments = Arguments::from_args();
    // The servers share one node, and the operator is killed by a test.
    arguments.test_threads = Some(1);
    if std::env::var("RUN_NODE_TESTS").is_ok_and(|value| value == "1") {
        return run(&arguments);
    }
    eprintln!("the tests on a real node run by `make e2e` (Linux, root)");
    libtest_mimic::run(&arguments, vec![]).exit_code()
}

fn run(arguments: &Arguments) -> ExitCode {
    let mut tests: Vec<(&str, Test)> = tests![
        stores::the_operator_runs_from_its_own_image,
        rolls::a_store_takes_objects_and_keeps_them_while_every_server_is_replaced,
        rolls::servers_are_replaced_although_the_operator_and_a_server_die_meanwhile,
        rolls::a_bad_image_is_rolled_back_while_clients_are_served,
        certificates::a_store_with_tls_is_trusted_by_its_own_authority_alone,
        stores::a_creation_ends_the_same_when_the_operator_is_killed,
        stores::retained_volumes_serve_their_objects_again,
        faults::servers_that_are_killed_lose_nothing,
        faults::a_node_that_is_drained_gives_up_no_more_servers_than_writes_can_spare,
        growth::volumes_grow_under_a_store_that_serves_although_operator_and_server_die,
        stores::deletion_with_data_is_refused_until_confirmed,
        rotation::root_credentials_rotate_while_a_user_reads_what_it_wrote,
        topology::a_pool_joins_and_a_deleted_one_stays_as_long_as_its_drain_is_held,
    ];
    if std::env::var("LONG").is_ok_and(|value| value == "1") {
        tests.extend(tests![
            certificates::a_new_authority_is_known_to_all_before_it_is_used,
            moving::versions_and_uploads_under_way_outlive_the_pool_they_were_on,
            rebalance::objects_are_spread_and_every_server_makes_buckets_afterwards,
            replace::a_pool_is_replaced_by_one_with_larger_volumes_although_servers_die,
            replace::the_first_of_three_pools_leaves_and_the_others_are_known_to_every_server,
        ]);
    }
    if versions::other().is_some() {
        tests.extend(tests![
            versions::a_store_takes_a_later_version_and_an_earlier_one_only_by_a_word
        ]);
    }
    if arguments.list {
        let trials = tests.into_iter().map(|(name, _)| Trial::test(name, || Ok(())));
        return libtest_mimic::run(arguments, trials.collect()).exit_code();
    }
    let runtime = Arc::new(Runtime::new().expect("a runtime can be made"));
    let world = Arc::new(runtime.block_on(World::start()));
    let trials = tests
        .into_iter()
        .map(|(name, test)| {
            let (runtime, world) = (Arc::clone(&runtime), Arc::clone(&world));
            Trial::test(name, move || {
                let started = Instant::now();
                let result = runtime.block_on(runtime.spawn(test(Arc::clone(&world))));
                eprintln!("{name}: {} s", started.elapsed().as_secs());
                result.map_err(|failure| {
                    eprintln!("{}", world.describe());
                    Failed::from(why(failure))
                })
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(arguments, trials);
    drop(world);
    conclusion.exit_code()
}

impl World {
    async fn start() -> Self {
        let cluster = Cluster::start("node", &["--real-node", "--nodes", "0"]).await;
        operator::apply(&cluster, "dev");
        let python = s3::python(&cluster.scratch);
        Self { cluster, python }
    }

    /// Objects, events and last words of the Pods, for the message of a failed test.
    fn describe(&self) -> String {
        let told = |arguments: &[&str]| self.cluster.kubectl(arguments).unwrap_or_else(|error| error);
        let conditions = "jsonpath={range .items[*]}{.kind} {.metadata.name}:{range .status.conditions[*]} \
                          {.type}={.status} ({.reason}: {.message}){end}{\"\\n\"}{end}";
        let mut text = told(&["get", "pods,persistentvolumeclaims", "-A", "-o", "wide"]);
        text += &told(&["get", "tenants,pools,tenantcertificates", "-A", "-o", conditions]);
        let events = told(&["get", "events", "-A", "--sort-by=.lastTimestamp"]);
        text += &last(&events, 25);
        let pods = told(&[
            "get",
            "pods",
            "-A",
            "-o",
            "custom-columns=:metadata.namespace,:metadata.name",
            "--no-headers",
        ]);
        for pod in pods.lines() {
            let Some((namespace, name)) = pod.trim().split_once(char::is_whitespace) else {
                continue;
            };
            let lines = if namespace == NAMESPACE {
                "--tail=40"
            } else {
                "--tail=6"
            };
            text += &format!(
                "\n--- {name}\n{}",
                told(&["logs", "-n", namespace, name.trim(), lines])
            );
        }
        text
    }

    /// Waits until the Deployment of the operator has all its replicas.
    pub fn rolled_out(&self, within: Duration) {
        let timeout = format!("--timeout={}s", within.as_secs());
        self.cluster
            .kubectl(&[
                "-n",
                NAMESPACE,
                "rollout",
                "status",
                "deployment/rustfs-operator",
                &timeout,
            ])
            .unwrap_or_else(|error| panic!("the operator is not ready: {error}"));
    }
}

fn last(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
