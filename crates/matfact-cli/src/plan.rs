//! `matfact plan`, and the memory budget of `matfact fit`.

use crate::arguments::{CommonOptions, PlanOptions};
use crate::choices::Precision;
use crate::disk;
use crate::fit::{Source, check_counts, parts};
use crate::input::{Split, load, read_positives};
use crate::output::{grouped, peak_memory_bytes, say, say_json};
use crate::weighting::Weighted;
use matfact::core::{FitPlan, InputSize, Plan};
use matfact::io::read_npy_rows;
use matfact::{Algorithm, Error, Input, Result, Scalar};
use serde_json::json;
use std::path::Path;

const MEBIBYTE: f64 = 1_048_576.0;
/// Bytes of an id: its text, where that ends, and its place in a table.
const ID_BYTES: f64 = 32.0;
/// Bytes of text, and of ratings that wait for the disk, while ratings are read to it.
const DISK_READING: f64 = 48.0 * MEBIBYTE;

/// Tells what a fit would need.
pub(crate) fn run(options: &PlanOptions) -> Result<()> {
    let (common, algorithm, source) = parts(&options.algorithm)?;
    check_counts(common)?;
    // What the program itself takes, before it reads.
    let program = peak_memory_bytes().unwrap_or(0);
    let size = match common.precision {
        Precision::F32 => size_of_file::<f32>(common, source)?,
        Precision::F64 => size_of_file::<f64>(common, source)?,
    };
    let plan = algorithm.plan(&size)?;
    let expected = Expected {
        program,
        reading: reading_bytes(&size, source) as u64,
        plan,
    };
    if let Some(budget) = common.memory_budget {
        require_within(&algorithm, &size, budget)?;
    }
    if common.json {
        say_json(&json!({
            "algorithm": algorithm.name(),
            "shape": size.shape,
            "stored": size.stored,
            "input_bytes": plan.input_bytes,
            "prepared_bytes": plan.prepared_bytes,
            "factor_bytes": plan.factor_bytes,
            "workspace_bytes": plan.workspace_bytes,
            "fit_bytes": plan.peak_bytes(),
            "reading_bytes": expected.reading,
            "program_bytes": expected.program,
            "peak_bytes": expected.peak_bytes(),
            "operations_per_iteration": plan.operations_per_iteration,
            "iterations": plan.iterations,
        }))
    } else {
        say(&table(&algorithm, &size, &expected))
    }
}

/// The memory of the program at its highest.
struct Expected {
    program: u64,
    reading: u64,
    plan: FitPlan,
}

impl Expected {
    /// Reading is over when the fit begins.
    fn peak_bytes(&self) -> u64 {
        self.program + self.reading.max(self.plan.peak_bytes())
    }
}

/// Memory while the file is read: ratings are there in parts until the rows are put together, entries of a sparse
/// matrix with indices of eight bytes until they are checked.
fn reading_bytes(size: &InputSize, source: Source<'_>) -> f64 {
    let entries = size.stored as f64 * (8.0 + size.scalar_bytes as f64);
    let ids = ID_BYTES * (size.shape.0 as f64 + size.shape.1 as f64);
    match source {
        Source::Matrix(_) if size.dense => size.bytes(),
        Source::Matrix(_) => size.bytes() + entries,
        Source::Disk(..) => size.bytes() + DISK_READING + ids,
        Source::Ratings(_) | Source::Positives(_) => size.bytes() + entries + ids,
    }
}

fn table(algorithm: &Algorithm, size: &InputSize, expected: &Expected) -> String {
    let plan = &expected.plan;
    let (rows, columns) = size.shape;
    let line =
        |name: &str, bytes: u64| format!("\n  {name:<10} {:>12.1} MiB", bytes as f64 / MEBIBYTE);
    let mut text = format!(
        "{}: {} x {}, {} stored entries",
        algorithm.name(),
        grouped(rows),
        grouped(columns),
        grouped(size.stored)
    );
    text += "\nmemory at its highest: the program, and the larger of reading and fit";
    for (name, bytes) in [
        ("data", plan.input_bytes),
        ("reordered", plan.prepared_bytes),
        ("factors", plan.factor_bytes),
        ("workspace", plan.workspace_bytes),
        ("the fit", plan.peak_bytes()),
        ("reading", expected.reading),
        ("program", expected.program),
        ("together", expected.peak_bytes()),
    ] {
        text += &line(name, bytes);
    }
    text += &format!(
        "\nwork: about {:.3e} operations an iteration, at most {} iterations",
        plan.operations_per_iteration, plan.iterations
    );
    text
}

