//! A third party's algorithm: implement `Factorizer`, then hold it to the laws of matfact.

use matfact_core::ndarray::{Array1, Array2, Zip};
use matfact_core::{Error, FactorModel, Factorizer, Fit, FitReport, Matrix, Result, Run, Summary};
use matfact_testkit::{DynMatrix, MatrixSubject, ScaleEquivariant, check_matrix, check_scale};

/// The mean of every row: the best approximation by rows that are constant, of rank one.
struct RowMeans;

impl<X: Matrix<Scalar = f64> + ?Sized> Factorizer<X> for RowMeans {
    type Model = FactorModel<f64>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<FactorModel<f64>>> {
        run.begin()?;
        let summary = Summary::of(x);
        summary.require_finite()?;
        let (rows, columns) = x.shape();
        let mut means = Array1::<f64>::zeros(rows);
        // Dividing first keeps sums of huge entries in range.
        x.visit(&mut |row, _, value| means[row] += value / columns as f64);
        let mut squared = summary.squared_norm;
        Zip::from(&means).for_each(|mean| squared -= mean * mean * columns as f64);

        let mut report = FitReport::new("row-means", x.shape(), 1, 0);
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
        let model = FactorModel::new(
            means.insert_axis(matfact_core::ndarray::Axis(1)),
            Array2::ones((columns, 1)),
        )?;
        Ok(Fit { model, report })
    }
}

/// How the testkit fits it: this algorithm has one rank, whatever is asked.
struct Subject;

impl MatrixSubject for Subject {
    type Scalar = f64;
    type Model = FactorModel<f64>;

    fn factorizer(
        &self,
        _rank: usize,
        _seed: u64,
    ) -> impl Factorizer<DynMatrix<f64>, Model = FactorModel<f64>> {
        RowMeans
    }
}

/// Promised, hence checked; what is not promised (orthonormal factors, say) is not.
impl ScaleEquivariant for Subject {}

fn main() -> Result<()> {
    let x = matfact_core::ndarray::array![[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]];
    println!("{}", RowMeans.fit(&x)?.report);
    let nan = matfact_core::ndarray::array![[1.0, f64::NAN]];
    assert!(matches!(
        RowMeans.fit(&nan),
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
