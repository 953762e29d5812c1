//! Configuration files, what prints them, and completions.

use crate::common::{Folder, bits, lines, ratings};

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.matrix(20, 8);
    folder
}

#[test]
fn a_file_says_what_the_command_line_would() {
    let folder = folder();
    folder.write(
        "run.toml",
        "# all that is wanted\nalgorithm = \"als\"\ninput = \"r.tsv\"\nrank = 3\nmax_iter = 4\n\
         regularization = 0.7\nunbiased = true\nnon-negative = false\nseed = 5\nmodel = \"a.safetensors\"\n",
    );
    folder.ok("fit --config run.toml");
    folder.ok("fit als r.tsv --rank 3 --max-iter 4 --regularization 0.7 --unbiased --seed 5 --model b.safetensors");
    let (a, b) = (folder.model("a.safetensors"), folder.model("b.safetensors"));
    assert_eq!((bits(&a), &a.parameters), (bits(&b), &b.parameters));
    // An option before the algorithm is known takes its value along.
    folder.ok("fit --config run.toml --model c.safetensors");
    assert_eq!(bits(&folder.model("c.safetensors")), bits(&b));
    // The command line wins, also over what it excludes, and the order of words does not matter.
    folder.write(
        "more.toml",
        "rank = 3\nholdout = 0.1\nseparator = \"tab\"\n",
    );
    let object = folder.json("fit als --config more.toml --rank 2 r.tsv --test r.tsv");
    assert_eq!(object["rank"], 2);
}

#[test]
fn what_is_printed_repeats_the_run() {
    let folder = folder();
    for (line, again) in [
        (
            "fit als r.tsv --rank 3 --tol 1e-3 --holdout 0.2 --seed 9",
            "fit",
        ),
        (
            "fit nmf x.npy --rank 3 --loss 1.5 --alpha-w 0.01 --l1-ratio 1",
            "fit",
        ),
        ("fit sgd r.tsv --rank 2 --unbiased --header false", "fit"),
        ("fit popularity r.tsv --positive-from 3", "fit"),
        (
            "evaluate als r.tsv --rank 2 --folds 2 --metrics rmse,auc",
            "evaluate",
        ),
        (
            "compare r.tsv --algorithms als,bpr --ranks 2,3 --set bpr.epochs=5",
            "compare",
        ),
    ] {
        let printed = folder.ok(&format!("{line} --print-config")).out;
        folder.write("again.toml", &printed);
        let repeated = folder.ok(&format!("{again} --config again.toml --print-config"));
        assert_eq!(repeated.out, printed, "{line}");
        let clean = |mut object: serde_json::Value| {
            let fields = object.as_object_mut().unwrap();
            for name in ["seconds", "load_seconds", "peak_memory_bytes"] {
                fields.remove(name);
            }
            for result in object["results"].as_array_mut().into_iter().flatten() {
                result.as_object_mut().unwrap().remove("seconds");
            }
            object
        };
        let first = clean(folder.json(line));
        assert_eq!(
            first,
            clean(folder.json(&format!("{again} --config again.toml"))),
            "{line}"
        );
    }
    assert!(
        !folder
            .names()
            .iter()
            .any(|name| name.ends_with("safetensors"))
    );
}

#[test]
fn what_a_file_cannot_say_is_refused_with_its_line() {
    let folder = folder();
    for (content, code, part) in [
        (
            "rank = 2\nregularisation = 1\n",
            3,
            "c.toml:2: unknown key \"regularisation\" (is it \"regularization\"?)",
        ),
        (
            "rank = 2\nxyzzy = 1\n",
            3,
            "c.toml:2: unknown key \"xyzzy\": keys are the long options of",
        ),
        (
            "rank = 2\nconfig = \"d.toml\"\n",
            3,
            "c.toml:2: unknown key \"config\"",
        ),
        ("rank = \n", 3, "c.toml:1: not TOML"),
        ("rank = 2\nrank = 3\n", 3, "c.toml:2: not TOML"),
        (
            "rank = [1, 2]\n",
            3,
            "c.toml:1: rank takes one value, not a list",
        ),
        (
            "unbiased = 1\n",
            3,
            "c.toml:1: unbiased is a switch: give true or false",
        ),
        ("rank = 2\n[als]\nseed = 1\n", 3, "unknown table [als]"),
        ("rank = 1979-05-27\n", 3, "c.toml:1: rank is a datetime"),
        (
            "rank = 2\ninput = 3.5\ninput2 = 1\n",
            3,
            "c.toml:3: unknown key \"input2\" (is it \"input\"?)",
        ),
        (
            "algorithm = \"sgd\"\n",
            3,
            "c.toml:1: the file is for sgd, the command line for als",
        ),
        (
            "rank = \"two\"\n",
            2,
            "'two' for '--rank <K>': not a whole number",
        ),
        ("rank = -1\n", 2, "'-1' for '--rank <K>'"),
        (
            "regularization = -1\nrank = 2\n",
            2,
            "--regularization -1 is not allowed",
        ),
        ("rank = 2\nseed = \"\\uD800\"\n", 3, "c.toml:2: not TOML"),
    ] {
        folder.write("c.toml", content);
        folder
            .line("fit als r.tsv --config c.toml")
            .refused(code, part);
    }
    folder.write("c.toml", b"rank = 2\n# \xff\n");
    folder
        .line("fit als r.tsv --config c.toml")
        .refused(3, "c.toml:2: the text is not valid UTF-8");
    folder
        .line("fit als r.tsv --config gone.toml")
        .refused(4, "gone.toml: No such file");
    folder.write("c.toml", "algorithm = \"alz\"\n");
    folder
        .line("fit r.tsv --config c.toml")
        .refused(3, "unknown algorithm \"alz\" (is it \"als\"?)");
    folder.line("fit als r.tsv --config").refused(2, "--config");
    folder
        .line("inspect m.safetensors --config c.toml")
        .refused(2, "unexpected argument '--config'");
}

#[test]
fn completions_are_printed_for_each_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = folder.ok(&format!("completions {shell}"));
        assert!(
            ended.out.contains("matfact") && ended.out.contains("compare"),
            "{shell}"
        );
        assert_eq!(ended.err, "");
    }
    folder
        .line("completions csh")
        .refused(2, "[possible values: bash");
}

#[test]
fn what_is_done_is_told_where_it_is_asked_for() {
    let folder = folder();
    let line = "fit als r.tsv --rank 2 --max-iter 3";
    assert_eq!(folder.ok(line).err, "");
    let told = folder.ok(&format!("{line} -v")).err;
    assert!(
        told.contains("INFO")
            && told.contains("algorithm=\"als\"")
            && !told.contains("iteration=1"),
        "{told}"
    );
    let more = folder.ok(&format!("-vv {line}")).err;
    assert!(
        more.contains("DEBUG") && more.contains("iteration=2"),
        "{more}"
    );
}