/// The size of the input: of an `.npy` from its header alone, of everything else by reading it.
fn size_of_file<T: Scalar>(common: &CommonOptions, source: Source<'_>) -> Result<InputSize> {
    Ok(match source {
        Source::Matrix(options) => match shape_in_header::<T>(&common.input) {
            Some(shape) if options.weighting().is_none() => InputSize::dense::<T>(shape),
            _ => {
                let weighted = Weighted::<T>::read(&common.input, options.weighting())?;
                size_of(&Input::Matrix(weighted.data.as_matrix()))
            }
        },
        Source::Ratings(options) => {
            let split: Split<T> = load(common, options)?;
            size_of(&Input::from(&split.train))
        }
        Source::Disk(options, folder) => {
            let split = disk::load::<T>(common, options, folder)?;
            size_of(&Input::from(&split.train))
        }
        Source::Positives(options) => {
            let data = read_positives::<T>(common, options)?;
            size_of(&Input::from(&data.ratings))
        }
    })
}

/// The shape that the header of an `.npy` file tells. What is wrong with the file is told by reading it.
fn shape_in_header<T: Scalar>(path: &Path) -> Option<(usize, usize)> {
    let named = path.extension().is_some_and(|extension| extension == "npy");
    let rows = named.then(|| read_npy_rows::<T>(path, 1).ok())??;
    Some(rows.shape())
}

/// The size of an input that is read; matrices and ratings have one.
fn size_of<T: Scalar>(input: &Input<'_, T>) -> InputSize {
    input
        .size()
        .unwrap_or_else(|| InputSize::dense::<T>(input.shape()))
}

/// Refuses a fit of `input` that needs more than the budget on the command line, before anything is allocated.
pub(crate) fn check_budget<T: Scalar>(
    common: &CommonOptions,
    algorithm: &Algorithm,
    input: &Input<'_, T>,
) -> Result<()> {
    match common.memory_budget {
        Some(budget) => require_within(algorithm, &size_of(input), budget),
        None => Ok(()),
    }
}

fn require_within(algorithm: &Algorithm, size: &InputSize, budget: u64) -> Result<()> {
    let plan = algorithm.plan(size)?;
    if plan.require_within(budget).is_ok() {
        return Ok(());
    }
    let needed = (plan.peak_bytes() as f64 / MEBIBYTE).ceil();
    let remedy = match largest_rank(algorithm, size, budget) {
        Some(rank) => format!("--rank {rank} would fit"),
        None => "no rank would fit".to_owned(),
    };
    let requirement = format!("at least {needed:.0}MiB for this fit ({remedy})");
    let given = format!("{:.0}MiB", budget as f64 / MEBIBYTE);
    Err(Error::invalid_parameter(
        "memory_budget",
        given,
        requirement,
    ))
}

/// The largest rank whose fit keeps within the budget.
fn largest_rank(algorithm: &Algorithm, size: &InputSize, budget: u64) -> Option<usize> {
    let settings = serde_json::to_value(algorithm).ok()?;
    let rank = settings.get("rank")?.as_u64()? as usize;
    let fits = |rank: usize| {
        let mut other = settings.clone();
        other["rank"] = rank.into();
        let other: Option<Algorithm> = serde_json::from_value(other).ok();
        let plan = other.and_then(|algorithm| algorithm.plan(size).ok());
        plan.is_some_and(|plan| plan.peak_bytes() <= budget)
    };
    // Above the first is too much; the second fits, or is none.
    let (mut above, mut below) = (rank, 0);
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if fits(middle) {
            below = middle;
        } else {
            above = middle;
        }
    }
    (below > 0).then_some(below)
}
