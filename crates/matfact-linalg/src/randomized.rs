//! Randomized subspace iteration for the leading singular triplets.

use crate::{
    Products, SvdWatch, conditioned_basis, inner_product, random_normal, small_svd, tall_qr,
};
use matfact_core::ndarray::{Array1, Array2, Axis};
use matfact_core::{LinearOperator, Result, Scalar, StopReason};

/// Leading singular triplets of X'.
#[derive(Debug, Clone, PartialEq)]
pub struct Triplets<T> {
    /// Left singular vectors (m x k), orthonormal columns.
    pub u: Array2<T>,
    /// Singular values (k), descending.
    pub singular_values: Array1<T>,
    /// Right singular vectors (n x k), orthonormal columns.
    pub v: Array2<T>,
    /// Power iterations done.
    pub iterations: usize,
    /// Why the iterations stopped.
    pub stop: StopReason,
}

/// What [`randomized_svd`] is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomizedSvd {
    /// Triplets wanted (k).
    pub rank: usize,
    /// Random columns beyond the rank.
    pub oversampling: usize,
    /// Applications of X'X'ᵀ to the random range.
    pub power_iterations: usize,
    /// Seed of the random columns.
    pub seed: u64,
}

/// The `rank` leading triplets of X' by randomized subspace iteration (Halko, Martinsson and Tropp
/// 2011, algorithms 4.4 and 5.1):
///
/// Y = X'Ω with Gaussian Ω (n x l), l = rank + oversampling; then `power_iterations` times
/// Q = orth(Y), Z = orth(X'ᵀQ), Y = X'Z; at last Q = orth(Y), Bᵀ = X'ᵀQ and the SVD of B. The last
/// basis is orthonormal to rounding whatever the rank of X'; those between are well conditioned.
///
/// `watch` is told after every power iteration of the growth 1 − ‖X'ᵀQ‖²/‖X'Z‖²: by how much the second half of
/// the iteration came closer to the sum of the l largest squared singular values.
///
/// # Errors
/// [`matfact_core::Error::Overflow`] if a product is not finite.
pub fn randomized_svd<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    asked: RandomizedSvd,
    mut watch: impl SvdWatch,
) -> Result<Triplets<X::Scalar>> {
    let (m, n) = x.shape();
    let columns = asked.rank.saturating_add(asked.oversampling).min(m.min(n));
    let rank = asked.rank.min(columns);
    let mut iterations = 0;
    let mut range = match watch.resume() {
        Some(mut state) => {
            iterations = state.counter("iterations")? as usize;
            state.take_matrix("range", (m, columns))?
        }
        None => x.multiply(random_normal((n, columns), asked.seed, 0).view())?,
    };
    let mut stop = StopReason::MaxIterations;
    while iterations < asked.power_iterations {
        let left = conditioned_basis(range.view());
        let panel = x.multiply_transposed(left.view())?;
        let before = inner_product(panel.view(), panel.view());
        let right = conditioned_basis(panel.view());
        drop(panel);
        range = x.multiply(right.view())?;
        iterations += 1;
        let captured = inner_product(range.view(), range.view());
        let reason = watch.step(iterations, 1.0 - before / captured);
        watch.keep(iterations, &|state| {
            state.insert_counter("iterations", iterations as u64);
            state.insert("range", &range);
        })?;
        if let Some(reason) = reason {
            stop = reason;
            break;
        }
    }
    let (left, _) = tall_qr(range.view());
    let (right, core) = tall_qr(x.multiply_transposed(left.view())?.view());
    // X' ≈ Q B with Bᵀ = right · core, hence U = Q · (right factor), V = right · (left factor).
    // The small decomposition is made in f64: what it costs is little, and the captured norm is a sum
    // of its squares.
    let (inner_right, singular_values, inner_left_t) = small_svd(core.mapv(|v| v.as_f64()).view());
    let singular_values = singular_values.mapv(X::Scalar::from_f64);
    let inner_right = inner_right.mapv(X::Scalar::from_f64);
    let inner_left_t = inner_left_t.mapv(X::Scalar::from_f64);
    let leading: Vec<usize> = (0..rank).collect();
    let inner_left = inner_left_t.select(Axis(0), &leading);
    let inner_right = inner_right.select(Axis(1), &leading);
    let product = |a: &Array2<X::Scalar>, b: matfact_core::ndarray::ArrayView2<'_, X::Scalar>| {
        let mut out = Array2::from_elem((a.nrows(), b.ncols()), X::Scalar::from_f64(0.0));
        crate::multiply_dense(a.view(), b, out.view_mut());
        out
    };
    Ok(Triplets {
        u: product(&left, inner_left.t()),
        singular_values: singular_values.select(Axis(0), &leading),
        v: product(&right, inner_right.view()),
        iterations,
        stop,
    })
}

