//! The small matrices by which a process knows X' in its bases, and their place in a checkpoint.

use super::basis::{Basis, Split};
use super::panels::Panels;
use crate::random_normal;
use matfact_core::ndarray::{Array2, ArrayView2, Axis, concatenate};
use matfact_core::{CheckpointState, Result, Scalar};

/// The stream of the seed that the first random block is from; those before are left to other methods.
const FIRST_STREAM: u64 = 16;

/// What a process knows, but for its bases V and, of the bidiagonalization, U; N is the block that V grows by
/// next.
#[derive(Debug)]
pub(super) struct Relation {
    /// X' (or its Gram matrix) within the bases: B of the bidiagonalization (l x d), T of the Gram matrix
    /// (d x d, symmetric).
    pub(super) projected: Array2<f64>,
    /// C: a row for each column of N, a column for each of U (of V, with the Gram matrix).
    pub(super) coupling: Array2<f64>,
    /// The columns of U (V) before this have no coupling.
    pub(super) coupled_from: usize,
    /// About the norm of X' (or of its Gram matrix).
    pub(super) norm: f64,
    seed: u64,
    /// Random blocks drawn.
    drawn: u64,
}

impl Relation {
    /// That of empty bases.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            projected: Array2::zeros((0, 0)),
            coupling: Array2::zeros((0, 0)),
            coupled_from: 0,
            norm: 0.0,
            seed,
            drawn: 0,
        }
    }

    /// The random block that is to be drawn next, or the one so many `later`.
    pub(super) fn random<T: Scalar>(&self, shape: (usize, usize), later: u64) -> Array2<T> {
        random_normal(shape, self.seed, FIRST_STREAM + self.drawn + later)
    }

    /// Adds random columns to N at the end of `basis`, as many as there is room for up to `count`, without a
    /// coupling so far.
    pub(super) fn widen<T: Scalar>(&mut self, basis: &mut Basis<T>, count: usize) {
        let rows = basis.rows();
        let count = count.min(rows - basis.used());
        if count == 0 {
            return;
        }
        let panel: Array2<T> = self.random((rows, count), 0);
        self.drawn += 1;
        let Split { block, .. } = basis.split(&Panels::from_view(panel.view()), count, 1e-3);
        basis.push(block.view());
        let none = Array2::zeros((block.ncols(), self.coupling.ncols()));
        self.coupling =
            concatenate(Axis(0), &[self.coupling.view(), none.view()]).expect("rows of one length");
    }

    /// The columns of C that are not zero.
    pub(super) fn coupled(&self) -> ArrayView2<'_, f64> {
        self.coupling.view().split_at(Axis(1), self.coupled_from).1
    }

    /// N is another block: to it lead, by `triangle`, the columns of U (V) after the first `from` alone.
    pub(super) fn couple(&mut self, from: usize, triangle: ArrayView2<'_, f64>) {
        let (rows, columns) = triangle.dim();
        self.coupling = Array2::zeros((rows, from + columns));
        let (_, mut last) = self.coupling.view_mut().split_at(Axis(1), from);
        last.assign(&triangle);
        self.coupled_from = from;
    }

    /// U (V) is replaced by its product with `rotation`, and X' within the bases by `projected`; all columns are
    /// coupled.
    pub(super) fn rotate(&mut self, rotation: ArrayView2<'_, f64>, projected: Array2<f64>) {
        self.coupling = self.coupling.dot(&rotation);
        self.coupled_from = 0;
        self.projected = projected;
    }

    /// Puts all that changes into a checkpoint.
    pub(super) fn give(&self, state: &mut CheckpointState) {
        give_numbers("projected", &self.projected, state);
        give_numbers("coupling", &self.coupling, state);
        state.insert_counter("coupled from", self.coupled_from as u64);
        state.insert_counter("drawn", self.drawn);
        state.insert_numbers("norm", &[self.norm]);
    }

    /// Takes what [`Relation::give`] has put.
    pub(super) fn take(&mut self, state: &mut CheckpointState) -> Result<()> {
        self.projected = take_numbers("projected", state)?;
        self.coupling = take_numbers("coupling", state)?;
        self.coupled_from = state.counter("coupled from")? as usize;
        self.drawn = state.counter("drawn")?;
        self.norm = state.take_number("norm")?;
        Ok(())
    }
}

/// A matrix with its shape, which a state does not keep.
fn give_numbers(name: &str, matrix: &Array2<f64>, state: &mut CheckpointState) {
    state.insert_counter(&format!("{name}.rows"), matrix.nrows() as u64);
    state.insert_counter(&format!("{name}.columns"), matrix.ncols() as u64);
    state.insert(name, matrix);
}

fn take_numbers(name: &str, state: &mut CheckpointState) -> Result<Array2<f64>> {
    let rows = state.counter(&format!("{name}.rows"))? as usize;
    let columns = state.counter(&format!("{name}.columns"))? as usize;
    state.take_matrix(name, (rows, columns))
}
