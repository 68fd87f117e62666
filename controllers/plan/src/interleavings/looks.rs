//! A controller looks, and what it decides is done. One that is cut off writes no status.

use std::sync::Arc;

use crds::Pool;
use crds::names::LABEL_TOPOLOGY_REVISION;

use crate::step::{Child, Enacted, Step};
use crate::tenant::rebalance;
use crate::{meta, pool, tenant};

use super::world::{Life, World, start};

impl World {
    pub(super) fn tenant_looks(&mut self, to_the_end: bool) -> Result<(), String> {
        let observed = self.tenant_sees();
        let plan = tenant::plan(&self.tenant, &observed);
        for step in &plan.steps {
            match step {
                Step::Create(child) | Step::Apply(child) => match child.as_ref() {
                    Child::ConfigMap(map) if meta::name(map) == "store-topology" => {
                        self.topology = Some(map.clone());
                        self.number();
                    }
                    Child::ConfigMap(map) => self.revisions.push(Arc::new(map.clone())),
                    Child::Service(service) if meta::name(service) == "store-api" => {
                        let selector = service.spec.as_ref().unwrap().selector.as_ref().unwrap();
                        self.selected = selector[LABEL_TOPOLOGY_REVISION].parse().unwrap();
                    }
                    _ => {}
                },
                Step::Delete(target, _) => {
                    assert_eq!(
                        target.kind, "ConfigMap",
                        "a living Tenant deletes {}",
                        target.name
                    );
                    self.revisions
                        .retain(|map| meta::name(map.as_ref()) != target.name);
                }
                _ => {}
            }
        }
        match plan.rebalance_order(&self.tenant, &observed) {
            Some((rebalance::Order::Start, _)) if self.rebalances.0 > 0 => {
                return Err("the servers are told to rebalance twice".to_owned());
            }
            Some((rebalance::Order::Start, _)) => self.rebalances = (1, true),
            Some((rebalance::Order::Stop, _)) => self.rebalances.1 = false,
            Some((rebalance::Order::Settle, _)) => self.settled = true,
            None => {}
        }
        if to_the_end {
            // No decision of a Tenant in these worlds waits for a time.
            let status = tenant::status(&self.tenant, &observed, &plan, &Enacted::default(), start());
            self.tenant.status = Some(status);
        }
        Ok(())
    }

    pub(super) fn pool_looks(&mut self, index: usize, to_the_end: bool) -> Result<(), String> {
        let pool = self.pools[index].clone();
        let observed = self.pool_sees(&pool);
        let plan = pool::plan(&pool, &observed);
        for step in &plan.steps {
            match step {
                Step::Hold(finalizer) => {
                    self.pools[index].metadata.finalizers = Some(vec![(*finalizer).to_owned()])
                }
                Step::Release(_) => self.pools[index].metadata.finalizers = None,
                Step::Apply(child) => {
                    if let Child::StatefulSet(set) = child.as_ref() {
                        self.sets.insert(meta::name(set).to_owned(), set.clone());
                    }
                }
                Step::Delete(target, _) => self.stop(&pool, &target.kind, &target.name)?,
                _ => {}
            }
        }
        match plan.order() {
            Some((order, element)) => {
                self.check_order(&pool, &observed, order, element)?;
                self.obey(order, element);
            }
            None => self.check_silence(&pool)?,
        }
        if to_the_end {
            let status = pool::status(&pool, &observed, &plan, &Enacted::default(), self.now);
            self.check_told(&pool, &observed, status.drain.as_ref())?;
            self.notice(&pool, status.drain.as_ref());
            self.pools[index].status = Some(status);
        }
        Ok(())
    }

    fn stop(&mut self, pool: &Pool, kind: &str, name: &str) -> Result<(), String> {
        if kind == "StatefulSet" {
            self.sets.remove(name);
            for ((of, _), server) in &mut self.servers {
                if of == meta::name(pool) {
                    server.life = Life::Stopping;
                }
            }
            return Ok(());
        }
        let ordinal: i32 = name.rsplit('-').next().unwrap().parse().unwrap();
        let key = (meta::name(pool).to_owned(), ordinal);
        // What has left holds nothing that could be missed.
        let topology = self.topology();
        let is_member = |name: &String| topology.pools.iter().any(|member| member.name == *name);
        let others_serve = self
            .servers
            .iter()
            .filter(|(other, _)| is_member(&other.0))
            .all(|(other, server)| *other == key || server.life == Life::Ready);
        let victim = self.servers.get_mut(&key).unwrap();
        if victim.life == Life::Ready && !others_serve {
            return Err(format!(
                "{name} serves and is stopped while another server is missing"
            ));
        }
        victim.life = Life::Stopping;
        Ok(())
    }
}
