//! Missing values: a table with holes is factored from what is known, and the model fills the rest.

use matfact::ndarray::{Array2, array};
use matfact::{Factorizer, MaskedNmf, Ratings};

fn main() -> Result<(), matfact::Error> {
    // Sales of five shops in six months; some were never reported.
    let nan = f64::NAN;
    let sales = array![
        [12.0, 14.1, nan, 20.2, 26.0, 31.1],
        [6.1, nan, 8.0, 9.9, nan, 15.4],
        [30.2, 28.1, 25.0, nan, 16.2, 10.1],
        [nan, 42.0, 38.9, 36.1, 33.0, nan],
        [21.0, 20.9, nan, 21.1, 21.2, 20.8],
    ];
    // Absent is unknown here, and not zero.
    let known = Ratings::from_dense(sales.view(), nan)?;
    let nmf = MaskedNmf::new(2)
        .regularization(1e-3)
        .max_iter(1000)
        .tol(1e-7);
    let fit = nmf.fit(&known)?;
    println!("{}", fit.report);

    // What was observed stays as it was, to the bit.
    let filled = fit.model.impute(&known)?;
    println!("filled cells in brackets:");
    for (row, line) in sales.rows().into_iter().enumerate() {
        for (column, value) in line.iter().enumerate() {
            let cell = match value.is_nan() {
                true => format!("[{:.1}]", filled[[row, column]]),
                false => format!("{value:.1} "),
            };
            print!("{cell:>9}");
        }
        println!();
    }
    held_out_error()
}

/// How far imputed values are to be trusted is measured: on a larger table of the same kind, a fifth
/// of the values is hidden, and the model tells them.
fn held_out_error() -> Result<(), matfact::Error> {
    // Three seasons mixed in each shop, with errors of up to 2 %.
    let sales = Array2::from_shape_fn((60, 24), |(shop, month)| {
        let season = |t: usize| 1.0 + (month as f64 * (0.3 + 0.2 * t as f64) + t as f64).sin();
        let share = |t: usize| ((shop * (7 + 4 * t)) % 11 + 1) as f64;
        let exact: f64 = (0..3).map(|t| share(t) * season(t)).sum();
        let error = ((shop * 7919 + month * 104_729) % 1009) as f64 / 1008.0 - 0.5;
        exact * (1.0 + 0.04 * error)
    });
    let hidden = |(shop, month): (usize, usize)| (shop * 31 + month * 17 + shop * month) % 5 == 0;
    let mut table = sales.clone();
    for (place, value) in table.indexed_iter_mut() {
        if hidden(place) {
            *value = f64::NAN;
        }
    }
    let known = Ratings::from_dense(table.view(), f64::NAN)?;
    println!("relative error on hidden values of a table of 60 x 24:");
    for rank in 1..=5 {
        let nmf = MaskedNmf::new(rank).regularization(1e-3).max_iter(500);
        let filled = nmf.fit(&known)?.model.impute(&known)?;
        let (mut wrong, mut all) = (0.0, 0.0);
        for (place, value) in sales.indexed_iter() {
            // Only hidden values differ at all.
            wrong += (value - filled[place]).powi(2);
            all += if hidden(place) { value * value } else { 0.0 };
        }
        println!("  rank {rank}: {:.4}", (wrong / all).sqrt());
    }
    Ok(())
}
