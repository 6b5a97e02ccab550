//! wsi
