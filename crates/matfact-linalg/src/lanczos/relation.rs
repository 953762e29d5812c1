//! Small matrices in a checkpoint, whose shapes it has to tell.

use matfact_core::ndarray::Array2;
use matfact_core::{CheckpointState, Result};

pub(super) fn give_numbers(name: &str, matrix: &Array2<f64>, state: &mut CheckpointState) {
    state.insert_counter(&format!("{name}.rows"), matrix.nrows() as u64);
    state.insert_counter(&format!("{name}.columns"), matrix.ncols() as u64);
    state.insert(name, matrix);
}

pub(super) fn take_numbers(name: &str, state: &mut CheckpointState) -> Result<Array2<f64>> {
    let rows = state.counter(&format!("{name}.rows"))? as usize;
    let columns = state.counter(&format!("{name}.columns"))? as usize;
    state.take_matrix(name, (rows, columns))
}
