//! `matfact topics`, `matfact transform`, `matfact reconstruct`.

use crate::common::{Folder, lines, number, ratings};
use matfact::core::Tensor;
use matfact::io::{MatrixData, read_matrix, save_model, write_npy};
use matfact::ndarray::{Array2, array};
use matfact::{AnyModel, Factorization, Persist};
use serde_json::Value;

/// The texts, and models of them: `n.st` (nmf), `s.st` (svd), both weighted.
fn with_models() -> Folder {
    let folder = Folder::new();
    folder.texts();
    folder.ok("fit nmf counts.mtx --rank 2 --tf-idf --tol 1e-8 --precision f64 --model n.st");
    folder.ok("fit svd counts.mtx --rank 2 --tf-idf --model s.st");
    folder
}

fn dense(folder: &Folder, name: &str) -> Array2<f64> {
    match read_matrix(folder.at(name)).unwrap() {
        MatrixData::Dense(x) => x,
        MatrixData::Sparse(_) => panic!("{name} is dense"),
    }
}

fn words(topic: &Value) -> Vec<&str> {
    let columns = topic["columns"].as_array().unwrap();
    columns
        .iter()
        .map(|c| c["word"].as_str().unwrap())
        .collect()
}

#[test]
fn topics_have_the_words_of_their_theme() {
    let folder = with_models();
    let object = folder.json("topics n.st --words words.txt --count 3");
    let topics = object["topics"].as_array().unwrap();
    assert_eq!(topics.len(), 2);
    let mut firsts: Vec<Vec<&str>> = topics.iter().map(|t| words(t)[..2].to_vec()).collect();
    for (first, topic) in firsts.iter_mut().zip(topics) {
        first.sort_unstable();
        assert_eq!(topic["columns"].as_array().unwrap().len(), 3);
    }
    firsts.sort();
    assert_eq!(firsts[1], ["harbour", "sail"], "{object:#}");
    assert!(
        firsts[0]
            .iter()
            .all(|w| ["bread", "flour", "oven"].contains(w)),
        "{object:#}"
    );
    let shares: Vec<f64> = topics.iter().map(|t| number(t, "/share")).collect();
    assert!(
        shares[0] >= shares[1] && (shares[0] + shares[1] - 1.0).abs() < 1e-12,
        "{shares:?}"
    );
    for topic in topics {
        let weights: Vec<f64> = topic["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| number(c, "/weight"))
            .collect();
        assert!(
            weights.windows(2).all(|pair| pair[0] >= pair[1]),
            "{weights:?}"
        );
    }
    let text = folder.ok("topics n.st --words words.txt --count 2").out;
    assert!(
        text.starts_with("2 components of nmf, 8 x 6, the largest first\n"),
        "{text}"
    );
    assert!(
        text.contains("harbour, sail\n") || text.contains("sail, harbour\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn topics_without_words_are_numbers_and_an_svd_marks_its_signs() {
    let folder = with_models();
    let object = folder.json("topics s.st");
    let topics = object["topics"].as_array().unwrap();
    assert_eq!(number(&topics[0], "/component"), 0.0);
    let signs = |topic: &Value| {
        let columns = topic["columns"].as_array().unwrap().clone();
        assert!(columns.iter().all(|c| c.get("word").is_none()));
        let negative = columns.iter().filter(|c| number(c, "/weight") < 0.0);
        (negative.count(), columns.len())
    };
    // The first vector has one sign; the second holds the themes against each other.
    assert!([(0, 6), (6, 6)].contains(&signs(&topics[0])), "{object:#}");
    assert!((1..6).contains(&signs(&topics[1]).0), "{object:#}");
    let text = folder.ok("topics s.st --words words.txt").out;
    assert!(text.lines().last().unwrap().contains(", -"), "{text}");
    let text = folder.ok("topics s.st --count 1").out;
    let last = text.lines().last().unwrap().rsplit(' ').next().unwrap();
    assert!(
        last.trim_start_matches('-').parse::<usize>().unwrap() < 6,
        "{text}"
    );
}

#[test]
fn a_vocabulary_that_does_not_fit_is_refused() {
    let folder = with_models();
    folder.write("few.txt", "a\nb\n");
    folder.write("latin.txt", b"caf\xc3\xa9\nna\xefve\n");
    folder.write("dos.txt", "\u{feff}a\r\nb\r\nc\r\nd\r\ne\r\n\u{1b}f\r\n");
    for (options, code, part) in [
        (
            "--words few.txt",
            3,
            "few.txt: 2 lines for 6 columns: give every column",
        ),
        (
            "--words latin.txt",
            3,
            "latin.txt:2: the text is not valid UTF-8",
        ),
        ("--words gone.txt", 4, "gone.txt: No such file"),
        (
            "--count 0",
            2,
            "--count 0 is not allowed: it must be at least 1",
        ),
        (
            "--count -1",
            2,
            "'-1' for '--count <N>': not a whole number",
        ),
    ] {
        folder
            .line(&format!("topics n.st {options}"))
            .refused(code, part);
    }
    let text = folder.ok("topics n.st --words dos.txt").out;
    assert!(text.contains("a, ") && text.contains("\\u{1b}f"), "{text}");
    assert!(!text.contains('\r') && !text.contains('\u{feff}') && !text.contains('\u{1b}'));
}

#[test]
fn models_of_ratings_have_no_topics_but_a_matrix() {
    let folder = with_models();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.ok("fit sgd r.tsv --rank 2 --epochs 3 --model r.st");
    folder
        .line("topics r.st")
        .refused(2, "a model of sgd cannot show topics (models of nmf");
    folder
        .line("transform r.st counts.npy --output w.npy")
        .refused(2, "a model of sgd cannot transform new rows");
    folder.ok("reconstruct r.st --output x.npy");
    assert_eq!(dense(&folder, "x.npy").dim(), (60, 40));
}

#[test]
fn the_training_rows_are_transformed_to_what_the_fit_found() {
    let folder = with_models();
    for (model, algorithm) in [("n.st", "nmf"), ("s.st", "svd")] {
        for input in ["counts.mtx", "counts.npy"] {
            let object = folder.json(&format!("transform {model} {input} --output w.npy"));
            assert_eq!(object["shape"], serde_json::json!([8, 2]));
            assert_eq!(
                (&object["tf_idf"], &object["algorithm"]),
                (&true.into(), &algorithm.into())
            );
            let given = dense(&folder, "w.npy");
            let record = folder.model(model).record;
            let expected = match algorithm {
                "nmf" => record.matrix::<f64>("w").unwrap(),
                _ => {
                    let (u, s) = (
                        record.matrix::<f32>("u").unwrap(),
                        record.vector::<f32>("s").unwrap(),
                    );
                    (u * s).mapv(f64::from)
                }
            };
            let apart = (given - expected)
                .mapv(f64::abs)
                .into_iter()
                .fold(0.0, f64::max);
            assert!(apart < 1e-3, "{algorithm} of {input}: {apart}");
        }
    }
    // Twice the counts are the same text.
    write_npy(
        folder.at("one.npy"),
        &array![[3.0, 2.0, 0.0, 0.0, 0.0, 1.0]],
    )
    .unwrap();
    write_npy(
        folder.at("two.npy"),
        &array![[6.0, 4.0, 0.0, 0.0, 0.0, 2.0]],
    )
    .unwrap();
    let text = folder.ok("transform n.st one.npy --output one-w.npy").out;
    assert!(
        text.starts_with("one-w.npy  1 x 2, f64; the rows were weighted"),
        "{text}"
    );
    folder.ok("transform n.st two.npy --output two-w.npy");
    assert_eq!(dense(&folder, "one-w.npy"), dense(&folder, "two-w.npy"));
}

#[test]
fn a_model_of_plain_values_takes_plain_values() {
    let folder = Folder::new();
    folder.matrix(30, 12);
    folder.ok("fit nmf x.npy --rank 4 --tol 1e-9 --max-iter 2000 --model m.st");
    let text = folder.ok("transform m.st x.npy --output w.npy").out;
    assert_eq!(text, "w.npy  30 x 4, f32\n");
    let expected = folder
        .model("m.st")
        .record
        .matrix::<f32>("w")
        .unwrap()
        .mapv(f64::from);
    let apart = (dense(&folder, "w.npy") - &expected)
        .mapv(|v| v * v)
        .sum()
        .sqrt();
    assert!(
        apart < 0.05 * expected.mapv(|v| v * v).sum().sqrt(),
        "{apart}"
    );
}

#[test]
fn what_cannot_be_transformed_is_refused_and_nothing_is_written() {
    let folder = with_models();
    write_npy(folder.at("narrow.npy"), &array![[1.0_f32, 2.0]]).unwrap();
    let mut bad = Array2::<f64>::ones((2, 6));
    bad[[1, 4]] = -2.0;
    write_npy(folder.at("negative.npy"), &bad).unwrap();
    bad[[1, 4]] = f64::NAN;
    write_npy(folder.at("nan.npy"), &bad).unwrap();
    let before = folder.names();
    for (line, code, part) in [
        (
            "n.st narrow.npy --output w.npy",
            3,
            "columns of narrow.npy: expected 6, got 2",
        ),
        (
            "n.st negative.npy --output w.npy",
            3,
            "negative.npy: the entry at row 1, column 4",
        ),
        (
            "s.st nan.npy --output w.npy",
            3,
            "nan.npy: the entry at row 1, column 4",
        ),
        ("n.st gone.npy --output w.npy", 4, "gone.npy: No such file"),
        (
            "gone.st counts.npy --output w.npy",
            4,
            "gone.st: No such file",
        ),
        (
            "counts.npy counts.npy --output w.npy",
            6,
            "counts.npy: not an intact model file",
        ),
        ("n.st counts.npy", 2, "--output <FILE>"),
        ("n.st --output w.npy", 2, "<INPUT>"),
        (
            "n.st counts.npy --output none/w.npy",
            4,
            "none: no such folder",
        ),
        (
            "n.st counts.npy --output n.st",
            2,
            "--output n.st is not allowed: it must be another file than the model",
        ),
        (
            "n.st counts.npy --output counts.npy",
            2,
            "another file than the data",
        ),
    ] {
        folder
            .line(&format!("transform {line}"))
            .refused(code, part);
        assert_eq!(folder.names(), before, "{line}");
    }
}

#[test]
fn weights_that_are_not_those_of_the_columns_are_damage() {
    let folder = with_models();
    for (idf, part) in [
        (array![1.0, 2.0], "tensor idf has 2 values for 6 columns"),
        (
            array![1.0, 1.0, -1.0, 1.0, 1.0, 1.0],
            "the inverse document frequency at 2 is -1",
        ),
    ] {
        let mut file = folder.model("n.st");
        file.record
            .tensors
            .insert("idf".to_owned(), Tensor::from_array(&idf));
        save_model(folder.at("bad.st"), &file).unwrap();
        folder
            .line("transform bad.st counts.npy --output w.npy")
            .refused(6, part);
    }
}

#[test]
fn the_matrix_of_a_model_is_written_whole_or_in_part() {
    let folder = with_models();
    let model = AnyModel::<f64>::from_record(&folder.model("n.st").record).unwrap();
    let whole = model.reconstruct();
    let text = folder.ok("reconstruct n.st --output x.npy").out;
    assert_eq!(text, "x.npy  8 x 6, f64\n");
    assert_eq!(dense(&folder, "x.npy"), whole);
    for (rows, range) in [("2..5", 2..5), ("6..", 6..8), ("..1", 0..1), ("..", 0..8)] {
        let object = folder.json(&format!("reconstruct n.st --rows {rows} --output part.npy"));
        assert_eq!(object["rows"], serde_json::json!([range.start, range.end]));
        assert_eq!(object["shape"], serde_json::json!([range.len(), 6]));
        let part = dense(&folder, "part.npy");
        for (row, i) in part.rows().into_iter().zip(range) {
            let apart = (&row - &whole.row(i)).mapv(f64::abs).sum();
            assert!(apart < 1e-12, "row {i}: {apart}");
        }
    }
    let before = folder.names();
    for (line, code, part) in [
        (
            "--rows 5..9 --output y.npy",
            2,
            "--rows 5..9 is not allowed: it must be rows of the model: inside 0..8",
        ),
        (
            "--rows 5..5 --output y.npy",
            2,
            "--rows 5..5 is not allowed",
        ),
        ("--rows 3 --output y.npy", 2, "write rows as 0..100"),
        ("--rows -1..3 --output y.npy", 2, "write rows as 0..100"),
        ("--output n.st", 2, "another file than the model"),
        ("--rows 1..2", 2, "--output <FILE>"),
    ] {
        folder
            .line(&format!("reconstruct n.st {line}"))
            .refused(code, part);
        assert_eq!(folder.names(), before, "{line}");
    }
}
