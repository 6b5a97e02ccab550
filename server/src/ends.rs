//! When certificates and revocation lists that the configuration names end: for security officers, who have them renewed in time.

use crate::config::Config;
use consult::certificate;
use std::path::{Path, PathBuf};
use tokio_rustls::rustls::pki_types::CertificateRevocationListDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use viewer_api::{NodeEnd, NodeEnds};

/// What looks into the files each time that somebody asks: they are renewed while the node runs.
pub fn of(config: &Config) -> NodeEnds {
    let mut certificates: Vec<(&'static str, PathBuf)> = Vec::new();
    let mut lists: Vec<(&'static str, PathBuf)> = Vec::new();
    if let Some(tls) = &config.http.tls {
        certificates.push(("[http.tls] certificate", tls.certificate.clone()));
        certificates.extend(tls.client_ca.clone().map(|path| ("[http.tls] client_ca", path)));
        lists.extend(tls.revocation_lists.iter().map(|path| ("[http.tls] revocation_lists", path.clone())));
    }
    if let Some(tls) = &config.dicom.tls {
        certificates.push(("[dicom.tls] certificate", tls.certificate.clone()));
        certificates.extend(tls.client_ca.clone().map(|path| ("[dicom.tls] client_ca", path)));
        certificates.extend(tls.server_ca.clone().map(|path| ("[dicom.tls] server_ca", path)));
        lists.extend(tls.revocation_lists.iter().map(|path| ("[dicom.tls] revocation_lists", path.clone())));
    }
    let named = [
        ("[report] trust_anchors", &config.report.trust_anchors),
        ("[signing] timestamp_trust_anchors", &config.signing.timestamp_trust_anchors),
        ("[audit] send_trust_anchors", &config.audit.send_trust_anchors),
    ];
    certificates.extend(named.into_iter().filter_map(|(what, path)| Some((what, path.clone()?))));
    std::sync::Arc::new(move || {
        let certificates = certificates.iter().flat_map(|(what, path)| of_certificates(what, path));
        certificates.chain(lists.iter().map(|(what, path)| of_list(what, path))).collect()
    })
}

fn unreadable(what: &str, path: &Path) -> NodeEnd {
    NodeEnd { what: what.to_owned(), subject: path.display().to_string(), at: None }
}

fn of_certificates(what: &str, path: &Path) -> Vec<NodeEnd> {
    let read = std::fs::read_to_string(path).ok().and_then(|pem| certificate::from_pem(&pem).ok());
    let Some(found) = read.filter(|found| !found.is_empty()) else { return vec![unreadable(what, path)] };
    let end = |one| NodeEnd {
        what: what.to_owned(),
        subject: certificate::subject(one),
        at: certificate::ends_at(one),
    };
    found.iter().map(end).collect()
}

fn of_list(what: &str, path: &Path) -> NodeEnd {
    let Ok(bytes) = std::fs::read(path) else { return unreadable(what, path) };
    let der = match CertificateRevocationListDer::from_pem_slice(&bytes) {
        Ok(list) => list.as_ref().to_vec(),
        Err(_) => bytes,
    };
    match certificate::list_end(&der) {
        Some((subject, at @ Some(_))) => NodeEnd { what: what.to_owned(), subject, at },
        // A list without an end is good for ever; one that is none is told.
        Some((subject, None)) => {
            NodeEnd { what: what.to_owned(), subject, at: Some(time::macros::datetime!(9999-12-31 0:00 UTC)) }
        }
        None => unreadable(what, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consult::ca::CertificateAuthority;
    use time::macros::datetime;

    #[test]
    fn what_a_file_holds_is_told_and_what_cannot_be_read_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("anchors.pem");
        let begun = datetime!(2026-01-01 0:00 UTC);
        let anchor = CertificateAuthority::create("CA", begun).unwrap().anchor_pem().unwrap();
        std::fs::write(&file, anchor).unwrap();
        let mut config = Config::default();
        config.report.trust_anchors = Some(file.clone());
        let tls = format!("certificate = {file:?}\nprivate_key = \"/nowhere\"\n");
        config.http.tls = Some(toml::from_str(&tls).unwrap());
        config.signing.timestamp_trust_anchors = Some(folder.path().join("none.pem"));
        let look = of(&config);
        let seen = look();
        assert_eq!(seen[0].what, "[http.tls] certificate");
        assert_eq!(seen[1].what, "[report] trust_anchors");
        assert!(seen[1].subject.contains("CN=CA") && seen[1].at.unwrap() > begun, "{seen:?}");
        assert_eq!((seen[2].what.as_str(), seen[2].at), ("[signing] timestamp_trust_anchors", None));
        // Renewed while the node runs.
        std::fs::write(&file, "no certificate").unwrap();
        assert_eq!(look()[0].at, None);
    }
}
