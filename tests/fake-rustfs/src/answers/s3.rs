//! As much of S3 as it takes to store an object and read it back.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Request, Response};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Refusal, health, response};
use crate::environment::Identity;
use crate::verify::hex;
use crate::world::{Bucket, Buckets, Object, World};

const XMLNS: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Answers a request that is neither health nor admin API.
pub fn answer(
    world: &World,
    identity: &Identity,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Refusal> {
    if !health::State::of(world, identity).is_ready() {
        let refusal = Refusal::new(
            503,
            "ServiceUnavailable",
            "The store is starting or has lost its quorum.",
        );
        let mut answer = refusal.into_response();
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("5"));
        return Ok(answer);
    }
    let path = decoded(request.uri().path().trim_start_matches('/'))
        .ok_or_else(|| Refusal::new(400, "InvalidURI", "Couldn't parse the specified URI."))?;
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    let uploading = world.drains(|drains| drains.uploading(&identity.tenant));
    world.store(&identity.tenant, |store| {
        match (request.method().as_str(), bucket, key) {
            ("GET", "", _) => Ok(list_buckets(store)),
            ("PUT", bucket, "") if !bucket.is_empty() => Ok(make_bucket(store, bucket)),
            ("HEAD", bucket, "") => find(store, bucket).map(|_| empty(200)),
            ("GET", bucket, "") if asks(request, "versions").is_some() => {
                Ok(list_versions(bucket, find(store, bucket)?, most(request)))
            }
            ("GET", bucket, "") if asks(request, "uploads").is_some() => {
                find(store, bucket).map(|_| list_uploads(bucket, uploading))
            }
            ("GET", bucket, "") => Ok(list_objects(bucket, find(store, bucket)?)),
            ("DELETE", bucket, "") => remove_bucket(store, bucket),
            ("PUT", bucket, key) => put(find(store, bucket)?, key, request),
            ("GET", bucket, key) => get(find(store, bucket)?, key),
            ("HEAD", bucket, key) => {
                get(find(store, bucket)?, key).map(|answer| answer.map(|_| Bytes::new()))
            }
            ("DELETE", bucket, key) => {
                find(store, bucket)?.objects.remove(key);
                Ok(empty(204))
            }
            _ => Err(Refusal::new(501, "NotImplemented", "Unknown operation")),
        }
    })
}

fn find<'a>(store: &'a mut Buckets, name: &str) -> Result<&'a mut Bucket, Refusal> {
    store
        .get_mut(name)
        .ok_or_else(|| Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist"))
}

fn make_bucket(store: &mut Buckets, name: &str) -> Response<Bytes> {
    store.entry(name.to_owned()).or_insert_with(|| Bucket {
        created: Timestamp::now(),
        objects: Default::default(),
    });
    empty(200)
}

fn remove_bucket(store: &mut Buckets, name: &str) -> Result<Response<Bytes>, Refusal> {
    if !find(store, name)?.objects.is_empty() {
        return Err(Refusal::new(
            409,
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty",
        ));
    }
    store.remove(name);
    Ok(empty(204))
}

fn put(bucket: &mut Bucket, key: &str, request: &Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    // Not the MD5 that S3 has here: a tag only has to change with the content.
    let etag = format!("\"{}\"", &hex(&Sha256::digest(request.body()))[..32]);
    let object = Object {
        body: request.body().clone(),
        etag: etag.clone(),
        written: Timestamp::now(),
        content_type: content_type.unwrap_or("application/octet-stream").to_owned(),
    };
    bucket.objects.insert(key.to_owned(), object);
    let mut answer = empty(200);
    set(&mut answer, ETAG, &etag);
    Ok(answer)
}

fn get(bucket: &Bucket, key: &str) -> Result<Response<Bytes>, Refusal> {
    let object = bucket
        .objects
        .get(key)
        .ok_or_else(|| Refusal::new(404, "NoSuchKey", "The specified key does not exist."))?;
    let mut answer = Response::new(object.body.clone());
    set(&mut answer, CONTENT_TYPE, &object.content_type);
    set(&mut answer, ETAG, &object.etag);
    Ok(answer)
}

