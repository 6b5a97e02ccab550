//! Detached CMS signatures (RFC 5652) in the form of CAdES baseline B (ETSI EN 319 122-1).
