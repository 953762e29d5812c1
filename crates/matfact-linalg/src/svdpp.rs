//! The two passes of SVD++ over a group of rows.
//!
//! A row i with the columns N(i) is modelled by x_i = p_i + z_i, z_i = |N(i)|^-½ Σ_{j ∈ N(i)} y_j. The
//! **row pass** holds the columns and goes through the ratings of each row: every y_j of a row moves by the
//! same gradient, so the sum z_i alone has to be moved, by e q_j, and what each y_j has to take of that is
//! known at the end. With x = x_i, b = b_i, c = c_j as they were before, s and s_i the shrinkages:
//!
//! - e = r − (b + c + x · q_j)
//! - p_i ← s (p_i + η e q_j), z_i ← z_i + η_y e q_j, b_i ← s_i (b + η e)
//!
//! The **column pass** then holds x_i and b_i, and goes through the ratings of each column:
//!
//! - e = r − (b + c + x_i · q_j), q_j ← s (q_j + η e x_i), c_j ← s_j (c + η e)
//! - y_j ← (y_j + d Σ_i |N(i)|^-½ Δz_i) / (1 + d η_y λ_y Σ_i |N(i)|^½)
//!
//! over the rows i of the group that have column j. They share their y_j and have not seen each other's
//! moves, so d is below 1 where they are many.

use crate::lanes::{add_scaled, move_row, product};
use crate::simd::{Kernel, prefetch};
use crate::{FactorLanes, ShrunkBias, Simd};
use matfact_core::Scalar;

/// How many ratings ahead the factors are asked for.
const PREFETCH_DISTANCE: usize = 4;

/// What both passes have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SvdppStep<T> {
    /// The learning rate η.
    pub learning_rate: T,
    /// The shrinkage s of p and q, 1 for none.
    pub shrinkage: T,
    /// The learning rate η_y of the implicit factors.
    pub implicit_rate: T,
    /// η_y λ_y.
    pub implicit_penalty: f64,
    /// How many of the rows that share a column may move its implicit factors in full.
    pub sharing: f64,
    /// Number of [`FactorLanes`] in a factor row.
    pub width: usize,
}

/// Rows of a group, one after the other, with what the row pass changes and makes.
#[derive(Debug)]
pub struct SvdppRows<'a, T> {
    /// Where the ratings of each row begin, and the end: one more than rows.
    pub starts: &'a [usize],
    /// The column of each rating.
    pub columns: &'a [u32],
    /// The rating.
    pub values: &'a [T],
    /// p of each row.
    pub factors: &'a mut [FactorLanes<T>],
    /// b of each row.
    pub biases: &'a mut [ShrunkBias<T>],
    /// Takes x = p + z of each row as the pass leaves it.
    pub combined: &'a mut [FactorLanes<T>],
    /// Takes |N|^-½ Δz of each row.
    pub changes: &'a mut [FactorLanes<T>],
}

/// All columns, as the row pass reads them.
#[derive(Debug, Clone, Copy)]
pub struct SvdppColumns<'a, T> {
    /// q of each column.
    pub factors: &'a [FactorLanes<T>],
    /// y of each column.
    pub implicit: &'a [FactorLanes<T>],
    /// c of each column.
    pub biases: &'a [ShrunkBias<T>],
}

/// The ratings that one column has in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnVisit {
    /// The column inside its range.
    pub column: u32,
    /// Where its ratings begin in the group's list by columns.
    pub start: u32,
    /// Where they end.
    pub end: u32,
}

/// The columns of one range that a group has ratings of, with what the column pass changes.
#[derive(Debug)]
pub struct SvdppVisits<'a, T> {
    /// The columns.
    pub visits: &'a [ColumnVisit],
    /// The row inside the group of each rating, by columns.
    pub rows: &'a [u32],
    /// The rating.
    pub values: &'a [T],
    /// q of each column of the range.
    pub factors: &'a mut [FactorLanes<T>],
    /// y of each column of the range.
    pub implicit: &'a mut [FactorLanes<T>],
    /// c of each column of the range.
    pub biases: &'a mut [ShrunkBias<T>],
}

