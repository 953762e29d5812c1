//! `matfact compare`.

use crate::common::{Folder, lines, number, ratings};
use serde_json::Value;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.texts();
    folder
}

fn results(object: &Value) -> &Vec<Value> {
    object["results"].as_array().unwrap()
}

#[test]
fn algorithms_are_measured_on_the_same_rest() {
    let folder = folder();
    let object = folder.json(
        "compare r.tsv --algorithms als,sgd,popularity,svd --ranks 2,4 --holdout 0.2 --seed 3 \
         --metrics rmse,ndcg@10 --relevant-from 4",
    );
    let names: Vec<(&str, Option<u64>)> = results(&object)
        .iter()
        .map(|line| (line["algorithm"].as_str().unwrap(), line["rank"].as_u64()))
        .collect();
    let expected = [
        ("als", Some(2)),
        ("als", Some(4)),
        ("sgd", Some(2)),
        ("sgd", Some(4)),
        ("popularity", None),
        ("svd", Some(2)),
        ("svd", Some(4)),
    ];
    assert_eq!(names, expected);
    // As `evaluate` measures them.
    let alone = folder.json(
        "evaluate als r.tsv --rank 4 --holdout 0.2 --seed 3 --metrics rmse,ndcg@10 --relevant-from 4",
    );
    assert_eq!(results(&object)[1]["metrics"], alone["metrics"]);
    assert_eq!(results(&object)[1]["intervals"], alone["intervals"]);
    // What ranks, or takes absent ratings for zero, predicts no ratings.
    for line in &results(&object)[4..] {
        assert!(line["metrics"].get("rmse").is_none(), "{line:#}");
        assert!(number(line, "/metrics/ndcg@10") > 0.0);
    }
    let best = object["best"]["rmse"].clone();
    let values = results(&object)[..4].iter();
    let least = values
        .min_by(|a, b| number(a, "/metrics/rmse").total_cmp(&number(b, "/metrics/rmse")))
        .unwrap();
    assert_eq!(
        (&best["algorithm"], &best["rank"]),
        (&least["algorithm"], &least["rank"])
    );
    for line in &results(&object)[..4] {
        let behind = line.get("behind").is_some();
        assert_eq!(behind, line != least);
        if behind {
            let gap = number(line, "/metrics/rmse") - number(least, "/metrics/rmse");
            assert!((number(line, "/behind/difference") - gap).abs() < 1e-12);
        }
    }
}

