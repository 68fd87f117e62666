//! Answers of S3 itself: which buckets there are, whether there is anything in one, and what is being uploaded to it.

use serde::Deserialize;

/// The buckets a store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Their names, sorted.
    pub names: Vec<String>,
    /// Whether there are more than the answer tells of.
    pub more: bool,
}

/// What was found in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Versions of objects, also of those that were deleted in a bucket that keeps versions. A mark that an object was
    /// deleted is none: it holds no data.
    pub count: usize,
    /// Whether there is more than the answer tells of.
    pub more: bool,
}

/// Uploads in parts that were neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploads {
    /// Those the answer tells of.
    pub uploads: Vec<Upload>,
    /// Whether there are more.
    pub more: bool,
}

/// One upload in parts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Upload {
    /// The key of the object it is to become.
    pub key: String,
    /// When it was begun, by RFC 3339.
    pub initiated: String,
}

// Nothing that says whether the answer is whole has a default: another document must not pass for an empty one.

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAllMyBucketsResult {
    buckets: BucketList,
    continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BucketList {
    #[serde(default)]
    bucket: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListVersionsResult {
    name: String,
    is_truncated: bool,
    #[serde(default)]
    version: Vec<Keyed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keyed {
    #[serde(rename = "Key")]
    _key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListMultipartUploadsResult {
    bucket: String,
    is_truncated: bool,
    #[serde(default)]
    upload: Vec<Upload>,
}

impl Buckets {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let found: ListAllMyBucketsResult = parse(body)?;
        let mut names: Vec<String> = found.buckets.bucket.into_iter().map(|one| one.name).collect();
        names.sort();
        Ok(Self {
            names,
            more: found.continuation_token.is_some_and(|token| !token.is_empty()),
        })
    }
}

impl Versions {
    pub(crate) fn parse(bucket: &str, body: &[u8]) -> Result<Self, String> {
        let found: ListVersionsResult = parse(body)?;
        is_about(bucket, &found.name)?;
        Ok(Self {
            count: found.version.len(),
            more: found.is_truncated,
        })
    }
}

impl Uploads {
    pub(crate) fn parse(bucket: &str, body: &[u8]) -> Result<Self, String> {
        let found: ListMultipartUploadsResult = parse(body)?;
        is_about(bucket, &found.bucket)?;
        Ok(Self {
            uploads: found.upload,
            more: found.is_truncated,
        })
    }
}

fn is_about(asked: &str, told: &str) -> Result<(), String> {
    (told == asked)
        .then_some(())
        .ok_or_else(|| format!("it is about bucket {told}"))
}

fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    quick_xml::de::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Buckets, Uploads, Versions};

    #[test]
    fn the_recorded_buckets_are_all_there() {
        let found = Buckets::parse(include_bytes!("../../fixtures/list-buckets.xml")).unwrap();
        assert_eq!(found.names, ["first", "second", "third"]);
        assert!(!found.more);
    }

    #[test]
    fn a_store_without_buckets_has_none() {
        let body = b"<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>";
        assert_eq!(Buckets::parse(body).unwrap().names, [""; 0]);
        let body = b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>";
        assert_eq!(Buckets::parse(body).unwrap().names, [""; 0]);
    }

    #[test]
    fn the_recorded_versions_are_counted() {
        let read = |bucket, body: &[u8]| Versions::parse(bucket, body).map(|found| (found.count, found.more));
        let body = include_bytes!("../../fixtures/versions.xml");
        assert_eq!(read("first", body), Ok((2, false)));
        let body = include_bytes!("../../fixtures/versions-page.xml");
        assert_eq!(read("first", body), Ok((1, true)));
        let body = include_bytes!("../../fixtures/versions-none.xml");
        assert_eq!(read("second", body), Ok((0, false)));
    }

    #[test]
    fn an_object_that_was_deleted_where_versions_are_kept_is_still_there() {
        let body = include_bytes!("../../fixtures/versions-deleted.xml");
        let found = Versions::parse("third", body).unwrap();
        assert_eq!((found.count, found.more), (1, false));
    }

    #[test]
    fn the_recorded_uploads_are_all_there() {
        let found = Uploads::parse("first", include_bytes!("../../fixtures/uploads.xml")).unwrap();
        let keys: Vec<_> = found.uploads.iter().map(|upload| upload.key.as_str()).collect();
        assert_eq!(keys, ["u0", "u1", "u2"]);
        assert!(
            found.uploads.iter().all(|upload| upload.initiated.ends_with('Z')),
            "{found:?}"
        );
        assert!(found.more);
        assert!(Uploads::parse("second", include_bytes!("../../fixtures/uploads.xml")).is_err());
    }

    #[test]
    fn versions_and_deletions_may_stand_in_any_order() {
        let body = b"<ListVersionsResult><Name>b</Name><Version><Key>x</Key></Version>\
            <DeleteMarker><Key>y</Key></DeleteMarker><Version><Key>y</Key></Version>\
            <IsTruncated>false</IsTruncated></ListVersionsResult>";
        assert_eq!(Versions::parse("b", body).unwrap().count, 2);
    }

    #[test]
    fn no_other_document_passes_for_an_empty_store_or_bucket() {
        let others: [&[u8]; 5] = [
            b"",
            b"<Error><Code>InternalError</Code></Error>",
            b"<html><body>502</body></html>",
            b"<ListVersionsResult><Name>b</Name></ListVersionsResult>",
            b"<ListVersionsResult><Name>another</Name><IsTruncated>false</IsTruncated></ListVersionsResult>",
        ];
        for other in others {
            assert!(Buckets::parse(other).is_err());
            assert!(Versions::parse("b", other).is_err());
            assert!(Uploads::parse("b", other).is_err());
        }
        let cut = include_bytes!("../../fixtures/versions.xml");
        assert!(Versions::parse("first", &cut[..cut.len() - 30]).is_err());
        let cut = include_bytes!("../../fixtures/list-buckets.xml");
        assert!(Buckets::parse(&cut[..cut.len() - 30]).is_err());
    }
}
