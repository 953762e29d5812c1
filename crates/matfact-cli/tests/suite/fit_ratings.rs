//! `matfact fit sgd` and `matfact fit als`.

use crate::common::{Folder, bits, lines, number, ratings};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

#[test]
fn the_object_has_every_field_of_a_fit() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let object = folder.json("fit sgd r.tsv --rank 4 --holdout 0.2 --seed 3 --threads 2");
    assert_eq!(object["algorithm"], "sgd");
    assert_eq!(object["shape"], serde_json::json!([60, 40]));
    for (field, expected) in [("rank", 4.0), ("threads", 2.0), ("seed", 3.0)] {
        assert_eq!(number(&object, &format!("/{field}")), expected, "{field}");
    }
    let stored = number(&object, "/stored") / ratings().len() as f64;
    assert!((0.75..0.85).contains(&stored), "{stored}");
    for field in [
        "seconds",
        "load_seconds",
        "objective",
        "iterations",
        "peak_memory_bytes",
    ] {
        assert!(number(&object, &format!("/{field}")) > 0.0, "{field}");
    }
    assert_eq!(object["stop"], "max-iterations");
    let history = object["history"].as_array().unwrap();
    assert_eq!(history.len() as f64, number(&object, "/iterations"));
    for part in ["train", "test", "predict_the_mean"] {
        let (rmse, mae) = (
            number(&object, &format!("/{part}/rmse")),
            number(&object, &format!("/{part}/mae")),
        );
        assert!(0.0 < mae && mae <= rmse, "{part} {rmse} {mae}");
    }
    assert!(object.get("relative_error").is_none());
    let text = folder.ok("fit sgd r.tsv --rank 4 --holdout 0.2").out;
    for part in [
        "sgd  60 x 40",
        "train",
        "test",
        "mean instead",
        "RMSE",
        "not kept",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(folder.names(), ["r.tsv"]);
}

#[test]
fn the_model_is_better_than_the_mean() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let object =
        folder.json("fit sgd r.tsv --rank 4 --epochs 200 --regularization 0.02 --holdout 0.1");
    let test = number(&object, "/test/rmse");
    assert!(
        test < 0.8 * number(&object, "/predict_the_mean/rmse"),
        "{object:#}"
    );
}

#[test]
fn the_model_does_not_depend_on_the_threads() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let models = [1, 2, 7].map(|threads| {
        folder.ok(&format!(
            "fit sgd r.tsv --rank 5 --holdout 0.1 --threads {threads} --model {threads}.safetensors"
        ));
        folder.model(&format!("{threads}.safetensors"))
    });
    for model in &models[1..] {
        assert_eq!(bits(model), bits(&models[0]));
        assert_eq!(model.record, models[0].record);
        assert_eq!(
            (&model.row_ids, &model.column_ids),
            (&models[0].row_ids, &models[0].column_ids)
        );
        assert_eq!(model.report["history"], models[0].report["history"]);
    }
}

#[test]
fn every_form_of_text_gives_the_same_model() {
    let folder = Folder::new();
    let all = ratings();
    folder.write("tab.tsv", lines(&all, "\t"));
    let mut quoted = "timestamp,user_id,movieId,rating\r\n".to_owned();
    for (user, item, rating) in &all {
        quoted.push_str(&format!("881250949,\"{user}\",\"{item}\",{rating}.0\r\n"));
    }
    folder.write("comma.csv", quoted);
    folder.write(
        "colons.dat",
        lines(&all, "::").replace('\n', "::978300760\n"),
    );
    folder.write("spaces.txt", lines(&all, "   "));
    folder.write("semicolon.csv", format!("\u{feff}{}", lines(&all, ";")));
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(lines(&all, "\t").as_bytes()).unwrap();
    folder.write("packed.tsv.gz", packed.finish().unwrap());
    let fit = |name: &str, rest: &str| {
        let model = format!("{name}.safetensors");
        folder.ok(&format!(
            "fit sgd {name} --rank 3 --epochs 5 --model {model} {rest}"
        ));
        folder.model(&model)
    };
    let first = fit("tab.tsv", "");
    let users: Vec<&str> = first.row_ids.as_ref().unwrap().iter().collect();
    assert_eq!((users.len(), users[1]), (60, "u1"));
    for (name, rest) in [
        ("tab.tsv", "--separator tab --header false"),
        ("comma.csv", "--header true"),
        ("colons.dat", "--separator ::"),
        ("spaces.txt", ""),
        ("semicolon.csv", ""),
        ("packed.tsv.gz", ""),
    ] {
        let model = fit(name, rest);
        assert_eq!(bits(&model), bits(&first), "{name}");
        assert_eq!(model.record.attributes, first.record.attributes, "{name}");
        assert_eq!(
            (&model.row_ids, &model.column_ids),
            (&first.row_ids, &first.column_ids),
            "{name}"
        );
    }
}

#[test]
fn a_test_file_is_measured_and_may_name_strangers() {
    let folder = Folder::new();
    let all = ratings();
    folder.write("train.tsv", lines(&all[..1000], "\t"));
    folder.write(
        "test.tsv",
        format!("{}stranger\tfilm-1\t4\n", lines(&all[1000..], "\t")),
    );
    let object = folder.json("fit sgd train.tsv --rank 2 --test test.tsv");
    assert_eq!(number(&object, "/stored"), 1000.0);
    assert!(number(&object, "/test/rmse") > 0.0);
    assert!(number(&object, "/predict_the_mean/rmse") > 0.0);
    folder
        .line("fit sgd train.tsv --rank 2 --test gone.tsv")
        .refused(4, "gone.tsv");
    folder.write("bad.tsv", "u1\tfilm-1\t4\nu1\tfilm-2\tx4\n");
    folder
        .line("fit sgd train.tsv --rank 2 --test bad.tsv")
        .refused(3, "bad.tsv:2:3: ");
}

