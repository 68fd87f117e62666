//! Objects through the Service of a store, by a client that is not ours.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use k8s_openapi::api::core::v1::{Secret, Service};
use serde_json::Value;

use crate::World;
use crate::support::cluster::root;
use crate::support::space::Space;

/// Where a store answers, and how it is spoken to.
pub struct Store {
    /// The Service's cluster address.
    pub address: String,
    /// The Service's name.
    pub host: String,
    /// Access key and secret key.
    pub keys: (String, String),
    /// The store's own authority, with TLS.
    pub authority: Option<Vec<u8>>,
    python: PathBuf,
    ca: String,
}

impl Store {
    /// The Service `store-api` of a namespace; `secret` holds the credentials, `ca` the authority.
    pub async fn find(world: &World, space: &Space, secret: &str, ca: Option<&str>) -> Self {
        let service = space.get::<Service>("store-api").await.unwrap();
        let authority = match ca {
            Some(ca) => Some(value(space, ca, "ca.crt").await),
            None => None,
        };
        let path = world.cluster.scratch.join(format!("{}.crt", space.name));
        if let Some(text) = &authority {
            std::fs::write(&path, text).unwrap();
        }
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            address: service.spec.unwrap().cluster_ip.unwrap(),
            host: format!("store-api.{}.svc", space.name),
            keys: (
                text(value(space, secret, "accesskey").await),
                text(value(space, secret, "secretkey").await),
            ),
            ca: authority
                .as_ref()
                .map_or_else(|| "-".to_owned(), |_| path.display().to_string()),
            authority,
            python: world.python.clone(),
        }
    }

    /// Stores objects and compares what is read back.
    pub fn put(&self, bucket: &str, count: usize) {
        self.fine("put", bucket, count);
    }

    /// Compares what is there with what was stored once.
    pub fn check(&self, bucket: &str, count: usize) {
        self.fine("check", bucket, count);
    }

    /// Whether a client that does not know the store's authority refuses to talk to it.
    pub fn is_refused_without_authority(&mut self, bucket: &str) -> bool {
        let known = std::mem::replace(&mut self.ca, "-".to_owned());
        let output = self.command("check", bucket, 1).output().expect("python runs");
        self.ca = known;
        let result: Value = serde_json::from_slice(&output.stdout).expect("the client answers in JSON");
        result["wrong"].to_string().contains("CERTIFICATE_VERIFY_FAILED")
    }

    /// Overwrites and reads objects until told to end. Begun once its bucket is there.
    pub fn traffic(&self, bucket: &str) -> Traffic {
        self.paced(bucket, 12, "0.2")
    }

    /// The same with fewer objects and pauses, where the servers have other work that a small machine must get done.
    pub fn easy_traffic(&self, bucket: &str) -> Traffic {
        self.paced(bucket, 6, "0.5")
    }

    /// The same with pauses as long as a small machine needs to move an object.
    pub fn slow_traffic(&self, bucket: &str) -> Traffic {
        self.paced(bucket, 4, "2")
    }

    fn paced(&self, bucket: &str, objects: usize, pause: &str) -> Traffic {
        let mut command = self.command("traffic", bucket, objects);
        command
            .env("PACE", pause)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().expect("python runs");
        let out = BufReader::new(process.stdout.take().expect("its output is kept"));
        // From here on it is ended whatever comes.
        let mut traffic = Traffic { process, out };
        let mut line = String::new();
        traffic.out.read_line(&mut line).expect("its output is text");
        assert_eq!(line, "begun\n", "the client made no bucket {bucket}");
        traffic
    }

    fn fine(&self, verb: &str, bucket: &str, count: usize) {
        let output = self.command(verb, bucket, count).output().expect("python runs");
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{verb} through {}: {problem}", self.host);
        let result: Value = serde_json::from_slice(&output.stdout).expect("the client answers in JSON");
        assert_eq!(
            result["wrong"],
            serde_json::json!([]),
            "{verb} through {}",
            self.host
        );
        eprintln!("  {verb}: {result}");
    }

    fn command(&self, verb: &str, bucket: &str, count: usize) -> Command {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        let mut command = Command::new(&self.python);
        command
            .arg(root().join("tests/node/s3.py"))
            .arg(format!("{scheme}://{}:9000", self.host))
            .args([&self.address, &self.ca, verb, bucket, &count.to_string()])
            .env("S3_ACCESS_KEY", &self.keys.0)
            .env("S3_SECRET_KEY", &self.keys.1);
        command
    }
}

/// A client that writes and reads in the background.
pub struct Traffic {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Traffic {
    /// Ends it and gives its counts.
    pub fn end(mut self) -> Value {
        drop(self.process.stdin.take());
        let mut text = String::new();
        self.out.read_to_string(&mut text).expect("its output is text");
        serde_json::from_str(&text).expect("the client answers in JSON")
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Python with boto3, made in the scratch folder; plain Python where the package cannot be had.
pub fn python(scratch: &std::path::Path) -> PathBuf {
    let folder = scratch.join("python");
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).output();
    let pip = || {
        Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--retries", "1", "--timeout", "10", "boto3"])
            .output()
    };
    let fine =
        |result: std::io::Result<std::process::Output>| result.is_ok_and(|output| output.status.success());
    if fine(made) && fine(pip()) {
        folder.join("bin/python")
    } else {
        eprintln!("boto3 cannot be installed; scripts/s3.py takes its place");
        PathBuf::from("python3")
    }
}

async fn value(space: &Space, secret: &str, key: &str) -> Vec<u8> {
    let secret = space.get::<Secret>(secret).await.unwrap();
    secret.data.unwrap()[key].0.clone()
}
