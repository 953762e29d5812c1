//! Help and version.

use crate::common::Folder;

#[test]
fn help_has_examples_and_fits_a_terminal() {
    let folder = Folder::new();
    for (line, part) in [
        ("--help", "matfact demo"),
        ("demo --help", "matfact demo --output"),
        ("fit --help", "matfact fit svd table.npy"),
        ("fit nmf --help", "matfact fit nmf counts.mtx"),
        (
            "fit masked-nmf --help",
            "matfact fit masked-nmf ratings.tsv",
        ),
        (
            "fit minibatch-nmf --help",
            "matfact fit minibatch-nmf counts.mtx",
        ),
        ("fit svd --help", "matfact fit svd counts.mtx"),
        ("fit pca --help", "matfact fit pca table.npy"),
        ("fit sgd --help", "matfact fit sgd ratings.tsv"),
        ("help fit sgd", "matfact fit sgd ratings.tsv"),
        (
            "predict --help",
            "matfact predict ratings.safetensors --user",
        ),
        (
            "recommend --help",
            "matfact recommend ratings.safetensors --user",
        ),
        (
            "similar --help",
            "matfact similar ratings.safetensors --item",
        ),
        ("evaluate --help", "matfact evaluate als ratings.tsv"),
        ("compare --help", "matfact compare ratings.tsv --algorithms"),
        ("tune --help", "matfact tune als ratings.tsv --output"),
        ("completions --help", "matfact completions bash"),
        ("topics --help", "matfact topics topics.safetensors --words"),
        (
            "transform --help",
            "matfact transform topics.safetensors new",
        ),
        (
            "reconstruct --help",
            "matfact reconstruct parts.safetensors --rows",
        ),
        (
            "export --help",
            "matfact export ratings.safetensors --format",
        ),
        ("import --help", "matfact import model.txt --model"),
        ("inspect --help", "matfact inspect topics.safetensors"),
    ] {
        let ended = folder.ok(line);
        assert_eq!(ended.err, "", "{line}");
        assert!(
            ended.out.contains("Usage: matfact"),
            "{line}: {}",
            ended.out
        );
        let (_, examples) = ended.out.split_once("Examples:\n").unwrap_or_default();
        assert!(examples.contains(part), "{line}: {}", ended.out);
        for text in ended.out.lines() {
            assert!(text.chars().count() <= 100, "{line}: {text}");
        }
    }
}

#[test]
fn evaluate_lists_only_what_it_takes() {
    let folder = Folder::new();
    for line in ["evaluate --help", "tune --help"] {
        let help = folder.ok(line).out;
        let listed = |name: &str| help.lines().any(|l| l.trim_start().starts_with(name));
        assert!(listed("als ") && listed("bpr "), "{help}");
        for name in ["nmf ", "minibatch-nmf", "svd ", "pca "] {
            assert!(!listed(name), "{line}: {name}");
        }
    }
}

#[test]
fn without_a_command_help_is_shown_and_nothing_is_done() {
    let folder = Folder::new();
    for line in ["", "fit"] {
        let ended = folder.line(line);
        assert_eq!((ended.code, &ended.out[..]), (Some(2), ""), "{line}");
        assert!(
            ended.err.contains("Commands:") && ended.err.contains("Examples:"),
            "{ended:?}"
        );
    }
}

#[test]
fn the_version_is_told() {
    let ended = Folder::new().ok("--version");
    assert_eq!(
        ended.out,
        format!("matfact {}\n", env!("CARGO_PKG_VERSION"))
    );
}
