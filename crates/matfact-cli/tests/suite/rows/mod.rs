//! What happens to each of a numbered list of bad and unusual inputs, parameters and files, as one table. What the
//! program cannot be brought to is listed in `docs/testing.md` with the test that has it.

mod files;
mod table;

use crate::common::{Ended, Folder, bits, lines, ratings};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// Rows that other tests have, two of them below.
const ELSEWHERE: [u32; 8] = [18, 19, 28, 46, 49, 50, 51, 64];

#[test]
fn each_row_has_its_outcome() {
    let folder = files::with_files();
    let before = folder.names();
    let mut seen: BTreeSet<u32> = ELSEWHERE.into();
    let mut wrong = Vec::new();
    for row in table::ROWS
        .lines()
        .filter(|row| !row.is_empty() && !row.starts_with('#'))
    {
        let (line, expected) = row.split_once(" -> ").unwrap();
        let mut words = line.splitn(3, ' ');
        let number = words.next().unwrap().parse().unwrap();
        let code = words.next().unwrap().parse().unwrap();
        let command = words.next().unwrap();
        seen.insert(number);
        if !applies(&folder, command) {
            continue;
        }
        let command = command
            .replace("{}", "--rank 2 --model out.safetensors")
            .replace("[]", "--rank 2 --json");
        let ended = folder.line(&command);
        if let Err(reason) = check(&ended, code, expected) {
            wrong.push(format!("{row}\n    {reason}"));
        }
        if folder.names() != before {
            wrong.push(format!("{row}\n    a file was written: {ended:?}"));
            fs::remove_file(folder.at("out.safetensors")).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: BTreeSet<u32> = (1..=64).collect();
    assert_eq!(seen, all);
}

/// A file that nobody may read is read by root all the same, and pipes are of Unix.
fn applies(folder: &Folder, command: &str) -> bool {
    let named = |name: &str| command.split(' ').any(|word| word == name);
    let as_root = named("secret.tsv") && fs::File::open(folder.at("secret.tsv")).is_ok();
    let without_pipe = named("pipe") && !folder.at("pipe").exists();
    !as_root && !without_pipe
}

fn check(ended: &Ended, code: i32, expected: &str) -> Result<(), String> {
    let must = |holds: bool| {
        if holds {
            Ok(())
        } else {
            Err(format!("{ended:?}"))
        }
    };
    must(ended.code == Some(code))?;
    if code > 0 {
        must(ended.out.is_empty() && ended.err.starts_with("error: "))?;
        must(ended.err.ends_with('\n') && ended.err.lines().count() == 1)?;
        return must(ended.err.contains(expected));
    }
    let Some((pointer, value)) = expected.split_once(" = ") else {
        return must(ended.out.contains(expected) || ended.err.contains(expected));
    };
    let object: Value =
        serde_json::from_str(&ended.out).map_err(|error| format!("{error}: {ended:?}"))?;
    let found = object.pointer(pointer).unwrap_or(&Value::Null);
    let same = match (found.as_f64(), value.parse::<f64>()) {
        (Some(found), Ok(value)) => (found - value).abs() <= 1e-6,
        _ => found.as_str() == Some(value),
    };
    if same {
        Ok(())
    } else {
        Err(format!("{pointer} is {found}; {}", ended.err))
    }
}

/// Row 28.
#[test]
fn unsorted_indices_give_the_bits_of_sorted_ones() {
    let folder = files::with_files();
    for name in ["sorted", "unsorted"] {
        folder.ok(&format!("fit svd {name}.npz --rank 2 --model {name}"));
    }
    assert_eq!(
        bits(&folder.model("sorted")),
        bits(&folder.model("unsorted"))
    );
}

/// Row 64: a link stays and its target is replaced; of two that write at once one wins, and whoever reads meanwhile
/// reads one of the two.
#[cfg(unix)]
#[test]
fn the_last_whole_model_wins() {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.ok("fit als r.tsv --rank 2 --model one");
    folder.ok("fit als r.tsv --rank 3 --model two");
    let either = [bits(&folder.model("one")), bits(&folder.model("two"))];
    std::os::unix::fs::symlink("both", folder.at("link")).unwrap();
    fs::copy(folder.at("one"), folder.at("both")).unwrap();
    for _ in 0..5 {
        let start = |rank: usize| {
            let line = format!("fit als r.tsv --rank {rank} --model link");
            let mut program = folder.program();
            program
                .args(line.split(' '))
                .stdout(std::process::Stdio::null());
            program.spawn().unwrap()
        };
        let mut writers = [start(2), start(3)];
        while writers
            .iter_mut()
            .any(|writer| writer.try_wait().unwrap().is_none())
        {
            assert!(either.contains(&bits(&folder.model("link"))));
        }
        for mut writer in writers {
            assert!(writer.wait().unwrap().success());
        }
        assert!(either.contains(&bits(&folder.model("both"))));
    }
    assert!(
        fs::symlink_metadata(folder.at("link"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(folder.names(), ["both", "link", "one", "r.tsv", "two"]);
}
