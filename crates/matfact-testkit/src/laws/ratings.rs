//! Laws of every algorithm on matrices whose absent entries are unknown.
//!
//! Equivariance under permutations is no law here: the order of the entries is part of stochastic
//! gradient descent.

use super::law;
use crate::execution;
use crate::hard::{extreme_ratings, hard_ratings};
use crate::inputs::OwnRatings;
use crate::strategies::{RatingsCase, planted_ratings, ratings};
use crate::subject::{DynRatings, RatingsSubject};
use crate::violation::{refused, require};
use matfact_core::{
    Error, ErrorClass, Factorization, Factorizer, Fit, ObservedEntries, Result, Run, Scalar,
};

/// Iterations of the law on threads for many ratings.
const BRIEF: usize = 3;
/// No limit on iterations, for few ratings.
const WHOLE: usize = usize::MAX;
/// The part of the root mean square error of the mean that a fit must get below on its own data.
const CLEARLY_BETTER: f64 = 0.9;

fn own<T: Scalar>(case: &RatingsCase) -> OwnRatings<T> {
    let converted = case
        .triplets
        .iter()
        .map(|(i, j, v)| (*i, *j, T::from_f64(*v)));
    OwnRatings::from_sorted(case.shape, converted)
}

fn fit_with<S: RatingsSubject>(
    subject: &S,
    x: &DynRatings<S::Scalar>,
    (rank, seed): (usize, u64),
    run: &mut Run<'_>,
) -> Result<Fit<S::Model>> {
    subject.factorizer(rank, seed).fit_with(x, run)
}

fn fit<S: RatingsSubject>(
    subject: &S,
    x: &DynRatings<S::Scalar>,
    setting: (usize, u64),
) -> Result<Fit<S::Model>> {
    fit_with(subject, x, setting, &mut Run::new())
}

fn fit_case<S: RatingsSubject>(subject: &S, case: &RatingsCase) -> Result<Fit<S::Model>, String> {
    fit(subject, &own(case), (case.rank, case.seed)).map_err(refused)
}

law! {
    /// The same ratings, hyper-parameters and seed give the same bits, twice in a row and for any
    /// number of threads.
    fn same_bits_for_any_threads<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases() / 2, &ratings(), |case| {
            let x = own(&case);
            let setting = (case.rank, case.seed);
            execution::same_bits_for_any_threads(
                &|run| fit_with(subject, &x, setting, run),
                WHOLE,
            )
        })?;
        let (m, n) = subject.large_shape();
        let large = [(m, n, 0.1), (n, m, 0.3)].map(|(m, n, density)| {
            let case = planted_ratings((m, n), density, 3);
            (format!("{} planted ratings, {m} x {n}", case.triplets.len()), own(&case))
        });
        law.check_named(&subject.name(), large, |x| {
            execution::same_bits_for_any_threads(&|run| fit_with(subject, x, (4, 5), run), BRIEF)
        })
    }
}

law! {
    /// Every type that holds the same ratings gives the same bits.
    fn containers_give_the_same_bits<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &ratings(), |case| {
            let x = own::<S::Scalar>(&case);
            let setting = (case.rank, case.seed);
            let expected = fit(subject, &x, setting).map_err(refused)?;
            let checked = x.checked();
            let boxed: Box<DynRatings<S::Scalar>> = Box::new(x);
            let others: [&DynRatings<S::Scalar>; 2] = [&checked, &boxed];
            for other in others {
                execution::same_fit(&expected, &fit(subject, other, setting).map_err(refused)?)?;
            }
            Ok(())
        })
    }
}

law! {
    /// Model and report have the shape and rank asked for, and every number in them is finite.
    fn models_are_finite<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &ratings(), |case| {
            let fit = fit_case(subject, &case)?;
            execution::finite(&fit)?;
            require(fit.report.seed == case.seed, || {
                format!("seed {}, reported {}", case.seed, fit.report.seed)
            })?;
            execution::report_fits(&fit, case.shape, case.rank)
        })
    }
}