/// The rows of the group after their pass, as the column pass reads them.
#[derive(Debug, Clone, Copy)]
pub struct SvdppGroup<'a, T> {
    /// Where the ratings of each row begin, and the end.
    pub starts: &'a [usize],
    /// x of each row.
    pub combined: &'a [FactorLanes<T>],
    /// |N|^-½ Δz of each row.
    pub changes: &'a [FactorLanes<T>],
    /// b of each row.
    pub biases: &'a [ShrunkBias<T>],
}

/// The row pass (see the head of this file): the sum of the squared errors just before the updates.
///
/// # Panics
/// If a rating lies outside the columns, or lengths do not fit.
pub fn svdpp_rows<T: Scalar>(
    simd: Simd,
    rows: SvdppRows<'_, T>,
    columns: SvdppColumns<'_, T>,
    step: SvdppStep<T>,
) -> f64 {
    simd.run(RowPass {
        rows,
        columns,
        step,
    })
}

/// The column pass (see the head of this file).
///
/// # Panics
/// If a rating lies outside the group, or lengths do not fit.
pub fn svdpp_columns<T: Scalar>(
    simd: Simd,
    columns: SvdppVisits<'_, T>,
    group: SvdppGroup<'_, T>,
    step: SvdppStep<T>,
) {
    simd.run(ColumnPass {
        columns,
        group,
        step,
    });
}

/// z = |N|^-½ Σ y_j over `columns`, into `sum`.
///
/// # Panics
/// If a column lies outside `implicit`, whose rows are as long as `sum`.
pub fn svdpp_implicit_sum<T: Scalar>(
    simd: Simd,
    columns: &[u32],
    implicit: &[FactorLanes<T>],
    sum: &mut [FactorLanes<T>],
) {
    simd.run(ImplicitSum {
        columns,
        implicit,
        sum,
    });
}

struct RowPass<'a, T> {
    rows: SvdppRows<'a, T>,
    columns: SvdppColumns<'a, T>,
    step: SvdppStep<T>,
}

impl<T: Scalar> Kernel for RowPass<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        // With the width known to the compiler, the loops over short factor rows are unrolled.
        match self.step.width {
            1 => self.pass::<FMA, 1>(),
            2 => self.pass::<FMA, 2>(),
            4 => self.pass::<FMA, 4>(),
            _ => self.pass::<FMA, 0>(),
        }
    }
}

impl<T: Scalar> RowPass<'_, T> {
    #[inline(always)]
    fn pass<const FMA: bool, const WIDTH: usize>(self) -> f64 {
        let Self {
            rows,
            columns,
            step,
        } = self;
        let width = if WIDTH == 0 { step.width } else { WIDTH };
        let gain_of_z = step.implicit_rate;
        let mut squared_errors = 0.0;
        for (row, ends) in rows.starts.windows(2).enumerate() {
            let own = ends[0]..ends[1];
            let p = &mut rows.factors[row * width..][..width];
            let x = &mut rows.combined[row * width..][..width];
            let change = &mut rows.changes[row * width..][..width];
            let bias = &mut rows.biases[row];
            implicit_sum::<FMA, T>(&rows.columns[own.clone()], columns.implicit, x);
            add_scaled::<FMA, T>(x, T::one(), p);
            change.fill(FactorLanes::default());
            for rating in own.clone() {
                if let Some(far) = rows.columns.get(rating + PREFETCH_DISTANCE) {
                    prefetch_row(columns.factors, *far as usize * width, width);
                }
                let column = rows.columns[rating] as usize;
                let q = &columns.factors[column * width..][..width];
                let known = bias.bias + columns.biases[column].bias;
                let error = rows.values[rating] - known - product::<FMA, T>(x, q);
                squared_errors += error.as_f64() * error.as_f64();
                bias.bias = (bias.bias + step.learning_rate * error) * bias.shrinkage;
                // x moves as p and z do: by the same q, less what the penalty takes of p.
                let loss = step.shrinkage - T::one();
                let gain = step.learning_rate * error * step.shrinkage;
                add_scaled::<FMA, T>(x, loss, p);
                add_scaled::<FMA, T>(x, gain + gain_of_z * error, q);
                move_row::<FMA, T>(p, step.shrinkage, gain, q);
                add_scaled::<FMA, T>(change, gain_of_z * error, q);
            }
            let share = T::from_f64(1.0 / (own.len() as f64).sqrt());
            for value in change.iter_mut().flat_map(|lanes| &mut lanes.0) {
                *value *= share;
            }
        }
        squared_errors
    }
}