#[test]
fn a_model_without_biases_has_the_factors_alone() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.ok("fit sgd r.tsv --rank 2 --unbiased --model u.safetensors");
    folder.ok("fit sgd r.tsv --rank 2 --model b.safetensors --precision f64");
    let names = |name: &str| bits(&folder.model(name)).into_keys().collect::<Vec<_>>();
    assert_eq!(
        names("u.safetensors"),
        ["col_factors", "mean", "row_factors"]
    );
    assert_eq!(
        names("b.safetensors"),
        ["col_bias", "col_factors", "mean", "row_bias", "row_factors"]
    );
    assert_eq!(folder.model("u.safetensors").parameters["biased"], false);
    // A stranger gets the mean, and not the lowest rating, which is nearest to a product of nothing.
    let all = ratings();
    let mean = all.iter().map(|rating| f64::from(rating.2)).sum::<f64>() / all.len() as f64;
    let object = folder.json("predict u.safetensors --user nobody --item film-1");
    assert!(
        (number(&object, "/predictions/0/prediction") - mean).abs() < 1e-6,
        "{object:#}"
    );
}

#[test]
fn a_pair_rated_twice_is_refused_until_a_rule_is_chosen() {
    let folder = Folder::new();
    folder.write(
        "r.tsv",
        "ada\talien\t5\nada\theat\t3\nbob\talien\t2\nada\talien\t1\n",
    );
    let ended = folder.line("fit sgd r.tsv --rank 1 --model m.safetensors");
    ended.refused(3, "r.tsv:4: ");
    for part in [
        "\"ada\"",
        "\"alien\"",
        "on line 1",
        "--duplicates last",
        "--duplicates sum",
    ] {
        assert!(ended.err.contains(part), "{part}: {ended:?}");
    }
    assert_eq!(folder.names(), ["r.tsv"]);
    for (rule, highest) in [("last", "3.0"), ("sum", "6.0")] {
        let line = format!("fit sgd r.tsv --rank 1 --duplicates {rule} --model m.safetensors");
        let ended = folder.ok(&line);
        assert!(
            ended
                .err
                .contains("notice: 1 ratings of pairs rated before"),
            "{ended:?}"
        );
        let model = folder.model("m.safetensors");
        assert_eq!(model.record.attributes["rating_maximum"], highest);
        assert_eq!(number(&model.report, "/stored"), 3.0);
    }
}

#[test]
fn lines_that_cannot_be_read_are_skipped_on_demand_and_counted() {
    let folder = Folder::new();
    folder.write(
        "r.csv",
        "ada,alien,5\nada,heat\nbob,alien,two\nbob,heat,1\n,alien,3\ncy,heat,nan\n",
    );
    folder
        .line("fit sgd r.csv --rank 1")
        .refused(3, "r.csv:2:3: missing field");
    let ended = folder.ok("fit sgd r.csv --rank 1 --on-error skip --json");
    assert!(ended.err.contains("notice: 4 lines skipped"), "{ended:?}");
    for line in ["line 2", "line 3", "line 5", "line 6"] {
        assert!(ended.err.contains(line), "{line}: {ended:?}");
    }
    let object: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (number(&object, "/stored"), object["shape"][0].as_u64()),
        (2.0, Some(2))
    );
}

#[test]
fn a_share_that_holds_nothing_out_says_so() {
    let folder = Folder::new();
    folder.write("r.tsv", "ada\talien\t5\nbob\theat\t3\n");
    let ended = folder.ok("fit sgd r.tsv --rank 1 --holdout 0.000001");
    assert!(
        ended.err.contains("notice: --holdout chose no rating"),
        "{ended:?}"
    );
    folder
        .line("fit sgd r.tsv --rank 1 --holdout 0.999999")
        .refused(2, "leaves none of 2 ratings to train on");
}

#[test]
fn alternating_least_squares_fit_keep_and_predict() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let object = folder.json(
        "fit als r.tsv --rank 4 --regularization 0.3 --holdout 0.1 --seed 3 --model m.safetensors",
    );
    assert_eq!(object["algorithm"], "als");
    let test = number(&object, "/test/rmse");
    let mean = number(&object, "/predict_the_mean/rmse");
    assert!(test < 0.8 * mean, "{object:#}");
    let history = object["history"].as_array().unwrap();
    let falls = history.windows(2);
    assert!(
        falls
            .into_iter()
            .all(|pair| pair[1].as_f64() <= pair[0].as_f64())
    );
    let deviation = object["chosen"]["deviation"].as_str().unwrap();
    assert!(deviation.parse::<f64>().unwrap() > 0.0);
    let (user, item, _) = &ratings()[0];
    let told = folder
        .ok(&format!(
            "predict m.safetensors --user {user} --item {item}"
        ))
        .out;
    assert!(told.lines().count() >= 1, "{told}");
    for threads in [1, 7] {
        folder.ok(&format!(
            "fit als r.tsv --rank 4 --regularization 0.3 --holdout 0.1 --seed 3 --threads {threads} --model t.safetensors"
        ));
        assert_eq!(
            bits(&folder.model("t.safetensors")),
            bits(&folder.model("m.safetensors"))
        );
    }
    let told = folder.ok("fit als r.tsv --rank 4 --unbiased").out;
    assert!(told.contains("als  60 x 40"), "{told}");
}
