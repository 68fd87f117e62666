//! Whether a request is signed with the right keys: AWS Signature Version 4, computed anew and compared.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningParams, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;
use sha2::{Digest, Sha256};

use crate::answers::Refusal;

/// Requests older or newer than this are refused.
const SKEW: Duration = Duration::from_secs(15 * 60);
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your \
     AWS secret access key and signing method. For more information, see REST Authentication and SOAP \
     Authentication for details.";

/// The root key pair of a server.
#[derive(Clone)]
pub struct Keys {
    /// The access key.
    pub access: String,
    /// The secret key.
    pub secret: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// The parts of an `authorization` header.
struct Claim<'a> {
    access: &'a str,
    region: &'a str,
    service: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

/// Checks keys, time, body hash and signature. A request without a signature is refused with `unsigned`.
pub fn check(request: &Request<Bytes>, keys: &Keys, unsigned: &str, now: SystemTime) -> Result<(), Refusal> {
    let Some(authorization) = text(request, "authorization") else {
        return Err(Refusal::new(403, "AccessDenied", unsigned));
    };
    let hash = text(request, "x-amz-content-sha256")
        .ok_or_else(|| Refusal::new(400, "InvalidRequest", "missing header: x-amz-content-sha256"))?;
    let claim = claim(authorization).ok_or_else(|| {
        Refusal::new(
            400,
            "AuthorizationHeaderMalformed",
            "not a signature of version 4",
        )
    })?;
    if claim.access != keys.access {
        return Err(Refusal::new(
            403,
            "InvalidAccessKeyId",
            "The Access Key Id you provided does not exist in our records.",
        ));
    }
    let at = text(request, "x-amz-date")
        .and_then(parse_date)
        .ok_or_else(|| Refusal::new(403, "AccessDenied", "x-amz-date is missing or not a date"))?;
    let apart = at
        .duration_since(now)
        .or_else(|_| now.duration_since(at))
        .unwrap_or_default();
    if apart > SKEW {
        return Err(Refusal::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the server's time is too large.",
        ));
    }
    // Without this header in the signature the body could be exchanged.
    if !claim.signed.contains(&"x-amz-content-sha256") || !claim.signed.contains(&"host") {
        return Err(Refusal::new(
            403,
            "AccessDenied",
            "There were headers present in the request which were not signed",
        ));
    }
    if recomputed(request, &claim, keys, hash, at).as_deref() != Some(claim.signature) {
        return Err(Refusal::new(403, "SignatureDoesNotMatch", MISMATCH));
    }
    match hash {
        "UNSIGNED-PAYLOAD" => Ok(()),
        streamed if streamed.starts_with("STREAMING-") => Err(Refusal::new(
            501,
            "NotImplemented",
            "chunked signatures are not known here",
        )),
        hash if hash == hex(&Sha256::digest(request.body())) => Ok(()),
        _ => Err(Refusal::new(
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )),
    }
}

fn text<'a>(request: &'a Request<Bytes>, header: &str) -> Option<&'a str> {
    request.headers().get(header)?.to_str().ok()
}

fn claim(authorization: &str) -> Option<Claim<'_>> {
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| {
        fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix(name))
    };
    // The scope is read from its end: an access key may itself hold a slash.
    let mut scope = field("Credential=")?.rsplitn(5, '/');
    let ("aws4_request", service, region, _, access) = (
        scope.next()?,
        scope.next()?,
        scope.next()?,
        scope.next()?,
        scope.next()?,
    ) else {
        return None;
    };
    Some(Claim {
        access,
        region,
        service,
        signed: field("SignedHeaders=")?.split(';').collect(),
        signature: field("Signature=")?,
    })
}

fn parse_date(text: &str) -> Option<SystemTime> {
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().into())
}

