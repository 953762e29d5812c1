//! Quick start (b): a table of random ratings with five latent factors.

use matfact::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() -> matfact::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let table = Array2::from_shape_simple_fn((10, 20), || f64::from(rng.random_range(0..=5)));
    let ratings = Ratings::from_dense(table.view(), 0.0)?; // 0 means: not rated

    let model = Sgd::new(5)
        .biased(false)
        .epochs(200)
        .regularization(0.01)
        .fit(&ratings)?
        .model;
    let (users, items) = (model.row_factors(), model.column_factors());

    println!("User factors (10 x 5):\n{users:.2}\n");
    println!("Item factors (20 x 5):\n{items:.2}\n");
    println!("User · itemᵀ:\n{:.1}", users.dot(&items.t()));
    Ok(())
}
