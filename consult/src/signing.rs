//! Signing, reviewing and the files of a signed report.
