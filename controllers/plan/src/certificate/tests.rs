//! Certificates are made with rcgen; everything else is plain values.

mod ca;
mod cert_manager;
mod checks;
mod decisions;
mod made;
mod names;
mod renewal;
mod spec;