/// The signature that the right keys give for what the client says it has signed.
fn recomputed(
    request: &Request<Bytes>,
    claim: &Claim<'_>,
    keys: &Keys,
    hash: &str,
    at: SystemTime,
) -> Option<String> {
    let identity = Credentials::new(&keys.access, &keys.secret, None, None, "pod").into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.excluded_headers = None;
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region(claim.region)
        .name(claim.service)
        .time(at)
        .settings(settings)
        .build()
        .ok()?
        .into();
    // The signer adds these two itself.
    let own = ["x-amz-date", "x-amz-content-sha256"];
    let names = claim.signed.iter().filter(|name| !own.contains(name));
    let headers: Vec<_> = names
        .map(|name| Some((*name, text(request, name)?)))
        .collect::<Option<_>>()?;
    let uri = format!("http://{}{}", text(request, "host")?, request.uri());
    let body = SignableBody::Precomputed(hash.to_owned());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers.into_iter(), body).ok()?;
    Some(sign(signable, &params).ok()?.into_parts().1)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;
    use http::Request;

    use super::{Keys, check};

    fn keys() -> Keys {
        Keys {
            access: "someone".into(),
            secret: "some-secret".into(),
        }
    }

    /// A request as the admin client signs it, seen as a server sees it.
    fn signed(method: &str, path: &str, body: &str, secret: &str) -> Request<Bytes> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://store-api.team.svc:9000{path}"))
            .header("host", "store-api.team.svc:9000")
            .body(Bytes::from(body.to_owned()))
            .unwrap();
        let credentials = admin::Credentials::new("someone", secret);
        admin::sign::sign(&mut request, &credentials, "us-east-1", SystemTime::now()).unwrap();
        *request.uri_mut() = path.parse().unwrap();
        request
    }

    fn code(request: &Request<Bytes>) -> Result<(), String> {
        check(request, &keys(), "unsigned", SystemTime::now()).map_err(|refusal| refusal.code.to_owned())
    }

    #[test]
    fn what_the_admin_client_signs_is_accepted() {
        for path in [
            "/",
            "/rustfs/admin/v3/info",
            "/bucket/a%20key//x%2B..%2Fy",
            "/b?list-type=2&prefix=a%2Fb",
            "/b?location",
        ] {
            assert_eq!(code(&signed("GET", path, "", "some-secret")), Ok(()), "{path}");
        }
        assert_eq!(
            code(&signed("PUT", "/bucket/key", "content", "some-secret")),
            Ok(())
        );
    }

    #[test]
    fn a_wrong_secret_is_refused_as_the_real_server_refuses_it() {
        let request = signed("GET", "/rustfs/admin/v3/info", "", "another-secret");
        let refusal = check(&request, &keys(), "unsigned", SystemTime::now()).unwrap_err();
        let recorded = include_str!("../../../controllers/admin/fixtures/bad-signature.xml");
        let answer = refusal.into_response();
        assert_eq!(
            (answer.status().as_u16(), answer.body().as_ref()),
            (403, recorded.as_bytes())
        );
    }

    #[test]
    fn a_changed_path_header_or_body_breaks_the_signature() {
        let mut request = signed("GET", "/bucket/key", "", "some-secret");
        *request.uri_mut() = "/bucket/other".parse().unwrap();
        assert_eq!(code(&request), Err("SignatureDoesNotMatch".into()));

        let mut request = signed("GET", "/bucket/key", "", "some-secret");
        request
            .headers_mut()
            .insert("host", "another:9000".parse().unwrap());
        assert_eq!(code(&request), Err("SignatureDoesNotMatch".into()));

        let mut request = signed("PUT", "/bucket/key", "content", "some-secret");
        *request.body_mut() = Bytes::from_static(b"changed");
        assert_eq!(code(&request), Err("XAmzContentSHA256Mismatch".into()));
    }

    #[test]
    fn unsigned_unknown_and_late_requests_are_refused() {
        let unsigned = Request::get("/").body(Bytes::new()).unwrap();
        assert_eq!(code(&unsigned), Err("AccessDenied".into()));
        let stranger = Keys {
            access: "nobody".into(),
            secret: "some-secret".into(),
        };
        let request = signed("GET", "/", "", "some-secret");
        let refusal = check(&request, &stranger, "unsigned", SystemTime::now()).unwrap_err();
        assert_eq!(refusal.code, "InvalidAccessKeyId");
        let late = SystemTime::now() + Duration::from_secs(16 * 60);
        let refusal = check(&request, &keys(), "unsigned", late).unwrap_err();
        assert_eq!(refusal.code, "RequestTimeTooSkewed");
    }
}
