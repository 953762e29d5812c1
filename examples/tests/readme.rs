//! The README shows the quick starts word for word.

/// An example without its page comment.
fn body(example: &str) -> String {
    let lines: Vec<&str> = example
        .lines()
        .skip_while(|l| l.starts_with("//!") || l.is_empty())
        .collect();
    lines.join("\n")
}

#[test]
fn the_quick_starts_stand_in_the_readme_word_for_word() {
    let readme = include_str!("../../README.md");
    for (name, example) in [
        ("nmf_quickstart.rs", include_str!("../nmf_quickstart.rs")),
        (
            "ratings_quickstart.rs",
            include_str!("../ratings_quickstart.rs"),
        ),
    ] {
        assert!(
            readme.contains(&body(example)),
            "README.md does not show {name} as it is"
        );
    }
}
