//! `matfact fit ials`, `bpr`, `warp`, `logistic`, `popularity` and `svdpp`: from a file to lists.

use crate::common::{Folder, lines, ratings};

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