/// What [`shifted_svd`] is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShiftedSvd {
    /// Triplets wanted (k).
    pub rank: usize,
    /// Random columns beyond the rank.
    pub oversampling: usize,
    /// The change of a squared singular value in an iteration, relative to the smallest wanted one, at
    /// which to stop.
    pub tolerance: f64,
    /// Iterations after which to stop in any case.
    pub max_iterations: usize,
    /// Seed of the random columns.
    pub seed: u64,
}

/// The smallest ratio of singular values of a basis whose squares single precision still tells apart.
const RESOLVED: f64 = 1e-2;

/// The `rank` leading triplets of X' by subspace iteration with dynamic shifts (Feng, Yu, Xie and Tang
/// 2022, dashSVD): Q ← orth((X'ᵀX' − αI)Q), where α grows with the smallest value of the basis, so that
/// what is above it stands out more. Two products an iteration and one orthogonalization. `watch` is
/// called after each with the change that the tolerance is for.
///
/// # Errors
/// [`matfact_core::Error::Overflow`] if a product is not finite.
pub fn shifted_svd<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    asked: ShiftedSvd,
    mut watch: impl SvdWatch,
) -> Result<Triplets<X::Scalar>> {
    let (m, n) = x.shape();
    let columns = asked.rank.saturating_add(asked.oversampling).min(m.min(n));
    let rank = asked.rank.min(columns);
    let (mut iterations, mut basis, mut shift, mut before) = match watch.resume() {
        Some(mut state) => (
            state.counter("iterations")? as usize,
            state.take_matrix("basis", (n, columns))?,
            state.take_number("shift")?,
            state.take_values("squares", rank)?,
        ),
        None => {
            let random = random_normal((m, columns), asked.seed, 0);
            let range = x.multiply_transposed(random.view())?;
            (0, conditioned_basis(range.view()), 0.0, vec![0.0; rank])
        }
    };
    let mut stop = StopReason::MaxIterations;
    while iterations < asked.max_iterations {
        let mut image = x.multiply(basis.view())?;
        if shift == 0.0 {
            // Squares of what lies far apart are kept apart by a basis in between.
            image = conditioned_basis(image.view());
        }
        let mut next = x.multiply_transposed(image.view())?;
        drop(image);
        let shifted = shift > 0.0;
        if shifted {
            next.scaled_add(-X::Scalar::from_f64(shift), &basis);
        }
        let (orthonormal, triangle) = tall_qr(next.view());
        basis = orthonormal;
        let (_, values, _) = small_svd(triangle.mapv(|v| v.as_f64()).view());
        let squares = values
            .iter()
            .map(|s| if shifted { s + shift } else { s * s });
        let squares: Vec<f64> = squares.collect();
        let smallest = squares[columns - 1];
        if shifted {
            // The shift stays below half of the square it grows towards: what is unwanted lies between
            // 0 and that square, and comes out no larger than the shift.
            shift = 0.5 * (shift + values[columns - 1]).max(2.0 * shift);
        } else if smallest > RESOLVED * RESOLVED * squares[0] {
            shift = 0.5 * smallest;
        }
        let floor = squares[rank - 1].max(f64::MIN_POSITIVE);
        let changes = squares
            .iter()
            .zip(&before)
            .map(|(now, old)| (now - old).abs() / floor);
        let change = changes.fold(0.0, f64::max);
        before = squares[..rank].to_vec();
        iterations += 1;
        let reason = watch.step(iterations, change);
        // Converged is not cut short, even where both happen at once.
        if change <= asked.tolerance || squares[0] == 0.0 {
            stop = StopReason::Converged;
            break;
        }
        watch.keep(iterations, &|state| {
            state.insert_counter("iterations", iterations as u64);
            state.insert("basis", &basis);
            state.insert_numbers("shift", &[shift]);
            state.insert_numbers("squares", &before);
        })?;
        if let Some(reason) = reason {
            stop = reason;
            break;
        }
    }
    let refined = crate::refine_triplets(x, basis.view())?;
    let leading: Vec<usize> = (0..rank).collect();
    let narrow = |s: &f64| X::Scalar::from_f64(*s);
    Ok(Triplets {
        u: refined.u.select(Axis(1), &leading),
        singular_values: refined
            .singular_values
            .iter()
            .take(rank)
            .map(narrow)
            .collect(),
        v: refined.v.select(Axis(1), &leading),
        iterations,
        stop,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thin_qr;
    use matfact_core::ndarray::{ArrayView2, ArrayViewMut2};
    use matfact_core::{CheckpointState, FunctionOperator, Summary};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn shifts_find_a_flat_spectrum_in_fewer_iterations() {
        let spectrum: Vec<f64> = (0..90).map(|i| 1.0 / (1.0 + 0.03 * f64::from(i))).collect();
        let (q, _) = thin_qr(random_normal::<f64>((140, 90), 1, 0).view());
        let (p, _) = thin_qr(random_normal::<f64>((120, 90), 2, 0).view());
        let x = (&q * &Array1::from(spectrum.clone())).dot(&p.t());
        for x in [x.clone(), x.t().to_owned()] {
            let products = Products::new(&x, Some(&Summary::of(&x)));
            let asked = ShiftedSvd {
                rank: 10,
                oversampling: 10,
                tolerance: 1e-8,
                max_iterations: 500,
                seed: 3,
            };
            let found = shifted_svd(&products, asked, |_, _| None).unwrap();
            assert_eq!(found.stop, StopReason::Converged);
            for (s, truth) in found.singular_values.iter().zip(&spectrum) {
                assert!((s / truth - 1.0).abs() < 1e-6, "{s} {truth}");
            }
            let plain = RandomizedSvd {
                rank: 10,
                oversampling: 10,
                power_iterations: found.iterations,
                seed: 3,
            };
            let plain = randomized_svd(&products, plain, |_, _| None).unwrap();
            let error = |s: &Array1<f64>| (s[9] / spectrum[9] - 1.0).abs();
            assert!(error(&found.singular_values) < 0.1 * error(&plain.singular_values));
        }
        let zeros = Array2::<f32>::zeros((30, 20));
        let products = Products::new(&zeros, Some(&Summary::of(&zeros)));
        let asked = ShiftedSvd {
            rank: 2,
            oversampling: 2,
            tolerance: 1e-4,
            max_iterations: 9,
            seed: 0,
        };
        let found = shifted_svd(&products, asked, |_, _| None).unwrap();
        assert_eq!((found.iterations, found.singular_values[0]), (1, 0.0));
    }

    /// Keeps the state after step `at`, and goes on from one.
    struct Keeping<'a> {
        at: usize,
        kept: &'a mut Option<CheckpointState>,
        resumed: Option<CheckpointState>,
    }

    impl SvdWatch for Keeping<'_> {
        fn step(&mut self, _: usize, _: f64) -> Option<StopReason> {
            None
        }

        fn keep(&mut self, step: usize, give: &dyn Fn(&mut CheckpointState)) -> Result<()> {
            if step == self.at {
                give(self.kept.insert(CheckpointState::default()));
            }
            Ok(())
        }

        fn resume(&mut self) -> Option<CheckpointState> {
            self.resumed.take()
        }
    }

    #[test]
    fn shifts_go_on_from_a_state_with_the_same_bits_and_no_product_more() {
        let x = random_normal::<f64>((70, 50), 5, 0);
        let made = AtomicUsize::new(0);
        let counted = FunctionOperator::new(
            (70, 50),
            |right: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>| {
                made.fetch_add(1, Ordering::Relaxed);
                out.assign(&x.dot(&right));
            },
            |right: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>| {
                made.fetch_add(1, Ordering::Relaxed);
                out.assign(&x.t().dot(&right));
            },
        );
        let products = Products::new(&counted, None);
        let asked = ShiftedSvd {
            rank: 3,
            oversampling: 4,
            tolerance: 0.0,
            max_iterations: 9,
            seed: 1,
        };
        let run = |resumed| {
            let mut kept = None;
            let watch = Keeping {
                at: 4,
                kept: &mut kept,
                resumed,
            };
            made.store(0, Ordering::Relaxed);
            let found = shifted_svd(&products, asked, watch).unwrap();
            (found, made.load(Ordering::Relaxed), kept)
        };
        let (whole, all, kept) = run(None);
        assert_eq!(whole.iterations, 9);
        let (resumed, rest, _) = run(kept);
        assert_eq!(resumed, whole);
        // Two for each of the four iterations, and the one that the first basis is made of.
        assert_eq!(all - rest, 2 * 4 + 1);
    }

    #[test]
    fn it_finds_a_planted_spectrum() {
        let (q, _) = thin_qr(random_normal::<f64>((60, 10), 1, 0).view());
        let (p, _) = thin_qr(random_normal::<f64>((45, 10), 2, 0).view());
        let spectrum: Array1<f64> = (0..10).map(|i| 0.5_f64.powi(i)).collect();
        let x = (&q * &spectrum).dot(&p.t());
        for x in [x.clone(), x.t().to_owned()] {
            let products = Products::new(&x, Some(&Summary::of(&x)));
            let asked = RandomizedSvd {
                rank: 4,
                oversampling: 6,
                power_iterations: 4,
                seed: 7,
            };
            let found = randomized_svd(&products, asked, |_, _| None).unwrap();
            assert_eq!(found.iterations, 4);
            for (s, truth) in found.singular_values.iter().zip(&spectrum) {
                assert!((s - truth).abs() < 1e-13, "{s} against {truth}");
            }
            let residual = x.dot(&found.v) - &found.u * &found.singular_values;
            assert!(residual.iter().all(|r| r.abs() < 1e-12));
        }
    }
}
