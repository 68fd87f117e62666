//! Tests against a real etcd, API server, controller manager and scheduler, with fake nodes.

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "shared by several test programs, each of which uses a part"
)]
mod support;

mod crds;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use support::cluster::Cluster;
use tokio::runtime::Runtime;
use tokio::sync::RwLock;

/// What every test is handed.
pub struct World {
    /// The control plane.
    pub cluster: Cluster,
    /// The operator most tests share; a test that stops it takes it for itself.
    pub operator: RwLock<Option<support::operator::Operator>>,
}

type Test = fn(Arc<World>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Names a test after its function.
macro_rules! tests {
    ($($module:ident :: $name:ident),* $(,)?) => {
        vec![$((stringify!($module), stringify!($name), (|world| Box::pin($module::$name(world))) as Test)),*]
    };
}

fn main() -> ExitCode {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::from_args();
    let tests: Vec<(&str, &str, Test)> = tests![
        crds::every_rule_accepts_what_it_should,
        crds::every_rule_rejects_what_it_should_and_says_what_to_do,
        crds::every_field_is_described,
    ];
    if arguments.list {
        let trials = tests
            .into_iter()
            .map(|(module, name, _)| Trial::test(format!("{module}::{name}"), || Ok(())));
        return libtest_mimic::run(&arguments, trials.collect()).exit_code();
    }
    let runtime = Arc::new(Runtime::new().expect("a runtime can be made"));
    let world = Arc::new(runtime.block_on(World::start()));
    let trials = tests
        .into_iter()
        .map(|(module, name, test)| {
            let (runtime, world) = (Arc::clone(&runtime), Arc::clone(&world));
            Trial::test(format!("{module}::{name}"), move || {
                runtime
                    .block_on(runtime.spawn(test(world)))
                    .map_err(|failure| Failed::from(why(failure)))
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    runtime.block_on(async { world.operator.write().await.take() });
    drop(world);
    conclusion.exit_code()
}

fn why(failure: tokio::task::JoinError) -> String {
    match failure.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
            .unwrap_or_else(|| "the test panicked".to_owned()),
        Err(error) => error.to_string(),
    }
}

impl World {
    async fn start() -> Self {
        let cluster = Cluster::start("api", &["--nodes", "3", "--jaeger"]).await;
        support::operator::install_crds(&cluster).await;
        Self {
            cluster,
            operator: RwLock::new(None),
        }
    }
}
