//! viewer-api
