//! Tests against a real etcd, API server, controller manager and scheduler, with fake nodes.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
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

#[path = "../fields/mod.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "shared with the test that looks whether every field is tried"
)]
mod fields;

mod audit;
mod crds;
mod drains;
mod explain;
mod growth;
mod guides;
mod hands;
mod health;
mod hooks;
mod issuers;
mod lifecycle;
mod monitor;
mod network;
mod nodes;
mod numbers;
mod preflight;
mod process;
mod protection;
mod rebalance;
mod rollouts;
mod rotation;
mod silence;
mod topology;
mod traces;
mod values;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use support::cluster::Cluster;
use support::failure::why;
use support::operator::{self, How, Operator};
use support::servers::Servers;
use support::space::Space;
use support::wait::SOON;
use tokio::runtime::Runtime;
use tokio::sync::{RwLock, RwLockReadGuard};

/// What every test is handed.
pub struct World {
    /// The control plane.
    pub cluster: Cluster,
    /// Kubeconfig of the operator's ServiceAccount.
    pub kubeconfig: PathBuf,
    /// The operator most tests share; a test that stops it takes it for itself.
    pub operator: RwLock<Option<Operator>>,
    /// The servers behind the fake Pods.
    pub servers: Servers,
    /// Whether kwok plays the nodes.
    fake_nodes: bool,
}

/// What only the tests' own control plane is sure to have, by the begin of a test's name.
const OF_OUR_OWN: [(&str, &str); 9] = [
    ("audit::", AUDIT_LOG),
    ("silence::", AUDIT_LOG),
    ("hooks::a_store_is_taken_down", AUDIT_LOG),
    ("issuers::", "place for other kinds of cert-manager"),
    ("traces::", "Jaeger beside it"),
    ("monitor::a_monitor_waits", NO_PROMETHEUS),
    ("values::every_value_of_a_monitor", NO_PROMETHEUS),
    ("process::in_one_namespace", "second one beside it"),
    ("process::when_all_its_connections", "address on this machine"),
];
const AUDIT_LOG: &str = "audit log to read";
/// The kinds are its own, and they stay.
const NO_PROMETHEUS: &str = "place for other kinds of the Prometheus operator";

