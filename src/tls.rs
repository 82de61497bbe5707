//! TLS for who asks us: certificates from files, read again when the process is told to (SIGHUP).

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::command::Failure;

/// A certificate chain and its key, as they are now.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads PEM files: the certificate with what it is signed by, and its private key.
    ///
    /// # Errors
    /// [`Failure::Usage`] when they cannot be read or do not belong together.
    pub fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, Failure> {
        let current = RwLock::new(Arc::new(read(certificate, key).map_err(Failure::Usage)?));
        Ok(Arc::new(Self { certificate: certificate.into(), key: key.into(), current }))
    }

    /// What the next handshake goes by.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again at each SIGHUP, for as long as the process runs. Files that are wrong
    /// change nothing.
    pub async fn renew(self: Arc<Self>) {
        let mut told = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%error, "SIGHUP cannot be caught; a new certificate takes a restart");
                return;
            }
        };
        while told.recv().await.is_some() {
            match read(&self.certificate, &self.key) {
                Ok(config) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                    tracing::info!("the certificate has been read again");
                }
                Err(error) => tracing::error!(error, "the certificate stays as it was"),
            }
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, String> {
    let shown = certificate.display();
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("SOUK_TLS_CERT: {shown} cannot be read: {error}."))?;
    if chain.is_empty() {
        return Err(format!("SOUK_TLS_CERT: {shown} has no certificate in PEM."));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("SOUK_TLS_KEY: {} cannot be read as a private key: {error}.", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| format!("SOUK_TLS_CERT and SOUK_TLS_KEY do not make a working pair: {error}."))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
