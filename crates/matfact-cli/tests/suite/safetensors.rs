//! Python's safetensors opens a model as it is, where Python and that package are installed.

use crate::common::{Folder, lines, ratings};
use matfact::core::TensorValues;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

const SCRIPT: &str = r#"
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], framework="numpy") as file:
    metadata = file.metadata()
    tensors = {name: file.get_tensor(name) for name in file.keys()}
offsets = tensors["row_ids.offsets"]
text = tensors["row_ids.text"].tobytes()
print(json.dumps({
    "metadata": metadata,
    "first_row_id": text[offsets[0]:offsets[1]].decode(),
    "tensors": {name: [str(t.dtype), list(t.shape), t.ravel().tolist()] for name, t in tensors.items()},
}))
"#;

/// The interpreter of `MATFACT_TEST_PYTHON`, or `python3`, if it has the package.
fn python() -> Option<String> {
    let python = std::env::var("MATFACT_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(&python);
    let found = command.args(["-c", "import safetensors, numpy"]).output();
    found
        .is_ok_and(|ended| ended.status.success())
        .then_some(python)
}

#[test]
fn python_opens_a_model_as_it_is() {
    let Some(python) = python() else {
        println!("skipped: neither python3 nor MATFACT_TEST_PYTHON has safetensors and numpy");
        return;
    };
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.ok("fit als r.tsv --rank 3 --model m.safetensors");
    let ended = Command::new(python)
        .args(["-c", SCRIPT, "m.safetensors"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let read: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let model = folder.model("m.safetensors");
    assert_eq!(read["metadata"]["format"], "matfact");
    assert_eq!(read["metadata"]["algorithm"], "als");
    let report: Value = serde_json::from_str(read["metadata"]["report"].as_str().unwrap()).unwrap();
    assert_eq!(report, model.report);
    assert_eq!(
        read["first_row_id"],
        model.row_ids.as_ref().unwrap().name(0)
    );
    let tensors: BTreeMap<String, (String, Vec<usize>, Vec<f64>)> =
        serde_json::from_value(read["tensors"].clone()).unwrap();
    assert_eq!(tensors.len(), model.record.tensors.len() + 4);
    for (name, tensor) in &model.record.tensors {
        let (dtype, shape, values) = &tensors[name];
        let TensorValues::F32(ours) = &tensor.values else {
            panic!("{name} is of f32");
        };
        let ours: Vec<f64> = ours.iter().map(|v| f64::from(*v)).collect();
        assert_eq!(
            (&dtype[..], shape, values),
            ("float32", &tensor.shape, &ours),
            "{name}"
        );
    }
}

/// What is not finite in a report has no number in JSON, and comes back as NaN.
#[test]
fn reports_are_read_back() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.matrix(12, 8);
    for (fit, has_objective) in [
        ("popularity r.tsv", false),
        ("als r.tsv --rank 2", true),
        ("bpr r.tsv --rank 2 --epochs 3", true),
        ("svd x.npy --rank 2", true),
        ("nmf x.npy --rank 2 --restarts 2 --init random", true),
    ] {
        folder.ok(&format!("fit {fit} --model m"));
        let saved = folder.model("m").report;
        let report: matfact::FitReport = serde_json::from_value(saved.clone()).unwrap();
        assert_eq!(
            report.objective.is_finite(),
            has_objective,
            "{fit}: {report:?}"
        );
        assert_eq!(serde_json::to_value(&report).unwrap(), saved, "{fit}");
    }
}
