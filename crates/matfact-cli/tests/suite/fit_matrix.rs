//! `matfact fit nmf` and `matfact fit svd`.

use crate::common::{Folder, bits, number};
use flate2::{Compression, write::GzEncoder};
use matfact::core::TensorValues;
use std::io::Write;

#[test]
fn the_object_has_every_field_of_a_fit() {
    let folder = Folder::new();
    folder.matrix(60, 20);
    for algorithm in ["nmf", "svd"] {
        let line = format!("fit {algorithm} x.npy --rank 4 --seed 7 --threads 2");
        let object = folder.json(&line);
        assert_eq!(object["algorithm"], algorithm);
        assert_eq!(object["shape"], serde_json::json!([60, 20]));
        for (field, expected) in [
            ("stored", 1200.0),
            ("rank", 4.0),
            ("threads", 2.0),
            ("seed", 7.0),
        ] {
            assert_eq!(
                number(&object, &format!("/{field}")),
                expected,
                "{algorithm} {field}"
            );
        }
        for field in ["seconds", "load_seconds", "relative_error", "iterations"] {
            assert!(
                number(&object, &format!("/{field}")) > 0.0,
                "{algorithm} {field}"
            );
        }
        assert!(number(&object, "/objective").is_finite());
        assert!(number(&object, "/relative_error") < 0.1, "{object:#}");
        assert!(number(&object, "/peak_memory_bytes") > 1e6);
        assert!(["converged", "max-iterations"].contains(&object["stop"].as_str().unwrap()));
        let history = object["history"].as_array().unwrap();
        if algorithm == "nmf" {
            assert_eq!(history.len() as f64, number(&object, "/iterations"));
        }
        assert!(
            object
                .get("certificate")
                .is_some_and(|certificate| !certificate.is_null())
        );
        assert!(object.get("train").is_none());
        let text = folder.ok(&line).out;
        assert!(
            text.contains(&format!("{algorithm}  60 x 20, 1 200 entries, rank 4, f32")),
            "{text}"
        );
        assert!(text.contains("relative error"), "{text}");
        assert!(text.contains("not kept"), "{text}");
    }
    assert_eq!(folder.names(), ["x.npy"]);
}

#[test]
fn the_svd_is_never_worse_than_nmf_of_its_rank() {
    let folder = Folder::new();
    folder.matrix(60, 20);
    let error = |algorithm: &str| {
        number(
            &folder.json(&format!("fit {algorithm} x.npy --rank 3")),
            "/relative_error",
        )
    };
    assert!(error("svd") <= error("nmf"));
}

#[test]
fn the_model_does_not_depend_on_the_threads() {
    let folder = Folder::new();
    folder.matrix(700, 90);
    for algorithm in ["nmf", "svd"] {
        let models = [1, 2, 7].map(|threads| {
            folder.ok(&format!(
                "fit {algorithm} x.npy --rank 6 --threads {threads} --model {threads}.safetensors"
            ));
            folder.model(&format!("{threads}.safetensors"))
        });
        for model in &models[1..] {
            assert_eq!(bits(model), bits(&models[0]), "{algorithm}");
            assert_eq!(model.record, models[0].record, "{algorithm}");
            assert_eq!(model.parameters, models[0].parameters, "{algorithm}");
            for field in ["objective", "history", "iterations", "certificate", "stop"] {
                assert_eq!(
                    model.report[field], models[0].report[field],
                    "{algorithm} {field}"
                );
            }
        }
    }
}

#[test]
fn double_precision_is_kept_in_the_model() {
    let folder = Folder::new();
    folder.matrix(60, 20);
    for (algorithm, tensor, shape) in [("nmf", "w", [60, 4]), ("svd", "u", [60, 4])] {
        let fit = |precision: &str| {
            let model = format!("{precision}.safetensors");
            let line =
                format!("fit {algorithm} x.npy --rank 4 --precision {precision} --model {model}");
            let error = number(&folder.json(&line), "/relative_error");
            let object = folder.json(&format!("inspect {model}"));
            assert_eq!(object["tensors"][tensor]["type"], precision);
            assert_eq!(object["tensors"][tensor]["shape"], serde_json::json!(shape));
            error
        };
        let (single, double) = (fit("f32"), fit("f64"));
        assert!(
            (single - double).abs() < 1e-3 * double,
            "{algorithm} {single} {double}"
        );
    }
}

#[test]
fn the_reasons_to_stop_are_told() {
    let folder = Folder::new();
    folder.matrix(200, 60);
    let fit = |rest: &str| folder.json(&format!("fit nmf x.npy --rank 4 {rest}"));
    let object = fit("--target-error 0.3");
    assert_eq!(object["stop"], "target-error");
    assert!(number(&object, "/relative_error") <= 0.3);
    let object = fit("--tol 0 --max-iter 5");
    assert_eq!(
        (&object["stop"], number(&object, "/iterations")),
        (&"max-iterations".into(), 5.0)
    );
    assert_eq!(fit("--tol 0.5")["stop"], "converged");
    let object = fit("--tol 0 --max-iter 1000000000 --time-budget 0.01s");
    assert_eq!(object["stop"], "time-budget");
    assert!(number(&object, "/seconds") < 30.0);
}

