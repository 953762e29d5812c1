//! Generated ratings of films by SGD, with recommendations and their reasons.

use super::{Part, fit_and_keep};
use crate::arguments::DemoOptions;
use crate::input::{Accuracy, Seen, hold_out};
use matfact::{
    Algorithm, Duplicates, Error, FactorModel, Input, ObservedEntries, Ratings, Recommend, Result,
    Sgd,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::path::Path;

const GENRES: [&str; 6] = [
    "Western",
    "Comedy",
    "Horror",
    "Romance",
    "Mystery",
    "Space opera",
];
const FILMS_PER_GENRE: usize = 50;
const VIEWERS: usize = 1000;
const RATINGS_PER_VIEWER: usize = 40;
const SEED: u64 = 1;
const RANK: usize = 8;

pub(super) fn run(options: &DemoOptions, folder: &Path) -> Result<Part> {
    let all = generate()?;
    let (train, test) = hold_out(&all, 0.1, SEED)?;
    let algorithm = Algorithm::Sgd(Sgd::new(RANK).epochs(40));
    let fit = fit_and_keep(options, &algorithm, &Input::from(&train), folder)?;
    let Some(model) = fit.model.factors() else {
        return Err(Error::UnsupportedModel {
            algorithm: "sgd".to_owned(),
            capability: "recommend",
        });
    };
    let tested = Accuracy::of_model(&fit.model, Seen::of(&train), test.iter().copied())?;
    let mean = train.mean();
    let baseline = Accuracy::of(test.iter().map(|pair| (mean, f64::from(pair.value))));
    let (Some(tested), Some(baseline)) = (tested, baseline) else {
        return Err(Error::EmptyInput {
            rows: VIEWERS,
            columns: all.shape().1,
            stored: 0,
        });
    };
    let viewer = 7;
    let recommendations = recommend(model, &train, viewer)?;
    let mut text = format!(
        "Ratings (generated, no real people): {VIEWERS} viewers, {} films, {} ratings of 1 to 5\n\n  \
         {:<26}{:>9}\n  {:<26}{:>9.4}\n  {:<26}{:>9.4}\n\n  \
         {} epochs in {:.3} s; {} ratings were held out.\n\n\
         Three recommendations for viewer {viewer}:\n",
        all.shape().1,
        all.observed(),
        "on held-out ratings",
        "RMSE",
        "predict the mean",
        baseline.rmse,
        format!("biased SGD, rank {RANK}"),
        tested.rmse,
        fit.report.iterations,
        fit.report.seconds.total(),
        test.len(),
    );
    for film in &recommendations {
        text.push_str(&format!(
            "  {:<16}{:.1}  {}\n",
            film.title, film.score, film.reason
        ));
    }
    let list: Vec<_> = recommendations
        .iter()
        .map(|r| json!({ "film": r.title, "score": r.score, "reason": r.reason }))
        .collect();
    let json = json!({
        "generated": true,
        "rank": RANK,
        "epochs": fit.report.iterations,
        "seconds": fit.report.seconds.total(),
        "test": tested.to_json(),
        "predict_the_mean": baseline.to_json(),
        "recommendations": list,
    });
    Ok(Part { text, json })
}

/// Each viewer loves two genres and is cold towards the others; films differ in quality, viewers in
/// mood, and all of it in chance.
fn generate() -> Result<Ratings<f32>> {
    let films = GENRES.len() * FILMS_PER_GENRE;
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let quality: Vec<f32> = (0..films).map(|_| rng.random_range(-0.6..0.6)).collect();
    let mut triplets = Vec::new();
    for viewer in 0..VIEWERS {
        let mood: f32 = rng.random_range(-0.4..0.4);
        let loved = [
            rng.random_range(0..GENRES.len()),
            rng.random_range(0..GENRES.len()),
        ];
        for _ in 0..RATINGS_PER_VIEWER {
            let film = rng.random_range(0..films);
            let taste = if loved.contains(&(film / FILMS_PER_GENRE)) {
                1.2
            } else {
                -0.5
            };
            let noise: f32 = rng.random_range(-0.5..0.5);
            let rating = (3.0 + mood + quality[film] + taste + noise)
                .round()
                .clamp(1.0, 5.0);
            triplets.push((viewer, film, rating));
        }
    }
    Ratings::from_triplets((VIEWERS, films), triplets, Duplicates::Last)
}

struct Recommended {
    title: String,
    score: f32,
    reason: String,
}

fn title(film: usize) -> String {
    format!(
        "{} {}",
        GENRES[film / FILMS_PER_GENRE],
        film % FILMS_PER_GENRE + 1
    )
}

fn recommend(
    model: &FactorModel<f32>,
    train: &Ratings<f32>,
    viewer: usize,
) -> Result<Vec<Recommended>> {
    let seen = train.row(viewer);
    let best = model.recommend(viewer, 3, seen.columns)?;
    best.into_iter()
        .map(|film| {
            let parts = model.contributions(viewer, film.column)?;
            let liked = seen
                .columns
                .iter()
                .zip(seen.values)
                .filter(|(_, rating)| **rating >= 4.0)
                .max_by(|a, b| {
                    let similarity = |column: u32| cosine(model, film.column, column as usize);
                    similarity(*a.0).total_cmp(&similarity(*b.0))
                });
            let because = match liked {
                Some((column, rating)) => {
                    format!("; most like {}, rated {rating}", title(*column as usize))
                }
                None => String::new(),
            };
            let reason = format!(
                "mean {:.1}, viewer {:+.1}, film {:+.1}, taste {:+.1}{because}",
                parts.mean, parts.row_bias, parts.column_bias, parts.interaction
            );
            Ok(Recommended {
                title: title(film.column),
                score: film.score.clamp(1.0, 5.0),
                reason,
            })
        })
        .collect()
}

fn cosine(model: &FactorModel<f32>, a: usize, b: usize) -> f32 {
    let factors = model.column_factors();
    let (a, b) = (factors.row(a), factors.row(b));
    let norms = (a.dot(&a) * b.dot(&b)).sqrt();
    if norms > 0.0 { a.dot(&b) / norms } else { 0.0 }
}
