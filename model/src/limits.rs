//! Every limit of the node in one place. Memory and waiting are bounded by these, never by what a peer declares.

use serde::{Deserialize, Serialize};

/// The limits of one node. The defaults suit a county hospital's server with 4 GB of memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Nesting of sequences in a data set.
    pub sequence_depth_max: u32,
    /// Elements in one data set, all levels together.
    pub elements_max: u32,
    /// Bytes of one element's value that are kept in memory and in the metadata; larger values stay in the object.
    pub value_inline_bytes_max: u32,
    /// Bytes of metadata (all kept values together) of one data set.
    pub metadata_bytes_max: u32,
    /// Frames of one instance.
    pub frames_max: u32,
    /// Bytes of one DICOM object, all in all.
    pub object_bytes_max: u64,
    /// Bytes of an object that are still read, and left, after it was refused, so that its sender comes to read the
    /// answer; a sender that goes on is cut off.
    pub refused_bytes_max: u64,
    /// Bytes of one file that is uploaded in pieces.
    pub upload_bytes_max: u64,
    /// Uploads of one organisation that are not finished.
    pub uploads_per_owner_max: u32,
    /// Bytes of these together, as declared.
    pub uploads_bytes_per_owner_max: u64,
    /// Milliseconds without a byte after which an upload that is not finished is removed.
    pub upload_idle_ms_max: u64,
    /// Bytes that a deflated data set or document may grow to.
    pub inflated_bytes_max: u64,
    /// Bytes of one decoded frame.
    pub frame_pixel_bytes_max: u64,
    /// Bytes of pictures made of slides (tiles for browsers that cannot show the stored ones, small regions) that are kept.
    pub derived_bytes_max: u64,
    /// Pixels of one region of a slide that is asked for in one piece (`maxArea` of IIIF).
    pub region_pixels_max: u64,
    /// Columns or rows of such a region (`maxWidth` and `maxHeight` of IIIF).
    pub region_side_max: u32,
    /// Stored pixels that are decoded for one region.
    pub region_source_pixels_max: u64,
    /// Longest PDU that we accept, and the longest that we send whatever the peer announces.
    pub pdu_bytes_max: u32,
    /// Associations at once, all peers together.
    pub associations_max: u32,
    /// Associations at once from one calling AE title.
    pub associations_per_peer_max: u32,
    /// Presentation contexts in one A-ASSOCIATE-RQ (PS3.8 §7.1.1.13: at most 128).
    pub presentation_contexts_max: u32,
    /// Milliseconds that a peer may be silent within an association.
    pub dimse_idle_timeout_ms: u64,
    /// Milliseconds for the association request to arrive (the ARTIM timer, PS3.8 §9.1.5).
    pub artim_timeout_ms: u64,
    /// HTTP connections at once.
    pub http_connections_max: u32,
    /// Milliseconds for the head of an HTTP request to arrive, and that a connection may be idle before it.
    pub http_idle_timeout_ms: u64,
    /// Live lines (WebSocket) at once.
    pub live_lines_max: u32,
    /// Live lines at once of one person: windows of their browsers.
    pub live_lines_per_person_max: u32,
    /// Bytes of a JSON request body.
    pub json_body_bytes_max: u32,
    /// Bytes of the identifier of one C-FIND, C-MOVE or C-GET.
    pub identifier_bytes_max: u32,
    /// Rows that a search answers when the caller names no limit.
    pub query_rows_default: u32,
    /// Rows that a search answers at most.
    pub query_rows_max: u32,
    /// Studies that a search looks at, newest first, when no list holds what it asks for: a part from the middle of a
    /// text, say.
    pub search_studies_max: u32,
    /// Instances committed together in one flush and transaction.
    pub commit_group_max: u32,
    /// Instances that may wait to be committed before writers are made to wait.
    pub commit_queue_max: u32,
    /// Milliseconds after which the index is flushed at the latest; instances are acknowledged before, because the next
    /// start indexes again what a power cut takes from the end of the index.
    pub index_flush_delay_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sequence_depth_max: 64,
            elements_max: 2_000_000,
            value_inline_bytes_max: 4096,
            metadata_bytes_max: 32 << 20,
            frames_max: 2_000_000,
            object_bytes_max: 64 << 30,
            refused_bytes_max: 512 << 20,
            upload_bytes_max: 64 << 30,
            uploads_per_owner_max: 64,
            uploads_bytes_per_owner_max: 256 << 30,
            upload_idle_ms_max: 7 * 24 * 3600 * 1000,
            inflated_bytes_max: 1 << 30,
            frame_pixel_bytes_max: 512 << 20,
            derived_bytes_max: 128 << 20,
            region_pixels_max: 16 << 20,
            region_side_max: 8192,
            region_source_pixels_max: 320 << 20,
            pdu_bytes_max: 262_144,
            associations_max: 128,
            associations_per_peer_max: 64,
            presentation_contexts_max: 128,
            dimse_idle_timeout_ms: 60_000,
            artim_timeout_ms: 15_000,
            http_connections_max: 1024,
            http_idle_timeout_ms: 75_000,
            live_lines_max: 1024,
            live_lines_per_person_max: 16,
            json_body_bytes_max: 2 << 20,
            identifier_bytes_max: 1 << 20,
            query_rows_default: 100,
            query_rows_max: 5000,
            search_studies_max: 100_000,
            commit_group_max: 64,
            commit_queue_max: 256,
            index_flush_delay_ms: 1000,
        }
    }
}
