//! What is attached to a report's PDF.
