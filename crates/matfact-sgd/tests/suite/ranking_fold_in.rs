//! New rows and columns of models that rank.

use crate::ranking::{area_under_the_curve, tastes};
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Duplicates, Error, FactorModel, Factorizer, ObservedEntries, Ratings, Result, Scalar,
};
use matfact_sgd::{Bpr, LogisticFactorization, NegativeSampling, Popularity, Warp};

/// A method with its fit and both sides of its folding in.
enum Method {
    Pairwise(Bpr),
    ByRank(Warp),
    Pointwise(LogisticFactorization),
}
use Method::{ByRank, Pairwise, Pointwise};

fn methods() -> [Method; 4] {
    [
        Pairwise(Bpr::new(20).epochs(40)),
        Pairwise(
            Bpr::new(5)
                .epochs(40)
                .confidence(0.3)
                .negative_sampling(NegativeSampling::Popularity),
        ),
        ByRank(Warp::new(8).epochs(40)),
        Pointwise(LogisticFactorization::new(8).epochs(40).confidence(0.3)),
    ]
}

impl Method {
    fn fit<T: Scalar>(&self, x: &Ratings<T>) -> FactorModel<T> {
        let fit = match self {
            Pairwise(method) => method.fit(x),
            ByRank(method) => method.fit(x),
            Pointwise(method) => method.fit(x),
        };
        fit.unwrap().model
    }

    fn rows<T: Scalar>(&self, model: &FactorModel<T>, x: &Ratings<T>) -> Result<Array2<T>> {
        match self {
            Pairwise(method) => method.fold_in_rows(model, x),
            ByRank(method) => method.fold_in_rows(model, x),
            Pointwise(method) => method.fold_in_rows(model, x),
        }
    }

    fn columns<T: Scalar>(
        &self,
        model: &FactorModel<T>,
        x: &Ratings<T>,
        known: &Ratings<T>,
    ) -> Result<(Array2<T>, Array1<T>)> {
        match self {
            Pairwise(method) => method.fold_in_columns(model, x, known),
            ByRank(method) => method.fold_in_columns(model, x, known),
            Pointwise(method) => method.fold_in_columns(model, x, known),
        }
    }
}

/// The model with other rows.
fn with_rows<T: Scalar>(model: &FactorModel<T>, rows: Array2<T>) -> FactorModel<T> {
    let biases = Array1::default(rows.nrows());
    FactorModel::new(rows, model.column_factors().to_owned())
        .unwrap()
        .with_mean(model.mean())
        .with_biases(biases, model.column_bias().unwrap().to_owned())
        .unwrap()
}

/// The model with other columns.
fn with_columns<T: Scalar>(
    model: &FactorModel<T>,
    (factors, biases): (Array2<T>, Array1<T>),
) -> FactorModel<T> {
    let rows = model.row_factors().to_owned();
    let row_biases = Array1::default(rows.nrows());
    FactorModel::new(rows, factors)
        .unwrap()
        .with_mean(model.mean())
        .with_biases(row_biases, biases)
        .unwrap()
}

/// Some of the entries, with rows or columns counted anew.
fn part<T: Scalar>(
    x: &Ratings<T>,
    shape: (usize, usize),
    place: impl Fn(usize, usize) -> Option<(usize, usize)>,
) -> Ratings<T> {
    let entries = x.triplets().filter_map(|(i, j, value)| {
        let (i, j) = place(i, j)?;
        Some((i, j, value))
    });
    Ratings::from_triplets(shape, entries, Duplicates::Error).unwrap()
}

/// Held-out positives are found nearly as well with rows, or columns, that were folded in.
fn check_training_sides<T: Scalar>() {
    let (train, held_out) = tastes::<T>(150, 90);
    for method in methods() {
        let model = method.fit(&train);
        let area = |model: &FactorModel<T>| area_under_the_curve(model, &train, &held_out);
        let fitted = area(&model);
        let rows = with_rows(&model, method.rows(&model, &train).unwrap());
        let columns = with_columns(&model, method.columns(&model, &train, &train).unwrap());
        assert!(fitted > 0.8, "{fitted}");
        assert!(area(&rows) > fitted - 0.05, "{} of {fitted}", area(&rows));
        let of_columns = area(&columns);
        assert!(of_columns > fitted - 0.05, "{of_columns} of {fitted}");
    }
}

