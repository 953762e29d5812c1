//! Algorithms chosen at run time, from a configuration: one loop compares them on the same data.

use matfact::{Algorithm, Factorizer, Input, ndarray::Array2};

const CONFIGURATIONS: &str = r#"[
    {"algorithm": "nmf", "rank": 3},
    {"algorithm": "nmf", "rank": 3, "init": "random", "seed": 7, "tol": 1e-6},
    {"algorithm": "svd", "rank": 3, "power_iterations": 4},
    {"algorithm": "sgd", "rank": 3}
]"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let x = Array2::from_shape_fn((60, 40), |(i, j)| {
        let (row, column) = (i as f64 / 60.0, j as f64 / 40.0);
        1.0 + row * column + (3.0 * row).sin() * (1.0 - column)
    });
    let algorithms: Vec<Algorithm> = serde_json::from_str(CONFIGURATIONS)?;
    for algorithm in &algorithms {
        match algorithm.fit(&Input::from(&x)) {
            Ok(fit) => println!("{}", fit.report),
            // What absent entries mean is part of the input: ratings are another kind.
            Err(error) => println!("{}: {error}", algorithm.name()),
        }
    }
    Ok(())
}