type Test = fn(Arc<World>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Names a test after its function.
macro_rules! tests {
    ($($module:ident :: $name:ident),* $(,)?) => {
        vec![$((stringify!($module), stringify!($name), (|world| Box::pin($module::$name(world))) as Test)),*]
    };
}

fn main() -> ExitCode {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut arguments = Arguments::from_args();
    let together: Vec<(&str, &str, Test)> = tests![
        crds::every_rule_accepts_what_it_should,
        crds::every_rule_rejects_what_it_should_and_says_what_to_do,
        crds::every_field_is_described,
        lifecycle::a_tenant_and_two_pools_become_ready_whatever_comes_first,
        lifecycle::a_tenant_with_tls_mounts_its_certificate_and_renames_nothing,
        lifecycle::deletion_goes_in_order_and_keeps_only_what_the_policy_keeps,
        lifecycle::volumes_of_a_pool_that_is_gone_are_listed_until_they_are_gone_too,
        lifecycle::a_namespace_with_objects_that_wait_can_be_deleted,
        lifecycle::a_new_image_reaches_every_server_one_at_a_time,
        topology::a_pool_joins_a_store_that_serves_and_clients_meet_one_revision,
        topology::a_newcomer_that_cannot_start_costs_nobody_a_server,
        topology::a_pool_that_does_not_fit_is_refused_and_disturbs_nothing,
        topology::a_newcomer_is_taken_back_while_no_client_was_served_with_it,
        drains::a_decommissioned_pool_leaves_once_its_data_has_moved,
        drains::a_drain_is_called_off_and_begun_again,
        drains::a_pool_deleted_by_mistake_keeps_its_servers_until_its_data_has_moved,
        drains::no_drain_begins_before_the_scanners_record_is_in_every_pool,
        drains::a_drain_that_the_servers_give_up_is_told_and_begun_again_by_itself,
        drains::an_upload_that_keeps_a_drain_from_its_end_is_named,
        drains::a_drain_that_cannot_be_forgotten_is_left_behind_and_begun_again,
        drains::a_deleted_pool_keeps_its_data_while_a_person_holds_it,
        topology::a_successor_takes_over_from_the_pool_it_replaces,
        numbers::elements_get_other_spellings_before_the_second_pool_is_drained,
        rebalance::after_a_join_objects_are_spread_once_and_only_while_it_is_wished,
        growth::volumes_grow_and_every_server_runs_on,
        growth::what_a_class_forbids_is_said_and_servers_are_still_cared_for,
        growth::volumes_that_grow_are_waited_for_and_may_be_told_to_grow_further,
        rollouts::as_many_servers_are_replaced_at_once_as_may_be_and_can_be_spared,
        rollouts::an_annotation_restarts_every_server_of_a_tenant_or_of_one_pool,
        rollouts::a_canary_runs_alone_until_the_partition_is_lowered,
        rollouts::a_paused_rollout_replaces_nothing_and_is_as_asked,
        rollouts::a_change_no_server_starts_with_is_taken_back_and_not_tried_again,
        rollouts::an_older_version_is_refused_until_a_person_allows_it,
        rotation::a_changed_pair_reaches_every_server_and_clients_meet_one_at_a_time,
        rotation::a_pair_that_cannot_be_used_disturbs_no_server,
        rotation::a_pair_that_is_taken_back_on_the_way_leaves_the_servers_as_they_were,
        explain::a_person_is_told_what_a_store_waits_for,
        explain::what_cannot_be_explained_is_said_in_a_sentence,
        guides::pools_come_and_go_as_the_guide_says,
        guides::rollouts_are_steered_as_the_guide_says,
        guides::a_store_is_deleted_as_the_guide_says,
        guides::a_store_is_explained_as_the_guide_says,
        guides::a_store_grows_as_the_guide_says,
        guides::a_backup_is_made_before_an_upgrade_as_the_guide_says,
        guides::root_credentials_change_as_the_guide_says,
        guides::certificates_are_kept_as_the_guide_says,
        guides::a_pool_that_does_not_fit_is_held_back_as_the_guide_says,
        guides::a_store_is_monitored_as_the_guide_says,
        guides::a_store_is_moved_here_as_the_guide_says,
        guides::a_server_leaves_a_lost_node_as_the_guide_says,
        guides::who_may_reach_a_store_is_said_as_the_guide_says,
        health::a_store_serves_only_once_its_servers_take_writes,
        health::a_server_is_replaced_only_while_the_others_take_writes,
        hands::deleted_children_come_back,
        hands::edited_and_stripped_children_are_restored,
        hands::lost_credentials_come_back_as_servers_run_with_them,
        hands::an_object_of_someone_else_is_never_taken,
        issuers::a_store_gets_its_certificate_from_cert_manager,
        hooks::a_store_is_taken_down_only_once_its_hook_has_completed,
        hooks::a_hook_that_misses_its_deadline_keeps_the_store_until_it_is_removed,
        hooks::a_pool_is_drained_only_once_its_hook_has_completed,
        hooks::no_server_takes_another_image_before_the_hook_has_completed,
        hooks::a_hook_that_may_fail_holds_nothing_up,
        hooks::a_namespace_that_goes_waits_until_the_hook_that_cannot_run_is_removed,
        monitor::a_monitor_waits_for_the_prometheus_kinds_and_serves_real_figures,
        monitor::a_prometheus_reads_every_figure_and_answers_every_dashboard,
        network::a_store_lets_in_whom_it_names_and_goes_on_without_a_policy,
        network::a_policy_that_is_refused_or_taken_keeps_nothing_else_from_being_done,
        nodes::a_server_on_a_silent_node_is_told_and_released_by_a_word_alone,
        nodes::emptying_nodes_never_takes_more_servers_than_a_store_can_spare,
        preflight::a_missing_storage_class_holds_a_pool_back_until_it_is_created,
        preflight::a_pool_that_no_node_can_take_is_held_back_unless_it_asks_for_a_report,
        preflight::a_pool_that_serves_is_disturbed_by_no_finding,
        preflight::pools_on_different_classes_are_warned_of,
        protection::a_store_that_cannot_be_asked_waits_and_an_empty_one_goes,
        protection::what_deletes_around_the_operator_waits_for_the_same_word,
        silence::a_monitor_that_waits_for_its_tenant_writes_once,
    ];
    // It keeps both cores busy by itself.
    let values: Vec<(&str, &str, Test)> =
        tests![values::every_value_is_refused_or_reflected_or_named_and_the_way_back_leads_back];
    // These end an operator of their own, which has one namespace, while the one the others share is stopped.
    let killed: Vec<(&str, &str, Test)> = tests![
        rollouts::killed_while_a_change_is_taken_back_it_goes_on,
        protection::a_store_with_objects_serves_on_until_its_owner_confirms,
        hooks::killed_while_hooks_are_started_it_starts_each_of_them_once,
        rebalance::killed_in_the_middle_it_goes_on_and_what_failed_waits_for_a_person,
        growth::killed_while_the_stateful_set_is_away_it_makes_it_anew_with_the_same_servers,
        growth::a_store_deleted_while_a_stateful_set_is_away_leaves_no_server,
        process::killed_in_the_middle_it_ends_where_an_undisturbed_run_ends,
    ];
    // These have no operator beside theirs.
    let alone: Vec<(&str, &str, Test)> = tests![
        silence::nothing_is_written_once_all_is_ready,
        traces::a_reconcile_is_one_trace_and_leads_back_to_the_write_that_woke_it,
        process::of_two_replicas_one_leads_and_the_other_takes_over_within_20_seconds,
        process::asked_to_stop_it_gives_the_lease_back_and_exits_with_0,
        process::when_all_its_connections_are_cut_it_sees_again_within_5_seconds,
        process::in_one_namespace_a_role_is_enough,
    ];
    // It needs the kinds of the Prometheus operator, which another test waits for in vain first; and what the audit log
    // is asked for comes after all that fills it.
    let with_prometheus: Vec<(&str, &str, Test)> =
        tests![values::every_value_of_a_monitor_reaches_prometheus_and_the_way_back_leads_back];
    let of_the_log: Vec<(&str, &str, Test)> = tests![
        audit::every_deletion_names_the_uid_it_was_decided_on,
        audit::the_role_grants_what_was_used_and_nothing_else,
    ];
    let groups = [together, values, killed, alone, with_prometheus, of_the_log];
    if arguments.list {
        let trials = groups.into_iter().flatten();
        let trials = trials.map(|(module, name, _)| Trial::test(format!("{module}::{name}"), || Ok(())));
        return libtest_mimic::run(&arguments, trials.collect()).exit_code();
    }
    // Most of a test is waiting for servers to come.
    arguments.test_threads = arguments.test_threads.or(Some(3));
    let runtime = Arc::new(Runtime::new().expect("a runtime can be made"));
    let world = Arc::new(runtime.block_on(World::start()));
    let mut conclusions = vec![];
    for tests in groups {
        let trials = trials_of(tests, &runtime, &world);
        conclusions.push(libtest_mimic::run(&arguments, trials));
    }
    runtime.block_on(async { world.operator.write().await.take() });
    drop(world);
    let failed = conclusions.iter().find(|conclusion| conclusion.has_failed());
    failed.map_or(ExitCode::SUCCESS, |conclusion| conclusion.exit_code())
}

fn trials_of(tests: Vec<(&str, &str, Test)>, runtime: &Arc<Runtime>, world: &Arc<World>) -> Vec<Trial> {
    let trial = |(module, name, test): (&str, &str, Test)| {
        let (runtime, world) = (Arc::clone(runtime), Arc::clone(world));
        let title = format!("{module}::{name}");
        let lacks = world.lacks(&title);
        if let Some(what) = lacks {
            println!("{title} is left out: this cluster has no {what}");
        }
        Trial::test(title, move || {
            runtime
                .block_on(runtime.spawn(test(world)))
                .map_err(|failure| Failed::from(why(failure)))
        })
        .with_ignored_flag(lacks.is_some())
    };
    tests.into_iter().map(trial).collect()
}

impl World {
    async fn start() -> Self {
        let cluster = Cluster::start("api", &["--nodes", "3", "--jaeger"]).await;
        let kubeconfig = operator::install(&cluster, "dev").await;
        let servers = Servers::start(&cluster).await;
        let fake_nodes = cluster.has_fake_nodes().await;
        Self {
            fake_nodes,
            cluster,
            kubeconfig,
            operator: RwLock::new(None),
            servers,
        }
    }

    /// What a test needs and an existing cluster does not have.
    fn lacks(&self, title: &str) -> Option<&'static str> {
        if !self.cluster.is_existing() {
            return None;
        }
        let mut needs = OF_OUR_OWN.iter();
        let own = needs.find(|(begin, _)| title.starts_with(begin));
        // Pods that nobody runs, or that cannot be reached from here, become no store.
        let pods = || (!self.fake_nodes && !title.starts_with("crds::")).then_some("fake nodes of kwok");
        own.map(|(_, what)| *what).or_else(pods)
    }

    /// The operator all tests share, under its own ServiceAccount; started when first asked for.
    pub async fn running(&self) -> RwLockReadGuard<'_, Option<Operator>> {
        let shared = self.operator.read().await;
        if shared.is_some() {
            return shared;
        }
        drop(shared);
        let mut own = self.operator.write().await;
        if own.is_none() {
            let how = How::plain(&self.kubeconfig, "shared");
            *own = Some(Operator::start(&self.cluster, &how).await);
        }
        own.downgrade()
    }

    /// Stops the operator all tests share, for as long as this is held.
    pub async fn stopped(&self) -> RwLockReadGuard<'_, Option<Operator>> {
        let shared = self.operator.read().await;
        if shared.is_none() {
            return shared;
        }
        drop(shared);
        let mut shared = self.operator.write().await;
        shared.take();
        shared.downgrade()
    }

    /// An operator for one namespace, which a test may kill and start again, while the shared one is stopped.
    pub async fn own(&self, space: &Space) -> Operator {
        let how = How {
            arguments: ["--leader-election", "false", "--namespace", &space.name]
                .map(str::to_owned)
                .to_vec(),
            ..How::plain(&self.kubeconfig, &space.name)
        };
        let operator = Operator::start(&self.cluster, &how).await;
        operator.ready(SOON).await;
        operator
    }
}