#[test]
fn training_rows_and_columns_folded_in_rank_as_the_fitted_ones() {
    check_training_sides::<f32>();
    check_training_sides::<f64>();
}

#[test]
fn rows_and_columns_that_the_model_has_not_seen_find_their_place() {
    let (x, held_out) = tastes::<f64>(150, 90);
    let (m, n) = x.shape();
    let new_row = |i: usize| i.is_multiple_of(5);
    let old_rows = part(&x, (m, n), |i, j| (!new_row(i)).then_some((i, j)));
    let new_column = |j: usize| j.is_multiple_of(10);
    let old_columns = part(&x, (m, n), |i, j| (!new_column(j)).then_some((i, j)));
    let added = part(&x, (m, n / 10), |i, j| new_column(j).then_some((i, j / 10)));
    let of_new_rows: Vec<_> = held_out
        .iter()
        .copied()
        .filter(|(i, _)| new_row(*i))
        .collect();
    let of_new: Vec<_> = held_out
        .iter()
        .copied()
        .filter(|(_, j)| new_column(*j))
        .collect();
    for method in methods() {
        let model = method.fit(&old_rows);
        let folded = with_rows(&model, method.rows(&model, &x).unwrap());
        let area = area_under_the_curve(&folded, &x, &of_new_rows);
        assert!(area > 0.8, "rows: {area}");

        let model = method.fit(&old_columns);
        let (q, c) = method.columns(&model, &added, &old_columns).unwrap();
        let (mut factors, mut biases) = (
            model.column_factors().to_owned(),
            model.column_bias().unwrap().to_owned(),
        );
        for (place, (q, c)) in q.rows().into_iter().zip(&c).enumerate() {
            factors.row_mut(place * 10).assign(&q);
            biases[place * 10] = *c;
        }
        let grown = with_columns(&model, (factors, biases));
        let area = area_under_the_curve(&grown, &x, &of_new);
        assert!(area > 0.8, "columns: {area}");
    }
}

fn check_same_bits<T: Scalar>() {
    let (train, _) = tastes::<T>(60, 45);
    let (m, n) = train.shape();
    let pool = |threads| {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        builder.build().unwrap()
    };
    for method in methods() {
        let model = method.fit(&train);
        let both = || {
            let rows = method.rows(&model, &train).unwrap();
            (rows, method.columns(&model, &train, &train).unwrap())
        };
        let all = pool(1).install(both);
        for threads in [2, 7] {
            assert_eq!(pool(threads).install(both), all, "{threads} threads");
        }
        for one in [0, 7, m - 1] {
            let alone = part(&train, (1, n), |i, j| (i == one).then_some((0, j)));
            let alone = method.rows(&model, &alone).unwrap();
            assert_eq!(alone.row(0), all.0.row(one), "row {one}");
        }
        for one in [0, n - 1] {
            let alone = part(&train, (m, 1), |i, j| (j == one).then_some((i, 0)));
            let (q, c) = method.columns(&model, &alone, &train).unwrap();
            assert_eq!((q.row(0), c[0]), (all.1.0.row(one), all.1.1[one]));
        }
    }
}

#[test]
fn threads_and_batches_give_the_same_bits() {
    check_same_bits::<f32>();
    check_same_bits::<f64>();
}

#[test]
fn without_positives_a_row_has_zeros_and_a_column_is_below_all_others() {
    let (train, _) = tastes::<f32>(30, 20);
    for method in methods() {
        let model = method.fit(&train);
        let entries = [(1, 3, 1.0), (1, 6, 1.0)];
        let x = Ratings::from_triplets((3, 20), entries, Duplicates::Error).unwrap();
        let rows = method.rows(&model, &x).unwrap();
        assert!(rows.row(0).iter().chain(rows.row(2)).all(|v| *v == 0.0));
        assert!(rows.row(1).iter().any(|v| *v != 0.0));
        let x = Ratings::from_triplets((30, 3), [(4, 1, 1.0)], Duplicates::Error).unwrap();
        let (q, c) = method.columns(&model, &x, &train).unwrap();
        assert!(q.row(0).iter().chain(q.row(2)).all(|v| *v == 0.0));
        assert!(c[0] == 0.0 && c[2] == 0.0 && q.row(1).iter().any(|v| *v != 0.0));
    }
}

