//! TLS that souk speaks itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Certificate;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::refusal;
use crate::souk::{Options, Souk, eventually};

/// A certificate for this machine, signed by itself, in files.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// Makes them anew.
    fn write(&self) -> Certificate {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])
            .expect("a certificate");
        std::fs::write(self.certificate(), made.cert.pem()).expect("a file");
        std::fs::write(self.key(), made.signing_key.serialize_pem()).expect("a file");
        Certificate::from_pem(made.cert.pem().as_bytes()).expect("a certificate")
    }

    fn options(&self, trusted: Certificate) -> Options {
        Options::default()
            .env("SOUK_TLS_CERT", self.certificate().display())
            .env("SOUK_TLS_KEY", self.key().display())
            .trust(trusted)
    }
}

fn client(trusted: Certificate) -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().expect("an HTTP client")
}

#[tokio::test]
async fn a_shopper_is_served_over_tls() {
    let files = Files::new();
    let souk = Souk::with(files.options(files.write())).await;
    let anyone = souk.anyone();
    assert!(anyone.address("").starts_with("https://127.0.0.1:"));
    let answer = anyone.get("/healthz").await;
    answer.expect(200);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    let shopper = souk.shopper().await;
    shopper.client().get("/api/v1/me").await.expect(200);

    // Who does not speak TLS is not understood.
    let plain = anyone.address("/healthz").replace("https://", "http://");
    assert!(client(files.write()).get(plain).send().await.is_err());
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_holds_up_nobody() {
    let files = Files::new();
    let souk = Souk::with(files.options(files.write())).await;
    let address = souk.anyone().address("").trim_start_matches("https://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(&address).await.expect("a connection"));
    }
    souk.anyone().get("/healthz").await.expect(200);
    // And it is broken off.
    let mut first = silent.remove(0);
    let closed = tokio::time::timeout(Duration::from_secs(60), first.read(&mut [0])).await;
    assert_eq!(closed.expect("an end").ok(), Some(0));
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_restart() {
    let files = Files::new();
    let old = files.write();
    let souk = Souk::with(files.options(old.clone())).await;
    let address = souk.anyone().address("/healthz");
    let new = files.write();
    assert!(client(new.clone()).get(&address).send().await.is_err(), "not told yet");
    souk.renew_certificate();
    eventually("the new certificate is shown", async || client(new.clone()).get(&address).send().await.ok()).await;
    assert!(client(old).get(&address).send().await.is_err(), "the old one is gone");

    // One that is wrong changes nothing.
    std::fs::write(files.key(), "no key").expect("a file");
    souk.renew_certificate();
    for _ in 0..3 {
        client(new.clone()).get(&address).send().await.expect("an answer");
    }
}

#[tokio::test]
async fn files_that_are_wrong_are_refused_at_the_start() {
    let souk = Souk::start().await;
    let (files, others) = (Files::new(), Files::new());
    files.write();
    others.write();
    let empty = files.directory.path().join("empty.pem");
    std::fs::write(&empty, "").expect("a file");
    let with = |certificate: &Path, key: &Path| {
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        refusal(&souk, &[("SOUK_TLS_CERT", certificate.as_str()), ("SOUK_TLS_KEY", key.as_str())])
    };
    let nowhere = Path::new("/nowhere.pem");
    for (said, told) in [
        (with(nowhere, &files.key()), "SOUK_TLS_CERT: /nowhere.pem cannot be read"),
        (with(&empty, &files.key()), "has no certificate"),
        (with(&files.certificate(), nowhere), "SOUK_TLS_KEY: /nowhere.pem cannot be read"),
        (with(&files.certificate(), &files.certificate()), "cannot be read as a private key"),
        (with(&files.certificate(), &others.key()), "do not make a working pair"),
    ] {
        assert!(said.contains(told), "{said}");
    }
    let said = refusal(&souk, &[("SOUK_TLS_CERT", "x.pem")]);
    assert!(said.contains("--tls-key"), "{said}");
}
