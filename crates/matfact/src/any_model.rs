//! A model whose kind is known at run time.

#[cfg(any(feature = "sgd", feature = "als"))]
use matfact_core::FactorModel;
#[cfg(any(feature = "nmf", feature = "svd"))]
use matfact_core::Transform;
use matfact_core::ndarray::{Array2, ArrayViewMut2};
use matfact_core::{
    Error, Factorization, Matrix, ModelRecord, Persist, Recommend, Result, Scalar, ScoreFactors,
};
#[cfg(feature = "nmf")]
use matfact_nmf::{MaskedNmfModel, NmfModel};
#[cfg(feature = "sgd")]
use matfact_sgd::SvdPlusPlusModel;
#[cfg(feature = "svd")]
use matfact_svd::{PcaModel, SvdModel};
use std::ops::Range;

/// The model of any algorithm that is compiled in.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "model", rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum AnyModel<T> {
    /// W and H of NMF.
    #[cfg(feature = "nmf")]
    Nmf(NmfModel<T>),
    /// W and H of NMF fitted to observed entries.
    #[cfg(feature = "nmf")]
    MaskedNmf(MaskedNmfModel<T>),
    /// U, σ and Vᵀ of an SVD.
    #[cfg(feature = "svd")]
    Svd(SvdModel<T>),
    /// Means, components and coordinates of PCA.
    #[cfg(feature = "svd")]
    Pca(PcaModel<T>),
    /// Row and column factors with biases.
    #[cfg(any(feature = "sgd", feature = "als"))]
    Factors(FactorModel<T>),
    /// The same with the implicit factors of SVD++, by which new rows are folded in.
    #[cfg(feature = "sgd")]
    SvdPlusPlus(SvdPlusPlusModel<T>),
}

/// Calls the same method on whichever model it is.
macro_rules! each {
    ($self:expr, $model:ident => $body:expr) => {
        match $self {
            #[cfg(feature = "nmf")]
            AnyModel::Nmf($model) => $body,
            #[cfg(feature = "nmf")]
            AnyModel::MaskedNmf($model) => $body,
            #[cfg(feature = "svd")]
            AnyModel::Svd($model) => $body,
            #[cfg(feature = "svd")]
            AnyModel::Pca($model) => $body,
            #[cfg(any(feature = "sgd", feature = "als"))]
            AnyModel::Factors($model) => $body,
            #[cfg(feature = "sgd")]
            AnyModel::SvdPlusPlus($model) => $body,
        }
    };
}

impl<T: Scalar> AnyModel<T> {
    /// The kind of model, as its records name it: `nmf`, `masked-nmf`, `svd`, `pca`,
    /// `factors` or `svdpp`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            #[cfg(feature = "nmf")]
            AnyModel::Nmf(_) => "nmf",
            #[cfg(feature = "nmf")]
            AnyModel::MaskedNmf(_) => "masked-nmf",
            #[cfg(feature = "svd")]
            AnyModel::Svd(_) => "svd",
            #[cfg(feature = "svd")]
            AnyModel::Pca(_) => "pca",
            #[cfg(any(feature = "sgd", feature = "als"))]
            AnyModel::Factors(_) => "factors",
            #[cfg(feature = "sgd")]
            AnyModel::SvdPlusPlus(_) => "svdpp",
        }
    }

    /// Row and column factors with biases and mean, of models that have them: those of ratings and rankings, without
    /// what SVD++ has beside them.
    #[cfg(any(feature = "sgd", feature = "als"))]
    #[must_use]
    pub fn factors(&self) -> Option<&FactorModel<T>> {
        match self {
            AnyModel::Factors(model) => Some(model),
            #[cfg(feature = "sgd")]
            AnyModel::SvdPlusPlus(model) => Some(model.factors()),
            #[allow(
                unreachable_patterns,
                reason = "without matrices every model is listed"
            )]
            _ => None,
        }
    }

    /// The coordinates of new rows (p x n) in the components: p x k.
    ///
    /// # Errors
    /// [`Error::UnsupportedModel`] for models of ratings or observed entries (a [`MaskedNmfModel`] describes
    /// new observed rows by its own `transform`), else as the model's own `transform`.
    #[cfg_attr(
        not(any(feature = "nmf", feature = "svd")),
        allow(unused_variables, reason = "models of ratings do not transform")
    )]
    pub fn transform(&self, x: &dyn Matrix<Scalar = T>) -> Result<Array2<T>> {
        match self {
            #[cfg(feature = "nmf")]
            AnyModel::Nmf(model) => model.transform(x),
            #[cfg(feature = "svd")]
            AnyModel::Svd(model) => model.transform(x),
            #[cfg(feature = "svd")]
            AnyModel::Pca(model) => model.transform(x),
            #[allow(unreachable_patterns, reason = "without ratings every model is listed")]
            other => Err(other.cannot("transform new rows")),
        }
    }

    fn cannot(&self, capability: &'static str) -> Error {
        Error::UnsupportedModel {
            algorithm: self.kind().to_owned(),
            capability,
        }
    }
}

