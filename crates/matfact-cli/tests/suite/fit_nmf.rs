//! The settings of `matfact fit nmf`, and `--tf-idf`.

use crate::common::{Folder, bits, number};
use matfact::core::TensorValues;
use matfact::io::{MatrixData, read_matrix, save_model};
use serde_json::json;

fn with_matrix() -> Folder {
    let folder = Folder::new();
    folder.matrix(60, 20);
    folder
}

#[test]
fn every_setting_reaches_the_model_file() {
    let folder = with_matrix();
    for (options, field, expected) in [
        ("", "loss", json!("frobenius")),
        ("--loss 2", "loss", json!("frobenius")),
        ("", "solver", json!("auto")),
        ("--solver auto", "solver", json!("auto")),
        ("--solver hals", "solver", json!("hals")),
        (
            "--solver coordinate-descent",
            "solver",
            json!("coordinate-descent"),
        ),
        (
            "--solver coordinate-descent --shuffle",
            "shuffle",
            json!(true),
        ),
        ("", "shuffle", json!(false)),
        ("--init auto", "init", json!("auto")),
        ("--init nndsvdar", "init", json!("nndsvdar")),
        ("--restarts 2", "restarts", json!(2)),
        ("--target-objective 1.5", "target_objective", json!(1.5)),
        ("", "compression", json!(null)),
        ("--compression on", "compression", json!(true)),
        ("--compression off", "compression", json!(false)),
        (
            "--solver coordinate-descent --compression off",
            "compression",
            json!(false),
        ),
        ("--penalty-scaling plain", "penalty_scaling", json!("plain")),
        (
            "--penalty-scaling by-shape",
            "penalty_scaling",
            json!("by-shape"),
        ),
        ("--max-w 2.5", "max_w", json!(2.5)),
        ("--max-h 0.5", "max_h", json!(0.5)),
    ] {
        folder.ok(&format!(
            "fit nmf x.npy --rank 3 --max-iter 3 {options} --model m.safetensors"
        ));
        let parameters = folder.model("m.safetensors").parameters;
        assert_eq!(parameters[field], expected, "{options}");
    }
}

#[test]
fn every_solver_of_squares_reaches_the_same_error() {
    let folder = with_matrix();
    for solver in [
        "hals",
        "coordinate-descent",
        "block-pivoting",
        "multiplicative",
    ] {
        let line = format!("fit nmf x.npy --rank 4 --tol 1e-6 --max-iter 2000 --solver {solver}");
        let object = folder.json(&line);
        assert!(
            number(&object, "/relative_error") < 0.07,
            "{solver}: {object:#}"
        );
        assert_eq!(object["chosen"], json!({ "init": "nndsvda" }), "{solver}");
    }
}

#[test]
fn each_loss_gets_its_solver_and_tells_its_objective() {
    let folder = with_matrix();
    let mut objectives = Vec::new();
    for (loss, solver) in [
        ("kullback-leibler", "scalar-newton"),
        ("1", "scalar-newton"),
        ("itakura-saito", "multiplicative"),
        ("1.5", "multiplicative"),
        ("-0.5", "multiplicative"),
    ] {
        let line = format!("fit nmf x.npy --rank 4 --loss {loss} --max-iter 50");
        let object = folder.json(&line);
        assert_eq!(object["chosen"]["solver"], solver, "{loss}");
        let objective = number(&object, "/objective");
        assert!(objective > 0.0, "{object:#}");
        assert!(
            number(&object, "/certificate/projected-gradient") < 1.0,
            "{object:#}"
        );
        let text = folder.ok(&line).out;
        assert!(
            text.contains(&format!("init nndsvda, solver {solver}")),
            "{text}"
        );
        objectives.push(objective);
    }
    assert_eq!(objectives[0], objectives[1]);
    // Multiplicative updates go for the same minimum, and are slower.
    let slow = folder.json(
        "fit nmf x.npy --rank 4 --loss kullback-leibler --solver multiplicative --max-iter 50",
    );
    assert!(number(&slow, "/objective") >= objectives[0], "{slow:#}");
}

