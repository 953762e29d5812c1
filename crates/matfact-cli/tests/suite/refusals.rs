//! What cannot work is refused: with its exit code, in one line on standard error that names the
//! place, with nothing on standard output and no file written.

use crate::common::Folder;
use matfact::io::write_npy;
use matfact::ndarray::{Array2, array};
use std::fs;

/// Exit code, arguments, and part of the message; `{}` stands for
/// `--rank 2 --model out.safetensors`.
const CASES: &str = r#"
# Files that cannot be read.
4 fit nmf gone.npy {} -> gone.npy: No such file
4 fit sgd gone.tsv {} -> gone.tsv: No such file
4 inspect gone.safetensors -> gone.safetensors: No such file
4 fit svd folder {} -> folder: this is a directory
4 fit sgd folder {} -> folder: this is a directory
4 predict folder --user 1 --item 1 -> folder: this is a directory
4 fit nmf good.npy --rank 2 --model none/out.safetensors -> none: no such folder: create
4 fit nmf gone.npy --rank 2 --model none/out.safetensors -> none: no such folder
4 fit nmf good.npy --rank 2 --model folder -> folder: is a folder
# Content that is not what it should be.
3 fit nmf empty.npy {} -> empty.npy: the file is empty
3 fit sgd empty.npy {} -> empty.npy: the file is empty
3 fit nmf good.tsv {} -> good.tsv: unknown format: a matrix is read from .npz, .npy (NumPy) and .mtx
3 fit svd good.tsv {} -> ratings, `user item rating` a line, are for `matfact fit als`
3 fit masked-nmf good.npy {} -> masked-nmf reads text with `user item rating` lines
3 fit masked-nmf word.tsv {} -> word.tsv:2:3: "four" is not a number
3 fit sgd good.mtx {} -> are for `matfact fit nmf` and `matfact fit svd`
3 fit sgd good.npy {} -> are for `matfact fit nmf` and `matfact fit svd`
3 fit nmf word.mtx {} -> word.mtx:4:
3 fit nmf short.mtx {} -> short.mtx:
3 fit nmf index.mtx {} -> index.mtx:3:
3 fit nmf complex.mtx {} -> complex.mtx:1
3 fit nmf nan.mtx {} -> nan.mtx:3:
3 fit svd pattern.mtx {} -> pattern.mtx:3:
3 fit nmf huge.mtx {} -> huge.mtx:2
3 fit svd nan.npy {} -> nan.npy: the entry at row 1, column 0 (counted from 0) is NaN
3 fit nmf nan.npy {} -> nan.npy: the entry at row 1, column 0 (counted from 0) is NaN
3 fit svd infinite.npy {} -> row 0, column 1 (counted from 0) is inf
3 fit nmf negative.npy {} -> negative.npy: the entry at row 2, column 1 (counted from 0) is -4
3 fit nmf negative.npy {} -> nmf needs entries >= 0; `matfact fit svd` takes any sign
3 fit nmf negative.npy {} --loss kullback-leibler -> negative.npy: the entry at row 2, column 1 (counted from 0) is -4
3 fit svd negative.npy {} --tf-idf -> row 2, column 1 (counted from 0) is -4: tf-idf needs entries >= 0
3 fit nmf large.npy {} -> use --precision f64
3 fit nmf cut.npy {} -> cut.npy: 
3 fit nmf archive.npz {} -> archive.npz: the zip archive
3 fit nmf text.gz {} -> text.gz: the name ends in .gz
3 fit nmf pickle.npy {} -> pickle.npy: this is a Python pickle
3 fit sgd pickle.npy {} -> pickle.npy: this is a Python pickle
3 predict pickle.npy --user 1 --item 1 -> pickle.npy: this is a Python pickle
3 fit nmf object.npy {} -> object.npy: this is a Python pickle
3 fit sgd word.tsv {} -> word.tsv:2:3: "four" is not a number
3 fit sgd nan.tsv {} -> nan.tsv:1:3: "NaN" is not a finite number
3 fit sgd comma.tsv {} -> comma.tsv:2:3: "1,5" is not a number: write a decimal point
3 fit sgd latin.tsv {} -> latin.tsv:2:2: the text is not valid UTF-8
3 fit sgd pairs.tsv {} -> 2 fields where user, item and rating are expected: check the separator
3 fit sgd header.csv {} -> the file has no ratings
3 fit sgd huge.tsv {} -> use --precision f64
6 predict good.tsv --user 1 --item 1 -> good.tsv: not an intact model file
6 inspect good.npy -> good.npy: not an intact model file
6 inspect empty.npy -> empty.npy: not an intact model file
# What the command line asks for.
2 fit nmf good.npy --rank 0 -> --rank 0 is not allowed: it must be at least 1
2 fit svd gone.npy --rank 0 -> --rank 0 is not allowed: it must be at least 1
2 fit pca good.npy -> --rank <K>
2 fit pca good.npy --rank 2 --explained-variance 0.5 -> '--explained-variance <SHARE>'
2 fit pca good.npy --explained-variance 1.5 -> --explained-variance 1.5 is not allowed: it must be above 0
2 fit pca good.npy --rank 0 -> --rank 0 is not allowed: it must be at least 1
2 fit pca good.npy --rank 4 -> --rank 4 is outside 1 to 3 for a 4 x 3 matrix: choose a smaller
3 fit pca nan.npy {} -> nan.npy: the entry at row 1, column 0 (counted from 0) is NaN
3 fit pca good.tsv {} -> ratings, `user item rating` a line, are for `matfact fit als`
2 fit svd good.npy --rank 4 -> --rank 4 is outside 1 to 3 for a 4 x 3 matrix: choose a smaller
2 fit nmf good.npy --rank -1 -> '-1' for '--rank <K>': not a whole number
2 fit nmf good.npy --rank 2.5 -> '2.5' for '--rank <K>': not a whole number
2 fit nmf good.npy --rank 18446744073709551616 -> too large a number
2 fit nmf good.npy --rank 1000000000000000 -> --rank 1000000000000000 is not allowed
2 fit svd good.npy --rank 18446744073709551615 -> --rank 18446744073709551615
2 fit sgd good.tsv --rank 18446744073709551615 -> --rank 18446744073709551615
2 fit nmf good.npy -> --rank <K>
2 fit nmf --rank 2 -> <INPUT>
2 fit umap good.npy {} -> unrecognized subcommand 'umap'; usage: matfact fit nmf|masked-nmf|minibatch-nmf|svd|pca|als|sgd|svdpp|ials|bpr|warp|logistic|popularity
2 compare good.tsv --algorithms als --checkpoint c -> `matfact fit` has checkpoints
2 tune als good.tsv --checkpoint c -> `matfact fit` has checkpoints
2 fit bpr good.tsv {} --holdout 0.1 -> --holdout given is not allowed: it must be left out: `matfact evaluate` measures lists
2 fit popularity good.tsv --validation 0.1 -> --validation given is not allowed
2 fit bpr good.tsv {} --validation-metric ndcg@10 -> --validation
2 fit warp good.tsv {} --validation 0.1 --validation-metric rmse -> --validation-metric
3 fit warp good.npy {} -> warp reads text with `user item rating` lines
2 fti nmf good.npy -> 'fti'; usage: matfact demo|fit|plan|evaluate|compare|tune|predict|recommend|similar|transform|topics|reconstruct|inspect
2 fit nmf good.npy {} --bogus -> unexpected argument '--bogus' found; usage: 
2 fit nmf good.npy {} --iterations 4 -> unexpected argument '--iterations' found
2 fit nmf good.npy --rnk 2 -> a similar argument exists: '--rank'
2 fit nmf good.npy {} --precision f16 -> [possible values: f32, f64]
2 fit nmf good.npy {} --init best -> [possible values: auto, random, nndsvd, nndsvda, nndsvdar, separable]
2 fit nmf good.npy {} --threads 0 -> --threads 0 is not allowed: it must be at least 1
2 fit nmf good.npy {} --seed -3 -> '-3' for '--seed <S>': not a whole number
2 fit nmf good.npy {} --tol NaN -> --tol NaN is not allowed: it must be finite
2 fit nmf good.npy {} --tol -1 -> --tol -1 is not allowed
2 fit nmf good.npy {} --tol small -> 'small' for '--tol <T>': not a number
2 fit nmf gone.npy {} --sweeps 0 -> --sweeps 0 is not allowed: it must be at least 1
2 fit nmf good.npy {} --alpha-w -1 -> --alpha-w -1 is not allowed
2 fit nmf good.npy {} --alpha-h inf -> --alpha-h inf is not allowed
2 fit nmf good.npy {} --l1-ratio 1.5 -> --l1-ratio 1.5 is not allowed
2 fit nmf good.npy {} --target-error 0 -> --target-error 0 is not allowed
2 fit nmf good.npy {} --target-objective NaN -> --target-objective NaN is not allowed
2 fit nmf good.npy {} --loss kl -> give frobenius, kullback-leibler, itakura-saito, or the beta
2 fit nmf good.npy {} --loss NaN -> --loss NaN is not allowed: it must be a finite beta
2 fit nmf good.npy {} --solver hals --loss kullback-leibler -> --solver hals is not allowed: it must be auto or multiplicative for the loss kullback-leibler
2 fit nmf good.npy {} --solver block-pivoting --loss 1.5 -> for the loss beta 1.5
2 fit nmf good.npy {} --solver scalar-newton -> for the loss frobenius
2 fit nmf good.npy {} --solver mu -> [possible values: auto, hals, coordinate-descent
2 fit nmf good.npy {} --loss kullback-leibler --target-error 0.1 -> --target-error 0.1 is not allowed: it must be left out for this loss (--target-objective is
2 fit nmf good.npy {} --restarts 0 -> --restarts 0 is not allowed: it must be at least 1
2 fit nmf good.npy {} --restarts -1 -> '-1' for '--restarts <N>': not a whole number
2 fit nmf good.npy {} --shuffle -> --solver auto is not allowed: it must be coordinate-descent where --shuffle is given
2 fit nmf good.npy {} --compression yes -> [possible values: on, off]
2 fit nmf good.npy {} --compression on --loss 1 -> --compression on is not allowed: it must be off or left out
2 fit nmf good.npy {} --compression on --solver coordinate-descent -> it belongs to --solver hals
2 fit nmf good.npy {} --penalty-scaling none -> [possible values: by-shape, plain]
2 fit nmf good.npy {} --max-w 0 -> --max-w 0 is not allowed: it must be finite and above 0
2 fit nmf good.npy {} --max-h -1 -> --max-h -1 is not allowed
2 fit nmf good.npy --rank 4 --init separable -> --rank 4 is outside 1 to 3
2 fit sgd good.tsv {} --tf-idf -> unexpected argument '--tf-idf'
2 fit nmf good.npy {} --time-budget soon -> write it as 60s, 5m or 1h
2 fit nmf good.npy {} --test good.tsv -> unexpected argument '--test'
2 fit nmf good.npy --rank 2 --model good.npy -> --model good.npy is not allowed
2 fit sgd good.tsv --rank 2 --model ./good.tsv -> another file than the data
2 fit sgd good.tsv --rank 2 --test good.mtx --model good.mtx -> another file than the data
2 fit minibatch-nmf gone.npy {} --batch-size 0 -> --batch-size 0 is not allowed: it must be at least 1
2 fit minibatch-nmf gone.npy {} --forget-factor 1.5 -> --forget-factor 1.5 is not allowed: it must be between 0 and 1
2 fit als good.tsv {} --solver cholesky --non-negative -> --solver cholesky is not allowed: it must be auto or coordinate-descent, for non-negative factors
2 fit als good.tsv {} --solver gauss -> [possible values: auto, cholesky, conjugate-gradients, coordinate-descent, block-coordinate-descent]
2 fit minibatch-nmf gone.npy {} --solver block-pivoting -> --solver block-pivoting is not allowed: it must be auto, hals or multiplicative
2 fit minibatch-nmf gone.npy {} --max-iter 0 -> --max-iter 0 is not allowed: it must be at least 1
3 fit minibatch-nmf good.tsv {} -> are for `matfact fit als`, `matfact fit sgd` and `matfact fit masked-nmf`
3 fit minibatch-nmf negative.npy {} -> nmf needs entries >= 0; `matfact fit svd` takes any sign
2 fit masked-nmf good.tsv --rank 0 -> --rank 0 is not allowed: it must be at least 1
2 fit masked-nmf gone.tsv {} --loss itakura-saito -> --loss itakura-saito is not allowed: it must be frobenius or kullback-leibler
2 fit masked-nmf gone.tsv {} --passes 0 -> --passes 0 is not allowed: it must be at least 1
2 fit masked-nmf gone.tsv {} --regularization -1 -> --regularization -1 is not allowed
2 fit masked-nmf gone.tsv {} --holdout 0 -> --holdout 0 is not allowed: it must be above 0 and below 1
2 fit masked-nmf good.tsv --rank 2 --model ./good.tsv -> another file than the data
2 fit sgd good.tsv {} --learning-rate 0 -> --learning-rate 0 is not allowed: it must be finite
2 fit sgd good.tsv {} --learning-rate -0.1 -> --learning-rate -0.1 is not allowed
2 fit sgd gone.tsv {} --learning-rate NaN -> --learning-rate NaN is not allowed
2 fit sgd good.tsv {} --regularization -1 -> --regularization -1 is not allowed
2 fit sgd good.tsv {} --bias-regularization inf -> --bias-regularization inf is not allowed
2 fit sgd gone.tsv {} --holdout 1 -> --holdout 1 is not allowed: it must be above 0 and below 1
2 fit sgd good.tsv {} --holdout 0.5 --test good.tsv -> '--holdout <SHARE>'
2 fit sgd good.tsv {} --separator | -> --separator "|" is not allowed: it must be one of tab
2 fit sgd good.tsv {} --header maybe -> [possible values: true, false]
2 fit sgd good.tsv {} --duplicates first -> [possible values: error, last, sum]
2 fit sgd good.tsv {} --on-error ignore -> [possible values: stop, skip]
# What only the work itself can find.
5 fit sgd good.tsv {} --learning-rate 1e6 -> choose a smaller --learning-rate or a larger --regularization
"#;

fn with_files() -> Folder {
    const COORDINATE: &str = "%%MatrixMarket matrix coordinate";
    let folder = Folder::new();
    fs::create_dir(folder.at("folder")).unwrap();
    let good = Array2::from_shape_fn((4, 3), |(i, j)| (i * j + 1) as f32);
    write_npy(folder.at("good.npy"), &good).unwrap();
    let bytes = fs::read(folder.at("good.npy")).unwrap();
    folder.write("cut.npy", &bytes[..bytes.len() - 1]);
    let objects = String::from_utf8_lossy(&bytes[..128]).replace("'<f4'", "'|O' ");
    let mut objects = objects.into_bytes();
    // The magic bytes are no text.
    objects.splice(..3, [0x93]);
    folder.write("object.npy", objects);
    for (name, at, value) in [
        ("nan.npy", [1, 0], f32::NAN),
        ("infinite.npy", [0, 1], f32::INFINITY),
        ("negative.npy", [2, 1], -4.0),
        ("zero.npy", [1, 2], 0.0),
    ] {
        let mut x = good.clone();
        x[at] = value;
        write_npy(folder.at(name), &x).unwrap();
    }
    write_npy(
        folder.at("large.npy"),
        &array![[1e300_f64, 1.0], [1.0, 1.0]],
    )
    .unwrap();
    let files: &[(&str, &[u8])] = &[
        ("empty.npy", b""),
        ("pickle.npy", b"\x80\x04\x95\x0a\0\0\0\0\0\0\0]"),
        ("archive.npz", b"PK\x03\x04and so on"),
        ("text.gz", b"1 2 3\n"),
        ("good.tsv", b"ada\talien\t5\nada\theat\t3\nbob\talien\t4\n"),
        ("word.tsv", b"ada\talien\t5\nada\theat\tfour\n"),
        ("nan.tsv", b"ada\talien\tNaN\nada\theat\t3\n"),
        ("comma.tsv", b"ada\talien\t2\nada\theat\t1,5\n"),
        ("latin.tsv", b"ada\talien\t2\nada\tAm\xe9lie\t5\n"),
        ("pairs.tsv", b"ada\talien\nada\theat\n"),
        ("huge.tsv", b"ada\talien\t1e300\nada\theat\t3\n"),
        ("header.csv", b"user,item,rating\n"),
    ];
    for (name, content) in files {
        folder.write(name, content);
    }
    for (name, content) in [
        ("good.mtx", " real general\n3 3 2\n1 1 1\n2 2 5\n"),
        ("word.mtx", " real general\n3 3 2\n1 1 1\n2 2 x\n"),
        ("short.mtx", " real general\n3 3 2\n1 1 1\n"),
        ("index.mtx", " real general\n3 3 1\n0 1 1\n"),
        ("complex.mtx", " complex general\n3 3 1\n1 1 1 2\n"),
        ("nan.mtx", " real general\n3 3 1\n1 1 nan\n"),
        ("pattern.mtx", " pattern general\n3 3 1\n1 4\n"),
        (
            "huge.mtx",
            " real general\n99999999999999999999 3 1\n1 1 1\n",
        ),
    ] {
        folder.write(name, format!("{COORDINATE}{content}"));
    }
    folder
}

#[test]
fn each_refusal_has_its_code_and_its_line() {
    let folder = with_files();
    let before = folder.names();
    let cases = CASES
        .lines()
        .filter(|case| !case.is_empty() && !case.starts_with('#'));
    for case in cases {
        let (line, part) = case.split_once(" -> ").unwrap();
        let (code, line) = line.split_once(' ').unwrap();
        let ended = folder.line(&line.replace("{}", "--rank 2 --model out.safetensors"));
        println!("{line}\n  {}", ended.err.trim_end());
        ended.refused(code.parse().unwrap(), part);
        assert_eq!(folder.names(), before, "{case}");
    }
}

#[test]
fn a_zero_is_refused_by_the_losses_that_are_infinite_there() {
    let folder = with_files();
    for (line, part) in [
        ("zero.npy --rank 2 --loss itakura-saito", "row 1, column 2"),
        ("good.mtx --rank 2 --loss -1", "row 0, column 1"),
    ] {
        folder.line(&format!("fit nmf {line}")).refused(3, part);
    }
}

#[test]
fn a_damaged_model_is_refused_wherever_the_damage_is() {
    let folder = with_files();
    folder.ok("fit sgd good.tsv --rank 2 --model m.safetensors");
    let intact = fs::read(folder.at("m.safetensors")).unwrap();
    for step in 0..24 {
        let at = intact.len() * step / 24;
        folder.write("cut.safetensors", &intact[..at]);
        folder
            .line("predict cut.safetensors --user ada --item heat")
            .refused(6, "cut.safetensors: not an intact model file");
        let mut flipped = intact.clone();
        flipped[at] ^= 1 << (step % 8);
        folder.write("flipped.safetensors", flipped);
        let ended = folder.line("inspect flipped.safetensors");
        ended.refused(6, "flipped.safetensors: ");
    }
    let longer = [&intact[..], b"\0"].concat();
    folder.write("longer.safetensors", longer);
    folder
        .line("inspect longer.safetensors")
        .refused(6, "make it anew with `matfact fit");
}

#[test]
fn a_name_with_a_line_end_does_not_break_the_line() {
    let folder = Folder::new();
    folder
        .run(&["inspect", "a\nb\u{1b}[1m"])
        .refused(4, "a\\nb\\u{1b}[1m: No such file");
}

#[test]
fn a_model_that_was_there_survives_a_failed_fit() {
    let folder = with_files();
    folder.write("m.safetensors", "precious");
    folder
        .line("fit sgd good.tsv --rank 2 --learning-rate 1e6 --model m.safetensors")
        .refused(5, "diverged");
    assert_eq!(
        fs::read_to_string(folder.at("m.safetensors")).unwrap(),
        "precious"
    );
}
