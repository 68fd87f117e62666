//! Decisions of the pool controller.
