//! `matfact demo`.

use crate::common::{Folder, number};
use std::fs;
use std::process::Stdio;

const MODELS: [&str; 3] = ["nmf.safetensors", "sgd.safetensors", "svd.safetensors"];

#[test]
fn the_text_shows_pictures_recommendations_and_what_to_do_next() {
    let folder = Folder::new();
    let ended = folder.ok("demo --threads 2");
    for part in [
        "1797 images of 8 x 8 pixels",
        "relative error",
        "┌────────────────┐ ┌",
        "predict the mean",
        "biased SGD, rank 8",
        "Three recommendations",
        "--output DIR keeps them",
        "matfact fit nmf",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    let widest = ended
        .out
        .lines()
        .filter(|l| l.contains('│'))
        .map(|l| l.chars().count())
        .max();
    assert_eq!(widest, Some(75));
    assert_eq!(ended.err, "");
}

#[test]
fn the_object_holds_the_figures() {
    let object = Folder::new().json("demo");
    let error = |name: &str| number(&object, &format!("/digits/{name}/relative_error"));
    assert!(error("nmf") < 0.26, "{object:#}");
    assert!(
        error("svd") > 0.0 && error("svd") < error("nmf"),
        "{object:#}"
    );
    for name in ["nmf", "svd"] {
        assert_eq!(number(&object, &format!("/digits/{name}/rank")), 16.0);
        assert!(number(&object, &format!("/digits/{name}/iterations")) >= 1.0);
        assert!(number(&object, &format!("/digits/{name}/seconds")) > 0.0);
    }
    let rmse = |name: &str| number(&object, &format!("/ratings/{name}/rmse"));
    assert!(rmse("test") < 0.6 * rmse("predict_the_mean"), "{object:#}");
    assert_eq!(object["ratings"]["generated"], true);
    let recommendations = object["ratings"]["recommendations"].as_array().unwrap();
    assert_eq!(recommendations.len(), 3);
    for recommendation in recommendations {
        assert!((1.0..=5.0).contains(&number(recommendation, "/score")));
        assert!(recommendation["reason"].as_str().unwrap().contains("taste"));
    }
    assert!(object["models"].is_null());
    assert!(number(&object, "/peak_memory_bytes") > 1e6);
}

#[test]
fn nothing_is_left_in_the_temporary_folder() {
    let folder = Folder::new();
    fs::create_dir(folder.at("tmp")).unwrap();
    let output = folder
        .program()
        .arg("demo")
        .env("TMPDIR", folder.at("tmp"))
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(fs::read_dir(folder.at("tmp")).unwrap().count(), 0);
    assert_eq!(folder.names(), ["tmp"]);
}

#[test]
fn the_models_are_kept_on_demand() {
    let folder = Folder::new();
    let object = folder.json("demo --output a/b");
    assert_eq!(object["models"], "a/b");
    let mut names: Vec<String> = fs::read_dir(folder.at("a/b"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, MODELS);
    for name in MODELS {
        let model = folder.json(&format!("inspect a/b/{name}"));
        assert_eq!(
            model["report"]["algorithm"],
            name.strip_suffix(".safetensors").unwrap()
        );
    }
    folder.write("file", "");
    folder.line("demo --output file").refused(4, "file: ");
}

#[test]
fn a_reader_who_leaves_early_is_no_error() {
    let folder = Folder::new();
    fs::create_dir(folder.at("tmp")).unwrap();
    let mut program = folder.program();
    program.arg("demo").env("TMPDIR", folder.at("tmp"));
    let mut child = program
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(fs::read_dir(folder.at("tmp")).unwrap().count(), 0);
}
