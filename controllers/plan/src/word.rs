//! What servers were heard to say of something, where they are asked only if somebody needs to know.

/// An answer of the servers, or why there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Word<T> {
    /// They were not asked: nobody needs to know.
    #[default]
    NotAsked,
    /// They could not be asked.
    Silent {
        /// Reason in PascalCase.
        reason: &'static str,
        /// Why, and what to do.
        message: String,
    },
    /// What they said.
    Said(T),
}
