//! Golden numbers on real data: the digits that come with the program, and sets that may only be
//! measured beside the project, not be part of it.
#![cfg(all(feature = "nmf", feature = "svd", feature = "sgd"))]

use matfact::ndarray::Array2;
use matfact::{
    Duplicates, FactorModel, Factorizer, Init, Nmf, Ratings, Run, Scalar, Sgd, TruncatedSvd, tf_idf,
};
use matfact_io::{MatrixData, RatingsOptions, read_matrix, read_ratings};
use std::path::{Path, PathBuf};

/// Words that have to stand together in one topic of reuters-lda.
const THEMES: [[&str; 2]; 5] = [
    ["pope", "vatican"],
    ["charles", "diana"],
    ["yeltsin", "kremlin"],
    ["mother", "teresa"],
    ["elvis", "presley"],
];

fn digits<T: Scalar>() -> Array2<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../matfact-cli/data/digits.npy");
    match read_matrix(path).unwrap() {
        MatrixData::Dense(x) => x,
        MatrixData::Sparse(_) => panic!("the digits are dense"),
    }
}

/// The folder of the sets that are not part of the project: `MATFACT_DATA`, or the sibling folder
/// `shared/data` of the project.
fn outside_data(file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("MATFACT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

/// scikit-learn's rank-10 errors of the digits: 760.1178 (exact SVD), 857.67 (NMF, nndsvda, tol 1e-4).
fn digits_reach_the_known_errors<T: Scalar>() {
    let x = digits::<T>();
    let norm = x
        .iter()
        .map(|v| v.as_f64() * v.as_f64())
        .sum::<f64>()
        .sqrt();
    let svd = TruncatedSvd::new(10).fit(&x).unwrap();
    let error = svd.report.relative_error.unwrap() * norm;
    assert!(
        (error - 760.1178).abs() < 2e-3,
        "SVD of {}: {error}",
        T::NAME
    );
    let nmf = Nmf::new(10).init(Init::Nndsvda).fit(&x).unwrap();
    let error = nmf.report.relative_error.unwrap() * norm;
    assert!(nmf.report.converged());
    assert!(error <= 857.67, "NMF of {}: {error}", T::NAME);
}

#[test]
fn digits_reach_the_known_errors_in_single_precision() {
    digits_reach_the_known_errors::<f32>();
}

#[test]
fn digits_reach_the_known_errors_in_double_precision() {
    digits_reach_the_known_errors::<f64>();
}

#[test]
fn digits_have_the_same_models_for_any_number_of_threads() {
    let x = digits::<f32>();
    let nmf = |threads| {
        Nmf::new(10)
            .fit_with(&x, &mut Run::new().threads(threads))
            .unwrap()
            .model
    };
    let svd = |threads| {
        TruncatedSvd::new(10)
            .fit_with(&x, &mut Run::new().threads(threads))
            .unwrap()
            .model
    };
    for threads in [2, 7] {
        assert_eq!(nmf(1), nmf(threads));
        assert_eq!(svd(1), svd(threads));
    }
}

/// scikit-learn's coordinate descent ends at 0.85223 from nndsvd and from nndsvda alike.
#[test]
fn reuters_has_topics_as_good_as_the_known_ones_that_a_reader_recognizes() {
    let Some(path) = outside_data("reuters-lda/docword.mtx") else {
        return;
    };
    let counts = read_matrix::<f32>(&path).unwrap();
    let weights = tf_idf(counts.as_matrix()).unwrap();
    let nmf = Nmf::new(20).init(Init::Nndsvd).tol(1e-6).max_iter(2000);
    let fit = nmf.fit(&weights).unwrap();
    let error = fit.report.relative_error.unwrap();
    assert!(error <= 0.85223 + 1e-5, "{error}");

    let vocabulary = std::fs::read_to_string(path.with_file_name("vocab.txt")).unwrap();
    let words: Vec<&str> = vocabulary.lines().collect();
    let strongest = |topic: usize| {
        let h = fit.model.h();
        let mut columns: Vec<usize> = (0..words.len()).collect();
        columns.sort_by(|a, b| h[[topic, *b]].total_cmp(&h[[topic, *a]]));
        let names = columns[..8].iter().map(|column| words[*column]);
        names.collect::<Vec<_>>()
    };
    let topics: Vec<Vec<&str>> = (0..20).map(strongest).collect();
    // Themes of the stories of 1996.
    for theme in THEMES {
        let found = topics
            .iter()
            .any(|topic| theme.iter().all(|word| topic.contains(word)));
        assert!(found, "{theme:?} in {topics:#?}");
    }
}

/// scikit-learn ends at 0.02512 after 200 iterations and at 0.02511 after 2000, in double precision.
#[test]
fn samson_is_unmixed_as_well_as_known() {
    let Some(path) = outside_data("samson/X.npy") else {
        return;
    };
    let pixels = read_matrix::<f64>(&path).unwrap();
    let nmf = Nmf::new(3).tol(1e-6).max_iter(2000);
    let fit = nmf.fit(pixels.as_matrix()).unwrap();
    let error = fit.report.relative_error.unwrap();
    assert!(error <= 0.02511, "{error}");
}

/// The ratings of a set, and five folds of them: every fifth is held out in turn.
#[expect(
    clippy::type_complexity,
    reason = "a list of pairs of lists of triplets"
)]
fn five_folds(all: &Ratings<f32>) -> Vec<(Ratings<f32>, Vec<(usize, usize, f32)>)> {
    let shape = matfact::ObservedEntries::shape(all);
    (0..5)
        .map(|fold| {
            let (mut train, mut test) = (Vec::new(), Vec::new());
            for (position, triplet) in all.triplets().enumerate() {
                // A fixed scramble, so that a fold is not a stripe of the table.
                let place = (position * 48_271 % 99_991) % 5;
                if place == fold {
                    test.push(triplet);
                } else {
                    train.push(triplet);
                }
            }
            let train = Ratings::from_triplets(shape, train, Duplicates::Error).unwrap();
            (train, test)
        })
        .collect()
}

