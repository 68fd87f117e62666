//! The certificate controller.
