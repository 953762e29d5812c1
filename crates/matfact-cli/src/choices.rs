//! The values that options of the command line take.

use clap::ValueEnum;
use matfact::io::CheckpointInterval;
use matfact::sgd::{LearningRates, NegativeSampling, OnDivergence, SgdLoss};
use matfact::{
    AlsSolver, Confidence, Duplicates, Init, Loss, PenaltyScaling, Similarity, Solver, SvdMethod,
};
use std::ops::Range;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    F32,
    F64,
}

/// How counts are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightsChoice {
    /// Rare columns count more, and every row alike
    TfIdf,
    /// Okapi BM25: counts saturate, the more the longer the row, and rare columns count more
    Bm25,
    /// Logarithms of counts; columns that are spread evenly over the rows count less
    LogEntropy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InitChoice {
    Auto,
    Random,
    Nndsvd,
    Nndsvda,
    Nndsvdar,
    Separable,
}

impl From<InitChoice> for Init {
    fn from(choice: InitChoice) -> Self {
        match choice {
            InitChoice::Auto => Init::Auto,
            InitChoice::Random => Init::Random,
            InitChoice::Nndsvd => Init::Nndsvd,
            InitChoice::Nndsvda => Init::Nndsvda,
            InitChoice::Nndsvdar => Init::Nndsvdar,
            InitChoice::Separable => Init::Separable,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SolverChoice {
    Auto,
    Hals,
    CoordinateDescent,
    BlockPivoting,
    Multiplicative,
    ScalarNewton,
}

impl From<SolverChoice> for Solver {
    fn from(choice: SolverChoice) -> Self {
        match choice {
            SolverChoice::Auto => Solver::Auto,
            SolverChoice::Hals => Solver::Hals,
            SolverChoice::CoordinateDescent => Solver::CoordinateDescent,
            SolverChoice::BlockPivoting => Solver::BlockPivoting,
            SolverChoice::Multiplicative => Solver::Multiplicative,
            SolverChoice::ScalarNewton => Solver::ScalarNewton,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlsSolverChoice {
    Auto,
    Cholesky,
    ConjugateGradients,
    CoordinateDescent,
    BlockCoordinateDescent,
}

impl AlsSolverChoice {
    /// Steps of conjugate gradients, or sweeps of coordinate descent, where none are given.
    pub(crate) const STEPS: usize = 3;
    /// Numbers of a block, where none are given.
    pub(crate) const BLOCK: usize = 64;

    pub(crate) fn with(self, steps: Option<usize>, block: Option<usize>) -> AlsSolver {
        let steps = steps.unwrap_or(Self::STEPS);
        let block = block.unwrap_or(Self::BLOCK);
        match self {
            AlsSolverChoice::Auto => AlsSolver::Auto,
            AlsSolverChoice::Cholesky => AlsSolver::Cholesky,
            AlsSolverChoice::ConjugateGradients => AlsSolver::ConjugateGradients { steps },
            AlsSolverChoice::CoordinateDescent => AlsSolver::CoordinateDescent { sweeps: steps },
            AlsSolverChoice::BlockCoordinateDescent => AlsSolver::BlockCoordinateDescent { block },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SgdLossChoice {
    Squared,
    Absolute,
    KullbackLeibler,
    Logistic,
    Hinge,
    SquaredHinge,
}

impl From<SgdLossChoice> for SgdLoss {
    fn from(choice: SgdLossChoice) -> Self {
        match choice {
            SgdLossChoice::Squared => SgdLoss::Squared,
            SgdLossChoice::Absolute => SgdLoss::Absolute,
            SgdLossChoice::KullbackLeibler => SgdLoss::KullbackLeibler,
            SgdLossChoice::Logistic => SgdLoss::Logistic,
            SgdLossChoice::Hinge => SgdLoss::Hinge,
            SgdLossChoice::SquaredHinge => SgdLoss::SquaredHinge,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LearningRatesChoice {
    Common,
    Adagrad,
    Twin,
}

impl From<LearningRatesChoice> for LearningRates {
    fn from(choice: LearningRatesChoice) -> Self {
        match choice {
            LearningRatesChoice::Common => LearningRates::Common,
            LearningRatesChoice::Adagrad => LearningRates::AdaGrad,
            LearningRatesChoice::Twin => LearningRates::Twin,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnDivergenceChoice {
    Error,
    HalveStep,
    KeepLast,
}

impl From<OnDivergenceChoice> for OnDivergence {
    fn from(choice: OnDivergenceChoice) -> Self {
        match choice {
            OnDivergenceChoice::Error => OnDivergence::Error,
            OnDivergenceChoice::HalveStep => OnDivergence::HalveStep,
            OnDivergenceChoice::KeepLast => OnDivergence::KeepLast,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NegativeSamplingChoice {
    Uniform,
    Popularity,
}

impl From<NegativeSamplingChoice> for NegativeSampling {
    fn from(choice: NegativeSamplingChoice) -> Self {
        match choice {
            NegativeSamplingChoice::Uniform => NegativeSampling::Uniform,
            NegativeSamplingChoice::Popularity => NegativeSampling::Popularity,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfidenceChoice {
    Constant,
    Proportional,
    OnePlus,
    Logarithmic,
}

impl From<ConfidenceChoice> for Confidence {
    fn from(choice: ConfidenceChoice) -> Self {
        match choice {
            ConfidenceChoice::Constant => Confidence::Constant,
            ConfidenceChoice::Proportional => Confidence::Proportional,
            ConfidenceChoice::OnePlus => Confidence::OnePlus,
            ConfidenceChoice::Logarithmic => Confidence::Logarithmic,
        }
    }
}

/// Another library, whose settings a fit begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetChoice {
    Surprise,
    Libmf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SvdMethodChoice {
    Auto,
    Lanczos,
    GramLanczos,
    BlockKrylov,
    Randomized,
    Exact,
}

impl From<SvdMethodChoice> for SvdMethod {
    fn from(choice: SvdMethodChoice) -> Self {
        match choice {
            SvdMethodChoice::Auto => SvdMethod::Auto,
            SvdMethodChoice::Lanczos => SvdMethod::Lanczos,
            SvdMethodChoice::GramLanczos => SvdMethod::GramLanczos,
            SvdMethodChoice::BlockKrylov => SvdMethod::BlockKrylov,
            SvdMethodChoice::Randomized => SvdMethod::Randomized,
            SvdMethodChoice::Exact => SvdMethod::Exact,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimilarityChoice {
    Cosine,
    InnerProduct,
}

impl From<SimilarityChoice> for Similarity {
    fn from(choice: SimilarityChoice) -> Self {
        match choice {
            SimilarityChoice::Cosine => Similarity::Cosine,
            SimilarityChoice::InnerProduct => Similarity::InnerProduct,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScalingChoice {
    ByShape,
    Plain,
}

impl From<ScalingChoice> for PenaltyScaling {
    fn from(choice: ScalingChoice) -> Self {
        match choice {
            ScalingChoice::ByShape => PenaltyScaling::ByShape,
            ScalingChoice::Plain => PenaltyScaling::Plain,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

impl From<Switch> for bool {
    fn from(switch: Switch) -> Self {
        switch == Switch::On
    }
}

/// A loss by its name, or by its beta.
pub(crate) fn loss(text: &str) -> Result<Loss, String> {
    let named = [Loss::Frobenius, Loss::KullbackLeibler, Loss::ItakuraSaito]
        .into_iter()
        .find(|loss| loss.to_string() == text);
    let by_beta = || text.parse().ok().map(Loss::from_beta);
    named.or_else(by_beta).ok_or_else(|| {
        "give frobenius, kullback-leibler, itakura-saito, or the beta of another \
         beta-divergence as a number"
            .to_owned()
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DuplicatesChoice {
    Error,
    Last,
    Sum,
}

impl From<DuplicatesChoice> for Duplicates {
    fn from(choice: DuplicatesChoice) -> Self {
        match choice {
            DuplicatesChoice::Error => Duplicates::Error,
            DuplicatesChoice::Last => Duplicates::Last,
            DuplicatesChoice::Sum => Duplicates::Sum,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnErrorChoice {
    Stop,
    Skip,
}

/// Rows from one index to before another, either left out at will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowBlock {
    start: Option<usize>,
    end: Option<usize>,
}

impl RowBlock {
    /// The rows meant in a matrix of `rows` rows; `None` if there are none, or some do not exist.
    pub(crate) fn within(self, rows: usize) -> Option<Range<usize>> {
        let (start, end) = (self.start.unwrap_or(0), self.end.unwrap_or(rows));
        (start < end && end <= rows).then_some(start..end)
    }
}

impl std::fmt::Display for RowBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bound: Option<usize>| bound.map(|b| b.to_string()).unwrap_or_default();
        write!(f, "{}..{}", text(self.start), text(self.end))
    }
}

/// Rows: `A..B`, `A..`, `..B`.
pub(crate) fn row_block(text: &str) -> Result<RowBlock, String> {
    let bound = |text: &str| match text {
        "" => Some(None),
        digits => digits.parse::<usize>().ok().map(Some),
    };
    text.split_once("..")
        .and_then(|(start, end)| {
            let (start, end) = (bound(start)?, bound(end)?);
            Some(RowBlock { start, end })
        })
        .ok_or_else(|| "write rows as 0..100 (rows 0 to 99)".to_owned())
}

/// A time: `90`, `90s`, `1.5m`, `2h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        _ => (text, 1.0),
    };
    number
        .parse::<f64>()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number * unit).ok())
        .ok_or_else(|| format!("{text:?} is not a time: write it as 60s, 5m or 1h"))
}

/// A size in memory: `8GiB`, `500MB`, `64k` or bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let end = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[end.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        _ => f64::NAN,
    };
    let size = end.parse::<f64>().map_or(f64::NAN, |number| number * unit);
    if size >= 1.0 && size < u64::MAX as f64 {
        Ok(size as u64)
    } else {
        Err(format!(
            "{text:?} is not a size: write it as 8GiB, 500MB or a number of bytes"
        ))
    }
}

/// When a checkpoint is due: `10` iterations, or a time with its unit.
pub(crate) fn interval(text: &str) -> Result<CheckpointInterval, String> {
    if let Ok(iterations) = text.parse::<usize>() {
        return match iterations {
            0 => Err("it must be at least 1 iteration".to_owned()),
            _ => Ok(CheckpointInterval::Iterations(iterations)),
        };
    }
    match duration(text) {
        Ok(time) if text.ends_with(['s', 'm', 'h']) => Ok(CheckpointInterval::Time(time)),
        _ => Err(format!(
            "{text:?} is neither a number of iterations (10) nor a time (30s, 5m, 1h)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_read_by_name_and_by_beta() {
        for (text, expected) in [
            ("frobenius", Loss::Frobenius),
            ("kullback-leibler", Loss::KullbackLeibler),
            ("itakura-saito", Loss::ItakuraSaito),
            ("2", Loss::Frobenius),
            ("1.0", Loss::KullbackLeibler),
            ("0", Loss::ItakuraSaito),
            ("-0.5", Loss::Beta(-0.5)),
        ] {
            assert_eq!(loss(text), Ok(expected), "{text}");
        }
        for bad in ["", "kl", "beta 1.5", "1,5"] {
            assert!(loss(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rows_are_those_that_exist() {
        for (text, expected) in [
            ("0..3", Some(0..3)),
            ("2..", Some(2..3)),
            ("..1", Some(0..1)),
            ("..", Some(0..3)),
            ("2..2", None),
            ("2..1", None),
            ("0..4", None),
            ("3..", None),
        ] {
            let block = row_block(text).unwrap();
            assert_eq!(block.within(3), expected, "{text}");
            assert_eq!(block.to_string(), text);
        }
        for bad in ["", "3", "a..b", "-1..2", "0...3", "1..2..3"] {
            assert!(row_block(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_units() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "s", "-1s", "NaN", "1e400", "5 minutes"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
