//! `matfact export` and `matfact import`, and ratings from a pipe and a folder.

use crate::common::{Folder, lines, number, ratings};
use matfact::io::{MatrixData, read_matrix, write_npy};
use matfact::ndarray::Array2;
use std::fs;
use std::io::Write;
use std::process::Stdio;

const RATINGS: &str = "u1,i1,5\nu1,i2,3\nu2,i1,4\nu2,i3,1\nu3,i2,2\nu3,i3,5\n";

fn fitted() -> Folder {
    let folder = Folder::new();
    folder.write("ratings.csv", RATINGS);
    folder.ok("fit als ratings.csv --rank 2 --model m.safetensors");
    folder
}

#[test]
fn a_model_leaves_for_numpy_and_as_text_with_its_ids() {
    let folder = fitted();
    let written = folder.json("export m.safetensors --format tsv --output tables");
    assert!(
        written["written"].as_array().unwrap().len() >= 3,
        "{written}"
    );
    let users = fs::read_to_string(folder.at("tables/row_factors.tsv")).unwrap();
    let ids: Vec<&str> = users
        .lines()
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    assert_eq!(ids, ["u1", "u2", "u3"]);
    assert!(
        users.lines().all(|line| line.split('\t').count() == 3),
        "{users}"
    );
    folder.ok("export m.safetensors --format parquet --output columns");
    let table = fs::read(folder.at("columns/row_factors.parquet")).unwrap();
    assert!(table.starts_with(b"PAR1") && table.ends_with(b"PAR1"));
    folder.ok("export m.safetensors --format npy --output arrays");
    let read = |name: &str| match read_matrix::<f32>(folder.at(name)).unwrap() {
        MatrixData::Dense(x) => x,
        MatrixData::Sparse(_) => panic!("{name} is dense"),
    };
    let record = folder.model("m.safetensors").record;
    for name in ["row_factors", "col_factors"] {
        let written = read(&format!("arrays/{name}.npy"));
        assert_eq!(written, record.matrix::<f32>(name).unwrap(), "{name}");
    }
    assert_eq!(read("arrays/row_bias.npy").dim(), (3, 1));
    for (name, ids) in [("row_ids", "u1\nu2\nu3\n"), ("column_ids", "i1\ni2\ni3\n")] {
        let path = folder.at(&format!("arrays/{name}.txt"));
        assert_eq!(fs::read_to_string(path).unwrap(), ids);
    }
    folder.write("file", "");
    folder
        .line("export m.safetensors --format npy --output file")
        .refused(4, "file");
}

#[test]
fn predictions_survive_the_way_through_libmf() {
    let folder = fitted();
    folder.ok("export m.safetensors --format libmf --output model.txt");
    folder.ok("import model.txt --model back.safetensors");
    for (user, item) in [(0, 0), (1, 2), (2, 1)] {
        let (u, i) = (user + 1, item + 1);
        let there = folder.json(&format!(
            "predict m.safetensors --no-clip --user u{u} --item i{i}"
        ));
        let back = folder.json(&format!(
            "predict back.safetensors --user {user} --item {item}"
        ));
        let (a, b) = (
            number(&there, "/predictions/0/prediction"),
            number(&back, "/predictions/0/prediction"),
        );
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    // A stranger gets the mean of the training ratings, as from mf-predict.
    let mean = folder.json("predict back.safetensors --user 99 --item 0");
    assert!((number(&mean, "/predictions/0/prediction") - 20.0 / 6.0).abs() < 1e-6);
    folder
        .line("import model.txt --model model.txt")
        .refused(2, "--model");
    folder.write("bad.txt", "f 0\nm 1\n");
    folder
        .line("import bad.txt --model x.safetensors")
        .refused(3, "bad.txt:2: ");
    folder.matrix(4, 3);
    folder.ok("fit svd x.npy --rank 1 --model s.safetensors");
    folder
        .line("export s.safetensors --format libmf --output y.txt")
        .refused(2, "LIBMF");
}

#[test]
fn a_pipe_and_a_folder_of_parts_are_as_good_as_a_file() {
    let folder = fitted();
    let whole = folder.model("m.safetensors");
    let (first, second) = RATINGS.split_at(24);
    fs::create_dir(folder.at("parts")).unwrap();
    folder.write("parts/b.csv", second);
    folder.write("parts/a.csv", first);
    folder.ok("fit als parts --rank 2 --model parts.safetensors");
    let mut child = folder
        .program()
        .args([
            "fit",
            "als",
            "-",
            "--rank",
            "2",
            "--model",
            "pipe.safetensors",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(RATINGS.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    for name in ["parts.safetensors", "pipe.safetensors"] {
        let model = folder.model(name);
        assert_eq!(model.record, whole.record, "{name}");
        assert_eq!(
            (model.row_ids, model.column_ids),
            (whole.row_ids.clone(), whole.column_ids.clone())
        );
    }
}

#[test]
fn half_precision_halves_the_file_and_keeps_three_digits() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    let fit = "fit sgd r.tsv --rank 64";
    folder.ok(&format!("{fit} --model full"));
    folder.ok(&format!("{fit} --half --model half"));
    let size = |name: &str| fs::metadata(folder.at(name)).unwrap().len();
    // The seconds of the fit have not always as many digits.
    let saved = size("full") as f64 - size("half") as f64;
    assert!((saved - 12_800.0).abs() < 200.0, "{saved}");
    let one = |name: &str| {
        let said = folder
            .ok(&format!("predict {name} --user u3 --item film-7"))
            .out;
        said.trim()
            .rsplit('\t')
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    assert!((one("full") - one("half")).abs() < 5e-3);
    // The same as of the model that is there.
    folder.ok("export full --format half --output again");
    assert_eq!(folder.model("again").record, folder.model("half").record);
    folder
        .line("export full --format half --output full")
        .refused(2, "--output full");
    folder.line(&format!("{fit} --half")).refused(2, "--model");
    folder
        .line(&format!("{fit} --half --precision f64 --model m"))
        .refused(2, "--half given is not allowed");
    folder.ok(&format!("{fit} --precision f64 --model double"));
    folder
        .line("export double --format half --output m")
        .refused(2, "cannot be written in half precision");
    assert!(!folder.at("m").exists());
}

#[test]
fn a_model_beyond_half_precision_is_kept_in_single() {
    let folder = Folder::new();
    let x = Array2::from_shape_fn((20, 10), |(i, j)| 1e12 * ((i + 1) * (j + 2)) as f32);
    write_npy(folder.at("x.npy"), &x).unwrap();
    let fit = "fit nmf x.npy --rank 1";
    folder.ok(&format!("{fit} --model full"));
    let ended = folder.ok(&format!("{fit} --half --model half"));
    assert!(
        ended.err.contains("notice: the model is written in f32"),
        "{ended:?}"
    );
    assert_eq!(folder.model("half").record, folder.model("full").record);
}
