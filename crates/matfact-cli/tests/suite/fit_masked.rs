//! `matfact fit masked-nmf`, and what its models predict.

use crate::common::{Folder, bits, lines, number, ratings};

#[test]
fn the_object_has_the_errors_beside_those_of_the_mean() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let object = folder.json("fit masked-nmf r.tsv --rank 3 --holdout 0.2 --seed 3 --threads 2");
    assert_eq!(object["algorithm"], "masked-nmf");
    assert_eq!(object["shape"], serde_json::json!([60, 40]));
    for part in ["train", "test", "predict_the_mean"] {
        let (rmse, mae) = (
            number(&object, &format!("/{part}/rmse")),
            number(&object, &format!("/{part}/mae")),
        );
        assert!(0.0 < mae && mae <= rmse, "{part} {rmse} {mae}");
    }
    // Each user likes every second item: two components know that.
    assert!(
        number(&object, "/test/rmse") < 0.6 * number(&object, "/predict_the_mean/rmse"),
        "{object:#}"
    );
    let history = object["history"].as_array().unwrap();
    let falls = |pair: &[serde_json::Value]| pair[1].as_f64() <= pair[0].as_f64();
    assert!(history.len() > 2 && history.windows(2).all(falls));
    let text = folder.ok("fit masked-nmf r.tsv --rank 3 --holdout 0.2").out;
    for part in [
        "masked-nmf  60 x 40",
        "relative error",
        "train",
        "test",
        "mean instead",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn every_option_reaches_the_fit() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.ok(
        "fit masked-nmf r.tsv --rank 2 --loss kullback-leibler --max-iter 7 --tol 0 --passes 3 \
         --regularization 0.5 --alpha-w 0.25 --alpha-h 0.125 --l1-ratio 0.5 --penalty-scaling plain \
         --max-w 3 --max-h 4 --seed 9 --precision f64 --model m.safetensors",
    );
    let model = folder.model("m.safetensors");
    assert_eq!(
        model.parameters,
        serde_json::json!({
            "algorithm": "masked-nmf", "rank": 2, "loss": "kullback-leibler", "max_iter": 7,
            "tol": 0.0, "passes": 3, "regularization": 0.5, "alpha_w": 0.25, "alpha_h": 0.125,
            "l1_ratio": 0.5, "penalty_scaling": "plain", "max_w": 3.0, "max_h": 4.0, "seed": 9,
        })
    );
    assert_eq!(number(&model.report, "/iterations"), 7.0);
    let attributes = &model.record.attributes;
    for (name, expected) in [
        ("loss", "kullback-leibler"),
        ("penalty_by_weights", "false"),
        ("max_w", "3.0"),
        ("rating_minimum", "1.0"),
        ("rating_maximum", "5.0"),
    ] {
        assert_eq!(attributes[name], expected, "{name}");
    }
    let names: Vec<String> = bits(&model).into_keys().collect();
    assert_eq!(names, ["h", "typical", "w"]);
    let text = folder.ok("inspect m.safetensors").out;
    for part in [
        "model of masked-nmf, seed 9",
        "60 x 2 f64",
        "2 x 40 f64",
        "first u0, u1, u2",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_model_does_not_depend_on_the_threads() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let models = [1, 2, 7].map(|threads| {
        folder.ok(&format!(
            "fit masked-nmf r.tsv --rank 5 --threads {threads} --model {threads}.safetensors"
        ));
        folder.model(&format!("{threads}.safetensors"))
    });
    for model in &models[1..] {
        assert_eq!(bits(model), bits(&models[0]));
        assert_eq!(model.report["history"], models[0].report["history"]);
    }
}

#[test]
fn pairs_are_predicted_by_their_ids_and_strangers_get_the_mean() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let fit = folder.json("fit masked-nmf r.tsv --rank 3 --model m.safetensors");
    let again = folder.json("predict m.safetensors r.tsv");
    for measure in ["rmse", "mae"] {
        let (fitted, predicted) = (
            number(&fit, &format!("/train/{measure}")),
            number(&again, &format!("/accuracy/{measure}")),
        );
        assert!((fitted - predicted).abs() < 1e-6, "{measure}");
    }
    // What is liked and what is not.
    folder.write(
        "pairs.csv",
        "u4,film-2\nu4,film-3\nnobody,film-2\nu4,nothing\n",
    );
    let object = folder.json("predict m.safetensors pairs.csv");
    let predicted = |i: usize| number(&object, &format!("/predictions/{i}/prediction"));
    assert!(predicted(0) > 3.0 && predicted(1) < 2.5, "{object:#}");
    let all = ratings();
    let mean = all.iter().map(|rating| f64::from(rating.2)).sum::<f64>() / all.len() as f64;
    for stranger in [2, 3] {
        assert!((predicted(stranger) - mean).abs() < 1e-6, "{object:#}");
    }
    assert_eq!(object["unknown"].as_u64(), Some(2));
}

#[test]
fn predictions_stay_in_the_range_of_the_ratings_unless_told_otherwise() {
    let folder = Folder::new();
    // (1, 2, 4) times (1, 2, 4), without its largest entry.
    folder.write(
        "r.txt",
        "a x 1\na y 2\na z 4\nb x 2\nb y 4\nb z 8\nc x 4\nc y 8\n",
    );
    folder.ok("fit masked-nmf r.txt --rank 1 --regularization 0 --tol 1e-9 --max-iter 1000 --model m.safetensors");
    let asked = "predict m.safetensors --user c --item z";
    let clipped = number(&folder.json(asked), "/predictions/0/prediction");
    let free = number(
        &folder.json(&format!("{asked} --no-clip")),
        "/predictions/0/prediction",
    );
    assert_eq!(clipped, 8.0);
    assert!((free - 16.0).abs() < 0.01, "{free}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = Folder::new();
    folder.write("r.tsv", "ada\talien\t5\nbob\theat\t-3\n");
    folder
        .line("fit masked-nmf r.tsv --rank 1 --model m.safetensors")
        .refused(
            3,
            "r.tsv: the entry at row 1, column 1 (counted from 0) is -3: masked-nmf needs entries >= 0; \
             `matfact fit sgd` takes any sign",
        );
    assert_eq!(folder.names(), ["r.tsv"]);
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.ok("fit masked-nmf r.tsv --rank 2 --model m.safetensors");
    folder.matrix(4, 40);
    folder
        .line("transform m.safetensors x.npy --output w.npy")
        .refused(2, "models of nmf, svd and pca can");
}
