//! Who looks on while singular vectors are found: told of every step, given the state after it.

use matfact_core::{CheckpointState, Result, StopReason};

/// Is told of the steps of a decomposition, and can stop it, keep its state, and have it go on from one.
///
/// A function of the step and of what it comes to is one that only looks and stops.
///
/// ```
/// use matfact_core::{StopReason, Summary, ndarray::Array2};
/// use matfact_linalg::{Products, RandomizedSvd, randomized_svd};
/// let x = Array2::from_shape_fn((9, 6), |(i, j)| ((i * j) as f64).sin());
/// let products = Products::new(&x, Some(&Summary::of(&x)));
/// let asked = RandomizedSvd { rank: 2, oversampling: 3, power_iterations: 9, seed: 0 };
/// let two = |step: usize, _: f64| (step == 2).then_some(StopReason::Cancelled);
/// assert_eq!(randomized_svd(&products, asked, two)?.iterations, 2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
pub trait SvdWatch {
    /// After a step (the first is 1), with how far the method is; what it returns stops the steps.
    fn step(&mut self, step: usize, measure: f64) -> Option<StopReason>;

    /// After [`SvdWatch::step`]: what gives the state to go on from, for those who keep it.
    ///
    /// # Errors
    /// Those of keeping it.
    fn keep(&mut self, step: usize, give: &dyn Fn(&mut CheckpointState)) -> Result<()> {
        let _ = (step, give);
        Ok(())
    }

    /// The state to go on from, if there is one; it is asked for once, at the beginning.
    fn resume(&mut self) -> Option<CheckpointState> {
        None
    }
}

impl<F: FnMut(usize, f64) -> Option<StopReason>> SvdWatch for F {
    fn step(&mut self, step: usize, measure: f64) -> Option<StopReason> {
        self(step, measure)
    }
}
