//! Every example runs to its end.

use std::process::Command;

/// The examples by name, with the binaries that cargo built of them.
macro_rules! examples {
    ($($name:literal),* $(,)?) => {
        &[$(($name, env!(concat!("CARGO_BIN_EXE_", $name)))),*]
    };
}

const EXAMPLES: &[(&str, &str)] = examples![
    "choose_at_run_time",
    "choose_rank",
    "digits",
    "embed_one_crate",
    "latent_semantic_analysis",
    "missing",
    "nmf_quickstart",
    "own_algorithm",
    "own_matrix",
    "parts",
    "ratings_quickstart",
    "recommend",
    "topics",
];

#[test]
fn every_example_runs_and_prints_something() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, program) in EXAMPLES {
        // From a folder of its own: what an example writes stays out of the project.
        let output = Command::new(program)
            .current_dir(folder.path())
            .output()
            .unwrap_or_else(|error| panic!("{name} did not start: {error}"));
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{name} ended with {}: {message}",
            output.status
        );
        assert!(!output.stdout.is_empty(), "{name} printed nothing");
    }
}

#[test]
fn the_list_has_every_file_of_the_folder() {
    let mut files: Vec<String> = std::fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .expect("the folder of the examples")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .collect();
    files.sort();
    let names: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(files, names);
}