#[test]
fn popularity_counts_new_columns_and_needs_no_rows() {
    let (train, _) = tastes::<f64>(30, 20);
    let model = Popularity::new().fit(&train).unwrap().model;
    let rows = Popularity::new().fold_in_rows(&model, &train).unwrap();
    assert_eq!(rows.dim(), (30, 0));
    let (q, c) = Popularity::new().fold_in_columns(&model, &train).unwrap();
    assert_eq!(q.dim(), (20, 0));
    assert_eq!(c, model.column_bias().unwrap());
    let fitted = Bpr::new(2).epochs(1).fit(&train).unwrap().model;
    let refused = Popularity::new().fold_in_rows(&fitted, &train);
    assert!(matches!(refused, Err(Error::ShapeMismatch { .. })));
    let narrow = part(&train, (30, 10), |i, j| (j < 10).then_some((i, j)));
    let refused = Popularity::new().fold_in_rows(&model, &narrow);
    assert!(matches!(refused, Err(Error::ShapeMismatch { .. })));
    let refused = Popularity::new().fold_in_columns(&fitted, &train);
    assert!(matches!(refused, Err(Error::ShapeMismatch { .. })));
}

#[test]
fn what_does_not_fit_the_model_is_refused() {
    let (train, _) = tastes::<f64>(30, 20);
    let bpr = Bpr::new(3).epochs(2);
    let model = bpr.fit(&train).unwrap().model;
    let mismatch = |what: &str, refused: Result<()>| match refused {
        Err(Error::ShapeMismatch { .. }) => {}
        other => panic!("{what}: {other:?}"),
    };
    let rows = |bpr: &Bpr, model: &FactorModel<f64>, x: &Ratings<f64>| {
        bpr.fold_in_rows(model, x).map(|_| ())
    };
    let narrow = part(&train, (30, 10), |i, j| (j < 10).then_some((i, j)));
    let short = part(&train, (10, 20), |i, j| (i < 10).then_some((i, j)));
    mismatch("columns", rows(&bpr, &model, &narrow));
    mismatch("rank", rows(&Bpr::new(4), &model, &train));
    let bare = FactorModel::new(Array2::zeros((30, 3)), Array2::zeros((20, 3))).unwrap();
    mismatch("biases", rows(&bpr, &bare, &train));
    let columns = bpr.fold_in_columns(&model, &short, &train);
    mismatch("rows", columns.map(|_| ()));
    let columns = bpr.fold_in_columns(&model, &train, &narrow);
    mismatch("known", columns.map(|_| ()));

    let nothing = Ratings::from_triplets((2, 20), [], Duplicates::Error).unwrap();
    assert!(matches!(
        bpr.fold_in_rows(&model, &nothing),
        Err(Error::EmptyInput { .. })
    ));
    let negative = Ratings::from_triplets((2, 20), [(1, 4, -1.0)], Duplicates::Error).unwrap();
    assert!(matches!(
        bpr.fold_in_rows(&model, &negative),
        Err(Error::Negative {
            row: 1,
            column: 4,
            ..
        })
    ));
    assert!(matches!(
        bpr.clone().decay(2.0).fold_in_rows(&model, &train),
        Err(Error::InvalidParameter { name: "decay", .. })
    ));
    let popular = Popularity::new().fit(&train).unwrap().model;
    assert!(matches!(
        Bpr::new(0).fold_in_rows(&popular, &train),
        Err(Error::InvalidRank { .. })
    ));
    // Infinite in f32.
    let (train, _) = tastes::<f32>(30, 20);
    let model = bpr.fit(&train).unwrap().model;
    let far = bpr.learning_rate(1e300);
    assert!(matches!(
        far.fold_in_rows(&model, &train),
        Err(Error::Diverged { .. })
    ));
    assert!(matches!(
        far.fold_in_columns(&model, &train, &train),
        Err(Error::Diverged { .. })
    ));
}
