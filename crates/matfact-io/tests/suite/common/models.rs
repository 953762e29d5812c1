//! What the tests of model files share.

use super::Folder;
use matfact_core::ndarray::{Array1, array};
use matfact_core::{Error, ModelRecord};
use matfact_io::{Ids, ModelFile, load_model, save_model};
use serde_json::json;
use std::fs;

pub fn ids(names: &[&str]) -> Ids {
    let mut ids = Ids::new();
    for name in names {
        ids.insert(name).unwrap();
    }
    ids
}

pub fn sample() -> ModelFile {
    let mut record = ModelRecord::new("nmf");
    record.insert(
        "w",
        &array![
            [1.0_f32, -0.0],
            [f32::MIN_POSITIVE / 4.0, f32::MAX],
            [0.1, 2.5]
        ],
    );
    record.insert(
        "h",
        &array![[0.1_f64, 5e-324, -0.0], [f64::MAX, 1.0 / 3.0, 7.0]],
    );
    record.insert("none", &Array1::<f32>::zeros(0));
    record
        .attributes
        .insert("solver".into(), "hals \"quoted\" \u{e9}\n".into());
    ModelFile {
        parameters: json!({ "rank": 2, "tol": 1e-4, "third": 0.333_333_333_333_333_3 }),
        report: json!({ "history": [3.5, 1.25], "stop": "converged" }),
        seed: u64::MAX,
        row_ids: Some(ids(&["ada", "", "caf\u{e9}"])),
        column_ids: Some(ids(&["x", "y", "z"])),
        ..ModelFile::new(record)
    }
}

pub fn saved(folder: &Folder, file: &ModelFile) -> Vec<u8> {
    let path = folder.at("saved");
    save_model(&path, file).unwrap();
    fs::read(path).unwrap()
}

/// The reason for which a file of these bytes is called corrupt.
pub fn corrupt(folder: &Folder, bytes: &[u8]) -> String {
    match load_model(folder.write("model", bytes)) {
        Err(Error::Corrupt { reason, path }) => {
            assert_eq!(path, folder.at("model"));
            reason
        }
        other => panic!("{other:?}"),
    }
}
