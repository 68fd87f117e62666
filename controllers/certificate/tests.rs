//! Real keys and certificates, kept in a cluster of two Secrets.

mod cluster;
mod interop;
mod life;
mod secrecy;
mod waking;
