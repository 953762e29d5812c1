//! `fit --checkpoint`: kills at any moment, interrupts, full disks, damage, and what is refused.

use crate::common::{Folder, bits, lines, ratings};
use serde_json::Value;
use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

/// The report without its times.
fn report(folder: &Folder, model: &str) -> Value {
    let mut report = folder.model(model).report;
    let object = report.as_object_mut().unwrap();
    object.remove("seconds");
    report
}

fn same_model(folder: &Folder, a: &str, b: &str) {
    assert_eq!(bits(&folder.model(a)), bits(&folder.model(b)));
    assert_eq!(report(folder, a), report(folder, b));
}

fn start(folder: &Folder, line: &str) -> Child {
    let mut program = folder.program();
    program.args(line.split_whitespace());
    program.stdout(Stdio::null()).stderr(Stdio::null());
    program.spawn().unwrap()
}

/// Kills `line` at pseudo-random moments and resumes it until it ends; gives the number of kills.
fn kill_until_done(folder: &Folder, line: &str, seed: u64) -> usize {
    let mut random = seed;
    for kills in 0..400 {
        let mut child = start(folder, &format!("{line} --resume"));
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // Later kills come later, so that a slow machine gets to the end as well.
        let most = 40 + 4 * kills as u64;
        std::thread::sleep(Duration::from_millis((random >> 33) % most));
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "{line}: {status}");
                return kills;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }
    panic!("{line} did not come to its end");
}

/// As many kills as `MATFACT_TEST_KILLS` says, or those of one round without it.
#[test]
fn a_fit_killed_at_any_moment_goes_on_to_the_same_bits() {
    let wanted = std::env::var("MATFACT_TEST_KILLS").ok();
    let wanted = wanted.map_or(1, |text| text.parse().expect("MATFACT_TEST_KILLS: a count"));
    let folder = Folder::new();
    folder.write("ratings.tsv", lines(&ratings(), "\t"));
    folder.matrix(120, 80);
    let (mut kills, mut resumed) = (0, 0);
    for round in 0..1000 {
        for (number, fit) in [
            "sgd ratings.tsv --rank 8 --epochs 400",
            "als ratings.tsv --rank 8 --max-iter 300 --tol 0 --threads 2",
            "nmf x.npy --rank 6 --max-iter 300 --tol 0",
            "nmf x.npy --rank 6 --max-iter 40 --tol 0 --restarts 4 --init random",
            "bpr ratings.tsv --rank 8 --epochs 300",
            "svdpp ratings.tsv --rank 8 --epochs 60",
            "svd x.npy --rank 6 --method randomized --power-iterations 400",
        ]
        .iter()
        .enumerate()
        {
            folder.ok(&format!("fit {fit} --model whole"));
            let line = format!("fit {fit} --model pieces --checkpoint state --checkpoint-every 7");
            kills += kill_until_done(&folder, &line, 100 * round + number as u64);
            resumed += 1;
            same_model(&folder, "whole", "pieces");
            assert!(
                !folder.at("state").exists(),
                "the checkpoints are removed at the end"
            );
            fs::remove_file(folder.at("pieces")).unwrap();
        }
        if kills >= wanted {
            break;
        }
    }
    println!("{kills} kills, {resumed} fits resumed to their end");
    assert!(kills >= wanted, "{kills} kills: give the fits more to do");
    // What kills in the middle of writing the model have left is hidden and temporary.
    let left = folder.names();
    let known = |name: &String| ["ratings.tsv", "x.npy", "whole"].contains(&name.as_str());
    assert!(
        left.iter()
            .all(|name| known(name) || name.ends_with(".tmp")),
        "{left:?}"
    );
}

#[test]
fn a_time_budget_leaves_a_state_to_go_on_from() {
    let folder = Folder::new();
    folder.write("ratings.tsv", lines(&ratings(), "\t"));
    let fit = "fit sgd ratings.tsv --rank 4 --epochs 12";
    folder.ok(&format!("{fit} --model whole"));
    let line = format!("{fit} --model m --checkpoint state");
    let first = folder.ok(&format!("{line} --time-budget 0s"));
    assert!(
        first.err.contains("--resume goes on from there"),
        "{first:?}"
    );
    assert_eq!(folder.model("m").report["iterations"], 1);

    // Without --resume the state is not thrown away.
    let newest = "state/checkpoint-00000001.safetensors is there: go on from it with --resume";
    folder.line(&line).refused(2, newest);
    // With other settings or other data it is refused by name.
    let other = line.replace("--rank 4", "--rank 5");
    folder
        .line(&format!("{other} --resume"))
        .refused(2, "rank: it was 4, and is 5");
    folder
        .line(&format!("{line} --resume --holdout 0.1"))
        .refused(2, "the data: it was");
    folder
        .line(&format!("{line} --resume --precision f64"))
        .refused(2, "precision: it was f32, and is f64");

    folder.ok(&format!("{line} --resume --threads 2"));
    let mut whole = report(&folder, "whole");
    let mut resumed = report(&folder, "m");
    for report in [&mut whole, &mut resumed] {
        report.as_object_mut().unwrap().remove("threads");
    }
    assert_eq!(bits(&folder.model("whole")), bits(&folder.model("m")));
    assert_eq!(whole, resumed);
    assert!(!folder.at("state").exists());
}

