//! Losses and gradients over listed entries, in double precision: what certificates are made of.

use super::ListedRow;
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// Rows of a task.
const TASK_ROWS: usize = 64;

/// The loss of one entry with value c, weight v and model y = w·h.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EntryLoss {
    /// ½ v (c − y)².
    Squares,
    /// v y − c ln(y + ε) + c ln(c / v) − c, which is v times the divergence of c / v from y; the last
    /// terms only where c and v are above zero.
    KullbackLeibler {
        /// ε.
        floor: f64,
    },
}

/// The gradient of one factor in two parts, `model` − `data`, and the loss.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryGradients<T> {
    /// Σ v y h (squares) or Σ v h, row by row (m x k).
    pub model: Array2<T>,
    /// Σ v c h (squares) or Σ c/(y + ε) h, row by row (m x k).
    pub data: Array2<T>,
    /// The loss of all listed entries.
    pub loss: f64,
    /// Their squared error Σ v (x − y)², where x is c (squares) or c / v.
    pub squares: f64,
}

/// Loss and gradient with respect to `factor` (m x k), given the other factor `panel` (n x k), over
/// the entries that `rows` lists. Each sum over a row is in `f64`. Runs on the current pool, with the
/// same bits for any number of threads.
///
/// # Panics
/// If the shapes do not fit, or a listed column is out of range.
pub fn entry_gradients<'a, T: Scalar>(
    factor: ArrayView2<'_, T>,
    panel: ArrayView2<'_, T>,
    rows: impl Fn(usize) -> ListedRow<'a, T> + Sync,
    loss: EntryLoss,
) -> EntryGradients<T> {
    let (count, k) = factor.dim();
    assert_eq!(panel.ncols(), k, "components of both factors");
    let mut model = Array2::default((count, k));
    let mut data = Array2::default((count, k));
    if count == 0 || k == 0 {
        return EntryGradients {
            model,
            data,
            loss: 0.0,
            squares: 0.0,
        };
    }
    let factor = factor.as_standard_layout();
    let factor = factor.as_slice().expect("it is in standard layout");
    let panel = panel.as_standard_layout();
    let panel = panel.as_slice().expect("it is in standard layout");
    let sums: Vec<(f64, f64)> = model
        .as_slice_mut()
        .expect("it is new")
        .par_chunks_mut(TASK_ROWS * k)
        .zip(
            data.as_slice_mut()
                .expect("it is new")
                .par_chunks_mut(TASK_ROWS * k),
        )
        .enumerate()
        .map(|(task, (model, data))| {
            let (mut rising, mut falling) = (vec![0.0; k], vec![0.0; k]);
            let (mut sum, mut squares) = (0.0, 0.0);
            for (i, (model, data)) in model
                .chunks_exact_mut(k)
                .zip(data.chunks_exact_mut(k))
                .enumerate()
            {
                let row = task * TASK_ROWS + i;
                let w = &factor[row * k..(row + 1) * k];
                rising.fill(0.0);
                falling.fill(0.0);
                let listed = rows(row);
                for (position, value) in listed.values.iter().enumerate() {
                    let column = listed.columns.get(position);
                    let h = &panel[column * k..(column + 1) * k];
                    let y: f64 = w.iter().zip(h).map(|(w, h)| w.as_f64() * h.as_f64()).sum();
                    let (c, v) = (value.as_f64(), listed.weights.get(position).as_f64());
                    let (up, down, part) = match loss {
                        EntryLoss::Squares => (v * y, v * c, 0.5 * v * (c - y) * (c - y)),
                        EntryLoss::KullbackLeibler { floor } if c > 0.0 => {
                            let fixed = if v > 0.0 { c * (c / v).ln() - c } else { 0.0 };
                            let y_floored = y + floor;
                            (v, c / y_floored, v * y - c * y_floored.ln() + fixed)
                        }
                        EntryLoss::KullbackLeibler { .. } => (v, 0.0, v * y),
                    };
                    sum += part;
                    squares += match loss {
                        EntryLoss::Squares => v * (c - y) * (c - y),
                        EntryLoss::KullbackLeibler { .. } if v > 0.0 => (c - v * y).powi(2) / v,
                        EntryLoss::KullbackLeibler { .. } => 0.0,
                    };
                    for t in 0..k {
                        rising[t] += up * h[t].as_f64();
                        falling[t] += down * h[t].as_f64();
                    }
                }
                for t in 0..k {
                    model[t] = T::from_f64(rising[t]);
                    data[t] = T::from_f64(falling[t]);
                }
            }
            (sum, squares)
        })
        .collect();
    EntryGradients {
        model,
        data,
        loss: sums.iter().map(|sums| sums.0).sum(),
        squares: sums.iter().map(|sums| sums.1).sum(),
    }
}
