//! Quick start (a): a small user-item matrix by NMF with two components.

use matfact::prelude::*;

fn main() -> matfact::Result<()> {
    let x = array![
        [5.0, 3.0, 0.0, 1.0],
        [4.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0, 5.0],
        [1.0, 0.0, 0.0, 4.0],
        [0.0, 1.0, 5.0, 4.0],
    ];
    let model = Nmf::new(2).fit(&x)?.model;

    println!("W (users x features):\n{:.2}\n", model.w());
    println!("H (features x items):\n{:.2}\n", model.h());
    println!("W·H:\n{:.2}", model.reconstruct());
    Ok(())
}