#[test]
fn folds_and_tables_are_told() {
    let folder = folder();
    let line = "compare r.tsv --algorithms als,bpr --ranks 2 --folds 2 --set bpr.epochs=3";
    let object = folder.json(line);
    for result in results(&object) {
        assert!(number(result, "/deviations/ndcg@10") >= 0.0);
    }
    // Users are drawn for both folds at once.
    let two = folder.json("compare r.tsv --algorithms als --ranks 1,4 --folds 2 --metrics rmse");
    let (a, b) = (&results(&two)[0], &results(&two)[1]);
    let (best, other) = match a.get("behind") {
        None => (a, b),
        Some(_) => (b, a),
    };
    assert!(best.get("behind").is_none());
    let gap = number(other, "/metrics/rmse") - number(best, "/metrics/rmse");
    assert!((number(other, "/behind/difference") - gap).abs() < 1e-12);
    let (low, high) = (
        number(other, "/behind/interval/0"),
        number(other, "/behind/interval/1"),
    );
    assert!(low < gap && gap < high, "{low} {gap} {high}");
    assert_eq!(results(&object)[1]["parameters"]["epochs"], 3);
    let text = folder.ok(line).out;
    for part in [
        "algorithm",
        "each of 2 folds in turn",
        " *",
        "between folds",
        "seconds",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn matrices_are_compared_by_what_is_left_out() {
    let folder = folder();
    let object =
        folder.json("compare counts.mtx --algorithms nmf,svd,pca,minibatch-nmf --ranks 1,2,4");
    let error = |at: usize| number(&results(&object)[at], "/metrics/relative error");
    for at in [0, 3, 6, 9] {
        assert!(
            error(at) > error(at + 1) && error(at + 1) > error(at + 2),
            "{object:#}"
        );
    }
    for rank in 0..3 {
        assert!(
            error(3 + rank) <= error(rank) + 1e-5,
            "the SVD is the best of its rank"
        );
    }
    // A rank that this matrix does not have is told, and the others go on.
    let object = folder.json("compare counts.mtx --algorithms svd --ranks 2,400");
    assert!(
        results(&object)[1]["failure"]
            .as_str()
            .unwrap()
            .contains("400")
    );
    assert_eq!(object["best"]["relative error"]["rank"], 2);
    let text = folder
        .ok("compare counts.mtx --algorithms svd --ranks 2,400")
        .out;
    assert!(text.contains("failed: "), "{text}");
}

#[test]
fn the_options_of_an_algorithm_may_stand_in_a_file() {
    let folder = folder();
    folder.write(
        "c.toml",
        "input = \"r.tsv\"\nalgorithms = [\"als\", \"sgd\"]\nranks = [2]\nmetrics = [\"rmse\"]\n\
         [als]\nmax-iter = 3\nunbiased = true\n[sgd]\nlearning_rate = 0.01\n",
    );
    let object = folder.json("compare --config c.toml");
    let parameters = |at: usize| results(&object)[at]["parameters"].clone();
    assert_eq!(parameters(0)["max_iter"], 3);
    assert_eq!(parameters(0)["biased"], false);
    assert_eq!(parameters(1)["learning_rate"], 0.01);
    for (content, part) in [
        (
            "[als]\nmax-itr = 3\n",
            "c.toml:2: unknown key \"max-itr\" (is it \"max-iter\"?)",
        ),
        (
            "[nearest]\nmax-iter = 3\n",
            "c.toml:1: unknown table [nearest]",
        ),
        (
            "[als]\nmax-iter = [3]\n",
            "c.toml:2: max-iter takes one value",
        ),
    ] {
        folder.write("c.toml", content);
        folder
            .line("compare r.tsv --algorithms als --config c.toml")
            .refused(3, part);
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = folder();
    let before = folder.names();
    for case in CASES.lines().filter(|case| !case.is_empty()) {
        let (line, part) = case.split_once(" -> ").unwrap();
        let (code, line) = line.split_once(' ').unwrap();
        folder.line(line).refused(code.parse().unwrap(), part);
        assert_eq!(folder.names(), before, "{case}");
    }
}

const CASES: &str = "
2 compare r.tsv -> --algorithms <LIST>
2 compare --algorithms als -> <INPUT>
2 compare r.tsv --algorithms alz -> --algorithms alz is not allowed: it must be one of those compiled in: nmf
2 compare r.tsv --algorithms als,als -> --algorithms als is not allowed: it must be given once
2 compare r.tsv --algorithms als --ranks 0 -> --ranks 0 is not allowed: it must be at least 1
2 compare r.tsv --algorithms als --ranks 2,2 -> --ranks 2 is not allowed: it must be at least 1 each, and given once
2 compare r.tsv --algorithms als --ranks two -> not a whole number
2 compare r.tsv --algorithms als --rank 2 -> --rank 2 is not allowed: it must be left out: --ranks
2 compare r.tsv --algorithms als --model m -> --model m is not allowed: it must be left out: `matfact fit`
2 compare r.tsv --algorithms als --folds 2 --holdout 0.1 -> --folds 2 is not allowed
2 compare r.tsv --algorithms als --folds 1 -> --folds 1 is not allowed
2 compare r.tsv --algorithms als --holdout 1 -> --holdout 1 is not allowed
2 compare r.tsv --algorithms als --tf-idf -> --tf-idf given is not allowed
2 compare r.tsv --algorithms als,bpr --metrics rmse -> --metrics rmse is not allowed: it must be ones of lists too, such as ndcg@10, for bpr
2 compare r.tsv --algorithms als --metrics ndgc -> ndgc
2 compare r.tsv --algorithms als --metrics rmse,rmse -> given once
2 compare r.tsv --algorithms als --set als -> --set als is not allowed: it must be ALGORITHM.OPTION=VALUE
2 compare r.tsv --algorithms als --set sgd.epochs=3 -> it must be for one of the algorithms compared: als
2 compare r.tsv --algorithms als --set als.epochs=3 -> it must be of an option of `matfact fit als`
2 compare r.tsv --algorithms als --set als.max-itr=3 -> (is it max-iter?)
2 compare r.tsv --algorithms als --set als.rank=3 -> it must be of an option that only this algorithm has
2 compare r.tsv --algorithms als --set als.unbiased=1 -> true or false
2 compare r.tsv --algorithms als --set als.max-iter=many -> 'many' for '--max-iter <N>'
2 compare r.tsv --algorithms als --set als.regularization=-1 -> --regularization -1 is not allowed
2 compare counts.mtx --algorithms nmf,als -> --algorithms als is not allowed: it must be one of nmf, minibatch-nmf, svd, pca for a matrix
2 compare counts.mtx --algorithms nmf --folds 3 -> --folds given is not allowed: it must be left out for a matrix
2 compare counts.mtx --algorithms svd --ranks 400 -> some of which one can be fitted
2 compare r.tsv --algorithms als --names words.txt -> it must be left out without --report
2 compare r.tsv --algorithms als --report r.tsv -> another file than the data
4 compare r.tsv --algorithms als --report none/r.html -> none: no such folder
4 compare r.tsv --algorithms als --report r.html --names gone.txt -> gone.txt: No such file
4 compare gone.tsv --algorithms als -> gone.tsv: No such file
3 compare words.txt --algorithms als -> words.txt
";
