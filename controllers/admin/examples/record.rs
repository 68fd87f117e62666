//! Records the answers of a running RustFS server into `controllers/admin/fixtures`.
//!
//! `RUSTFS_ACCESS_KEY=… RUSTFS_SECRET_KEY=… cargo run -p admin --example record -- 127.0.0.1:9000 DIRECTORY`

use std::path::Path;

use admin::{Client, Credentials, Deadlines, Endpoint};
use bytes::Bytes;
use http::Method;

const ADMIN: &str = "/rustfs/admin/v3";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(addr), Some(directory)) = (args.next(), args.next()) else {
        return Err("give the server's address and a directory".into());
    };
    let directory = Path::new(&directory);
    let access = std::env::var("RUSTFS_ACCESS_KEY")?;
    let secret = std::env::var("RUSTFS_SECRET_KEY")?;
    let client = |secret: &str| -> Result<Client, Box<dyn std::error::Error>> {
        let endpoint = Endpoint {
            addr: addr.parse()?,
            host: "localhost".to_owned(),
            tls: None,
        };
        Ok(Client::new(
            endpoint,
            Credentials::new(&access, secret),
            Deadlines::default(),
        ))
    };
    let right = client(&secret)?;
    let versioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    for (path, body) in [
        ("/first", ""),
        ("/first/an%20object", "recorded"),
        ("/first/another", "recorded"),
        ("/second", ""),
        ("/third", ""),
        ("/third?versioning", versioned),
        ("/third/gone", "recorded"),
    ] {
        let answer = right
            .send(Method::PUT, path, Bytes::from_static(body.as_bytes()))
            .await?;
        if answer.status != 200 {
            return Err(format!("PUT {path} was answered with {}", answer.status).into());
        }
    }
    right.send(Method::DELETE, "/third/gone", Bytes::new()).await?;
    for number in 0..4 {
        let path = format!("/first/u{number}?uploads=");
        right.send(Method::POST, &path, Bytes::new()).await?;
    }
    for (path, file) in [
        ("/health", "health.json"),
        ("/health/ready", "health-ready.json"),
        (&format!("{ADMIN}/info"), "info.json"),
        (&format!("{ADMIN}/storageinfo"), "storageinfo.json"),
        (&format!("{ADMIN}/pools/list"), "pools-list.json"),
        (&format!("{ADMIN}/no-such-thing"), "unknown-path.xml"),
        ("/", "list-buckets.xml"),
        ("/first?max-keys=1&versions=", "versions-page.xml"),
        ("/first?max-keys=1000&versions=", "versions.xml"),
        ("/second?max-keys=1000&versions=", "versions-none.xml"),
        ("/third?max-keys=1000&versions=", "versions-deleted.xml"),
        ("/first?max-uploads=3&uploads=", "uploads.xml"),
        ("/no-such-bucket/thing", "no-such-bucket.xml"),
        ("/first/no-such-object", "no-such-key.xml"),
    ] {
        keep(
            directory,
            file,
            right.send(Method::GET, path, Bytes::new()).await?,
        )?;
    }
    let wrong = client("not-the-secret")?;
    let path = format!("{ADMIN}/info");
    keep(
        directory,
        "bad-signature.xml",
        wrong.send(Method::GET, &path, Bytes::new()).await?,
    )?;
    Ok(())
}

fn keep(directory: &Path, file: &str, answer: admin::Answer) -> std::io::Result<()> {
    eprintln!("{file}: {} with {} bytes", answer.status, answer.body.len());
    std::fs::write(directory.join(file), answer.body)
}
