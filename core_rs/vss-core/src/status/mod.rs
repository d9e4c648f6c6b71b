//! What the events mean.