struct ColumnPass<'a, T> {
    columns: SvdppVisits<'a, T>,
    group: SvdppGroup<'a, T>,
    step: SvdppStep<T>,
}

impl<T: Scalar> Kernel for ColumnPass<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match self.step.width {
            1 => self.pass::<FMA, 1>(),
            2 => self.pass::<FMA, 2>(),
            4 => self.pass::<FMA, 4>(),
            _ => self.pass::<FMA, 0>(),
        }
    }
}

impl<T: Scalar> ColumnPass<'_, T> {
    #[inline(always)]
    fn pass<const FMA: bool, const WIDTH: usize>(self) {
        let Self {
            columns,
            group,
            step,
        } = self;
        let width = if WIDTH == 0 { step.width } else { WIDTH };
        for visit in columns.visits {
            let column = visit.column as usize;
            let ratings = visit.start as usize..visit.end as usize;
            let q = &mut columns.factors[column * width..][..width];
            let y = &mut columns.implicit[column * width..][..width];
            let bias = &mut columns.biases[column];
            let sharing = (step.sharing / ratings.len() as f64).min(1.0);
            let mut weight = 0.0;
            for rating in ratings {
                let row = columns.rows[rating] as usize;
                let x = &group.combined[row * width..][..width];
                let known = bias.bias + group.biases[row].bias;
                let error = columns.values[rating] - known - product::<FMA, T>(x, q);
                bias.bias = (bias.bias + step.learning_rate * error) * bias.shrinkage;
                let gain = step.learning_rate * error * step.shrinkage;
                move_row::<FMA, T>(q, step.shrinkage, gain, x);
                let change = &group.changes[row * width..][..width];
                add_scaled::<FMA, T>(y, T::from_f64(sharing), change);
                weight += ((group.starts[row + 1] - group.starts[row]) as f64).sqrt();
            }
            let kept = 1.0 / (1.0 + sharing * step.implicit_penalty * weight);
            for value in y.iter_mut().flat_map(|lanes| &mut lanes.0) {
                *value *= T::from_f64(kept);
            }
        }
    }
}

struct ImplicitSum<'a, T> {
    columns: &'a [u32],
    implicit: &'a [FactorLanes<T>],
    sum: &'a mut [FactorLanes<T>],
}

impl<T: Scalar> Kernel for ImplicitSum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        implicit_sum::<FMA, T>(self.columns, self.implicit, self.sum);
    }
}

#[inline(always)]
fn implicit_sum<const FMA: bool, T: Scalar>(
    columns: &[u32],
    implicit: &[FactorLanes<T>],
    sum: &mut [FactorLanes<T>],
) {
    let width = sum.len();
    sum.fill(FactorLanes::default());
    for (position, column) in columns.iter().enumerate() {
        if let Some(far) = columns.get(position + PREFETCH_DISTANCE) {
            prefetch_row(implicit, *far as usize * width, width);
        }
        let y = &implicit[*column as usize * width..][..width];
        add_scaled::<FMA, T>(sum, T::one(), y);
    }
    let share = T::from_f64(1.0 / (columns.len().max(1) as f64).sqrt());
    for value in sum.iter_mut().flat_map(|lanes| &mut lanes.0) {
        *value *= share;
    }
}

/// Asks for every cache line of one factor row.
#[inline(always)]
fn prefetch_row<T>(factors: &[FactorLanes<T>], start: usize, width: usize) {
    for piece in factors.iter().skip(start).take(width) {
        prefetch(&piece.0, 0);
        if size_of::<T>() > 4 {
            prefetch(&piece.0, 8);
        }
    }
}
