//! Decisions of the tenant controller.
