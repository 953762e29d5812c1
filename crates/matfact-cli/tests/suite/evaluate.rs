//! `matfact evaluate`, and validation sets of fits.

use crate::common::{Folder, lines, number, ratings};

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder
}

#[test]
fn a_share_is_held_out_and_measured() {
    let folder = folder();
    let line = "evaluate als r.tsv --rank 3 --holdout 0.2 --seed 4 --metrics rmse,mae,ndcg@10,recall@20,coverage@10";
    let object = folder.json(line);
    assert_eq!(object["algorithm"], "als");
    let all = number(&object, "/train") + number(&object, "/test");
    assert_eq!(all as usize, ratings().len());
    assert!((0.15..0.25).contains(&(number(&object, "/test") / all)));
    let metric = |name: &str| number(&object, &format!("/metrics/{name}"));
    assert!(0.0 < metric("mae") && metric("mae") <= metric("rmse") && metric("rmse") < 1.2);
    for name in ["ndcg@10", "recall@20", "coverage@10"] {
        assert!((0.0..=1.0).contains(&metric(name)), "{name}");
    }
    // Four of five stars are for every second item, of which the lists are made.
    assert!(metric("recall@20") > 0.3, "{object:#}");
    let interval = |at: usize| number(&object, &format!("/intervals/rmse/{at}"));
    assert!(interval(0) < metric("rmse") && metric("rmse") < interval(1));
    assert!(object["intervals"].get("coverage@10").is_none());
    assert_eq!(object["metrics"], folder.json(line)["metrics"]);
    let text = folder.ok("evaluate als r.tsv --rank 3");
    for part in ["held out", "10 % of the ratings", "rmse", "ndcg@10", "95 %"] {
        assert!(text.out.contains(part), "{part}: {}", text.out);
    }
    assert_eq!(
        (&text.err[..], folder.names()),
        ("", vec!["r.tsv".to_owned()])
    );
}

#[test]
fn folds_are_measured_in_turn() {
    let folder = folder();
    for algorithm in ["als", "sgd", "masked-nmf"] {
        let object = folder.json(&format!("evaluate {algorithm} r.tsv --rank 2 --folds 3"));
        let folds = object["folds"].as_array().unwrap();
        assert_eq!(folds.len(), 3);
        for name in ["rmse", "mae", "ndcg@10", "recall@20"] {
            let values: Vec<f64> = folds
                .iter()
                .map(|fold| fold[name].as_f64().unwrap())
                .collect();
            let mean = values.iter().sum::<f64>() / 3.0;
            assert!((number(&object, &format!("/metrics/{name}")) - mean).abs() < 1e-12);
            assert!(number(&object, &format!("/deviations/{name}")) > 0.0);
        }
    }
    let text = folder
        .ok("evaluate als r.tsv --rank 2 --folds 3 --metrics rmse")
        .out;
    assert!(
        text.contains("between folds") && !text.contains("mae"),
        "{text}"
    );
}

#[test]
fn a_test_file_is_measured_as_the_fit_measures_it() {
    let folder = folder();
    let (train, test): (Vec<_>, Vec<_>) = ratings()
        .into_iter()
        .enumerate()
        .partition(|(at, _)| at % 7 != 3);
    let plain = |part: Vec<(usize, _)>| part.into_iter().map(|(_, line)| line).collect::<Vec<_>>();
    folder.write("train.tsv", lines(&plain(train), "\t"));
    folder.write("test.tsv", lines(&plain(test), "\t"));
    let evaluated =
        folder.json("evaluate als train.tsv --rank 3 --test test.tsv --metrics rmse,mae");
    let fitted = folder.json("fit als train.tsv --rank 3 --test test.tsv");
    for name in ["rmse", "mae"] {
        let difference = number(&evaluated, &format!("/metrics/{name}"))
            - number(&fitted, &format!("/test/{name}"));
        assert!(difference.abs() < 1e-6, "{name} {difference}");
    }
    folder.write("more.tsv", "u1\tfilm-1\t3\nnobody\tfilm-1\t3\n");
    let ended = folder.ok("evaluate als train.tsv --rank 3 --test more.tsv");
    assert!(
        ended
            .err
            .starts_with("notice: 1 of 2 test ratings are left out"),
        "{ended:?}"
    );
    // Only what is liked should be in a list.
    let any =
        folder.json("evaluate als train.tsv --rank 3 --test test.tsv --metrics recall-of-all@10");
    let liked = folder.json("evaluate als train.tsv --rank 3 --test test.tsv --metrics recall-of-all@10 --relevant-from 4");
    let value = |object: &serde_json::Value| number(object, "/metrics/recall-of-all@10");
    assert!(value(&liked) > value(&any), "{liked:#} {any:#}");
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let folder = folder();
    folder.matrix(10, 5);
    for (line, code, part) in [
        ("evaluate als r.tsv --rank 2 --metrics ndcg", 2, "ndcg@10"),
        (
            "evaluate als r.tsv --rank 2 --metrics rmse,rmse",
            2,
            "given once",
        ),
        ("evaluate als r.tsv --rank 2 --folds 1", 2, "--folds 1"),
        (
            "evaluate als r.tsv --rank 2 --folds 3 --holdout 0.1",
            2,
            "--folds 3",
        ),
        (
            "evaluate als r.tsv --rank 2 --folds 3 --test r.tsv",
            2,
            "--folds 3",
        ),
        (
            "evaluate als r.tsv --rank 2 --holdout 1.5",
            2,
            "--holdout 1.5",
        ),
        ("evaluate als r.tsv --rank 0", 2, "--rank 0"),
        (
            "evaluate als r.tsv --rank 2 --model m.safetensors",
            2,
            "matfact fit",
        ),
        (
            "evaluate nmf x.npy --rank 2",
            2,
            "als, masked-nmf, sgd, svdpp",
        ),
        ("evaluate als gone.tsv --rank 2", 4, "gone.tsv"),
        ("evaluate als x.npy --rank 2", 3, "matrices (.npy, .mtx)"),
    ] {
        folder.line(line).refused(code, part);
    }
}

#[test]
fn validation_sets_are_read_and_handed_to_the_fit() {
    let folder = folder();
    for (line, code, part) in [
        (
            "fit als r.tsv --rank 2 --validation 1.5",
            2,
            "--validation 1.5",
        ),
        (
            "fit als r.tsv --rank 2 --validation gone.tsv",
            4,
            "gone.tsv",
        ),
    ] {
        folder.line(line).refused(code, part);
    }
    folder.write("strangers.tsv", "nobody\tnothing\t3\n");
    folder
        .line("fit als r.tsv --rank 2 --validation strangers.tsv")
        .refused(2, "--validation");
}
