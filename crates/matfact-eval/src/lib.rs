//! How good a model of ratings or of implicit feedback is, and which hyper-parameters are better.
//!
//! - **Splits**: what a model learns from and what it is asked afterwards ([`Split`], [`KFold`]).
//! - **Metrics**: [`Metric`] has the definition of each; an [`Evaluation`] measures any model that
//!   implements [`Recommend`](matfact_core::Recommend), user by user; a [`Score`] gives its
//!   confidence interval, and [`compare`] says whether two models differ by more than chance,
//!   on one split or on the folds of several ([`compare_folds`]).
//! - **Cross-validation** of any [`Factorizer`](matfact_core::Factorizer): [`cross_validate`].
//! - **Search** over hyper-parameters: [`grid_search`], [`random_search`], [`successive_halving`].
//!
//! Everything random has a seed, and nothing depends on threads. Rows are users and columns items.
//!
//! ```
//! use matfact_core::{Duplicates, FactorModel, Ratings, ndarray::array};
//! use matfact_eval::{Evaluation, Metric, Split};
//! let triplets = [(0, 0, 5.0), (0, 1, 1.0), (1, 0, 4.0), (1, 2, 2.0)];
//! let ratings = Ratings::from_triplets((2, 3), triplets, Duplicates::Error)?;
//! let split = Split::leave_out(&ratings, 1, 7)?;
//! let model = FactorModel::new(array![[1.0], [1.0]], array![[5.0], [1.0], [2.0]])?;
//! let evaluation = Evaluation::new([Metric::Rmse, Metric::HitRate(1)]).clip(false);
//! let scores = evaluation.of(&model, &split)?;
//! assert!(scores[0].value < 1.0);
//! # Ok::<(), matfact_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod bootstrap;
mod catalogue;
mod cross_validation;
mod evaluation;
mod folds;
mod keys;
mod metric;
mod ranked;
mod score;
mod search;
mod split;

pub use bootstrap::{Comparison, Interval, Resampling, compare, compare_folds};
pub use cross_validation::{CrossValidated, cross_validate, cross_validate_with};
pub use evaluation::Evaluation;
pub use folds::KFold;
pub use metric::Metric;
pub use ranked::{area_under_curve, list_value};
pub use score::Score;
pub use search::{
    Dimension, Halving, Point, SearchResult, SearchSpace, Trial, grid_search, random_search,
    successive_halving,
};
pub use split::Split;
