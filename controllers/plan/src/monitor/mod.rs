//! Decisions of the monitor controller.