#[test]
fn every_hyper_parameter_reaches_the_model_file() {
    let folder = Folder::new();
    folder.matrix(60, 20);
    folder.ok(
        "fit nmf x.npy --rank 3 --init random --max-iter 9 --tol 0.001 --target-error 0.01 \
         --sweeps 2 --alpha-w 0.001 --alpha-h 0.002 --l1-ratio 0.5 --seed 5 --model nmf.safetensors",
    );
    let parameters = folder.model("nmf.safetensors").parameters;
    for (field, expected) in [
        ("rank", 3.0),
        ("max_iter", 9.0),
        ("tol", 0.001),
        ("target_error", 0.01),
        ("sweeps", 2.0),
        ("alpha_w", 0.001),
        ("alpha_h", 0.002),
        ("l1_ratio", 0.5),
        ("seed", 5.0),
    ] {
        assert_eq!(
            number(&parameters, &format!("/{field}")),
            expected,
            "{field}"
        );
    }
    assert_eq!(parameters["init"], "random");
    folder
        .ok("fit svd x.npy --rank 3 --oversampling 4 --power-iterations 2 --model svd.safetensors");
    let parameters = folder.model("svd.safetensors").parameters;
    assert_eq!(number(&parameters, "/oversampling"), 4.0);
    assert_eq!(number(&parameters, "/power_iterations"), 2.0);
}

#[test]
fn the_svd_takes_methods_tolerances_and_errors() {
    let folder = Folder::new();
    folder.matrix(400, 300);
    let object = folder.json("fit svd x.npy --relative-error 0.2 --tol 1e-5 --model s.st");
    assert_eq!(object["chosen"]["method"], "gram-lanczos");
    assert!(number(&object, "/relative_error") <= 0.2);
    let rank = number(&object, "/rank");
    let file = folder.model("s.st");
    assert_eq!(file.record.tensors["s"].shape, [rank as usize]);
    assert_eq!(number(&file.parameters, "/rank"), 0.2);
    let worst = |line: &str| {
        let object = folder.json(line);
        let sides = &object["certificate"]["triplet-residuals"];
        let residuals = ["left", "right"].map(|side| sides[side].as_array().unwrap().clone());
        let worst = residuals.iter().flatten().map(|r| r.as_f64().unwrap());
        (worst.fold(0.0, f64::max), object["stop"].clone())
    };
    let rounding = "fit svd x.npy --rank 5 --method lanczos --tol 0 --precision f64";
    let (residual, stop) = worst(rounding);
    assert!(residual < 1e-13 && stop == "converged", "{residual} {stop}");
    let powers = "fit svd x.npy --rank 5 --method block-krylov --power-iterations 1";
    let (residual, stop) = worst(powers);
    assert!(
        residual > 1e-6 && stop == "max-iterations",
        "{residual} {stop}"
    );
    folder
        .line("fit svd x.npy --relative-error 0.2 --method randomized")
        .refused(2, "lanczos or exact");
    folder
        .line("fit svd x.npy --rank 3 --tol -1")
        .refused(2, "finite and above 0");
    folder.line("fit svd x.npy").refused(2, "--rank");
}

#[test]
fn matrix_market_files_are_expanded_as_their_banner_says() {
    let folder = Folder::new();
    folder.write(
        "symmetric.mtx",
        "%%MatrixMarket matrix coordinate integer symmetric\n2 2 3\n1 1 2\n2 1 1\n2 2 2\n",
    );
    let object =
        folder.json("fit svd symmetric.mtx --rank 2 --precision f64 --model s.safetensors");
    assert_eq!(
        (number(&object, "/stored"), object["shape"][0].as_u64()),
        (4.0, Some(2))
    );
    assert!(number(&object, "/relative_error") < 1e-7, "{object:#}");
    let TensorValues::F64(values) = &folder.model("s.safetensors").record.tensors["s"].values
    else {
        panic!("the singular values are not f64");
    };
    assert!(
        (values[0] - 3.0).abs() < 1e-12 && (values[1] - 1.0).abs() < 1e-12,
        "{values:?}"
    );

    let pattern = "%%MatrixMarket matrix coordinate pattern general\n% two blocks\n4 3 6\n1 1\n1 2\n2 1\n2 2\n3 3\n4 3\n";
    folder.write("pattern.mtx", pattern);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(pattern.as_bytes()).unwrap();
    folder.write("packed.mtx.gz", packed.finish().unwrap());
    for name in ["pattern.mtx", "packed.mtx.gz"] {
        let object = folder.json(&format!("fit nmf {name} --rank 2"));
        assert_eq!(object["shape"], serde_json::json!([4, 3]));
        assert_eq!(number(&object, "/stored"), 6.0);
        assert!(number(&object, "/relative_error") < 1e-3, "{object:#}");
    }
}

#[test]
fn a_model_replaces_the_one_before_and_leaves_nothing_else() {
    let folder = Folder::new();
    folder.matrix(60, 20);
    folder.write("m.safetensors", "old");
    let text = folder
        .ok("fit nmf x.npy --rank 2 --model m.safetensors")
        .out;
    assert!(text.contains("m.safetensors"), "{text}");
    assert_eq!(folder.names(), ["m.safetensors", "x.npy"]);
    assert_eq!(folder.model("m.safetensors").record.algorithm, "nmf");
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_the_model_so_far() {
    use std::process::{Command, Stdio};
    use std::time::Duration;
    let folder = Folder::new();
    folder.matrix(400, 100);
    let line = "fit nmf x.npy --rank 8 --init random --tol 0 --max-iter 1000000000 --time-budget 60s --model m.safetensors --json";
    let mut program = folder.program();
    program
        .args(line.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = program.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let ended = child.wait_with_output().unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{err}");
    assert!(err.contains("interrupted"), "{err}");
    let object: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(object["stop"], "cancelled");
    assert_eq!(
        folder.model("m.safetensors").record.tensors["w"].shape,
        [400, 8]
    );
}
