//! Sending a question: the checks, the evidence, the grant.