#[test]
fn what_auto_came_to_and_every_start_are_told() {
    let folder = with_matrix();
    let line = "fit nmf x.npy --rank 4 --restarts 3 --seed 5";
    let object = folder.json(line);
    assert_eq!(
        object["chosen"],
        json!({ "init": "nndsvda", "solver": "hals" })
    );
    let starts = object["restarts"].as_array().unwrap();
    let seeds: Vec<_> = starts.iter().map(|start| start["seed"].clone()).collect();
    assert_eq!(seeds, [5, 6, 7]);
    let best = starts
        .iter()
        .min_by(|a, b| number(a, "/objective").total_cmp(&number(b, "/objective")))
        .unwrap();
    assert_eq!(object["seed"], best["seed"]);
    let text = folder.ok(line).out;
    for part in [
        "  chosen          init nndsvda, solver hals",
        "  starts          3, objective ",
        "kept that of seed ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = folder
        .ok("fit nmf x.npy --rank 4 --init random --solver hals")
        .out;
    assert!(
        !text.contains("chosen") && !text.contains("starts"),
        "{text}"
    );
    let object = folder.json("fit nmf x.npy --rank 4 --compression on");
    let told = object["chosen"]["compression"].as_str().unwrap();
    assert!(told.starts_with("rank 14, "), "{told}");
}

#[test]
fn a_separable_start_gives_rows_of_the_matrix() {
    let folder = with_matrix();
    let line = "fit nmf x.npy --rank 3 --init separable --max-iter 0 --precision f64 --model m.safetensors";
    folder.ok(line);
    let TensorValues::F64(h) = &folder.model("m.safetensors").record.tensors["h"].values else {
        panic!("H is not f64");
    };
    let x = matfact::io::read_matrix::<f64>(folder.at("x.npy")).unwrap();
    let matfact::io::MatrixData::Dense(x) = x else {
        panic!("x is dense");
    };
    for part in h.chunks(20) {
        // Up to the scale of each row.
        let parallel = |row: matfact::ndarray::ArrayView1<'_, f64>| {
            let cross: f64 = row.iter().zip(part).map(|(a, b)| a * b).sum();
            let norm: f64 = part.iter().map(|v| v * v).sum();
            cross * cross > (1.0 - 1e-9) * norm * row.dot(&row)
        };
        assert!(x.rows().into_iter().any(parallel), "{part:?}");
    }
    let object = folder.json("fit nmf x.npy --rank 3 --init separable");
    assert!(number(&object, "/relative_error") < 0.2, "{object:#}");
}

#[test]
fn a_target_of_the_objective_ends_a_fit_of_any_loss() {
    let folder = with_matrix();
    for (loss, target) in [("frobenius", 5.0), ("kullback-leibler", 5.0)] {
        let line =
            format!("fit nmf x.npy --rank 4 --loss {loss} --tol 0 --target-objective {target}");
        let object = folder.json(&line);
        assert_eq!(object["stop"], "target-error", "{object:#}");
        assert!(
            number(&object, "/objective") <= target * (1.0 + 1e-6),
            "{object:#}"
        );
    }
}

#[test]
fn bounds_and_penalties_are_kept() {
    let folder = with_matrix();
    let fit = |options: &str| {
        let object = folder.json(&format!(
            "fit nmf x.npy --rank 4 --precision f64 {options} --model m.safetensors"
        ));
        let largest = |name: &str| match &folder.model("m.safetensors").record.tensors[name].values
        {
            TensorValues::F64(values) => values.iter().copied().fold(0.0, f64::max),
            TensorValues::F32(_) => panic!("{name} is not f64"),
        };
        (number(&object, "/objective"), largest("w"), largest("h"))
    };
    let (free, w, h) = fit("");
    assert!(w > 0.3 && h > 0.4, "{w} {h}");
    assert!(fit("--max-w 0.25").1 <= 0.25);
    assert!(fit("--max-h 0.25").2 <= 0.25);
    // With 20 columns, an alpha of 0.1 counts twenty times as much as it says.
    let plain = fit("--alpha-w 0.1 --alpha-h 0 --penalty-scaling plain").0;
    let scaled = fit("--alpha-w 0.1 --alpha-h 0").0;
    assert!(free < plain && plain < scaled, "{free} {plain} {scaled}");
}

