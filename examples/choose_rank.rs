//! How many components? Cross-validation asks which rank predicts entries that were held out;
//! consensus asks at which rank restarts sort the rows alike.

use matfact::io::{MatrixData, read_matrix};
use matfact::ndarray::{Array2, Axis};
use matfact::{Consensus, CrossValidation, Nmf};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Images of 8 x 8 pixels (UCI, CC BY 4.0), one a row: the first 200 of 1797.
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/matfact-cli/data/digits.npy"
    );
    let MatrixData::Dense(images) = read_matrix::<f32>(path)? else {
        return Err("the digits are a dense matrix".into());
    };
    let (images, _) = images.view().split_at(Axis(0), 200);
    let ranks = [2, 4, 6, 8, 10, 12, 16, 20];
    let scores = CrossValidation::new(Nmf::new(1).max_iter(100), ranks)
        .repeats(3)
        .fit(&images)?;
    println!("digits, a tenth of the pixels held out three times:\n{scores}\n");

    // Texts of four kinds, fifteen each.
    let counts = texts(4, 15);
    let table = Consensus::new(Nmf::new(1), 2..=6)
        .restarts(20)
        .fit(&counts)?;
    println!("60 generated texts of 4 kinds, 20 restarts at each rank:\n{table}");
    let rank = table.suggested_rank();
    if let Some(entry) = table.at(rank) {
        println!("kinds found: {:?}", entry.labels);
    }
    Ok(())
}

/// Counts of 40 words: each kind of text has ten that are its own, and all share some.
fn texts(kinds: usize, of_each: usize) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    Array2::from_shape_fn((kinds * of_each, 10 * kinds), |(text, word)| {
        let own = text / of_each == word / 10;
        let most = if own { 8 } else { 2 };
        f64::from(rng.random_range(0..=most))
    })
}
