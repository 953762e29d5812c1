//! Alternating least squares on implicit feedback, whose absent entries count: [`ImplicitAls`].

mod confidence;
mod explain;
mod fit;
mod fold_in;
mod half_step;
mod parameters;
mod rooms;

pub use confidence::Confidence;
pub use explain::Explanation;
pub use parameters::ImplicitAls;