#[test]
fn weighted_counts_are_the_same_from_every_file_and_leave_their_weights_in_the_model() {
    let folder = Folder::new();
    folder.texts();
    for algorithm in ["nmf", "svd"] {
        let fit = |input: &str, options: &str| {
            let line = format!("fit {algorithm} {input} --rank 2 {options} --model m.safetensors");
            let object = folder.json(&line);
            (object, folder.model("m.safetensors"))
        };
        let (object, sparse) = fit("counts.mtx", "--tf-idf");
        let (_, dense) = fit("counts.npy", "--tf-idf");
        assert_eq!(bits(&sparse), bits(&dense), "{algorithm}");
        assert_eq!(object["tf_idf"], true);
        assert_eq!(number(&object, "/stored"), 30.0, "{object:#}");
        assert_eq!(sparse.record.tensors["idf"].shape, [6]);
        // The word that is everywhere has the weight 1.
        let TensorValues::F32(idf) = &sparse.record.tensors["idf"].values else {
            panic!("the weights are not f32");
        };
        assert_eq!(idf[5], 1.0);
        assert!(idf[..5].iter().all(|v| *v > 1.0), "{idf:?}");
        let (object, plain) = fit("counts.mtx", "");
        assert_eq!(object["tf_idf"], false);
        assert!(!plain.record.contains("idf"));
        let text = folder
            .ok(&format!("fit {algorithm} counts.mtx --rank 2 --tf-idf"))
            .out;
        assert!(text.contains("weighted        by TF-IDF"), "{text}");
    }
}

#[test]
fn every_weighting_weights_new_rows_as_those_of_the_fit() {
    let folder = Folder::new();
    folder.texts();
    for (name, title, tensor) in [
        ("tf-idf", "TF-IDF", "idf"),
        ("bm25", "BM25", "bm25_idf"),
        ("log-entropy", "log-entropy", "log_entropy"),
    ] {
        let fit = format!("fit svd counts.mtx --rank 2 --weights {name} --tol 0");
        assert_eq!(
            folder.json(&format!("{fit} --model m"))["weights"],
            name,
            "{name}"
        );
        assert!(folder.ok(&fit).out.contains(&format!("by {title};")));
        let model = folder.model("m");
        assert_eq!(model.record.tensors[tensor].shape, [6]);
        let told = folder.json("transform m counts.npy --output c.npy");
        assert_eq!(told["weights"], name);
        let coordinates = match read_matrix::<f32>(folder.at("c.npy")).unwrap() {
            MatrixData::Dense(x) => x,
            MatrixData::Sparse(_) => panic!("dense"),
        };
        // X V = U S only for the weighted X.
        let (u, s) = (
            model.record.matrix::<f32>("u").unwrap(),
            model.record.vector::<f32>("s").unwrap(),
        );
        for (found, expected) in coordinates.iter().zip(&(u * &s)) {
            assert!((found - expected).abs() < 1e-4 * s[0], "{name}");
        }
        let object = folder.json(&format!(
            "compare counts.mtx --algorithms svd --ranks 2 --weights {name}"
        ));
        assert!(object.is_object());
    }
    folder
        .line("fit svd counts.mtx --rank 2 --weights bm25 --tf-idf")
        .refused(2, "cannot be used with");
    folder
        .line("fit svd counts.mtx --rank 2 --weights counts")
        .refused(2, "possible values: tf-idf, bm25, log-entropy");
    // A model whose weighting lost a part.
    folder.ok("fit svd counts.mtx --rank 2 --weights bm25 --model m");
    let mut file = folder.model("m");
    file.record.attributes.remove("bm25_mean_length");
    save_model(folder.at("torn"), &file).unwrap();
    folder
        .line("transform torn counts.npy --output c.npy")
        .refused(6, "bm25_mean_length is not a number");
}
