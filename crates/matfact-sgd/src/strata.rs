//! Blocks that share neither rows nor columns, one stratum after the other, wherever they are held.

use crate::blocks::BlockRow;
use crate::disk::StrataFile;
use matfact_core::{Result, Scalar};
use matfact_linalg::BlockEntry;
use std::ops::ControlFlow;

/// The entries of a block in the order of their visits, and their weights, if any.
pub(crate) type Block<'a, T> = (&'a [BlockEntry<T>], &'a [T]);

/// All blocks of a fit.
pub(crate) enum Blocks<T> {
    Memory(Vec<BlockRow<T>>),
    Disk(StrataFile),
}

impl<T: Scalar> Blocks<T> {
    /// Calls `visit` with a stratum s and its blocks, of row range i and column range i + s for every i, for each of
    /// `order` until it breaks off.
    pub(crate) fn visit(
        &self,
        order: &[usize],
        mut visit: impl FnMut(usize, &[Block<'_, T>]) -> ControlFlow<()>,
    ) -> Result<()> {
        let block_rows = match self {
            Blocks::Disk(file) => return file.visit(order, visit),
            Blocks::Memory(block_rows) => block_rows,
        };
        let ranges = block_rows.len();
        for stratum in order {
            let of_rows = block_rows.iter().enumerate();
            let blocks: Vec<Block<'_, T>> = of_rows
                .map(|(range, block_row)| block_row.block((range + stratum) % ranges))
                .collect();
            if visit(*stratum, &blocks).is_break() {
                break;
            }
        }
        Ok(())
    }
}
