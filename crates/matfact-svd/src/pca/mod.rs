//! Principal component analysis: the directions of the largest variance.

mod exact;
mod fit;
mod likelihood;
mod model;
mod parameters;

pub(crate) use model::Parts;
pub use model::PcaModel;
pub use parameters::{Pca, PcaMethod, PcaRank};
