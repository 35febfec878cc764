//! The certificate that clients see, when a project has one.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::project::Project;

/// Reads the certificate that `kuafu.toml` names; `None` when it names none.
pub(super) fn load(project: &Project) -> anyhow::Result<Option<Arc<ServerConfig>>> {
    let Some(tls) = &project.file.tls else { return Ok(None) };
    let certificates = read_certificates(&project.folder.join(&tls.certificate))?;
    let path = project.folder.join(&tls.key);
    let key = PrivateKeyDer::from_pem_file(&path)
        .with_context(|| format!("[tls] key: {} holds no private key in PEM form", path.display()))?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key);
    Ok(Some(Arc::new(config.context("[tls]: the certificate and the key do not belong together")?)))
}

fn read_certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let wrong = || format!("[tls] certificate: {} holds no certificate in PEM form", path.display());
    let chain = CertificateDer::pem_file_iter(path).with_context(wrong)?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().with_context(wrong)?;
    anyhow::ensure!(!chain.is_empty(), wrong());
    Ok(chain)
}
