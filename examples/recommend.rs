//! From ratings to recommendations, and how good they are: a holdout, metrics of ratings and of lists, two
//! algorithms compared on the same users, then lists by name.
//!
//! The ratings are generated: 300 readers with two favourite genres each, and 120 books of six genres.

use matfact::eval::{Evaluation, Metric, Resampling, SearchSpace, Split, compare, grid_search};
use matfact::prelude::*;
use matfact::{RecommendOptions, Recommender, Similarities, Similarity};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const GENRES: [&str; 6] = ["crime", "poetry", "history", "travel", "comics", "science"];
const BOOKS: usize = 120;
const READERS: usize = 300;

fn main() -> matfact::Result<()> {
    let ratings = generate()?;
    let split = Split::leave_out(&ratings, 3, 1)?;

    // Which penalty? Every point is measured on the readers' held-out books.
    let space = SearchSpace::new().choices("regularization", [0.3, 1.0, 3.0, 10.0]);
    let rmse = Evaluation::new([Metric::Rmse]);
    let search = grid_search(&space, Metric::Rmse.larger_is_better(), |point| {
        let als = Als::new(6).regularization(point.number("regularization")?);
        Ok(rmse.of(&als.fit(&split.train)?.model, &split)?[0].value)
    })?;
    println!(
        "best of {} points: {}",
        search.trials.len(),
        search.best().point
    );

    // Errors of ratings, and of lists those books that a reader will like.
    let als = Als::new(6).regularization(search.best().point.number("regularization")?);
    let model = als.fit(&split.train)?.model;
    let metrics = [Metric::Rmse, Metric::Ndcg(10), Metric::Coverage(10)];
    let evaluation = Evaluation::new(metrics).relevant_from(4.0);
    let scores = evaluation.of(&model, &split)?;
    for score in &scores {
        match score.interval(&Resampling::new())? {
            Some(interval) => println!("{score} ({:.3} to {:.3})", interval.low, interval.high),
            None => println!("{score}"),
        }
    }

    // More than chance?
    let biases = Als::new(1).regularization(1e6).fit(&split.train)?.model;
    let without_taste = evaluation.of(&biases, &split)?;
    let comparison = compare(&scores[0], &without_taste[0], &Resampling::new())?;
    println!(
        "RMSE against biases alone: {:+.3}, better in {:.0} % of the draws\n",
        comparison.difference,
        100.0 * comparison.first_better
    );

    // Lists for everybody at once, without what they have read.
    let recommender = Recommender::new(&model);
    let options = RecommendOptions::new().count(3).exclude(&ratings);
    let lists = recommender.for_all(&options)?;
    for reader in [0, 1, 2] {
        let titles: Vec<String> = lists.list(reader).map(|book| title(book.column)).collect();
        let [a, b] = favourites(reader);
        println!("reader {reader} ({a}, {b}): {}", titles.join(", "));
    }
    let similar = Similarities::of_columns(&model, Similarity::Cosine);
    let titles: Vec<String> = similar
        .nearest(7, 3)?
        .iter()
        .map(|b| title(b.column))
        .collect();
    println!("like {}: {}", title(7), titles.join(", "));
    Ok(())
}

fn title(book: usize) -> String {
    format!(
        "{} {}",
        GENRES[book % GENRES.len()],
        book / GENRES.len() + 1
    )
}

fn favourites(reader: usize) -> [&'static str; 2] {
    let first = reader % GENRES.len();
    [
        GENRES[first],
        GENRES[(first + 1 + reader / 6 % 5) % GENRES.len()],
    ]
}

fn generate() -> matfact::Result<Ratings<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut triplets = Vec::new();
    for reader in 0..READERS {
        let favourites = favourites(reader);
        for book in 0..BOOKS {
            let liked = favourites.contains(&GENRES[book % GENRES.len()]);
            if rng.random::<f64>() < if liked { 0.4 } else { 0.15 } {
                let stars = if liked { 4.5 } else { 2.5 } + rng.random_range(-1.0..1.0);
                let stars: f32 = stars;
                triplets.push((reader, book, stars.round().clamp(1.0, 5.0)));
            }
        }
    }
    Ratings::from_triplets((READERS, BOOKS), triplets, Duplicates::Error)
}
