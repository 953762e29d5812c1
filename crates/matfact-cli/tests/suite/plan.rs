//! `matfact plan` against what fits then need, and the memory budget.

use crate::common::{Folder, lines, number, ratings};
use matfact::io::write_npy;
use matfact::ndarray::Array2;

/// Peak memory of a fit, and the plan of the same.
fn compare(folder: &Folder, fit: &str) -> (f64, f64) {
    let told = |command: &str, field: &str| {
        number(&folder.json(&format!("{command} {fit} --threads 2")), field)
    };
    (
        told("plan", "/peak_bytes"),
        told("fit", "/peak_memory_bytes"),
    )
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_fit_holds_is_within_15_percent_of_the_plan() {
    let folder = Folder::new();
    // Few and simple entries, many factors: the fit's own part is nearly all of it.
    let x = Array2::from_shape_fn((30_000, 200), |(i, j)| ((i * 7 + j * 13) % 11) as f32);
    write_npy(folder.at("large.npy"), &x).unwrap();
    let mut text = String::new();
    for user in 0..30_000_usize {
        for item in [user % 5000, (user * 7 + 1) % 5000] {
            text += &format!("{user}\t{item}\t{}\n", 1 + (user + item) % 5);
        }
    }
    folder.write("large.tsv", text);
    let (rows, entries) = (40_000_usize, 6_usize);
    let mut text = format!(
        "%%MatrixMarket matrix coordinate real general\n{rows} 300 {}\n",
        rows * entries
    );
    for i in 0..rows {
        for t in 0..entries {
            text += &format!(
                "{} {} {}\n",
                i + 1,
                (i * 7 + t * 50) % 300 + 1,
                1 + (i * 13 + t * 5) % 7
            );
        }
    }
    folder.write("tall.mtx", text);
    for fit in [
        "pca tall.mtx --rank 100",
        "svd tall.mtx --rank 100",
        "svd tall.mtx --rank 80 --power-iterations 2",
        "nmf large.npy --rank 150 --max-iter 2 --tol 0 --init random --compression off",
        "sgd large.tsv --rank 400 --epochs 1",
    ] {
        let (planned, held) = compare(&folder, fit);
        let ratio = planned / held;
        assert!(
            (0.85..=1.15).contains(&ratio),
            "{fit}: planned {planned:.4e}, held {held:.4e}"
        );
    }
}

#[test]
fn a_plan_reads_and_says_what_it_has_to() {
    let folder = Folder::new();
    folder.matrix(40, 30);
    let said = folder.ok("plan nmf x.npy --rank 5").out;
    assert!(
        said.contains("nmf: 40 x 30, 1 200 stored entries"),
        "{said}"
    );
    assert!(
        said.contains("operations an iteration, at most 500 iterations"),
        "{said}"
    );
    folder.write("ratings.tsv", lines(&ratings(), "\t"));
    let plan = folder.json("plan als ratings.tsv --rank 8 --max-iter 7");
    assert_eq!(plan["iterations"], 7);
    assert_eq!(plan["shape"], serde_json::json!([60, 40]));
    let twice = folder.json("plan als ratings.tsv --rank 8 --precision f64");
    assert!(number(&twice, "/factor_bytes") > 1.9 * number(&plan, "/factor_bytes"));
    for line in [
        "svd x.npy --relative-error 0.5",
        "pca x.npy --mle",
        "minibatch-nmf x.npy --rank 5",
        "popularity ratings.tsv",
    ] {
        let plan = folder.json(&format!("plan {line}"));
        let (fit, peak) = (number(&plan, "/fit_bytes"), number(&plan, "/peak_bytes"));
        assert!(0.0 < fit && fit < peak, "{line}: {plan:#}");
    }
    folder
        .line("plan svd x.npy --rank 31")
        .refused(2, "--rank 31 is outside 1 to 30");
}

#[test]
fn a_budget_refuses_and_names_the_rank_that_would_fit() {
    let folder = Folder::new();
    folder.matrix(300, 200);
    let line = "fit nmf x.npy --rank 150 --init random --memory-budget 1MiB --model m";
    let refused = folder.line(line);
    refused.refused(
        2,
        "--memory-budget 1MiB is not allowed: it must be at least",
    );
    let rank = refused
        .err
        .split("--rank ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let rank: usize = rank.unwrap().parse().unwrap();
    assert!(!folder.at("m").exists());
    folder.ok(&line.replace("--rank 150", &format!("--rank {rank}")));
    folder
        .line(&line.replace("--rank 150", &format!("--rank {}", rank + 1)))
        .refused(2, "would fit");
    folder
        .line(&line.replace("1MiB", "1KiB"))
        .refused(2, "no rank would fit");
    folder
        .line(&line.replace("1MiB", "much"))
        .refused(2, "is not a size");
}

#[test]
fn an_absurd_rank_is_refused_and_nothing_is_killed() {
    let folder = Folder::new();
    folder.matrix(40, 30);
    folder.write("ratings.tsv", lines(&ratings(), "\t"));
    for rank in ["1000000000000", "18446744073709551615"] {
        for line in [
            "nmf x.npy --init random",
            "masked-nmf ratings.tsv",
            "sgd ratings.tsv",
            "als ratings.tsv",
        ] {
            let ended = folder.line(&format!("fit {line} --rank {rank}"));
            assert_eq!(ended.code, Some(2), "{line} --rank {rank}: {ended:?}");
            assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
        }
    }
}
