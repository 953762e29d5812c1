//! Orthonormal columns that grow block by block.

use super::panels::Panels;
use crate::Simd;
use crate::cholesky_qr::triangle;
use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::{CheckpointState, Result, Scalar};

/// Passes of orthogonalization after which a block is as orthogonal as it gets; two are usual.
const MAX_PASSES: usize = 4;
/// A pivot (of columns of length one) below which the Gram matrix is formed again, in `f64` throughout.
const PLAIN_PIVOT: f64 = 1e-2;
/// What has to be left of a column of length one, outside the basis and the columns before it: of a column
/// that is mostly within the basis, what the basis itself lacks of orthogonality is left, and would grow
/// from block to block (Daniel, Gragg, Kaufman and Stewart 1976).
const SAFE_LENGTH: f64 = 0.7;

/// Orthonormal columns (rows x used).
#[derive(Debug)]
pub(super) struct Basis<T> {
    columns: Panels<T>,
    used: usize,
}

/// A panel P = basis·C + Q·R with Q orthonormal and orthogonal to the basis.
#[derive(Debug)]
pub(super) struct Split<T> {
    /// Q: as many columns as the panel, less those that were negligible beside the basis.
    pub(super) block: Array2<T>,
    /// C.
    pub(super) coefficients: Array2<f64>,
    /// R, with a column for each of the panel's.
    pub(super) triangle: Array2<f64>,
}