fn list_buckets(store: &Buckets) -> Response<Bytes> {
    let buckets: String = store
        .iter()
        .map(|(name, bucket)| {
            let name = escaped(name);
            format!(
                "<Bucket><CreationDate>{:.3}</CreationDate><Name>{name}</Name></Bucket>",
                bucket.created
            )
        })
        .collect();
    document(
        "ListAllMyBucketsResult",
        &format!(
            "<Buckets>{buckets}</Buckets><Owner><DisplayName>rustfs</DisplayName><ID>rustfs</ID></Owner>"
        ),
    )
}

fn list_objects(name: &str, bucket: &Bucket) -> Response<Bytes> {
    let contents: String = bucket
        .objects
        .iter()
        .map(|(key, object)| {
            format!(
                "<Contents><ETag>{}</ETag><Key>{}</Key><LastModified>{:.3}</LastModified><Size>{}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>",
                object.etag,
                escaped(key),
                object.written,
                object.body.len()
            )
        })
        .collect();
    document(
        "ListBucketResult",
        &format!(
            "<Name>{}</Name><Prefix></Prefix><IsTruncated>false</IsTruncated>{contents}",
            escaped(name)
        ),
    )
}

/// Objects have one version each: nothing deleted is kept here.
fn list_versions(name: &str, bucket: &Bucket, most: usize) -> Response<Bytes> {
    let versions: String = bucket
        .objects
        .iter()
        .take(most)
        .map(|(key, object)| {
            format!(
                "<Version><ETag>{}</ETag><IsLatest>true</IsLatest><Key>{}</Key><LastModified>{:.3}</LastModified>\
                 <Size>{}</Size><StorageClass>STANDARD</StorageClass><VersionId>null</VersionId></Version>",
                object.etag,
                escaped(key),
                object.written,
                object.body.len()
            )
        })
        .collect();
    let more = bucket.objects.len() > most;
    document(
        "ListVersionsResult",
        &format!(
            "<IsTruncated>{more}</IsTruncated><KeyMarker></KeyMarker><MaxKeys>{most}</MaxKeys><Name>{}</Name>\
             <Prefix></Prefix><VersionIdMarker></VersionIdMarker>{versions}",
            escaped(name)
        ),
    )
}

/// No upload is kept here: there is one that nobody completes, and one that begins after everything else, or none.
fn list_uploads(name: &str, uploading: bool) -> Response<Bytes> {
    let upload = if uploading {
        "<Upload><Initiated>2026-11-28T10:00:00.000Z</Initiated><Key>film.mkv</Key><UploadId>u1</UploadId></Upload>\
         <Upload><Initiated>2999-01-01T00:00:00.000Z</Initiated><Key>later.mkv</Key><UploadId>u2</UploadId></Upload>"
    } else {
        ""
    };
    document(
        "ListMultipartUploadsResult",
        &format!(
            "<Bucket>{}</Bucket><IsTruncated>false</IsTruncated>{upload}",
            escaped(name)
        ),
    )
}

/// The value of a part of the query, if the part is there.
fn asks<'a>(request: &'a Request<Bytes>, part: &str) -> Option<&'a str> {
    let parts = request.uri().query()?.split('&');
    let mut pairs = parts.map(|one| one.split_once('=').unwrap_or((one, "")));
    pairs.find_map(|(name, value)| (name == part).then_some(value))
}

/// As many as the real server gives at most.
fn most(request: &Request<Bytes>) -> usize {
    let asked = asks(request, "max-keys").and_then(|value| value.parse().ok());
    asked.unwrap_or(1000).min(1000)
}

fn document(root: &str, content: &str) -> Response<Bytes> {
    let body = format!(r#"<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{XMLNS}">{content}</{root}>"#);
    response(200, "application/xml", body)
}

fn empty(status: u16) -> Response<Bytes> {
    let mut answer = response(status, "application/xml", Bytes::new());
    answer.headers_mut().remove(CONTENT_TYPE);
    answer
}

fn set(answer: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
