//! What a fit will need, before it runs.

use crate::{Error, Result, Scalar};

/// The size of an input, as far as memory and work depend on it.
///
/// ```
/// use matfact_core::InputSize;
/// assert_eq!(InputSize::dense::<f32>((1000, 50)).bytes(), 200_000.0);
/// // Values, column indices, row pointers.
/// assert_eq!(InputSize::sparse::<f64>((9, 5), 20).bytes(), 20.0 * 12.0 + 10.0 * 8.0);
/// // Counts of rows and columns.
/// assert_eq!(InputSize::sparse::<f64>((9, 5), 20).on_disk().bytes(), 14.0 * 8.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputSize {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Stored or observed entries.
    pub stored: usize,
    /// Whether it is a dense array.
    pub dense: bool,
    /// Whether the entries lie on disk, so that only what is known of rows and columns is in memory.
    pub on_disk: bool,
    /// Bytes of a number.
    pub scalar_bytes: usize,
}

impl InputSize {
    /// A dense array of `T`.
    #[must_use]
    pub fn dense<T: Scalar>(shape: (usize, usize)) -> Self {
        Self {
            shape,
            stored: shape.0.saturating_mul(shape.1),
            dense: true,
            on_disk: false,
            scalar_bytes: size_of::<T>(),
        }
    }

    /// Compressed rows of `T` with so many entries; ratings are the same.
    #[must_use]
    pub fn sparse<T: Scalar>(shape: (usize, usize), stored: usize) -> Self {
        Self {
            shape,
            stored,
            dense: false,
            on_disk: false,
            scalar_bytes: size_of::<T>(),
        }
    }

    /// The same entries on disk.
    #[must_use]
    pub fn on_disk(self) -> Self {
        Self {
            on_disk: true,
            ..self
        }
    }

    /// The bytes of the input itself, in memory: of entries on disk the counts of rows and columns.
    #[must_use]
    pub fn bytes(&self) -> f64 {
        if self.on_disk {
            return 8.0 * (self.shape.0 as f64 + self.shape.1 as f64);
        }
        let values = self.stored as f64 * self.scalar_bytes as f64;
        if self.dense {
            values
        } else {
            values + 4.0 * self.stored as f64 + 8.0 * (self.shape.0 as f64 + 1.0)
        }
    }

    /// The bytes of a second copy of the entries, in the other direction.
    #[must_use]
    pub fn transposed_bytes(&self) -> f64 {
        let (m, n) = self.shape;
        let shape = (n, m);
        Self { shape, ..*self }.bytes()
    }
}

/// Memory and work of a fit. The bytes are those held at the moment where most is.
///
/// ```
/// use matfact_core::{FitPlan, InputSize};
/// let input = InputSize::dense::<f32>((1000, 50));
/// let plan = FitPlan::new(&input, 0.0, 4.0 * 1050.0 * 8.0, 1e5, 8e5, 20)?;
/// assert_eq!(plan.peak_bytes(), 200_000 + 33_600 + 100_000);
/// assert!(FitPlan::new(&input, 0.0, 1e30, 0.0, 0.0, 1).is_err());
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct FitPlan {
    /// The input, as the caller holds it.
    pub input_bytes: u64,
    /// Copies of the input in another order, held throughout the fit.
    pub prepared_bytes: u64,
    /// The factors of the model.
    pub factor_bytes: u64,
    /// Everything else: further copies of factors, products, what the end of the fit makes.
    pub workspace_bytes: u64,
    /// Floating-point operations of an iteration, about.
    pub operations_per_iteration: f64,
    /// The most iterations.
    pub iterations: usize,
}

impl FitPlan {
    /// A plan of its parts, in bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the sum is more than can be addressed.
    pub fn new(
        input: &InputSize,
        prepared: f64,
        factors: f64,
        workspace: f64,
        operations_per_iteration: f64,
        iterations: usize,
    ) -> Result<Self> {
        let sum = input.bytes() + prepared + factors + workspace;
        // Not a number fails the comparison as well.
        if sum < isize::MAX as f64 {
            return Ok(Self {
                input_bytes: input.bytes() as u64,
                prepared_bytes: prepared as u64,
                factor_bytes: factors as u64,
                workspace_bytes: workspace as u64,
                operations_per_iteration,
                iterations,
            });
        }
        let (rows, columns) = input.shape;
        Err(Error::TooLarge {
            what: format!("the fit of a {rows} x {columns} matrix"),
        })
    }

    /// The most bytes that are held at once.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.input_bytes + self.prepared_bytes + self.factor_bytes + self.workspace_bytes
    }

    /// Refuses what needs more than `budget` bytes.
    ///
    /// # Errors
    /// [`Error::MemoryBudget`], with what is needed.
    pub fn require_within(&self, budget: u64) -> Result<()> {
        let needed = self.peak_bytes();
        if needed <= budget {
            Ok(())
        } else {
            Err(Error::MemoryBudget { needed, budget })
        }
    }
}

/// Algorithms that know what a fit will need.
pub trait Plan {
    /// Memory and work of a fit of an input of this size, without starting points, validation sets and
    /// checkpoints.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for what no machine can address; what is wrong with the hyper-parameters.
    fn plan(&self, input: &InputSize) -> Result<FitPlan>;
}

/// For algorithms: refuses so many bytes where the system would not give them, before a fit begins. Nothing is kept.
///
/// ```
/// use matfact_core::{Error, require_memory};
/// require_memory(1e6, || "a small matrix".to_owned())?;
/// let refused = require_memory(1e18, || "an absurd rank".to_owned());
/// assert!(matches!(refused, Err(Error::TooLarge { .. })));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::TooLarge`].
pub fn require_memory(bytes: f64, what: impl FnOnce() -> String) -> Result<()> {
    // Not a number fails the comparison as well.
    let addressable = bytes < isize::MAX as f64;
    if addressable && Vec::<u8>::new().try_reserve_exact(bytes as usize).is_ok() {
        Ok(())
    } else {
        Err(Error::TooLarge { what: what() })
    }
}