impl<T: Scalar> Basis<T> {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            columns: Panels::new(rows),
            used: 0,
        }
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn rows(&self) -> usize {
        self.columns.rows()
    }

    /// The columns `first..end` as one array.
    pub(super) fn read(&self, first: usize, end: usize) -> Array2<T> {
        self.columns.read(first, end)
    }

    /// Puts the columns into a checkpoint.
    pub(super) fn give(&self, name: &str, state: &mut CheckpointState) {
        state.insert_counter(name, self.used as u64);
        state.insert(name, &self.read(0, self.used));
    }

    /// Takes what [`Basis::give`] has put.
    pub(super) fn take(&mut self, name: &str, state: &mut CheckpointState) -> Result<()> {
        let used = state.counter(name)? as usize;
        let columns: Array2<T> = state.take_matrix(name, (self.rows(), used))?;
        *self = Self::new(self.rows());
        self.push(columns.view());
        Ok(())
    }

    /// Appends orthonormal columns that are orthogonal to those here.
    pub(super) fn push(&mut self, block: ArrayView2<'_, T>) {
        self.columns.write(self.used, block);
        self.used += block.ncols();
    }

    /// Replaces all columns but the last `tail` by their products with `rotation`, whose columns are
    /// orthonormal and not more than there are.
    pub(super) fn rotate(&mut self, rotation: ArrayView2<'_, f64>, tail: usize) {
        let (before, kept) = rotation.dim();
        debug_assert_eq!(before + tail, self.used);
        let rotation = rotation.mapv(T::from_f64);
        self.columns.rotate(before, rotation.view(), tail);
        self.used = kept + tail;
    }

    /// `panel` less the product of the columns from `first` on with `coefficients`.
    pub(super) fn subtract_known(
        &self,
        first: usize,
        coefficients: ArrayView2<'_, f64>,
        panel: &mut Panels<T>,
    ) {
        let coefficients = coefficients.mapv(T::from_f64);
        self.columns
            .subtract_from(first, coefficients.view(), panel, Simd::detect());
    }

    /// The products of the columns from `first` on with those of `panel` (so many).
    pub(super) fn project_from(
        &self,
        first: usize,
        panel: &Panels<T>,
        columns: usize,
    ) -> Array2<f64> {
        self.columns
            .project(first..self.used, panel, columns, Simd::detect())
    }

    /// Subtracts from `panel` (of so many columns) its part within the basis; gives the coefficients.
    fn remove(&self, panel: &mut Panels<T>, columns: usize) -> Array2<f64> {
        if self.used == 0 {
            return Array2::zeros((0, columns));
        }
        let simd = Simd::detect();
        let coefficients = self.columns.project(0..self.used, panel, columns, simd);
        let narrow = coefficients.mapv(T::from_f64);
        self.columns.subtract_from(0, narrow.view(), panel, simd);
        coefficients
    }

    /// Splits `panel` (of so many columns) into what lies within the basis and what does not. A column of
    /// which less than `negligible` is left outside is taken to lie within.
    pub(super) fn split(&self, panel: &Panels<T>, columns: usize, negligible: f64) -> Split<T> {
        // Beside a basis of nearly everything a block is mostly rounding.
        let room = self.rows() - self.used >= columns;
        let split = if room {
            self.split_block(panel, columns, negligible)
        } else {
            None
        };
        split.unwrap_or_else(|| self.split_columns(panel, columns, negligible))
    }

    /// The whole block at once; `None` where its columns depend on each other or on the basis.
    fn split_block(&self, panel: &Panels<T>, columns: usize, negligible: f64) -> Option<Split<T>> {
        let mut coefficients = Array2::zeros((self.used, columns));
        let mut normal = normalize(panel, columns, negligible)?;
        let mut outer = normal.triangle;
        for _ in 0..MAX_PASSES {
            let inner = self.remove(&mut normal.block, columns);
            coefficients += &inner.dot(&outer);
            normal = normalize(&normal.block, columns, 1e-3)?;
            outer = normal.triangle.dot(&outer);
            if normal.smallest_pivot > SAFE_LENGTH {
                return Some(Split {
                    block: normal.block.read(0, columns),
                    coefficients,
                    triangle: outer,
                });
            }
        }
        None
    }

    /// Column by column: slow, and right whatever the panel.
    fn split_columns(&self, panel: &Panels<T>, columns: usize, negligible: f64) -> Split<T> {
        let mut coefficients = Array2::zeros((self.used, columns));
        let mut found = Basis::new(self.rows());
        let mut triangle = Array2::<f64>::zeros((columns, columns));
        for j in 0..columns {
            let full = self.used + found.used == self.rows();
            let negligible = if full { f64::INFINITY } else { negligible };
            let column = panel.read(j, j + 1);
            let mut before = norm(&column);
            let mut rest = Panels::from_view(column.view());
            for _ in 0..MAX_PASSES {
                let inside = self.remove(&mut rest, 1);
                for (sum, more) in coefficients.column_mut(j).iter_mut().zip(&inside) {
                    *sum += more;
                }
                let inside = found.remove(&mut rest, 1);
                for (i, more) in inside.iter().enumerate() {
                    triangle[[i, j]] += more;
                }
                let column = rest.read(0, 1);
                let after = norm(&column);
                if after.is_nan() || after <= negligible {
                    break;
                }
                if after > 0.5 * before {
                    triangle[[found.used, j]] = after;
                    found.push(column.mapv(|v| T::from_f64(v.as_f64() / after)).view());
                    break;
                }
                before = after;
            }
        }
        let rows = found.used;
        Split {
            block: found.read(0, rows),
            coefficients,
            triangle: Array2::from_shape_fn((rows, columns), |at| triangle[at]),
        }
    }
}

fn norm<T: Scalar>(column: &Array2<T>) -> f64 {
    column
        .iter()
        .map(|v| v.as_f64() * v.as_f64())
        .sum::<f64>()
        .sqrt()
}

/// A panel as Q R, Q orthonormal to a few digits.
struct Normalized<T> {
    block: Panels<T>,
    triangle: Array2<f64>,
    /// The smallest on the diagonal of the triangle.
    smallest_pivot: f64,
}

