//! `matfact tune`.

use crate::common::{Folder, lines, number, ratings};

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.matrix(6, 5);
    folder
}

#[test]
fn a_grid_is_tried_and_the_best_is_a_configuration() {
    let folder = folder();
    folder.write(
        "space.toml",
        "rank = [1, 3]\nregularization = [0.1, 1, 1e4]\nsolver = [\"cholesky\"]\n",
    );
    let object = folder.json(
        "tune als r.tsv --space space.toml --search grid --holdout 0.2 --max-iter 5 --output best.toml",
    );
    let trials = object["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 6);
    let scores: Vec<f64> = trials.iter().map(|trial| number(trial, "/score")).collect();
    let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(number(&object, "/best/score"), least);
    assert_eq!(object["best"]["point"]["solver"], "cholesky");
    // The score is that of `evaluate`, and the configuration that of a fit.
    let point = &object["best"]["point"];
    let line = format!(
        "evaluate als r.tsv --rank {} --regularization {} --solver cholesky --max-iter 5 --holdout 0.2 --metrics rmse",
        point["rank"], point["regularization"]
    );
    assert_eq!(number(&folder.json(&line), "/metrics/rmse"), least);
    let fitted = folder.json("fit --config best.toml");
    assert_eq!(fitted["rank"].as_f64(), point["rank"].as_f64());
    assert!(number(&fitted, "/iterations") <= 5.0 && fitted.get("test").is_none());
    let configuration = std::fs::read_to_string(folder.at("best.toml")).unwrap();
    assert_eq!(object["configuration"], configuration);
}

#[test]
fn every_algorithm_has_a_space_of_its_own() {
    let folder = folder();
    for (algorithm, options) in [
        ("als", "--max-iter 2"),
        ("sgd", "--epochs 2"),
        ("svdpp", "--epochs 2"),
        ("masked-nmf", "--max-iter 2"),
        ("ials", "--max-iter 2"),
        ("bpr", "--epochs 2"),
        ("warp", "--epochs 2"),
        ("logistic", "--epochs 2"),
    ] {
        let line = format!("tune {algorithm} r.tsv {options} --samples 2");
        let object = folder.json(&line);
        // The defaults, and the two that are drawn.
        let trials = object["trials"].as_array().unwrap();
        let by_default: Vec<bool> = trials.iter().map(|t| t["default"] == true).collect();
        assert_eq!(by_default, [true, false, false]);
        let drawn = trials[1]["point"].as_object().unwrap();
        assert!(drawn.contains_key("rank") && drawn.len() > 1, "{object:#}");
        let ranked = ["ials", "bpr", "warp", "logistic"].contains(&algorithm);
        assert_eq!(object["metric"], if ranked { "ndcg@10" } else { "rmse" });
        folder.write("best.toml", object["configuration"].as_str().unwrap());
        folder.ok("fit --config best.toml");
        let fixed = folder.json(&format!("{line} --rank 2 --seed 1"));
        assert!(fixed["best"]["point"].get("rank").is_none());
        assert!(
            fixed["configuration"]
                .as_str()
                .unwrap()
                .contains("rank = 2\n")
        );
    }
    let text = folder
        .ok("tune als r.tsv --rank 2 --max-iter 2 --samples 2")
        .out;
    assert!(
        text.contains("algorithm = \"als\"") && text.contains("\n* "),
        "{text}"
    );
}

#[test]
fn halving_gives_the_better_ones_more() {
    let folder = folder();
    let object = folder.json("tune sgd r.tsv --rank 2 --search halving --samples 9 --epochs 9");
    let trials = object["trials"].as_array().unwrap();
    let budgets: Vec<u64> = trials
        .iter()
        .map(|t| t["iterations"].as_u64().unwrap())
        .collect();
    // The defaults have all.
    assert_eq!(budgets, [&[9], [1; 9].as_slice(), &[3; 3], &[9]].concat());
    let best = &object["best"];
    let configuration = object["configuration"].as_str().unwrap();
    let epochs = format!("epochs = {}\n", best["iterations"]);
    assert!(configuration.contains(&epochs), "{configuration}");
}

/// Ratings of everything by everybody, without a pattern.
fn noise() -> String {
    let mut text = String::new();
    for user in 0..40_u64 {
        for item in 0..20_u64 {
            // SplitMix64.
            let mut z = (20 * user + item + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            text += &format!("{user}\t{item}\t{}\n", 1 + (z >> 33) % 5);
        }
    }
    text
}

/// Noise is learnt by heart, so that the best of halving has few epochs: the configuration says so, and a fit by it has
/// the score.
#[test]
fn the_best_of_all_that_was_tried_is_the_best() {
    let folder = Folder::new();
    folder.write("noise.tsv", noise());
    let command =
        "tune sgd noise.tsv --rank 16 --search halving --samples 9 --epochs 90 --output best.toml";
    let object = folder.json(command);
    let trials = object["trials"].as_array().unwrap();
    let scores = trials.iter().map(|trial| number(trial, "/score"));
    let least = scores.fold(f64::INFINITY, f64::min);
    assert_eq!(number(&object, "/best/score"), least);
    assert!(number(&object, "/best/iterations") < 90.0, "{object:#}");
    let again = folder.json("evaluate --config best.toml --holdout 0.1 --metrics rmse");
    assert_eq!(number(&again, "/metrics/rmse"), least);
}

/// Of samples around the defaults the search takes none that is worse than these.
#[test]
fn the_defaults_are_tried_and_told() {
    let folder = folder();
    let line = "tune sgd r.tsv --rank 2 --samples 3 --learning-rate 0.01";
    let object = folder.json(line);
    let defaults = &object["trials"][0];
    assert_eq!(defaults["point"], serde_json::json!({}));
    let alone = folder
        .json("evaluate sgd r.tsv --rank 2 --learning-rate 0.01 --holdout 0.1 --metrics rmse");
    assert_eq!(defaults["score"], alone["metrics"]["rmse"]);
    assert!(number(&object, "/best/score") <= number(defaults, "/score"));
    let text = folder.ok(line).out;
    assert!(text.contains("the defaults"), "{text}");
    // A space of one's own, and a grid, say what is tried.
    folder.write("space.toml", "regularization = [0.1, 0.2]\n");
    for search in ["grid", "random --samples 2"] {
        let line = format!("tune sgd r.tsv --rank 2 --space space.toml --search {search}");
        assert_eq!(folder.json(&line)["trials"].as_array().unwrap().len(), 2);
    }
}

/// Of the gain over the defaults it is said whether it is chance, by the same users, of one part or of all folds.
#[test]
fn the_gain_is_told_with_its_chance() {
    let folder = folder();
    // Defaults that learn next to nothing.
    let poor = "tune sgd r.tsv --rank 2 --samples 3 --learning-rate 1e-4";
    for held_out in ["", " --folds 3"] {
        let line = format!("{poor}{held_out}");
        let object = folder.json(&line);
        let defaults = &object["trials"][0];
        let gap = number(defaults, "/score") - number(&object, "/best/score");
        assert!((number(defaults, "/behind/difference") - gap).abs() < 1e-12);
        let (low, high) = (
            number(defaults, "/behind/interval/0"),
            number(defaults, "/behind/interval/1"),
        );
        assert!(0.0 < low && low < gap && gap < high, "{object:#}");
        assert_eq!(object["within_chance"], false);
        let others = object["trials"].as_array().unwrap()[1..].iter();
        assert!(others.clone().all(|trial| trial.get("behind").is_none()));
        let text = folder.ok(&line).out;
        let told = format!("  behind  the defaults by {gap:+.4} ({low:+.4} to {high:+.4})");
        assert!(
            text.contains(&told) && text.contains(": more than chance\n"),
            "{text}"
        );
    }
    // Without users' own values, without defaults, and where these are the best, nothing is said.
    folder.write("space.toml", "regularization = [0.05]\n");
    folder.write("poor.toml", "learning-rate = [1e-5]\n");
    for line in [
        "tune bpr r.tsv --rank 2 --samples 2 --epochs 3 --metric coverage@3",
        "tune sgd r.tsv --rank 2 --space space.toml --search grid",
        "tune sgd r.tsv --rank 2 --space poor.toml --samples 2",
    ] {
        let object = folder.json(line);
        assert!(object["within_chance"].is_null(), "{line}: {object:#}");
        assert!(!folder.ok(line).out.contains("  behind  "), "{line}");
    }
}

/// Ratings without any pattern: what is gained there is chance.
#[test]
fn a_gain_on_noise_is_within_chance() {
    let folder = Folder::new();
    folder.write("noise.tsv", noise());
    let line = "tune sgd noise.tsv --rank 2 --samples 6";
    let object = folder.json(line);
    assert_eq!(object["within_chance"], true, "{object:#}");
    let text = folder.ok(&format!("{line} --report r.html")).out;
    let verdict = "within chance: the two cannot be told apart on these data";
    assert!(text.contains(verdict), "{text}");
    let html = std::fs::read_to_string(folder.at("r.html")).unwrap();
    assert!(html.contains(verdict));
}

/// Each try is told where that is asked for, and nothing where it is not.
#[test]
fn tries_are_told_one_by_one() {
    let folder = folder();
    let line = "tune sgd r.tsv --rank 2 --search halving --samples 3 --epochs 9";
    let silent = folder.ok(line);
    assert_eq!(silent.err, "");
    let told = folder.ok(&format!("{line} -v")).err;
    let tries: Vec<&str> = told
        .lines()
        .filter(|line| line.contains(" tried "))
        .collect();
    // The defaults, three, and the best of them.
    assert_eq!(tries.len(), 5, "{told}");
    for (at, line) in tries.iter().enumerate() {
        let part = format!("number={} of=5 score=", at + 1);
        assert!(line.contains(&part), "{line}");
    }
}

#[test]
fn what_fails_is_told_and_does_not_win() {
    let folder = folder();
    folder.write("space.toml", "learning-rate = [1e6, 0.05]\n");
    let object = folder.json("tune sgd r.tsv --rank 2 --space space.toml --search grid");
    assert!(
        object["trials"][0]["failure"]
            .as_str()
            .unwrap()
            .contains("diverged")
    );
    assert_eq!(number(&object, "/best/point/learning-rate"), 0.05);
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let folder = folder();
    for (content, part) in [
        ("", "s.toml:1: it names nothing to search"),
        (
            "rnk = [1]\n",
            "s.toml:1: unknown key \"rnk\" (is it \"rank\"?)",
        ),
        ("rank = []\n", "s.toml:1: rank has no choices"),
        (
            "rank = [1]\nregularization = true\n",
            "s.toml:2: regularization is neither a list of choices",
        ),
        (
            "regularization = { low = 1 }\n",
            "s.toml:1: regularization is neither",
        ),
        (
            "regularization = { low = 2, high = 1 }\n",
            "s.toml:1: regularization: low is at most high",
        ),
        (
            "regularization = { low = 0, high = 1, scale = \"logarithmic\" }\n",
            "above 0 on a logarithmic scale",
        ),
        (
            "regularization = { low = 0, high = 1, scale = \"log\" }\n",
            "scale is \"linear\" or \"logarithmic\"",
        ),
        ("regularization = [\"much\"]\n", "\"much\" is not a number"),
        (
            "unbiased = [true]\n",
            "s.toml:1: unbiased is a list of boolean",
        ),
        (
            "unbiased = [1]\n",
            "s.toml:1: unbiased is a switch, which is not searched",
        ),
        ("seed = [1, 2]\n", "s.toml:1: seed is no hyper-parameter"),
    ] {
        folder.write("s.toml", content);
        folder
            .line("tune als r.tsv --rank 2 --space s.toml")
            .refused(3, part);
    }
    folder.write("s.toml", "regularization = { low = 0.1, high = 1 }\n");
    let before = folder.names();
    for (line, code, part) in [
        (
            "tune als r.tsv --rank 2 --space s.toml --search grid",
            2,
            "an interval has no grid",
        ),
        (
            "tune als r.tsv --space s.toml",
            2,
            "--rank left out is not allowed: it must be given, or in the space",
        ),
        ("tune als r.tsv --rank 0", 2, "--rank 0 is not allowed"),
        (
            "tune als r.tsv --samples 0",
            2,
            "--samples 0 is not allowed: it must be at least 1",
        ),
        (
            "tune nmf x.npy",
            2,
            "--algorithm nmf is not allowed: it must be one with settings",
        ),
        (
            "tune popularity r.tsv",
            2,
            "--algorithm popularity is not allowed",
        ),
        (
            "tune bpr r.tsv --metric rmse",
            2,
            "--metric rmse is not allowed: it must be one of lists",
        ),
        (
            "tune als r.tsv --model m",
            2,
            "--model m is not allowed: it must be left out: `matfact fit --config`",
        ),
        (
            "tune als r.tsv --validation 0.1",
            2,
            "--validation given is not allowed",
        ),
        (
            "tune als r.tsv --folds 2 --holdout 0.1",
            2,
            "--folds 2 is not allowed",
        ),
        (
            "tune als r.tsv --search best",
            2,
            "[possible values: grid, random, halving]",
        ),
        (
            "tune als r.tsv --output r.tsv",
            2,
            "another file than the data",
        ),
        (
            "tune als r.tsv --output none/b.toml",
            4,
            "none: no such folder",
        ),
        (
            "tune als r.tsv --space gone.toml",
            4,
            "gone.toml: No such file",
        ),
        ("tune als r.tsv --tol -1", 2, "--tol -1 is not allowed"),
        ("tune als x.npy", 3, "als reads text"),
    ] {
        folder.line(line).refused(code, part);
        assert_eq!(folder.names(), before, "{line}");
    }
}
