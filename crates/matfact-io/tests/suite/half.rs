//! Model files in half precision.

use crate::common::Folder;
use crate::common::models::{corrupt, sample};
use matfact_core::ndarray::{Array1, Array2, array};
use matfact_core::{Error, ModelRecord};
use matfact_io::{ModelFile, load_model, save_model, save_model_in_half};
use safetensors::{Dtype, SafeTensors};
use std::fs;

fn factors() -> ModelFile {
    let value = |(i, j): (usize, usize)| ((i * 31 + j * 17) % 97) as f32 / 40.0 - 1.2;
    let mut record = ModelRecord::new("sgd");
    record.insert("row_factors", &Array2::from_shape_fn((300, 20), value));
    record.insert("row_bias", &Array1::linspace(-0.1_f32, 0.1, 300));
    ModelFile::new(record)
}

fn halved(folder: &Folder, file: &ModelFile) -> Vec<u8> {
    let path = folder.at("half");
    save_model_in_half(&path, file).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn matrices_take_half_the_space_and_come_back_rounded_and_vectors_exactly() {
    let folder = Folder::new();
    let file = factors();
    save_model(folder.at("full"), &file).unwrap();
    let full = fs::read(folder.at("full")).unwrap().len();
    let bytes = halved(&folder, &file);
    assert_eq!(full - bytes.len(), 300 * 20 * 2);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let stored = tensors.tensor("row_factors").unwrap();
    assert_eq!(
        (stored.dtype(), stored.shape()),
        (Dtype::F16, &[300, 20][..])
    );

    let back = load_model(folder.at("half")).unwrap();
    let matrix = |file: &ModelFile| file.record.matrix::<f32>("row_factors").unwrap();
    let vector = |file: &ModelFile| file.record.vector::<f32>("row_bias").unwrap();
    assert_eq!(vector(&back), vector(&file));
    assert_ne!(matrix(&back), matrix(&file));
    for (a, b) in matrix(&back).iter().zip(&matrix(&file)) {
        assert!((a - b).abs() <= b.abs() / 2048.0, "{a} for {b}");
    }
    // What is rounded already stays.
    assert_eq!(halved(&folder, &back), bytes);
}

#[test]
fn what_half_precision_cannot_hold_is_refused_by_name_and_nothing_is_written() {
    let folder = Folder::new();
    let refused = |file: &ModelFile| match save_model_in_half(folder.at("none"), file) {
        Err(Error::InvalidModel { reason }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(refused(&sample()).contains("f64"));
    for value in [65520.0_f32, -1e30] {
        let mut file = factors();
        file.record.insert("row_factors", &array![[1.0, value]]);
        let reason = refused(&file);
        assert!(
            reason.contains("row_factors") && reason.contains("65504"),
            "{reason}"
        );
    }
    assert!(!folder.at("none").exists());
    // The largest that there is.
    let mut file = factors();
    file.record.insert("row_factors", &array![[65504.0_f32]]);
    halved(&folder, &file);
    let back = load_model(folder.at("half")).unwrap();
    assert_eq!(
        back.record.matrix::<f32>("row_factors").unwrap()[[0, 0]],
        65504.0
    );
}

#[test]
fn a_flipped_bit_is_corrupt() {
    let folder = Folder::new();
    let bytes = halved(&folder, &factors());
    for at in [bytes.len() - 1, bytes.len() / 2] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(corrupt(&folder, &flipped).contains("checksum"));
    }
}
