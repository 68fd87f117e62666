//! The client: one signed request, one connection, one span per attempt.

mod exchange;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;

use crate::{
    Buckets, Credentials, Error, Health, Info, PoolEntry, Rebalance, Scanner, StorageInfo, Uploads, Versions,
};
use exchange::without_query;

/// How often a GET that met a dead connection or a 503 is tried again.
const RETRIES: u32 = 2;
/// What a bucket's name as part of a path does not show as it is. Names that need it are not allowed any more; older ones
/// may be there.
const PATH: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where a server is and what it calls itself.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address the connection is made to: a Pod's address and its API port.
    pub addr: SocketAddr,
    /// The name of the service: goes into the `Host` header and the TLS server name.
    pub host: String,
    /// The trust for HTTPS (see [`crate::trust`]); absent means plain HTTP.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// How long a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For the TCP and TLS handshake together, per attempt.
    pub connect: Duration,
    /// For the whole call with its repetitions.
    pub total: Duration,
}

impl Default for Deadlines {
    /// 3 s to connect, 10 s in all.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
        }
    }
}

/// A complete answer of any status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, whole.
    pub body: Bytes,
}

/// Told of every attempt: the path without a bucket's name, and the HTTP status or the category of the error.
pub type Witness = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// A client of one server's admin API.
#[derive(Clone)]
pub struct Client {
    endpoint: Endpoint,
    credentials: Credentials,
    deadlines: Deadlines,
    witness: Option<Witness>,
}

impl Client {
    /// A client of the server at `endpoint`. Opens no connection.
    #[must_use]
    pub fn new(endpoint: Endpoint, credentials: Credentials, deadlines: Deadlines) -> Self {
        Self {
            endpoint,
            credentials,
            deadlines,
            witness: None,
        }
    }

    /// The same client, whose attempts are told to someone.
    #[must_use]
    pub fn witnessed(mut self, witness: Witness) -> Self {
        self.witness = Some(witness);
        self
    }

