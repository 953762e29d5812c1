//! What the tests share: a folder of files, and errors as text.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

pub mod models;

use flate2::Compression;
use flate2::write::GzEncoder;
use matfact_core::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        // Some file systems wait for the disk when a file is cut off and written again.
        let _ = fs::remove_file(&path);
        fs::write(&path, content).unwrap();
        path
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Line and column of a parse error whose message has all of these words.
pub fn parse_place<T: std::fmt::Debug>(
    result: Result<T, Error>,
    words: &[&str],
) -> (usize, Option<usize>) {
    match result {
        Err(Error::Parse {
            line,
            column,
            message,
            ..
        }) => {
            for word in words {
                assert!(
                    message.contains(word),
                    "{message:?} should contain {word:?}"
                );
            }
            (line, column)
        }
        other => panic!("a parse error with {words:?} is expected, not {other:?}"),
    }
}

/// Row 58 of the reliability list: what is no readable file is an error of the system that names
/// the path, and nothing waits for a pipe.
pub fn refuses_what_is_no_file<T: std::fmt::Debug>(read: impl Fn(&Path) -> Result<T, Error>) {
    let folder = Folder::new();
    let mut paths = vec![folder.at("missing.npy"), folder.path().to_owned()];
    #[cfg(unix)]
    {
        paths.push(PathBuf::from("/dev/null"));
        let pipe = folder.at("pipe.csv");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|status| status.success()) {
            paths.push(pipe);
        }
    }
    for path in paths {
        match read(&path) {
            Err(Error::Io { path: named, .. }) => assert_eq!(named, path),
            other => panic!("{}: {other:?}", path.display()),
        }
    }
    for name in ["x.pkl", "x.pickle"] {
        let path = folder.write(name, "anything");
        assert!(matches!(read(&path), Err(Error::PickleRefused { .. })));
    }
}
