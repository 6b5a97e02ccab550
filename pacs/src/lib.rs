//! pacs
