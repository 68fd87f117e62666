//! OpenSSL judges what was issued: another implementation, as clients have.

use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::cluster::{Cluster, value};

struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rustfs-certificate-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What openssl prints. It has to be installed: a test that is skipped proves nothing.
fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .expect("this test needs the program 'openssl' in PATH");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

async fn accepted(name: &str, private_key: serde_json::Value, algorithm: &str) {
    let now = Timestamp::now();
    let mut cluster = Cluster::new(json!({
        "issuer": {"selfSigned": {}}, "privateKey": private_key,
        "additionalDnsNames": ["s3.example.com"], "additionalIpAddresses": ["192.0.2.7"]
    }));
    cluster.settle(now).await;
    let files = Files::new(name);
    let leaf = files.write("tls.crt", &cluster.value("tls.crt"));
    let key = files.write("tls.key", &cluster.value("tls.key"));
    let roots = files.write("ca.crt", &cluster.value("ca.crt"));

    let verified = openssl(&[
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-CAfile",
        &roots,
        &leaf,
    ]);
    assert!(verified.contains(": OK"), "{name}: {verified}");
    openssl(&[
        "verify",
        "-x509_strict",
        "-purpose",
        "sslclient",
        "-CAfile",
        &roots,
        &leaf,
    ]);
    for host in [
        "store-p0-3.store-hl.ns.svc.cluster.local",
        "store-api.ns.svc",
        "localhost",
        "s3.example.com",
    ] {
        let matched = openssl(&["x509", "-in", &leaf, "-noout", "-checkhost", host]);
        assert!(matched.contains("does match"), "{name}: {matched}");
    }
    for host in ["a.b.store-hl.ns.svc.cluster.local", "example.com"] {
        let matched = openssl(&["x509", "-in", &leaf, "-noout", "-checkhost", host]);
        assert!(matched.contains("does NOT match"), "{name}: {matched}");
    }
    assert!(openssl(&["x509", "-in", &leaf, "-noout", "-checkip", "192.0.2.7"]).contains("does match"));
    let of_key = openssl(&["pkey", "-in", &key, "-pubout"]);
    assert_eq!(
        openssl(&["x509", "-in", &leaf, "-noout", "-pubkey"]),
        of_key,
        "{name}"
    );
    let text = openssl(&["x509", "-in", &leaf, "-noout", "-text"]);
    for part in [
        algorithm,
        "CA:FALSE",
        "Digital Signature",
        "TLS Web Server Authentication",
        "Subject Key Identifier",
        "Authority Key Identifier",
    ] {
        assert!(text.contains(part), "{name}: no '{part}' in {text}");
    }
    let text = openssl(&["x509", "-in", &roots, "-noout", "-text"]);
    for part in ["CA:TRUE, pathlen:0", "Certificate Sign"] {
        assert!(text.contains(part), "{name}: no '{part}' in {text}");
    }
}

#[tokio::test]
async fn openssl_accepts_certificates_of_every_algorithm() {
    let cases = [
        ("rsa-2048", json!({"algorithm": "RSA"}), "Public-Key: (2048 bit)"),
        (
            "rsa-3072",
            json!({"algorithm": "RSA", "size": 3072}),
            "Public-Key: (3072 bit)",
        ),
        (
            "rsa-4096",
            json!({"algorithm": "RSA", "size": 4096}),
            "Public-Key: (4096 bit)",
        ),
        ("p-256", json!({"algorithm": "ECDSA"}), "NIST CURVE: P-256"),
        (
            "p-384",
            json!({"algorithm": "ECDSA", "size": 384}),
            "NIST CURVE: P-384",
        ),
        ("ed25519", json!({"algorithm": "Ed25519"}), "ED25519"),
    ];
    for (name, key, algorithm) in cases {
        accepted(name, key, algorithm).await;
    }
}

/// A CA as a company has it: made by OpenSSL, an intermediate under a root, its key in an older PEM form.
fn corporate_ca(files: &Files, subject: &str) -> Secret {
    let path = |name: &str| files.0.join(name).to_str().unwrap().to_owned();
    let [root_key, root, key, request, ca, extensions] =
        ["root.key", "root.crt", "ca.key", "ca.csr", "ca.crt", "ca.ext"].map(path);
    std::fs::write(
        &extensions,
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
    )
    .unwrap();
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        &root_key,
        "-out",
        &root,
        "-days",
        "4000",
        "-subj",
        "/C=DE/O=Example/CN=Example Root",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    ]);
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-out", &key]);
    openssl(&["req", "-new", "-key", &key, "-out", &request, "-subj", subject]);
    openssl(&[
        "x509",
        "-req",
        "-in",
        &request,
        "-CA",
        &root,
        "-CAkey",
        &root_key,
        "-CAcreateserial",
        "-days",
        "3000",
        "-extfile",
        &extensions,
        "-out",
        &ca,
    ]);
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    Secret {
        data: Some(
            [
                ("tls.crt", read(&ca)),
                ("tls.key", read(&key)),
                ("ca.crt", read(&root)),
            ]
            .map(|(name, text)| (name.to_owned(), ByteString(text.into_bytes())))
            .into(),
        ),
        ..Secret::default()
    }
}

fn from_given() -> Cluster {
    Cluster::new(json!({"issuer": {"ca": {"secretRef": {"name": "corp-ca"}}}}))
}

#[tokio::test]
async fn a_given_intermediate_made_by_openssl_issues_what_openssl_accepts() {
    let files = Files::new("given");
    let mut cluster = from_given();
    cluster.ca = Some(corporate_ca(
        &files,
        "/C=DE/O=Example/OU=Storage/CN=Example Issuing CA",
    ));
    cluster.settle(Timestamp::now()).await;
    assert_eq!(cluster.certs("tls.crt").len(), 2);
    assert_eq!(
        cluster.value("ca.crt").trim(),
        value(cluster.ca.as_ref().unwrap(), "ca.crt").trim()
    );
    let chain = files.write("tls.crt", &cluster.value("tls.crt"));
    let roots = files.write("trust.crt", &cluster.value("ca.crt"));
    openssl(&[
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-CAfile",
        &roots,
        "-untrusted",
        &chain,
        &chain,
    ]);
}

#[tokio::test]
async fn a_subject_that_cannot_be_copied_is_told_and_nothing_is_written() {
    let files = Files::new("subject");
    let mut cluster = from_given();
    cluster.ca = Some(corporate_ca(&files, "/DC=com/DC=example/CN=Example Issuing CA"));
    let failure = cluster.step(Timestamp::now()).await.unwrap_err();
    assert_eq!((failure.reason, failure.transient), ("IssueFailed", false));
    assert!(
        failure.message.contains("subject of the CA"),
        "{}",
        failure.message
    );
    assert!(cluster.secret.is_none());
}
