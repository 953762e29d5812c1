//! Factors as tensors of a checkpoint, and back.

use crate::chunk::Chunk;
use matfact_core::{CheckpointState, Result, Scalar};
use matfact_linalg::{FactorLanes, ShrunkBias};

/// Puts factor rows under `name`, the zeros that pad them included.
pub(crate) fn give_lanes<'a, T: Scalar>(
    state: &mut CheckpointState,
    name: &str,
    lanes: impl IntoIterator<Item = &'a FactorLanes<T>>,
) {
    state.insert_values(name, lanes.into_iter().flat_map(|lanes| lanes.0));
}

/// Takes factor rows into as many places.
pub(crate) fn take_lanes<'a, T: Scalar>(
    state: &mut CheckpointState,
    name: &str,
    lanes: impl IntoIterator<Item = &'a mut FactorLanes<T>>,
) -> Result<()> {
    state.take_into(name, lanes.into_iter().flat_map(|lanes| &mut lanes.0))
}

/// Puts biases under `name`; their shrinkage is set anew in every epoch.
pub(crate) fn give_biases<'a, T: Scalar>(
    state: &mut CheckpointState,
    name: &str,
    biases: impl IntoIterator<Item = &'a ShrunkBias<T>>,
) {
    state.insert_values(name, biases.into_iter().map(|bias| bias.bias));
}

/// Takes biases into as many places.
pub(crate) fn take_biases<'a, T: Scalar>(
    state: &mut CheckpointState,
    name: &str,
    biases: impl IntoIterator<Item = &'a mut ShrunkBias<T>>,
) -> Result<()> {
    state.take_into(name, biases.into_iter().map(|bias| &mut bias.bias))
}

/// Puts one side, in the order of its ranges.
pub(crate) fn give_chunks<T: Scalar>(state: &mut CheckpointState, name: &str, chunks: &[Chunk<T>]) {
    let mut order: Vec<&Chunk<T>> = chunks.iter().collect();
    order.sort_by_key(|chunk| chunk.range);
    let factors = order.iter().flat_map(|chunk| &chunk.factors);
    give_lanes(state, name, factors);
    let biases = order.iter().flat_map(|chunk| &chunk.biases);
    give_biases(state, &format!("{name}.biases"), biases);
    let sums = order.iter().flat_map(|chunk| &chunk.sums);
    let sums = sums.flat_map(|sums| [sums.leading, sums.rest, sums.bias]);
    state.insert_values(&format!("{name}.sums"), sums);
}

/// Takes one side, whose chunks may stand in any order.
pub(crate) fn take_chunks<T: Scalar>(
    state: &mut CheckpointState,
    name: &str,
    chunks: &mut [Chunk<T>],
) -> Result<()> {
    chunks.sort_by_key(|chunk| chunk.range);
    let factors = chunks.iter_mut().flat_map(|chunk| &mut chunk.factors);
    take_lanes(state, name, factors)?;
    let biases = chunks.iter_mut().flat_map(|chunk| &mut chunk.biases);
    take_biases(state, &format!("{name}.biases"), biases)?;
    let sums = chunks.iter_mut().flat_map(|chunk| &mut chunk.sums);
    let sums = sums.flat_map(|sums| [&mut sums.leading, &mut sums.rest, &mut sums.bias]);
    state.take_into(&format!("{name}.sums"), sums)
}
