//! The tenant controller.
