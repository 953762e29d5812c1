//! Whatever is in a configuration file, it is read or refused in one line: the stored corpus, and files made of it.

use super::{Refusal, parse};
use crate::remedy;
use matfact_testkit::mutation::fuzz;
use std::fs;
use std::path::Path;

const WORDS: [&[u8]; 26] = [
    b"=",
    b" = ",
    b"[als]\n",
    b"[[als]]\n",
    b"\"",
    b"'",
    b"\"\"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"\n",
    b"#",
    b"true",
    b"inf",
    b"nan",
    b"0x",
    b"1_000",
    b"1979-05-27T07:32:00Z",
    b"a.b = 1\n",
    b"--",
    b"config = \"x\"\n",
    b"algorithm = \"svd\"\n",
    b"help = true\n",
    b"\\u0000",
];

/// Whether some command takes the file.
fn accepts(path: &Path, bytes: &[u8]) -> bool {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    let config = path.to_str().unwrap();
    let mut accepted = false;
    for command in ["fit", "compare"] {
        let words = ["matfact", command, "--config", config];
        match parse(words.map(Into::into).to_vec()) {
            Ok(_) => accepted = true,
            Err(Refusal::File(error)) => {
                let message = error.to_string();
                assert!(
                    message.contains(config) && !message.contains('\n'),
                    "{message:?}"
                );
            }
            Err(Refusal::Usage(error)) => {
                let message = remedy::usage(&error);
                assert!(!message.contains('\n'), "{message:?}");
            }
        }
    }
    accepted
}

#[test]
fn configuration_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/config");
    let mut files: Vec<_> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let files = files.into_iter().map(|file| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(file).unwrap();
        assert_eq!(accepts(&path, &bytes), name.starts_with("good-"), "{name}");
        bytes
    });
    let files: Vec<_> = files.collect();
    fuzz("config", &files, &WORDS, 40, |bytes| {
        accepts(&path, bytes);
    });
}
