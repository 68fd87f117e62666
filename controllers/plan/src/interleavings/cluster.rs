//! What Kubernetes and RustFS do by themselves, and as they are told.

use crds::names::{ANNOTATION_TEMPLATE_HASH, LABEL_POOL, LABEL_TOPOLOGY_REVISION};

use crate::pool::drain::Order;
use crate::tenant::started_with;

use super::world::{Life, SERVERS, Server, World};

impl World {
    /// RustFS numbers what it has not met by its place, and forgets what is not there.
    pub(super) fn number(&mut self) {
        let topology = self.topology();
        let members = (0..).zip(&topology.pools);
        self.numbers = members
            .map(|(place, member)| {
                let known = self.numbers.get(&member.element).copied();
                (member.element.clone(), known.unwrap_or(place))
            })
            .collect();
    }

    /// RustFS does what it is told about a pool.
    pub(super) fn obey(&mut self, order: Order, element: &str) {
        match order {
            Order::Start => {
                self.began = self.now;
                self.drains.insert(element.to_owned(), "running");
            }
            Order::Cancel => drop(self.drains.insert(element.to_owned(), "canceled")),
            Order::Clear => drop(self.drains.remove(element)),
        }
    }

    /// The StatefulSet controller: Parallel, from the template it has now.
    pub(super) fn start_missing(&mut self) {
        for set in self.sets.values() {
            let template = &set.spec.as_ref().unwrap().template;
            let credentials = started_with(template.spec.as_ref().unwrap()).unwrap().to_owned();
            let template = template.metadata.as_ref().unwrap();
            let pool = template.labels.as_ref().unwrap()[LABEL_POOL].clone();
            let server = Server {
                revision: template.labels.as_ref().unwrap()[LABEL_TOPOLOGY_REVISION]
                    .parse()
                    .unwrap(),
                credentials,
                hash: template.annotations.as_ref().unwrap()[ANNOTATION_TEMPLATE_HASH].clone(),
                life: Life::Starting,
            };
            for ordinal in 0..SERVERS {
                self.servers
                    .entry((pool.clone(), ordinal))
                    .or_insert_with(|| server.clone());
            }
        }
    }
}