/// Masked NMF with its defaults; the bar is 0.94, and Surprise's NMF reaches 0.963 on folds of the
/// same size.
#[test]
fn movielens_100k_is_predicted_well_by_masked_nmf() {
    let Some(path) = outside_data("ml-100k/ratings.tsv.gz") else {
        return;
    };
    let all = read_ratings::<f32>(path, &RatingsOptions::default())
        .unwrap()
        .ratings;
    let mut sum = 0.0;
    for (train, test) in five_folds(&all) {
        let fit = matfact::nmf::MaskedNmf::new(10).fit(&train).unwrap();
        let history = &fit.report.history;
        assert!(history.windows(2).all(|pair| pair[1] <= pair[0]));
        let squares = test.iter().map(|(user, item, rating)| {
            let predicted = matfact::Factorization::predict(&fit.model, *user, *item);
            f64::from(predicted.unwrap().clamp(1.0, 5.0) - rating).powi(2)
        });
        sum += (squares.sum::<f64>() / test.len() as f64).sqrt();
    }
    assert!(
        sum / 5.0 <= 0.925,
        "mean RMSE of the five folds: {}",
        sum / 5.0
    );
}

/// Biased SGD at rank 100 with its defaults, every fifth rating held out in turn. Surprise's SVD
/// reaches 0.934 on folds of the same size.
#[test]
fn movielens_100k_is_predicted_well_and_the_same_for_any_number_of_threads() {
    let Some(path) = outside_data("ml-100k/ratings.tsv.gz") else {
        return;
    };
    let all = read_ratings::<f32>(path, &RatingsOptions::default())
        .unwrap()
        .ratings;
    let mut sum = 0.0;
    for (fold, (train, test)) in five_folds(&all).into_iter().enumerate() {
        let fit = |threads: usize| -> FactorModel<f32> {
            Sgd::new(100)
                .fit_with(&train, &mut Run::new().threads(threads))
                .unwrap()
                .model
        };
        let model = fit(2);
        if fold == 0 {
            assert_eq!(model, fit(1));
            assert_eq!(model, fit(7));
        }
        let squares = test.iter().map(|(user, item, rating)| {
            let predicted = model
                .predict_or_fallback(Some(*user), Some(*item))
                .clamp(1.0, 5.0);
            f64::from((predicted - rating) * (predicted - rating))
        });
        sum += (squares.sum::<f64>() / test.len() as f64).sqrt();
    }
    assert!(
        sum / 5.0 <= 0.930,
        "mean RMSE of the five folds: {}",
        sum / 5.0
    );
}
