//! What a bucket holds besides objects while its Pool is emptied: versions, marks of deletion, uploads in parts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admin::Client;
use crds::{Pool, Tenant};
use http::Method;

use crate::World;
use crate::s3::Store;
use crate::scene::{admin, create_with, small};
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::until;
use crate::topology::{CHANGED, drains};

/// So many that some are on either Pool, and that some of their second half are.
const UPLOADS: usize = 32;
/// How long a client says something again.
const AGAIN: Duration = Duration::from_secs(300);

pub async fn versions_and_uploads_under_way_outlive_the_pool_they_were_on(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "moving").await;
    space.apply::<Pool>("p1", &small()).await.unwrap();
    create_with(&space, &objects::tenant(), &small()).await;
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", 5);
    let bucket = Bucket(admin(&store));
    let listed = bucket.with_versions("versions").await;
    let uploads = bucket.uploads("uploads").await;

    let started = Instant::now();
    space.delete::<Pool>("p1").await;
    drains(&space, "p1").await;
    let (early, late) = uploads.split_at(UPLOADS / 2);
    for upload in early {
        bucket.complete(upload).await;
    }
    eprintln!(
        "  half of the uploads are done after {} s",
        started.elapsed().as_secs()
    );
    let message = space
        .condition::<Pool>("p1", "Drained", "False", "DrainFailed", CHANGED)
        .await;
    assert!(message.contains("complete or abort uploads/u"), "{message}");
    for upload in late {
        bucket.complete(upload).await;
    }
    space.gone::<Pool>("p1", CHANGED).await;
    space.ready::<Tenant>("store", CHANGED).await;
    eprintln!("  p1 left after {} s", started.elapsed().as_secs());
    store.check("kept", 5);
    for upload in &uploads {
        assert_eq!(bucket.get(&upload.path).await, upload.body(), "{}", upload.path);
    }
    assert_eq!(bucket.listing("versions").await, listed);
    space.vacate().await;
}

struct Upload {
    path: String,
    id: String,
}

impl Upload {
    fn body(&self) -> String {
        self.path.repeat(5000)
    }
}

/// Raw S3 requests.
struct Bucket(Client);

impl Bucket {
    async fn ask(&self, method: Method, path: &str, body: &str) -> String {
        let what = format!("{method} {path}");
        until(&what, AGAIN, || async {
            let answer = self.0.send(method.clone(), path, body.to_owned().into()).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            if matches!(answer.status, 200 | 204) && !text.contains("<Error>") {
                Ok(text)
            } else {
                Err(format!("{} {text}", answer.status))
            }
        })
        .await
    }

    async fn get(&self, path: &str) -> String {
        self.ask(Method::GET, path, "").await
    }

    async fn listing(&self, bucket: &str) -> String {
        self.get(&format!("/{bucket}?versions=")).await
    }

    /// A bucket with versions: several of each object, one of them removed, and some objects deleted.
    async fn with_versions(&self, bucket: &str) -> String {
        self.ask(Method::PUT, &format!("/{bucket}"), "").await;
        let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.ask(Method::PUT, &format!("/{bucket}?versioning="), on).await;
        for object in 0..6 {
            for version in 0..3 {
                self.ask(
                    Method::PUT,
                    &format!("/{bucket}/o{object}"),
                    &format!("{version}").repeat(1000),
                )
                .await;
            }
        }
        for object in 0..3 {
            self.ask(Method::DELETE, &format!("/{bucket}/o{object}"), "")
                .await;
        }
        let listed = self.listing(bucket).await;
        let oldest = between(listed.split("<Key>o5</Key>").last().unwrap(), "VersionId");
        self.ask(Method::DELETE, &format!("/{bucket}/o5?versionId={oldest}"), "")
            .await;
        self.listing(bucket).await
    }

    /// Uploads of one part each that are not yet completed.
    async fn uploads(&self, bucket: &str) -> Vec<Upload> {
        self.ask(Method::PUT, &format!("/{bucket}"), "").await;
        let mut uploads = Vec::new();
        for object in 0..UPLOADS {
            let path = format!("/{bucket}/u{object}");
            let answer = self.ask(Method::POST, &format!("{path}?uploads="), "").await;
            let id = between(&answer, "UploadId").to_owned();
            let upload = Upload { path, id };
            let part = format!("{}?partNumber=1&uploadId={}", upload.path, upload.id);
            self.ask(Method::PUT, &part, &upload.body()).await;
            uploads.push(upload);
        }
        uploads
    }

    async fn complete(&self, upload: &Upload) {
        let path = format!("{}?uploadId={}", upload.path, upload.id);
        let parts = self.get(&path).await;
        let tag = between(&parts, "ETag").to_owned();
        let body = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
        );
        self.ask(Method::POST, &path, &body).await;
    }
}

/// The text of the first such element.
fn between<'a>(text: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let found = text
        .split_once(&open)
        .and_then(|(_, rest)| rest.split_once(&close));
    found.unwrap_or_else(|| panic!("no {name} in {text}")).0
}
