//! What servers say of themselves and of each other, where that decides: before clients are let in for the first time,
//! and before one that serves is replaced. A Pod is ready once its server can be read from, which says nothing of writes
//! or of a drive that is still being filled again.

use std::collections::BTreeMap;

/// What the servers were heard to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// They were not asked: nobody needs to know.
    #[default]
    NotAsked,
    /// Not all of them could be asked.
    Silent {
        /// Why, and what to do.
        message: String,
    },
    /// What ails them, by the name of the server's Pod, in words that follow it; empty = they are well.
    Said(BTreeMap<String, String>),
}

impl Health {
    /// Whether something ails the server in the Pod of that name.
    pub(crate) fn ails(&self, pod: &str) -> bool {
        matches!(self, Self::Said(ailing) if ailing.contains_key(pod))
    }

    /// What is in the way of relying on all servers; none while nothing is. Not having asked is in the way.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self {
            Self::NotAsked => Some("the servers are about to be asked how they are".to_owned()),
            Self::Silent { message } => Some(message.clone()),
            Self::Said(ailing) => ailing
                .iter()
                .next()
                .map(|(server, what)| format!("server {server} {what}")),
        }
    }
}