law! {
    /// Rows without ratings are predicted alike, as are columns; where both are without, the
    /// prediction is the model's fallback, to the bit.
    fn the_unrated_get_the_fallback<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &ratings(), |mut case| {
            // Two rows and two columns more than there are ratings for.
            let (m, n) = case.shape;
            case.shape = (m + 2, n + 2);
            let model = fit_case(subject, &case)?.model;
            let bits = |i, j| {
                let value = model.predict(i, j).map_err(refused)?;
                Ok::<u64, String>(value.as_f64().to_bits())
            };
            for j in 0..n + 2 {
                require(bits(m, j)? == bits(m + 1, j)?, || {
                    format!("rows {m} and {} differ in column {j}", m + 1)
                })?;
            }
            for i in 0..m + 2 {
                require(bits(i, n)? == bits(i, n + 1)?, || {
                    format!("columns {n} and {} differ in row {i}", n + 1)
                })?;
            }
            let fallback = subject.fallback(&model).as_f64();
            require(bits(m, n)? == fallback.to_bits(), || {
                format!("the fallback is {fallback}, predicted is {:?}", model.predict(m, n))
            })
        })
    }
}

law! {
    /// Structure that is there is learned: on planted ratings the error is clearly below that of
    /// their mean.
    fn better_than_the_mean<S: RatingsSubject>(law, subject) {
        let cases = (1..=3).map(|seed| {
            let case = planted_ratings((30, 20), 0.5, seed);
            (format!("planted_ratings((30, 20), 0.5, {seed})"), case)
        });
        law.check_named(&subject.name(), cases, |case| {
            let model = fit_case(subject, case)?.model;
            let count = case.triplets.len() as f64;
            let mean = case.triplets.iter().map(|t| t.2).sum::<f64>() / count;
            let (mut fitted, mut plain) = (0.0, 0.0);
            for (i, j, value) in &case.triplets {
                let predicted = model.predict(*i, *j).map_err(refused)?.as_f64();
                fitted += (value - predicted).powi(2);
                plain += (value - mean).powi(2);
            }
            let (fitted, plain) = ((fitted / count).sqrt(), (plain / count).sqrt());
            require(fitted <= CLEARLY_BETTER * plain, || {
                format!("root mean square error {fitted:.4}, that of the mean is {plain:.4}")
            })
        })
    }
}

law! {
    /// A model that is taken apart into tensors and put together again is the same to the bit; a
    /// record that is no model is refused.
    fn record_round_trip<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &ratings(), |case| {
            let model = fit_case(subject, &case)?.model;
            execution::record_round_trip(&model)?;
            execution::bad_records_are_refused(&model)
        })
    }
}

law! {
    /// Single predictions, blocks of rows and the whole reconstruction agree; positions outside the
    /// matrix are refused.
    fn predictions_agree<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &ratings(), |case| {
            execution::predictions_agree(&fit_case(subject, &case)?.model)
        })
    }
}

law! {
    /// An observer sees increasing iterations within the limit and the objectives of the history,
    /// and watching changes no bit.
    fn observer_sees_progress<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases() / 2, &ratings(), |case| {
            let x = own(&case);
            let setting = (case.rank, case.seed);
            execution::observer_sees_progress(&|run| fit_with(subject, &x, setting, run))
        })
    }
}

law! {
    /// A fit that is cancelled, or has no time left, stops within one iteration, says why, and gives
    /// a finite model.
    fn interruption_stops_the_fit<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases() / 2, &ratings(), |case| {
            let x = own(&case);
            let setting = (case.rank, case.seed);
            execution::interruption_stops(&|run| fit_with(subject, &x, setting, run))
        })
    }
}

