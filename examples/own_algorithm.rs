//! A third party's algorithm: implement `Factorizer`, then hold it to the laws of matfact.

use matfact_core::ndarray::{Array1, Array2, Zip};
use matfact_core::{Error, FactorModel, Factorizer, Fit, FitReport, Matrix, Result, Run, Summary};
use matfact_testkit::{DynMatrix, MatrixSubject, ScaleEquivariant, check_matrix, check_scale};

/// The mean of every row: the best approximation by rows that are constant. It has rank one; further
/// components that are asked for are zero. Nothing in it is random, but the report tells the seed.
struct RowMeans {
    rank: usize,
    seed: u64,
}

impl<X: Matrix<Scalar = f64> + ?Sized> Factorizer<X> for RowMeans {
    type Model = FactorModel<f64>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<FactorModel<f64>>> {
        run.begin()?;
        if self.rank == 0 {
            let shape = x.shape();
            return Err(Error::InvalidRank {
                rank: 0,
                limit: usize::MAX,
                shape,
            });
        }
        let summary = Summary::of(x);
        summary.require_finite()?;
        let (rows, columns) = x.shape();
        let mut means = Array1::<f64>::zeros(rows);
        // Dividing first keeps sums of huge entries in range.
        x.visit(&mut |row, _, value| means[row] += value / columns as f64);
        let mut squared = summary.squared_norm;
        Zip::from(&means).for_each(|mean| squared -= mean * mean * columns as f64);

        let mut report = FitReport::new("row-means", x.shape(), self.rank, self.seed);
        report.stored = Some(summary.stored);
        report.iterations = 1;
        let norm = summary.squared_norm.sqrt();
        report.relative_error = Some(if norm > 0.0 {
            squared.max(0.0).sqrt() / norm
        } else {
            0.0
        });
        report.objective = 0.5 * squared.max(0.0);
        report.history.push(report.objective);
        if let Some(stop) = run.iteration(1, 1, report.objective) {
            report.stop = stop;
        }
        let (mut p, mut q) = (
            Array2::zeros((rows, self.rank)),
            Array2::zeros((columns, self.rank)),
        );
        p.column_mut(0).assign(&means);
        q.column_mut(0).fill(1.0);
        let model = FactorModel::new(p, q)?;
        Ok(Fit { model, report })
    }
}

/// How the testkit fits it.
struct Subject;

impl MatrixSubject for Subject {
    type Scalar = f64;
    type Model = FactorModel<f64>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<f64>, Model = FactorModel<f64>> {
        RowMeans { rank, seed }
    }
}

/// Promised, hence checked; what is not promised (orthonormal factors, say) is not.
impl ScaleEquivariant for Subject {}

fn main() -> Result<()> {
    let x = matfact_core::ndarray::array![[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]];
    println!("{}", RowMeans { rank: 1, seed: 0 }.fit(&x)?.report);
    let nan = matfact_core::ndarray::array![[1.0, f64::NAN]];
    assert!(matches!(
        RowMeans { rank: 1, seed: 0 }.fit(&nan),
        Err(Error::NonFinite {
            row: 0,
            column: 1,
            ..
        })
    ));

    for (group, outcome) in [
        ("matrix", check_matrix(&Subject)),
        ("scale", check_scale(&Subject)),
    ] {
        match outcome {
            Ok(()) => println!("the laws of the group {group} hold"),
            Err(violation) => println!("{violation}"),
        }
    }
    Ok(())
}
