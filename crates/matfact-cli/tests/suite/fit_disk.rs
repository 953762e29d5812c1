//! `matfact fit sgd --disk`: the fit of ratings in memory, with ratings on disk.

use crate::common::{Folder, bits, lines, number, ratings};

/// The object that a fit printed, without what depends on time and memory.
fn told(folder: &Folder, line: &str) -> serde_json::Value {
    let mut object = folder.json(line);
    for name in ["seconds", "load_seconds", "peak_memory_bytes", "model"] {
        object[name] = serde_json::Value::Null;
    }
    object
}

fn written() -> Folder {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    std::fs::create_dir(folder.at("scratch")).unwrap();
    folder
}

#[test]
fn a_fit_from_disk_gives_the_bits_and_errors_of_one_in_memory() {
    let folder = written();
    folder.write("test.tsv", "u1\tfilm-3\t4\nstranger\tfilm-1\t2\n");
    folder.write("aside.tsv", "u2\tfilm-3\t4\nu3\tfilm-1\t2\nu7\tnone\t1\n");
    for options in [
        "--rank 5",
        "--rank 3 --precision f64 --holdout 0.1 --seed 4",
        "--rank 4 --unbiased --test test.tsv --validation aside.tsv --duplicates last",
        "--rank 20 --loss absolute --preset surprise --epochs 3",
    ] {
        let fit = format!("fit sgd r.tsv {options} --threads 2");
        let in_memory = told(&folder, &format!("{fit} --model memory"));
        let memory = folder.model("memory");
        for threads in [1, 2, 7] {
            let from_disk =
                format!("fit sgd r.tsv {options} --threads {threads} --disk scratch --model disk");
            let mut from_disk = told(&folder, &from_disk);
            from_disk["threads"] = 2.into();
            assert_eq!(from_disk, in_memory, "{options}");
            let disk = folder.model("disk");
            assert_eq!(bits(&disk), bits(&memory), "{options}");
            assert_eq!(disk.record, memory.record, "{options}");
            assert_eq!(disk.parameters, memory.parameters, "{options}");
            assert_eq!(
                (&disk.row_ids, &disk.column_ids),
                (&memory.row_ids, &memory.column_ids)
            );
        }
    }
    assert!(folder.at("scratch").read_dir().unwrap().next().is_none());
    for use_of in [
        "predict MODEL --user u3 --item film-7",
        "predict MODEL --user stranger --item film-7",
        "recommend MODEL --user u3 --exclude r.tsv",
    ] {
        assert_eq!(
            folder.ok(&use_of.replace("MODEL", "disk")).out,
            folder.ok(&use_of.replace("MODEL", "memory")).out
        );
    }
}

/// Some thousand lines in several chunks, merged as in memory.
#[test]
fn duplicates_are_taken_by_the_rule_or_refused_with_their_lines() {
    let folder = written();
    let mut text = String::from("user,item,rating\n");
    for i in 0..30_000_usize {
        text += &format!("{},{},{}\n", i * 7 % 400, i * 13 % 301, 1 + i % 5);
    }
    folder.write("large.csv", text + "0,0,1\n0,0,2\n");
    for rule in ["last", "sum"] {
        let fit = format!("fit sgd large.csv --rank 2 --epochs 1 --duplicates {rule}");
        folder.ok(&format!("{fit} --model memory"));
        let ended = folder.ok(&format!("{fit} --disk scratch --model disk"));
        assert!(ended.err.contains("taken by the rule"), "{ended:?}");
        assert_eq!(
            bits(&folder.model("disk")),
            bits(&folder.model("memory")),
            "{rule}"
        );
    }
    let refused = |text: &str, part: &str, options: &str| {
        folder.write("bad.csv", text);
        let fit = format!("fit sgd bad.csv --rank 2 {options} --model m");
        let memory = folder.line(&fit);
        memory.refused(3, part);
        let disk = folder.line(&format!("{fit} --disk scratch"));
        assert_eq!((disk.code, disk.err), (memory.code, memory.err));
        assert!(!folder.at("m").exists());
    };
    refused(
        "ada,x,1\nbob,x,2\nada,x,3\n",
        "bad.csv:3: user \"ada\" has rated item \"x\" before, on line 1",
        "",
    );
    refused(
        "ada,x,3e38\nbob,x,2\nada,x,3e38\n",
        "overflows f32",
        "--duplicates sum",
    );
    refused("ada,x,1\nbob,x,much\n", "bad.csv:2:3", "");
    refused("", "empty", "");
}