law! {
    /// Hard ratings (one, all equal, all in one row or column) give a finite model; ratings at the
    /// ends of the element type's range give one too, or an error that says what numbers did.
    fn hard_ratings_give_finite_models<S: RatingsSubject>(law, subject) {
        let refused_as_negative = |x: &OwnRatings<S::Scalar>, error: &Error| {
            let negative = x.values.iter().any(|value| value.as_f64() < 0.0);
            !subject.takes_negative_ratings() && negative && matches!(error, Error::Negative { .. })
        };
        law.check_named(&subject.name(), hard_ratings::<S::Scalar>(), |x| {
            for rank in [1, 3, 40] {
                let fit = match fit(subject, x, (rank, 1)) {
                    Err(error) if refused_as_negative(x, &error) => continue,
                    other => other.map_err(refused)?,
                };
                execution::finite(&fit)?;
                execution::report_fits(&fit, x.shape(), rank)?;
            }
            Ok(())
        })?;
        law.check_named(&subject.name(), extreme_ratings::<S::Scalar>(), |x| {
            match fit(subject, x, (2, 1)) {
                Ok(fit) => execution::finite(&fit),
                Err(Error::Overflow { .. }) => Ok(()),
                Err(error) if refused_as_negative(x, &error) => Ok(()),
                Err(error) if error.class() == ErrorClass::NotConverged => Ok(()),
                Err(error) => Err(format!("not an error of numbers: {error:?}")),
            }
        })
    }
}

law! {
    /// A NaN or infinite rating in a type of the user's own is refused with its row and column.
    fn non_finite_ratings_are_named<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &ratings(), |case| {
            let which = case.seed as usize % case.triplets.len();
            let (i, j, _) = case.triplets[which];
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut x = own::<S::Scalar>(&case);
                x.values[which] = S::Scalar::from_f64(bad);
                match fit(subject, &x, (case.rank, case.seed)).map(|_| ()) {
                    Err(Error::NonFinite { row, column, .. }) if (row, column) == (i, j) => {}
                    other => return Err(format!("{bad} at {:?} gives {other:?}", (i, j))),
                }
            }
            Ok(())
        })
    }
}

law! {
    /// A column outside the matrix, in a type of the user's own, is refused with its number.
    fn columns_outside_are_named<S: RatingsSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &ratings(), |case| {
            // The last entry of a row, so that columns still increase.
            let mut x = own::<S::Scalar>(&case);
            let ends = x.pointers.windows(2).filter(|p| p[0] < p[1]);
            let ends: Vec<usize> = ends.map(|p| p[1] - 1).collect();
            let which = ends[case.seed as usize % ends.len()];
            for outside in [case.shape.1 as u32, u32::MAX] {
                x.columns[which] = outside;
                match fit(subject, &x, (case.rank, case.seed)).map(|_| ()) {
                    Err(Error::IndexOutOfRange { axis: "column", index, bound, .. })
                        if index == i128::from(outside) && bound == case.shape.1 => {}
                    other => {
                        let columns = case.shape.1;
                        return Err(format!("column {outside} of {columns} gives {other:?}"));
                    }
                }
            }
            Ok(())
        })
    }
}

law! {
    /// No ratings, no rows, no columns, rank 0 and zero threads are refused as what they are.
    fn settings_and_empty_input_are_checked<S: RatingsSubject>(law, subject) {
        let shapes = [(3, 4), (0, 4), (3, 0), (0, 0)].map(|shape| (format!("{shape:?}"), shape));
        law.check_named(&subject.name(), shapes, |shape| {
            let nothing = OwnRatings::<S::Scalar>::from_sorted(*shape, []);
            execution::empty_is_refused(fit(subject, &nothing, (2, 1)))
        })?;
        let x = own::<S::Scalar>(&planted_ratings((5, 4), 0.8, 1));
        law.check_named(&subject.name(), [("ratings of 5 x 4", x)], |x| {
            execution::no_threads_is_refused(&|run| fit_with(subject, x, (2, 1), run))?;
            execution::no_rank_is_refused(fit(subject, x, (0, 1)))
        })
    }
}
