//! The monitor controller.
