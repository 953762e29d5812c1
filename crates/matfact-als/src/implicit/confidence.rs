//! From what was seen to how sure it is.

use crate::entries::ByColumns;
use matfact_core::{Error, ObservedEntries, Result, Scalar};
use matfact_linalg::survey_ratings;

/// How the value r of a stored entry becomes its confidence c, with the parameter α of
/// [`ImplicitAls::alpha`](crate::ImplicitAls::alpha). The preference p is 1 for r > 0, else 0.
///
/// ```
/// use matfact_als::Confidence;
/// assert_eq!(Confidence::OnePlus.of(3.0, 2.0), 7.0);
/// assert_eq!(Confidence::Proportional.of(-3.0, 2.0), 6.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Confidence {
    /// α for every entry: that it is there counts, not how large it is.
    #[default]
    Constant,
    /// α |r|, as implicit has it.
    Proportional,
    /// 1 + α |r|: Hu, Koren and Volinsky (2008), Spark, cmfrec.
    OnePlus,
    /// 1 + α ln(1 + |r|): for counts that range over orders of magnitude.
    Logarithmic,
}

impl Confidence {
    /// c of a value, at least 0.
    #[must_use]
    pub fn of(self, value: f64, alpha: f64) -> f64 {
        match self {
            Confidence::Constant => alpha,
            Confidence::Proportional => alpha * value.abs(),
            Confidence::OnePlus => 1.0 + alpha * value.abs(),
            Confidence::Logarithmic => 1.0 + alpha * value.abs().ln_1p(),
        }
    }
}

/// One side's entries, each with its confidence: positive where the preference is 1, negative where it is 0.
#[derive(Debug)]
pub(super) struct Confidences<T> {
    pub(super) entries: ByColumns<T>,
    positives: Vec<usize>,
}

impl<T: Scalar> Confidences<T> {
    fn new(entries: ByColumns<T>) -> Self {
        let rows = 0..entries.shape().0;
        let positive = |row| {
            let values = entries.row(row).values.iter();
            values.filter(|c| **c > T::zero()).count()
        };
        let positives = rows.map(positive).collect();
        Self { entries, positives }
    }

    /// The number of entries of a row with the preference 1.
    pub(super) fn positives(&self, row: usize) -> usize {
        self.positives[row]
    }
}

/// The confidences by rows and by columns, and the number of entries.
pub(super) fn both_sides<T: Scalar, X>(
    x: &X,
    (confidence, alpha): (Confidence, f64),
) -> Result<(Confidences<T>, Confidences<T>, usize)>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let survey = survey_ratings(x, false)?;
    let mut columns = ByColumns::of(x, &survey.column_counts);
    // Sums and products of such numbers stay within the range of the element type.
    let most = T::max_value().as_f64().sqrt();
    columns.map_weighted(|value, weight| {
        let value = value.as_f64();
        let sure = confidence.of(value, alpha) * weight.as_f64();
        if sure > most || sure.is_nan() {
            return Err(Error::Overflow {
                step: format!("the confidence of an entry of {value:e}, which is {sure:e}"),
                scalar: T::NAME,
            });
        }
        Ok(T::from_f64(if value > 0.0 { sure } else { -sure }))
    })?;
    let rows = ByColumns::of(&columns, &survey.row_counts);
    Ok((
        Confidences::new(rows),
        Confidences::new(columns),
        survey.observed,
    ))
}
