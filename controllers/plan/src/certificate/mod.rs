//! Decisions of the certificate controller.