    /// `GET /health/ready`, unsigned. Both 200 and 503 are answers: see [`Health::ready`].
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Status`] for a status other than 200 and 503.
    pub async fn ready(&self) -> Result<Health, Error> {
        let path = "/health/ready";
        let answer = self.call(Method::GET, path, Bytes::new(), false, 0).await?;
        match answer.status {
            200 | 503 => decode(path, &answer.body),
            status => Err(Error::from_answer(path, status, &answer.body)),
        }
    }

    /// `GET /minio/health/cluster`, unsigned: whether this server sees enough drives of every erasure set to write. A server
    /// is ready once it can read, which is earlier: one that has just started was seen to refuse writes for seconds more.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Status`] for a status other than 200 and 503.
    pub async fn takes_writes(&self) -> Result<bool, Error> {
        let path = "/minio/health/cluster";
        let answer = self.call(Method::GET, path, Bytes::new(), false, 0).await?;
        match answer.status {
            200 => Ok(true),
            503 => Ok(false),
            status => Err(Error::from_answer(path, status, &answer.body)),
        }
    }

    /// `GET /v3/info`: the servers and drives as this server sees them, and how much is stored.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn info(&self) -> Result<Info, Error> {
        self.read("/rustfs/admin/v3/info").await
    }

    /// `GET /v3/storageinfo`: every drive with its state and space.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn storage_info(&self) -> Result<StorageInfo, Error> {
        self.read("/rustfs/admin/v3/storageinfo").await
    }

    /// `GET /v3/pools/list`: the pools in the order of the volumes string.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn pools(&self) -> Result<Vec<PoolEntry>, Error> {
        self.read("/rustfs/admin/v3/pools/list").await
    }

    /// `POST /v3/pools/decommission`: has all data moved from the pool with this exact element to the others. Sent once:
    /// whether a call without an answer was heard is seen in [`Self::pools`].
    ///
    /// # Errors
    /// Any [`Error`]. Only the pool's own first server gives the reason of a refusal; others answer 500.
    pub async fn decommission(&self, element: &str) -> Result<(), Error> {
        self.tell("decommission", element).await
    }

    /// `POST /v3/pools/cancel`: calls a decommission off. What has moved stays where it is now.
    ///
    /// # Errors
    /// As [`Self::decommission`].
    pub async fn cancel_decommission(&self, element: &str) -> Result<(), Error> {
        self.tell("cancel", element).await
    }

    /// `POST /v3/pools/clear`: forgets a decommission that was called off or has failed; only then can one start again.
    ///
    /// # Errors
    /// As [`Self::decommission`].
    pub async fn clear_decommission(&self, element: &str) -> Result<(), Error> {
        self.tell("clear", element).await
    }

    /// `GET /v3/rebalance/status`: the last rebalance the servers know; none if there never was one.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn rebalance(&self) -> Result<Option<Rebalance>, Error> {
        match self.read("/rustfs/admin/v3/rebalance/status").await {
            Ok(found) => Ok(Some(found)),
            Err(Error::Status {
                status: 404, code, ..
            }) if code == "NoSuchResource" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `GET /v3/scanner/status`: how the scanner and its record are; the default of a server that knows no such path.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn scanner(&self) -> Result<Scanner, Error> {
        match self.read("/rustfs/admin/v3/scanner/status").await {
            Err(Error::Status {
                status: 404 | 501, ..
            }) => Ok(Scanner::default()),
            told => told,
        }
    }

    /// `POST /v3/rebalance/start`: has objects moved until the pools are about equally full. Sent once: whether a call
    /// without an answer was heard is seen in [`Self::rebalance`]. Servers that do not all begin take it back, and
    /// leave one that is stopped.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Status`] 409 while one runs, 500 for some seconds after a server has started.
    pub async fn start_rebalance(&self) -> Result<(), Error> {
        self.order("/rustfs/admin/v3/rebalance/start").await
    }

    /// `POST /v3/rebalance/stop`: stops it. What has moved stays where it is now.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Status`] 404 while none runs.
    pub async fn stop_rebalance(&self) -> Result<(), Error> {
        self.order("/rustfs/admin/v3/rebalance/stop").await
    }

    /// Lets the server hear of the end of a rebalance that another one has brought to its end, by telling it to stop: it
    /// reads what is stored before it finds that there is nothing to stop.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn settle_rebalance(&self) -> Result<(), Error> {
        match self.stop_rebalance().await {
            Err(Error::Status {
                status: 404, code, ..
            }) if code == "NoSuchResource" => Ok(()),
            told => told,
        }
    }

    async fn tell(&self, verb: &str, element: &str) -> Result<(), Error> {
        let element = percent_encoding::utf8_percent_encode(element, percent_encoding::NON_ALPHANUMERIC);
        self.order(&format!("/rustfs/admin/v3/pools/{verb}?pool={element}"))
            .await
    }

    async fn order(&self, path: &str) -> Result<(), Error> {
        let answer = self.call(Method::POST, path, Bytes::new(), true, 0).await?;
        match answer.status {
            200..=299 => Ok(()),
            status => Err(Error::from_answer(&without_query(path), status, &answer.body)),
        }
    }

    /// `GET /`: the buckets of the store.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn buckets(&self) -> Result<Buckets, Error> {
        let path = "/";
        let body = self.fetch(path).await?;
        Buckets::parse(&body).map_err(|why| not_understood(path, why))
    }

    /// `GET /{bucket}?versions`: up to `most` versions of objects in a bucket, at most 1000. Unlike a listing of objects
    /// it shows what a bucket with versioning still keeps of deleted ones.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Status`] with the code `NoSuchBucket` when there is none.
    pub async fn versions(&self, bucket: &str, most: u16) -> Result<Versions, Error> {
        let name = percent_encoding::utf8_percent_encode(bucket, PATH);
        let path = format!("/{name}?max-keys={most}&versions=");
        let body = self.fetch(&path).await?;
        Versions::parse(bucket, &body).map_err(|why| not_understood(&path, why))
    }

    /// `GET /{bucket}?uploads`: up to `most` uploads in parts that were neither completed nor aborted, at most 1000.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Status`] with the code `NoSuchBucket` when there is none.
    pub async fn uploads(&self, bucket: &str, most: u16) -> Result<Uploads, Error> {
        let name = percent_encoding::utf8_percent_encode(bucket, PATH);
        let path = format!("/{name}?max-uploads={most}&uploads=");
        let body = self.fetch(&path).await?;
        Uploads::parse(bucket, &body).map_err(|why| not_understood(&path, why))
    }

    /// Sends any signed request once and gives the answer whatever its status: for S3 calls in tests, and for
    /// recording. `path` may carry a query.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::Status`] and [`Error::Decode`].
    pub async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, Error> {
        self.call(method, path, body, true, 0).await
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        decode(path, &self.fetch(path).await?)
    }

    async fn fetch(&self, path: &str) -> Result<Bytes, Error> {
        let answer = self.call(Method::GET, path, Bytes::new(), true, RETRIES).await?;
        if answer.status != 200 {
            return Err(Error::from_answer(
                &without_query(path),
                answer.status,
                &answer.body,
            ));
        }
        Ok(answer.body)
    }
}

fn decode<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| not_understood(path, error.to_string()))
}

fn not_understood(path: &str, why: String) -> Error {
    Error::Decode {
        path: without_query(path),
        why,
    }
}

#[cfg(test)]
mod tests;