#[test]
fn a_damaged_checkpoint_is_refused_and_the_one_before_it_serves() {
    let folder = Folder::new();
    folder.write("ratings.tsv", lines(&ratings(), "\t"));
    let fit = "fit als ratings.tsv --rank 4 --max-iter 9 --tol 0";
    folder.ok(&format!("{fit} --model whole"));
    let line = format!("{fit} --model m --checkpoint state --checkpoint-every 1");
    folder.ok(&format!("{line} --time-budget 0s"));
    folder.ok(&format!("{line} --time-budget 0s --resume"));
    let newest = folder.at("state/checkpoint-00000002.safetensors");
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    folder.line(&format!("{line} --resume")).refused(
        6,
        "checkpoint-00000002.safetensors: not an intact checkpoint: ",
    );
    fs::remove_file(newest).unwrap();
    folder.ok(&format!("{line} --resume"));
    same_model(&folder, "whole", "m");
}

#[test]
fn what_cannot_go_on_says_so() {
    let folder = Folder::new();
    folder.matrix(20, 10);
    folder.write("ratings.tsv", lines(&ratings(), "\t"));
    for line in [
        "fit svd x.npy --rank 2 --checkpoint state",
        "fit pca x.npy --rank 2 --checkpoint state",
        "fit popularity ratings.tsv --checkpoint state",
    ] {
        folder.line(line).refused(2, "no state to go on from");
    }
    folder
        .line("evaluate als ratings.tsv --rank 2 --checkpoint state")
        .refused(2, "`matfact fit` has checkpoints");
    for (line, part) in [
        ("fit nmf x.npy --rank 2 --resume", "--checkpoint"),
        (
            "fit nmf x.npy --rank 2 --checkpoint s --checkpoint-every 0",
            "at least 1",
        ),
        (
            "fit nmf x.npy --rank 2 --checkpoint s --checkpoint-every 1.5",
            "a number of iterations",
        ),
    ] {
        folder.line(line).refused(2, part);
    }
    folder.write("file", "");
    folder
        .line("fit nmf x.npy --rank 2 --checkpoint file")
        .refused(4, "file");
    // Nothing to go on from yet: the same command serves from the first time on.
    let first = folder.ok("fit nmf x.npy --rank 2 --checkpoint new --resume");
    assert!(first.err.contains("starts from its beginning"), "{first:?}");
}

/// A disk that takes no more: files may grow to 4 KiB, and a checkpoint needs more.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_the_checkpoint_and_not_the_fit() {
    let folder = Folder::new();
    folder.write("ratings.tsv", lines(&ratings(), "\t"));
    let program = env!("CARGO_BIN_EXE_matfact");
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec {program} fit als ratings.tsv --rank 16 --max-iter 4 --tol 0 --checkpoint state --checkpoint-every 1"
    );
    let mut shell = std::process::Command::new("sh");
    let ended = shell
        .arg("-c")
        .arg(script)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{said}");
    assert_eq!(said.matches("could not be written").count(), 1, "{said}");
    assert!(said.contains("checkpoint-00000001.safetensors"), "{said}");
    assert_eq!(folder.names(), ["ratings.tsv"]);
}

/// The same for the model itself: the old one is left as it was, and no part of the new one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_model() {
    let folder = Folder::new();
    folder.write("ratings.tsv", lines(&ratings(), "\t"));
    folder.ok("fit als ratings.tsv --rank 2 --model m");
    let before = fs::read(folder.at("m")).unwrap();
    let program = env!("CARGO_BIN_EXE_matfact");
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec {program} fit als ratings.tsv --rank 16 --model m"
    );
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(script).current_dir(folder.path());
    let ended = shell.output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains("m: File too large"), "{said}");
    assert_eq!(fs::read(folder.at("m")).unwrap(), before);
    assert_eq!(folder.names(), ["m", "ratings.tsv"]);
}

/// Ctrl-C: the state is kept, the model so far is saved, and the same command goes on.
#[cfg(unix)]
#[test]
fn an_interrupt_keeps_the_state() {
    let folder = Folder::new();
    folder.write("ratings.tsv", lines(&ratings(), "\t"));
    let fit = "fit als ratings.tsv --rank 8 --max-iter 2000 --tol 0";
    folder.ok(&format!("{fit} --model whole"));
    let line = format!("{fit} --model m --checkpoint state --checkpoint-every 1");
    let mut program = folder.program();
    program.args(line.split_whitespace());
    let child = program
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A checkpoint tells that the fit has begun, whichever it is: the first may be gone before one looks. The deadline
    // is for a program that never gets there.
    let begun = || fs::read_dir(folder.at("state")).is_ok_and(|mut files| files.next().is_some());
    for _ in 0..10_000 {
        if begun() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status()
        .unwrap();
    assert!(sent.success());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{said}");
    assert!(
        said.contains("interrupted; this is the model so far"),
        "{said}"
    );
    assert!(said.contains("--resume goes on from there"), "{said}");
    assert!(folder.at("m").exists());
    folder.ok(&format!("{line} --resume"));
    same_model(&folder, "whole", "m");
}
