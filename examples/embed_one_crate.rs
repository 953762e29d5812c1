//! One algorithm embedded in an application: `matfact-sgd` and `matfact-core`, nothing else.
//!
//! A shop keeps stars by customer and article; every night it fits, and serves recommendations with
//! the parts that a score is made of.

use matfact_core::{
    Cancellation, Duplicates, Factorizer, ObservedEntries, Progress, Ratings, Recommend, Run,
};
use matfact_sgd::Sgd;
use std::time::Duration;

const ARTICLES: [&str; 6] = ["tent", "stove", "lamp", "novel", "atlas", "poems"];

fn main() -> matfact_core::Result<()> {
    // Customers 0 to 3 camp, 4 to 7 read; (customer, article, stars).
    let stars = (0..8_usize).flat_map(|customer| {
        (0..6_usize)
            .filter(move |article| (customer + article) % 3 != 0)
            .map(move |article| {
                let fits = (customer < 4) == (article < 3);
                (customer, article, if fits { 5.0 } else { 1.5 })
            })
    });
    let ratings = Ratings::<f32>::from_triplets((8, 6), stars, Duplicates::Last)?;

    // The fit reports to the application, and the application can stop it.
    let stop = Cancellation::new();
    let mut log = |progress: &Progress| {
        if progress.iteration.is_multiple_of(50) {
            println!(
                "epoch {}: training RMSE {:.3}",
                progress.iteration, progress.objective
            );
        }
    };
    let mut run = Run::new()
        .threads(1)
        .time_budget(Duration::from_secs(30))
        .cancellation(&stop)
        .observer(&mut log);
    let fit = Sgd::new(2).epochs(150).fit_with(&ratings, &mut run)?;

    for customer in [0, 5] {
        let seen = ratings.row(customer).columns;
        for article in fit.model.recommend(customer, 1, seen)? {
            let parts = fit.model.contributions(customer, article.column)?;
            println!(
                "customer {customer}: {} ({:.1} stars; {:+.1} for taste)",
                ARTICLES[article.column], article.score, parts.interaction
            );
        }
    }
    Ok(())
}