#[test]
fn what_disks_and_commands_cannot_do_is_refused_with_a_remedy() {
    let folder = written();
    let fit = "fit sgd r.tsv --rank 2 --model m";
    for (line, code, part) in [
        (
            format!("{fit} --disk nowhere"),
            4,
            "nowhere: no such folder: create it first",
        ),
        (
            format!("{fit} --disk r.tsv"),
            4,
            "r.tsv: no such folder: create it first",
        ),
        (
            format!("{fit} --disk scratch --validation 0.1"),
            2,
            "--validation 0.1 is not allowed: it must be a file of ratings beside --disk",
        ),
        (
            format!("{fit} --disk scratch --holdout 1"),
            2,
            "--holdout 1 is not allowed",
        ),
        (
            format!("{fit} --disk scratch --holdout 0.9999999"),
            2,
            "it leaves none of",
        ),
        (
            "fit als r.tsv --rank 2 --disk scratch".to_owned(),
            2,
            "unexpected argument '--disk'",
        ),
        (
            "evaluate sgd r.tsv --rank 2 --disk scratch".to_owned(),
            2,
            "--disk scratch is not allowed",
        ),
        (
            "tune sgd r.tsv --rank 2 --disk scratch".to_owned(),
            2,
            "--disk scratch is not allowed",
        ),
        (
            "compare r.tsv --algorithms sgd,als --ranks 2 --set sgd.disk=scratch".to_owned(),
            2,
            "--disk scratch is not allowed",
        ),
    ] {
        folder.line(&line).refused(code, part);
    }
    assert_eq!(folder.names(), ["r.tsv", "scratch"]);
}

/// A disk that takes no more: files may grow to 4 KiB, and the ratings need more.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_fit_and_nothing_is_left() {
    let folder = written();
    let program = env!("CARGO_BIN_EXE_matfact");
    let fit = "fit sgd r.tsv --rank 2 --disk scratch --model m";
    let mut shell = std::process::Command::new("sh");
    let ended = shell
        .arg("-c")
        .arg(format!("trap '' XFSZ; ulimit -f 8; exec {program} {fit}"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("error: scratch: "), "{said}");
    assert!(said.contains("choose a --disk with more room"), "{said}");
    assert_eq!(folder.names(), ["r.tsv", "scratch"]);
    assert!(folder.at("scratch").read_dir().unwrap().next().is_none());
}

#[test]
fn a_report_a_configuration_and_a_plan_go_with_it() {
    let folder = written();
    let fit = "fit sgd r.tsv --rank 3 --disk scratch --epochs 4";
    let told = folder.ok(&format!("{fit} --report r.html"));
    assert!(told.err.contains("no recommendations"), "{told:?}");
    assert!(folder.at("r.html").exists());
    let configuration = folder.ok(&format!("{fit} --print-config")).out;
    assert!(
        configuration.contains("disk = \"scratch\""),
        "{configuration}"
    );
    folder.write("run.toml", configuration);
    folder.ok("fit sgd --config run.toml --model one");
    folder.ok(&format!(
        "{} --model two",
        fit.replace(" --disk scratch", "")
    ));
    assert_eq!(bits(&folder.model("one")), bits(&folder.model("two")));
    let on_disk = folder.json(&format!("plan {}", &fit[4..]));
    assert_eq!(number(&on_disk, "/input_bytes"), 8.0 * 100.0);
    folder
        .line(&format!("{fit} --memory-budget 1KiB"))
        .refused(2, "--memory-budget");
}
