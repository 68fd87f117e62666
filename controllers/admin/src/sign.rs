//! AWS Signature Version 4 for the service `s3`, as RustFS checks it.
//!
//! Source: AWS, "Signature Calculations for the Authorization Header" in the Amazon S3 API Reference.

use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningParams, SigningSettings,
    UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;

use crate::Credentials;

/// The region a RustFS server has unless it is told another.
pub const REGION: &str = "us-east-1";

/// Adds `authorization`, `x-amz-date` and `x-amz-content-sha256` for this moment. The request must carry its
/// `host` header already; headers added later are not covered by the signature.
///
/// # Errors
/// A sentence that says what in the request cannot be signed.
pub fn sign(
    request: &mut http::Request<Bytes>,
    credentials: &Credentials,
    region: &str,
    at: SystemTime,
) -> Result<(), String> {
    let added = signed_headers(request, credentials, region, at)?;
    request.headers_mut().extend(added);
    Ok(())
}

type Added = Vec<(http::HeaderName, http::HeaderValue)>;

fn signed_headers(
    request: &http::Request<Bytes>,
    credentials: &Credentials,
    region: &str,
    at: SystemTime,
) -> Result<Added, String> {
    let keys = Keys::new(
        credentials.access_key(),
        credentials.secret_key(),
        None,
        None,
        "secret",
    );
    let identity = keys.into();
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(at)
        .settings(settings())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let mut headers = Vec::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        let value = value
            .to_str()
            .map_err(|_| format!("header {name} holds other than ASCII"))?;
        headers.push((name.as_str(), value));
    }
    let uri = request.uri().to_string();
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers.into_iter(), body)
        .map_err(|error| describe(&error))?;
    let (instructions, _) = aws_sigv4::http_request::sign(signable, &params)
        .map_err(|error| describe(&error))?
        .into_parts();
    let (added, _) = instructions.into_parts();
    added
        .iter()
        .map(|header| pair(header.name(), header.value()))
        .collect()
}

/// S3 wants the path as it is sent, neither normalised nor encoded a second time, and the hash of the body signed.
fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}

fn pair(name: &str, value: &str) -> Result<(http::HeaderName, http::HeaderValue), String> {
    let name: http::HeaderName = name
        .parse()
        .map_err(|_| format!("header name {name} is not valid"))?;
    let mut value = http::HeaderValue::from_str(value).map_err(|_| format!("header {name} is not valid"))?;
    value.set_sensitive(name == http::header::AUTHORIZATION);
    Ok((name, value))
}

fn describe(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;

    use super::sign;
    use crate::Credentials;

    /// The example "GET Object" of the Amazon S3 API Reference, 24 May 2013.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let mut request = http::Request::get("https://examplebucket.s3.amazonaws.com/test.txt")
            .header("host", "examplebucket.s3.amazonaws.com")
            .header("range", "bytes=0-9")
            .body(Bytes::new())
            .unwrap();
        let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        sign(&mut request, &keys, "us-east-1", at).unwrap();
        let headers = request.headers();
        assert_eq!(headers["x-amz-date"], "20130524T000000Z");
        assert_eq!(
            headers["x-amz-content-sha256"],
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            headers["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert!(headers["authorization"].is_sensitive());
    }
}