impl<T: Scalar> Factorization for AnyModel<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        each!(self, model => model.shape())
    }

    fn rank(&self) -> usize {
        each!(self, model => model.rank())
    }

    fn predict(&self, row: usize, column: usize) -> Result<T> {
        each!(self, model => model.predict(row, column))
    }

    fn reconstruct_rows(&self, rows: Range<usize>, out: ArrayViewMut2<'_, T>) -> Result<()> {
        each!(self, model => model.reconstruct_rows(rows, out))
    }
}

impl<T: Scalar> Recommend for AnyModel<T> {
    type Scalar = T;

    fn score_factors(&self) -> ScoreFactors<'_, T> {
        each!(self, model => model.score_factors())
    }
}

impl<T: Scalar> Persist for AnyModel<T> {
    fn to_record(&self) -> ModelRecord {
        each!(self, model => model.to_record())
    }

    /// Takes records of each kind, also under the name of another algorithm that gives such models:
    /// `factors` as `sgd`, `als`, `bpr` and so on, `nmf` as `minibatch-nmf`. One of `svdpp` without implicit factors, as
    /// they were written at first, is a model of plain factors: it predicts the same, but cannot fold in new rows.
    fn from_record(record: &ModelRecord) -> Result<Self> {
        match record.algorithm.as_str() {
            #[cfg(feature = "nmf")]
            "nmf" | "minibatch-nmf" => Ok(AnyModel::Nmf(NmfModel::from_record(record)?)),
            #[cfg(feature = "nmf")]
            "masked-nmf" => Ok(AnyModel::MaskedNmf(MaskedNmfModel::from_record(record)?)),
            #[cfg(feature = "svd")]
            "svd" => Ok(AnyModel::Svd(SvdModel::from_record(record)?)),
            #[cfg(feature = "svd")]
            "pca" => Ok(AnyModel::Pca(PcaModel::from_record(record)?)),
            #[cfg(feature = "sgd")]
            "svdpp" if has_implicit_part(record) => Ok(AnyModel::SvdPlusPlus(
                SvdPlusPlusModel::from_record(record)?,
            )),
            #[cfg(any(feature = "sgd", feature = "als"))]
            "sgd" | "als" | "svdpp" | "ials" | "bpr" | "warp" | "logistic" | "popularity"
            | "factors" => Ok(AnyModel::Factors(FactorModel::from_record(record)?)),
            other => {
                let reason = format!("a model of {other:?} is not compiled in");
                Err(Error::InvalidModel { reason })
            }
        }
    }
}

/// Whether a record of SVD++ has what rows are folded in by; half of it is refused where it is read.
#[cfg(feature = "sgd")]
fn has_implicit_part(record: &ModelRecord) -> bool {
    record.contains("implicit_factors") || record.attributes.contains_key("deviation")
}
