//! `matfact fit ials`, `bpr`, `warp`, `logistic`, `popularity` and `svdpp`: from a file to lists.

use crate::common::{Folder, lines, ratings};
use matfact::io::save_model;
use matfact::{AnyModel, Persist};

/// What users like, `user item` a line.
fn liked() -> Vec<(String, String, u8)> {
    let all = ratings().into_iter();
    all.filter(|(_, _, rating)| *rating >= 3).collect()
}

#[test]
fn every_model_is_saved_and_gives_lists() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let pairs = liked()
        .into_iter()
        .map(|(user, item, _)| format!("{user}\t{item}\n"));
    folder.write("p.tsv", pairs.collect::<String>());
    for (name, options) in [
        ("svdpp", "r.tsv --rank 3"),
        ("ials", "p.tsv --rank 3"),
        (
            "ials",
            "r.tsv --rank 3 --positive-from 3 --confidence logarithmic --solver conjugate-gradients",
        ),
        (
            "ials",
            "p.tsv --rank 3 --solver block-coordinate-descent --solver-block 2",
        ),
        ("bpr", "p.tsv --rank 3 --epochs 20"),
        (
            "warp",
            "r.tsv --rank 3 --epochs 20 --positive-from 3 --negative-sampling popularity",
        ),
        ("logistic", "p.tsv --rank 3 --epochs 20 --negatives 2"),
        ("popularity", "p.tsv"),
    ] {
        folder.ok(&format!("fit {name} {options} --model m.safetensors"));
        assert_eq!(folder.json("inspect m.safetensors")["algorithm"], *name);
        let list = folder
            .ok("recommend m.safetensors --user u3 --exclude r.tsv --count 6")
            .out;
        assert_eq!(list.lines().count(), 6, "{name}: {list}");
        folder.ok("predict m.safetensors --user u3 --item film-4");
        if name != "popularity" {
            let alike = folder
                .ok("similar m.safetensors --item film-3 --count 4")
                .out;
            assert_eq!(alike.lines().count(), 4, "{name}: {alike}");
        }
    }
}

#[test]
fn lists_are_better_than_those_of_popularity_and_the_same_for_any_number_of_threads() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let measured = |algorithm: &str| {
        let object = folder.json(&format!(
            "evaluate {algorithm} --positive-from 3 --metrics rmse,ndcg@5 --folds 3"
        ));
        let metrics = object["metrics"].clone();
        assert!(metrics.get("rmse").is_none(), "a score is no rating");
        metrics["ndcg@5"].as_f64().unwrap()
    };
    let popularity = measured("popularity r.tsv");
    for name in ["ials", "bpr", "warp", "logistic"] {
        let one = measured(&format!("{name} r.tsv --rank 3 --threads 1"));
        assert!(one > popularity, "{name}: {one}, popularity {popularity}");
        assert_eq!(one, measured(&format!("{name} r.tsv --rank 3 --threads 3")));
    }
}

#[test]
fn a_validation_set_stops_the_fit_and_the_best_model_is_kept() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let pairs = || liked().into_iter().enumerate();
    let written = |aside: bool| -> String {
        pairs()
            .filter(|(at, _)| (at % 7 == 3) == aside)
            .map(|(_, (user, item, _))| format!("{user}\t{item}\n"))
            .collect()
    };
    folder.write("train.tsv", written(false));
    folder.write("aside.tsv", written(true));
    for (name, options) in [
        ("bpr", "--epochs 500"),
        ("warp", "--epochs 500 --validation-metric recall@5"),
        ("logistic", "--epochs 500 --validation-metric map@5"),
        ("ials", "--max-iter 100 --tol 0"),
    ] {
        let fit = format!("fit {name} train.tsv --rank 3 --validation aside.tsv {options}");
        let report = folder.json(&format!("{fit} --model best.safetensors"));
        assert_eq!(report["stop"], "no-improvement", "{name}: {report}");
        let looks = report["validation"].as_array().unwrap();
        assert!(
            looks
                .iter()
                .all(|look| (0.0..=1.0).contains(&look.as_f64().unwrap()))
        );
        assert!(report["best_iteration"].as_u64() < report["iterations"].as_u64());
        let told = folder.ok(&fit).out;
        assert!(told.contains("at its best, after iteration"), "{told}");
    }
    // A share of the positives, of ratings of at least 3 alone.
    let report = folder.json(
        "fit bpr r.tsv --rank 3 --positive-from 3 --validation 0.2 --validation-metric ndcg@5",
    );
    assert_eq!(report["chosen"]["validation"], "ndcg@5 every 5");
    folder.json("evaluate warp r.tsv --rank 3 --positive-from 3 --validation 0.1 --metrics ndcg@5");
}

/// What the program saves of SVD++ is what the library folds new users in by, and older files without it are read.
#[test]
fn a_model_of_svdpp_keeps_its_implicit_factors() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.ok("fit svdpp r.tsv --rank 3 --model m.st");
    let file = folder.model("m.st");
    let model = AnyModel::<f32>::from_record(&file.record).unwrap();
    let AnyModel::SvdPlusPlus(svdpp) = &model else {
        panic!("a model of {}", model.kind());
    };
    let items = svdpp.factors().column_factors().dim();
    assert_eq!(svdpp.implicit_factors().dim(), items);
    assert!(svdpp.implicit_factors().iter().any(|value| *value != 0.0));
    // A model half written is refused, one of an older version is not.
    let line = |model: &str| format!("predict {model} --user u3 --item film-4");
    let mut other = file.clone();
    other.record.tensors.remove("implicit_factors").unwrap();
    save_model(folder.at("bad.st"), &other).unwrap();
    folder.line(&line("bad.st")).refused(6, "implicit_factors");
    other.record.attributes.remove("deviation").unwrap();
    save_model(folder.at("old.st"), &other).unwrap();
    assert_eq!(folder.ok(&line("old.st")).out, folder.ok(&line("m.st")).out);
    // LIBMF's format has the factors alone; tables have items' ids beside both.
    folder.ok("export m.st --format libmf --output m.txt");
    folder.ok("export old.st --format libmf --output old.txt");
    let text = |name: &str| std::fs::read_to_string(folder.at(name)).unwrap();
    assert_eq!(text("m.txt"), text("old.txt"));
    folder.ok("export m.st --format tsv --output tables");
    let first = |name: &str| {
        text(name)
            .lines()
            .nth(1)
            .unwrap()
            .split('\t')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        first("tables/implicit_factors.tsv"),
        first("tables/col_factors.tsv")
    );
}
