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
    // On the other Pool: none begins on one that is emptied.
    let after = bucket.begin("/uploads/after").await;
    let (early, late) = uploads.split_at(UPLOADS / 2);
    for upload in early {
        bucket.complete(upload).await;
    }
    eprintln!(
        "  half of the uploads are done after {} s",
        started.elapsed().as_secs()
    );
    until("the uploads in its way to be named", CHANGED, || async {
        let conditions = space
            .get::<Pool>("p1")
            .await?
            .status
            .unwrap_or_default()
            .conditions;
        let drained = conditions.into_iter().find(|one| one.type_ == "Drained");
        let message = drained.map(|one| one.message).unwrap_or_default();
        if message.contains("complete or abort uploads/u") && !message.contains("uploads/after") {
            Ok(())
        } else {
            Err(message)
        }
    })
    .await;
    for upload in late {
        bucket.complete(upload).await;
    }
    bucket.complete(&after).await;
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
    /// Until it is answered well.
    async fn ask(&self, method: Method, path: &str, body: &str) -> String {
        let what = format!("{method} {path}");
        until(&what, AGAIN, || self.once(method.clone(), path, body)).await
    }

    async fn once(&self, method: Method, path: &str, body: &str) -> Result<String, String> {
        let answer = self.0.send(method, path, body.to_owned().into()).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if matches!(answer.status, 200 | 204) && !text.contains("<Error>") {
            Ok(text)
        } else {
            Err(format!("{} {text}", answer.status))
        }
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
            uploads.push(self.begin(&format!("/{bucket}/u{object}")).await);
        }
        // One whose beginning was not heard of.
        let listed = self.get(&format!("/{bucket}?uploads=")).await;
        for found in listed.split("<Upload>").skip(1) {
            let (key, id) = (between(found, "Key"), between(found, "UploadId"));
            if !uploads.iter().any(|upload| upload.id == id) {
                let path = format!("/{bucket}/{key}?uploadId={id}");
                self.ask(Method::DELETE, &path, "").await;
            }
        }
        uploads
    }

    async fn begin(&self, path: &str) -> Upload {
        let answer = self.ask(Method::POST, &format!("{path}?uploads="), "").await;
        let upload = Upload {
            path: path.to_owned(),
            id: between(&answer, "UploadId").to_owned(),
        };
        let part = format!("{path}?partNumber=1&uploadId={}", upload.id);
        self.ask(Method::PUT, &part, &upload.body()).await;
        upload
    }

    async fn complete(&self, upload: &Upload) {
        let path = format!("{}?uploadId={}", upload.path, upload.id);
        let what = format!("{} to be completed", upload.path);
        until(&what, AGAIN, || async {
            let parts = match self.once(Method::GET, &path, "").await {
                // It was, and the answer got lost.
                Err(why) if why.contains("NoSuchUpload") => {
                    return self.once(Method::GET, &upload.path, "").await.map(|_| ());
                }
                parts => parts?,
            };
            let tag = between(&parts, "ETag");
            let body = format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
            );
            self.once(Method::POST, &path, &body).await.map(|_| ())
        })
        .await;
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
