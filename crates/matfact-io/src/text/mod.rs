//! What the two text formats share: lines and numbers, without an allocation for each.

pub(crate) mod chunks;
pub(crate) mod lines;
pub(crate) mod number;
