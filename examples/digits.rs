//! Real data, whole: learn parts of handwritten digits, describe new images by them, save the model
//! and read it back.

use matfact::io::{ModelFile, load_model, read_matrix, save_model};
use matfact::ndarray::Axis;
use matfact::{Factorizer, Nmf, NmfModel, Persist, Transform};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 1797 images of 8 x 8 pixels (UCI, CC BY 4.0), one a row.
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/matfact-cli/data/digits.npy"
    );
    let data = read_matrix::<f32>(path)?;
    let matfact::io::MatrixData::Dense(images) = data else {
        return Err("the digits are a dense matrix".into());
    };
    let (known, new) = images.view().split_at(Axis(0), 1500);

    let fit = Nmf::new(16).fit(&known)?;
    println!("{}", fit.report);
    println!(
        "parts by their share of the images: {:.0?}",
        fit.model.components_by_share()
    );

    // New images in terms of the parts, and how well that describes them.
    let coordinates = fit.model.transform(&new)?;
    let residual = &new - &coordinates.dot(&fit.model.h());
    let error = residual.mapv(|v| v * v).sum().sqrt() / new.mapv(|v| v * v).sum().sqrt();
    println!("relative error on 297 new images: {error:.4}");

    let file = std::env::temp_dir().join("matfact-example-digits.safetensors");
    save_model(&file, &ModelFile::new(fit.model.to_record()))?;
    let again = NmfModel::<f32>::from_record(&load_model(&file)?.record)?;
    println!("read back, equal to the bit: {}", again == fit.model);
    std::fs::remove_file(&file)?;
    Ok(())
}
