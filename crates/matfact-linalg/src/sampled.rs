//! Single entries of a product W Hᵀ.

use matfact_core::Scalar;
use matfact_core::ndarray::ArrayView2;
use rayon::prelude::*;

/// Positions of a task.
const TASK: usize = 4096;

/// w_i · h_j for the positions (i, j) given by compressed rows: row i has the columns
/// `columns[pointers[i]..pointers[i + 1]]`. W is m x k, H is n x k. Runs on the current pool, with the same
/// bits for any number of threads.
///
/// ```
/// use matfact_core::ndarray::array;
/// let (w, h) = (array![[1.0, 2.0], [0.0, 3.0]], array![[5.0, 1.0], [1.0, 1.0]]);
/// let products = matfact_linalg::sampled_products(w.view(), h.view(), &[0, 2, 3], &[0, 1, 1]);
/// assert_eq!(products, [7.0, 3.0, 3.0]);
/// ```
///
/// # Panics
/// If the pointers are not those of m rows, or a column is not below n.
#[must_use]
pub fn sampled_products<T: Scalar>(
    w: ArrayView2<'_, T>,
    h: ArrayView2<'_, T>,
    pointers: &[usize],
    columns: &[u32],
) -> Vec<T> {
    assert_eq!(pointers.len(), w.nrows() + 1, "row pointers");
    assert_eq!(pointers[w.nrows()], columns.len(), "the last row pointer");
    let mut out = vec![T::zero(); columns.len()];
    out.par_chunks_mut(TASK)
        .zip(columns.par_chunks(TASK))
        .enumerate()
        .for_each(|(task, (out, columns))| {
            let first = task * TASK;
            let mut row = pointers.partition_point(|pointer| *pointer <= first) - 1;
            for (place, (out, column)) in out.iter_mut().zip(columns).enumerate() {
                while pointers[row + 1] <= first + place {
                    row += 1;
                }
                *out = w.row(row).dot(&h.row(*column as usize));
            }
        });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;

    #[test]
    fn empty_rows_and_many_tasks_give_the_products_of_the_definition() {
        let (w, h) = (
            random_normal::<f64>((200, 3), 1, 0),
            random_normal::<f64>((300, 3), 2, 0),
        );
        let (mut pointers, mut columns) = (vec![0], Vec::new());
        for row in 0..200_u32 {
            if row % 3 != 0 {
                columns.extend((0..300).filter(|column| (column + row) % 4 == 0));
            }
            pointers.push(columns.len());
        }
        let products = sampled_products(w.view(), h.view(), &pointers, &columns);
        let expected = w.dot(&h.t());
        for row in 0..200 {
            for place in pointers[row]..pointers[row + 1] {
                let difference = products[place] - expected[[row, columns[place] as usize]];
                assert!(difference.abs() < 1e-12);
            }
        }
        assert!(sampled_products(w.view(), h.view(), &[0; 201], &[]).is_empty());
    }
}
