//! SIGTERM and SIGINT, told to every part of the process. In order: take no more work, finish what runs, write the
//! last spans, give the lease back.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells when the process is to end. Cheap to clone.
#[derive(Clone)]
pub struct Shutdown {
    begun: watch::Sender<bool>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// One that only [`Shutdown::begin`] begins.
    #[must_use]
    pub fn new() -> Self {
        Self {
            begun: watch::Sender::new(false),
        }
    }

    /// One that SIGTERM or SIGINT begins.
    pub fn on_signals() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = Self::new();
        let told = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => tracing::info!("SIGTERM: shutting down"),
                _ = interrupt.recv() => tracing::info!("SIGINT: shutting down"),
            }
            told.begin();
        });
        Ok(shutdown)
    }

    /// Begins it.
    pub fn begin(&self) {
        self.begun.send_replace(true);
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Ends when it begins.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + 'static {
        let sender = self.begun.clone();
        async move {
            // The sender is held here, so this ends only when it has begun.
            let _ = sender.subscribe().wait_for(|begun| *begun).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_of_it_before_and_after_it_began() {
        let shutdown = Shutdown::new();
        let early = tokio::spawn(shutdown.begun());
        assert!(!shutdown.has_begun());
        shutdown.begin();
        early.await.unwrap();
        shutdown.begun().await;
        assert!(shutdown.has_begun());
    }
}