/// One pass of Cholesky QR; `None` where the columns are nearly dependent, or one is not longer than
/// `negligible`.
fn normalize<T: Scalar>(
    panel: &Panels<T>,
    columns: usize,
    negligible: f64,
) -> Option<Normalized<T>> {
    let simd = Simd::detect();
    let factor = |gram: Array2<f64>| {
        let short = |g: &f64| g.is_nan() || g.sqrt() <= negligible;
        if gram.diag().iter().any(short) {
            return None;
        }
        let (r, inverse) = triangle(&gram)?;
        let pivots = r.diag().into_iter().zip(gram.diag());
        let smallest = pivots
            .map(|(r, g)| r / g.sqrt())
            .fold(f64::INFINITY, f64::min);
        Some((r, inverse, smallest))
    };
    let quick = factor(panel.gram(columns, simd)).filter(|(_, _, pivot)| *pivot > PLAIN_PIVOT);
    let (r, inverse, _) = match quick {
        Some(found) => found,
        None => factor(panel.wide_gram(columns, simd))?,
    };
    Some(Normalized {
        block: panel.times(inverse.mapv(T::from_f64).view(), simd),
        smallest_pivot: r.diag().iter().copied().fold(f64::INFINITY, f64::min),
        triangle: r,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;
    use matfact_core::ndarray::Axis;

    fn split(basis: &Basis<f64>, panel: &Array2<f64>) -> Split<f64> {
        basis.split(&Panels::from_view(panel.view()), panel.ncols(), 1e-10)
    }

    fn whole(basis: &Basis<f64>) -> Array2<f64> {
        basis.read(0, basis.used())
    }

    fn orthonormal_to(basis: ArrayView2<'_, f64>, tolerance: f64) {
        let gram = basis.t().dot(&basis);
        for ((i, j), value) in gram.indexed_iter() {
            let expected = f64::from(u8::from(i == j));
            assert!((value - expected).abs() < tolerance, "{i} {j} {value}");
        }
    }

    fn check(basis: &Basis<f64>, panel: &Array2<f64>, expected_columns: usize) {
        let split = split(basis, panel);
        assert_eq!(split.block.ncols(), expected_columns);
        let again = whole(basis).dot(&split.coefficients) + split.block.dot(&split.triangle);
        let size = panel.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        assert!(
            (&again - panel)
                .iter()
                .all(|d| d.abs() < 1e-9 * size.max(1.0))
        );
        let mut all = Basis::new(panel.nrows());
        all.push(whole(basis).view());
        all.push(split.block.view());
        orthonormal_to(whole(&all).view(), 1e-13);
    }

    #[test]
    fn a_panel_is_split_whatever_it_depends_on() {
        let mut basis = Basis::<f64>::new(40);
        let first = split(&basis, &random_normal((40, 5), 1, 0));
        assert_eq!(first.block.ncols(), 5);
        basis.push(first.block.view());
        orthonormal_to(whole(&basis).view(), 1e-14);
        let fresh = random_normal::<f64>((40, 4), 1, 1);
        check(&basis, &fresh, 4);
        // Nearly within the basis.
        let within = whole(&basis).dot(&random_normal((5, 4), 1, 2));
        check(&basis, &(&within + &(&fresh * 1e-6)), 4);
        // Wholly within, and partly.
        check(&basis, &within, 0);
        let mut partly = within.clone();
        partly.column_mut(2).assign(&fresh.column(0));
        check(&basis, &partly, 1);
        // Twice the same, and zero.
        let mut twice = fresh.clone();
        twice.column_mut(1).assign(&fresh.column(0));
        twice.column_mut(3).fill(0.0);
        check(&basis, &twice, 2);
        check(&basis, &Array2::zeros((40, 3)), 0);
    }

    #[test]
    fn a_rotation_keeps_the_tail() {
        let mut basis = Basis::<f64>::new(700);
        let block = split(&basis, &random_normal((700, 8), 3, 0)).block;
        basis.push(block.view());
        let mut square = Basis::<f64>::new(6);
        let rotation = split(&square, &random_normal((6, 4), 3, 1)).block;
        square.push(rotation.view());
        basis.rotate(rotation.view(), 2);
        assert_eq!(basis.used(), 6);
        let (old, tail) = block.view().split_at(Axis(1), 6);
        let expected = old.dot(&rotation);
        let after = whole(&basis);
        let (kept, last) = after.view().split_at(Axis(1), 4);
        assert!((&expected - &kept).iter().all(|d| d.abs() < 1e-14));
        assert_eq!(last, tail);
    }
}
