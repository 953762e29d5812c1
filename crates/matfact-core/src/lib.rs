//! The contract of `matfact`: what an algorithm is ([`Factorizer`]), what it takes ([`input`]), what
//! it gives ([`Fit`], the capability traits of models) and what may go wrong ([`Error`]).
//!
//! This crate depends on `ndarray`, `sprs` and `thiserror` alone; an algorithm of your own needs
//! nothing else. `ndarray` and `sprs` stand in public signatures and are re-exported.
//!
//! # Crate features
//! - `serde` (off): `Serialize` and `Deserialize` for reports and models.
#![forbid(unsafe_code)]

mod checkpoint;
mod error;
mod factor_model;
mod factorizer;
pub mod input;
pub mod model;
#[cfg(feature = "serde")]
mod not_finite;
mod plan;
mod ranking_metric;
mod recommend;
mod record;
mod report;
mod run;
mod scalar;
mod validation;

pub use checkpoint::{Checkpoint, CheckpointSink, CheckpointState, DataFingerprint};
pub use error::{Error, ErrorClass, Result};
pub use factor_model::{Contributions, FactorModel};
pub use factorizer::Factorizer;
pub use input::{
    Bm25, ColumnIndex, Duplicates, FunctionOperator, Indices, Layout, LinearOperator, LogEntropy,
    Matrix, ObservedEntries, ObservedRow, Ratings, RatingsView, RawIndex, SparseRows, Summary,
    TfIdf, csr_from_raw_parts, csr_from_triplets, tf_idf,
};
pub use model::{Factorization, Transform};
pub use plan::{FitPlan, InputSize, Plan, require_memory};
pub use ranking_metric::RankingMetric;
pub use recommend::{Recommend, Recommendation, ScoreFactors};
pub use record::{ModelRecord, Persist, Tensor, TensorValues};
pub use report::{Certificate, Fit, FitReport, Restart, Seconds, StopReason};
pub use run::{Cancellation, Observer, Progress, Run};
pub use scalar::Scalar;
pub use validation::{EarlyStopping, Standing, Validation};

pub use ndarray;
pub use sprs;
