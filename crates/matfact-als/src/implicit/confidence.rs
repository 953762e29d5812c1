//! From what was seen to how sure it is.

use crate::entries::ByColumns;
use matfact_core::{Error, ObservedEntries, Result, Scalar};
use matfact_linalg::count_ratings;
use rayon::prelude::*;

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
    #[inline]
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

/// The fewest rows whose positives are counted by one task.
const ROWS_OF_A_TASK: usize = 1 << 10;

/// One side's entries, each with its confidence: positive where the preference is 1, negative where it is 0.
pub(super) struct Confidences<'a, T> {
    entries: Entries<'a, T>,
    positives: Vec<usize>,
}

enum Entries<'a, T> {
    /// With the confidences in the place of the values.
    Own(ByColumns<T>),
    /// As they were given: without weights, and with a confidence that takes less to compute than to keep.
    Given(Box<dyn ObservedEntries<Scalar = T> + 'a>, Confidence, f64),
}

impl<'a, T: Scalar> Confidences<'a, T> {
    fn new(entries: Entries<'a, T>) -> Self {
        let mut new = Self {
            entries,
            positives: Vec::new(),
        };
        let rows = (0..new.rows()).into_par_iter().with_min_len(ROWS_OF_A_TASK);
        let positives = rows.map_init(Vec::new, |own, row| {
            new.write(row, own);
            own.iter().filter(|c| **c > T::zero()).count()
        });
        new.positives = positives.collect();
        new
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        match &self.entries {
            Entries::Own(entries) => entries.shape().0,
            Entries::Given(entries, ..) => entries.shape().0,
        }
    }

    /// The columns of a row's entries.
    pub(super) fn columns(&self, row: usize) -> &[u32] {
        match &self.entries {
            Entries::Own(entries) => entries.row(row).columns,
            Entries::Given(entries, ..) => entries.row(row).columns,
        }
    }

    /// The columns of the entries of the row after this one, if there is one.
    pub(super) fn columns_after(&self, row: usize) -> &[u32] {
        match row + 1 < self.rows() {
            true => self.columns(row + 1),
            false => &[],
        }
    }

    /// Writes the confidences of a row's entries in the place of what is there.
    pub(super) fn write(&self, row: usize, out: &mut Vec<T>) {
        out.clear();
        match &self.entries {
            Entries::Own(entries) => out.extend_from_slice(entries.row(row).values),
            Entries::Given(entries, confidence, alpha) => {
                let values = entries.row(row).values.iter();
                let signed =
                    values.map(|value| signed(confidence.of(value.as_f64(), *alpha), *value));
                out.extend(signed);
            }
        }
    }

    /// The number of entries of a row with the preference 1.
    pub(super) fn positives(&self, row: usize) -> usize {
        self.positives[row]
    }
}

/// A confidence with the sign of the preference.
fn signed<T: Scalar>(sure: f64, value: T) -> T {
    T::from_f64(if value > T::zero() { sure } else { -sure })
}

/// Whether the confidences of rows are kept, and not computed as they are needed.
fn keeps_rows(confidence: Confidence, weighted: bool) -> bool {
    weighted || confidence == Confidence::Logarithmic
}

/// The confidences by rows and by columns, and the number of entries.
pub(super) fn both_sides<'a, T: Scalar, X>(
    x: &'a X,
    (confidence, alpha): (Confidence, f64),
) -> Result<(Confidences<'a, T>, Confidences<'a, T>, usize)>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let (counts, _) = count_ratings(x)?;
    let mut columns = ByColumns::of(x, &counts.column_counts);
    let weighted = columns.is_weighted();
    // Sums and products of such numbers stay within the range of the element type.
    let most = T::max_value().as_f64().sqrt();
    columns.map_weighted(|value, weight| {
        let sure = confidence.of(value.as_f64(), alpha) * weight.as_f64();
        if sure > most || sure.is_nan() {
            let value = value.as_f64();
            return Err(Error::Overflow {
                step: format!("the confidence of an entry of {value:e}, which is {sure:e}"),
                scalar: T::NAME,
            });
        }
        Ok(signed(sure, value))
    })?;
    let rows = if keeps_rows(confidence, weighted) {
        Entries::Own(ByColumns::of(&columns, &counts.row_counts))
    } else {
        Entries::Given(Box::new(x), confidence, alpha)
    };
    Ok((
        Confidences::new(rows),
        Confidences::new(Entries::Own(columns)),
        counts.observed,
    ))
}
