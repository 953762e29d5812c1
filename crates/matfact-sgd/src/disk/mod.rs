//! Ratings that exceed memory: kept in temporary files, and passed in order.

mod file;
mod ratings;
mod spill;
mod strata;
mod writer;

pub use ratings::DiskRatings;
pub use writer::DiskRatingsWriter;

pub(crate) use strata::{Arrangement, StrataFile};
