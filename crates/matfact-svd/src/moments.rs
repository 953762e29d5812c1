//! Means and deviations of the columns of a matrix, from its stored entries.

use matfact_core::ndarray::Array2;
use matfact_core::{Layout, LinearOperator, Result, Scalar, SparseRows, Summary};
use matfact_linalg::Products;

/// The columns of X' = X / scale. Sums are accumulated in `f64`, in two passes with the correction of
/// Chan, Golub and LeVeque (1983), so that a mean far above the deviations costs no digits.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    /// m.
    pub(crate) rows: usize,
    /// The mean of each column.
    pub(crate) means: Vec<f64>,
    /// Σ_i (x'_ij − mean_j)² of each column; `None` for a matrix known by its products.
    pub(crate) squared_deviations: Option<Vec<f64>>,
    /// The sum of the squared deviations; `None` for an operator without a summary.
    pub(crate) total: Option<f64>,
}

impl Moments {
    /// The moments of the columns of `x`, whose summary is `summary`; it has at least one row. Stored
    /// entries are read twice; a matrix known by its products is asked for one.
    pub(crate) fn of<X: LinearOperator + ?Sized>(
        x: &Products<'_, X>,
        summary: Option<&Summary>,
    ) -> Result<Self> {
        let scale = x.scale();
        let ((m, n), value) = (x.shape(), |v: &X::Scalar| v.as_f64() / scale);
        let columns = match x.source().layout() {
            Layout::Dense(view) => {
                let each = |add: &mut dyn FnMut(usize, f64)| {
                    for row in view.rows() {
                        for (j, v) in row.iter().enumerate() {
                            add(j, value(v));
                        }
                    }
                };
                Columns::of((m, n), each)
            }
            Layout::SparseRows(rows) => Columns::of((m, n), |add| {
                for (position, v) in rows.values.iter().enumerate() {
                    add(rows.columns.get(position), value(v));
                }
            }),
            Layout::SparseColumns(columns) => Columns::of((m, n), |add| {
                for j in 0..n {
                    for v in &columns.values[columns.row_range(j)] {
                        add(j, value(v));
                    }
                }
            }),
            _ => return Self::of_products(x, summary),
        };
        Ok(Self {
            rows: m,
            total: Some(columns.squares.iter().sum()),
            means: columns.means,
            squared_deviations: Some(columns.squares),
        })
    }

    fn of_products<X: LinearOperator + ?Sized>(
        x: &Products<'_, X>,
        summary: Option<&Summary>,
    ) -> Result<Self> {
        let m = x.shape().0;
        let ones = Array2::from_elem((m, 1), X::Scalar::from_f64(1.0));
        let sums = x.multiply_transposed(ones.view())?;
        let means: Vec<f64> = sums.iter().map(|s| s.as_f64() / m as f64).collect();
        let squared_means: f64 = means.iter().map(|mean| mean * mean).sum();
        let total = summary.map(|s| (s.squared_norm - m as f64 * squared_means).max(0.0));
        Ok(Self {
            rows: m,
            means,
            squared_deviations: None,
            total,
        })
    }
}

/// The two passes over entries that `each` lists as (column, value), absent ones being zero.
struct Columns {
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Columns {
    fn of((m, n): (usize, usize), each: impl Fn(&mut dyn FnMut(usize, f64))) -> Self {
        let rows = m as f64;
        let (mut means, mut stored) = (vec![0.0; n], vec![0_usize; n]);
        each(&mut |j, value| {
            means[j] += value;
            stored[j] += 1;
        });
        means.iter_mut().for_each(|sum| *sum /= rows);
        let (mut rest, mut squares) = (vec![0.0; n], vec![0.0; n]);
        each(&mut |j, value| {
            let deviation = value - means[j];
            rest[j] += deviation;
            squares[j] += deviation * deviation;
        });
        for j in 0..n {
            let absent = (m - stored[j]) as f64;
            rest[j] -= absent * means[j];
            squares[j] += absent * means[j] * means[j];
            squares[j] = (squares[j] - rest[j] * rest[j] / rows).max(0.0);
            means[j] += rest[j] / rows;
        }
        Self { means, squares }
    }
}

/// The dense rows of compressed ones, in `f64` and divided by `scale`, from `start` to before `end`.
pub(crate) fn dense_rows<T: Scalar>(
    x: &SparseRows<'_, T>,
    (start, end): (usize, usize),
) -> Array2<f64> {
    let mut out = Array2::zeros((end - start, x.shape.1));
    for i in start..end {
        for position in x.row_range(i) {
            out[[i - start, x.columns.get(position)]] += x.values[position].as_f64();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::ndarray::array;
    use matfact_core::{FunctionOperator, Matrix, csr_from_triplets};

    fn moments<X: LinearOperator<Scalar = f64> + ?Sized>(x: &X) -> Moments {
        let summary = x.summary();
        Moments::of(&Products::new(x, summary.as_ref()), summary.as_ref()).unwrap()
    }

    #[test]
    fn every_form_has_the_moments_of_the_definition() {
        let x = array![
            [1.0, 0.0, 2.0],
            [3.0, 0.0, 2.0],
            [0.0, 5.0, 2.0],
            [0.0, 0.0, 2.0]
        ];
        let entries = x.indexed_iter().filter(|(_, v)| **v != 0.0);
        let entries = entries.map(|((i, j), v)| (i, j, *v));
        let csr = csr_from_triplets((4, 3), entries, Default::default()).unwrap();
        let csc = csr.to_csc();
        let forms: [&dyn Matrix<Scalar = f64>; 3] = [&x, &csr, &csc];
        for form in forms {
            let found = moments(form);
            assert_eq!(found.means, [1.0, 1.25, 2.0]);
            assert_eq!(found.squared_deviations.unwrap(), [6.0, 18.75, 0.0]);
            assert_eq!(found.total, Some(24.75));
        }
        let operator = FunctionOperator::new(
            (4, 3),
            |right, out| x.multiply(right, out),
            |right, out| x.multiply_transposed(right, out),
        );
        let found = moments(&operator);
        assert_eq!((found.means, found.total), (vec![1.0, 1.25, 2.0], None));
    }

    #[test]
    fn a_large_mean_costs_no_digits_and_a_constant_has_no_deviation() {
        let x = Array2::from_shape_fn((1000, 2), |(i, j)| match j {
            0 => 1e9 + (i % 2) as f64,
            _ => 0.1,
        });
        let found = moments(&x);
        assert!((found.means[0] - 1e9 - 0.5).abs() < 1e-6);
        let squares = found.squared_deviations.unwrap();
        assert!((squares[0] - 250.0).abs() < 1e-9, "{squares:?}");
        assert!(squares[1] < 1e-28, "{squares:?}");
        let huge = x.mapv(|v| v * 1e290);
        assert!(moments(&huge).total.unwrap().is_finite());
    }
}
