//! What the tests share: a folder of files, the program run in it, and data to factor.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "a test")]

use matfact::core::TensorValues;
use matfact::io::{ModelFile, load_model, write_npy};
use matfact::ndarray::Array2;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub struct Folder(TempDir);

/// How the program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

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

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.at(name), content).unwrap();
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The program, to be started in the folder.
    pub fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_matfact"));
        command.current_dir(self.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.program().args(arguments).output().unwrap();
        Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command line without blanks inside its words.
    pub fn line(&self, line: &str) -> Ended {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs what must succeed.
    pub fn ok(&self, line: &str) -> Ended {
        let ended = self.line(line);
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        ended
    }

    /// Runs what must succeed with `--json`, and reads its one object.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} --json")).out).unwrap()
    }

    pub fn model(&self, name: &str) -> ModelFile {
        load_model(self.at(name)).unwrap()
    }

    /// `x.npy`: a non-negative matrix of rank 4 with some noise.
    pub fn matrix(&self, rows: usize, columns: usize) {
        let part = |i: usize, j: usize| ((i * 37 + j * 101 + i * i * j) % 17) as f32 / 17.0;
        let noise = |i: usize, j: usize| ((i * 7919 + j * 104_729) % 1009) as f32 / 10_090.0;
        let x = Array2::from_shape_fn((rows, columns), |(i, j)| {
            (0..4).map(|k| part(i, k) * part(j + 50, k)).sum::<f32>() + noise(i, j)
        });
        write_npy(self.at("x.npy"), &x).unwrap();
    }

    /// `counts.mtx` and `words.txt`: eight texts of six words, four texts on the sea with a word of the
    /// other theme here and there, four on the kitchen, and one word that is everywhere.
    pub fn texts(&self) {
        let rows = [
            [3, 2, 0, 0, 0, 1],
            [2, 4, 0, 0, 0, 2],
            [4, 1, 1, 0, 0, 1],
            [1, 3, 0, 0, 0, 1],
            [0, 0, 2, 3, 1, 1],
            [0, 1, 4, 1, 2, 1],
            [0, 0, 1, 2, 2, 2],
            [0, 0, 3, 2, 4, 1],
        ];
        let mut entries = String::new();
        let mut stored = 0;
        for (i, row) in rows.iter().enumerate() {
            for (j, count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
                entries.push_str(&format!("{} {} {count}\n", i + 1, j + 1));
                stored += 1;
            }
        }
        self.write(
            "counts.mtx",
            format!("%%MatrixMarket matrix coordinate integer general\n8 6 {stored}\n{entries}"),
        );
        let dense = Array2::from_shape_fn((8, 6), |(i, j)| rows[i][j] as f32);
        write_npy(self.at("counts.npy"), &dense).unwrap();
        self.write("words.txt", "harbour\nsail\nbread\noven\nflour\nthe\n");
    }
}

impl Ended {
    /// One line on standard error, and nothing on standard output.
    pub fn refused(&self, code: i32, part: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.contains(part), "{part:?} is not in {self:?}");
        assert!(self.err.starts_with("error: "), "{self:?}");
        assert!(self.err.ends_with('\n'), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
    }
}

/// All tensors of a model to the bit.
pub fn bits(file: &ModelFile) -> BTreeMap<String, (Vec<usize>, Vec<u64>)> {
    let tensors = file.record.tensors.iter().map(|(name, tensor)| {
        let bits = match &tensor.values {
            TensorValues::F32(values) => values.iter().map(|v| u64::from(v.to_bits())).collect(),
            TensorValues::F64(values) => values.iter().map(|v| v.to_bits()).collect(),
        };
        (name.clone(), (tensor.shape.clone(), bits))
    });
    tensors.collect()
}

/// A number inside a JSON object, by its path.
pub fn number(object: &Value, pointer: &str) -> f64 {
    let value = object.pointer(pointer).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("no number {pointer} in {object:#}"))
}

/// User, item and rating of 60 users and 40 items: each user likes every second item.
pub fn ratings() -> Vec<(String, String, u8)> {
    let mut all = Vec::new();
    for user in 0..60_usize {
        for item in 0..40_usize {
            if (((user * 40 + item) * 2_654_435_761) >> 8) % 5 < 3 {
                let liked = (user + item) % 2 == 0;
                let rating = if liked { 4 } else { 1 } + u8::from((user * 3 + item) % 4 == 0);
                all.push((format!("u{user}"), format!("film-{item}"), rating));
            }
        }
    }
    all
}

/// Ratings as text, one a line.
pub fn lines(ratings: &[(String, String, u8)], separator: &str) -> String {
    let line = |(user, item, rating): &(String, String, u8)| {
        format!("{user}{separator}{item}{separator}{rating}\n")
    };
    ratings.iter().map(line).collect()
}
