//! A TCP proxy whose connections can all be cut at once.

use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Forwards to one address until dropped.
pub struct Proxy {
    /// Port on 127.0.0.1.
    pub port: u16,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    accepting: AbortHandle,
}

impl Proxy {
    /// Starts forwarding to `target`.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (target, opened) = (target.to_owned(), Arc::clone(&connections));
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let target = target.clone();
                let task = tokio::spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(&target).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
                opened.lock().expect("no panic held it").push(task.abort_handle());
            }
        });
        Self {
            port,
            connections,
            accepting: accepting.abort_handle(),
        }
    }

    /// Cuts every open connection; how many there were.
    pub fn cut(&self) -> usize {
        let mut connections = self.connections.lock().expect("no panic held it");
        let open = connections
            .drain(..)
            .filter(|connection| !connection.is_finished());
        open.map(|connection| connection.abort()).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}
