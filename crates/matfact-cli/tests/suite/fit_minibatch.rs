//! `matfact fit minibatch-nmf`.

use crate::common::{Folder, bits, number};

#[test]
fn a_fit_from_batches_is_about_as_good_as_one_of_the_whole() {
    let folder = Folder::new();
    folder.matrix(300, 30);
    let whole = folder.json("fit nmf x.npy --rank 4");
    let line = "fit minibatch-nmf x.npy --rank 4 --batch-size 60 --seed 2";
    let object = folder.json(line);
    assert_eq!(object["algorithm"], "minibatch-nmf");
    let (error, least) = (
        number(&object, "/relative_error"),
        number(&whole, "/relative_error"),
    );
    assert!(
        least * 0.99 < error && error < 1.2 * least,
        "{error} {least}"
    );
    assert!(folder.ok(line).out.contains("minibatch-nmf  300 x 30"));
}

#[test]
fn its_models_do_what_models_of_nmf_do() {
    let folder = Folder::new();
    folder.texts();
    folder.ok("fit minibatch-nmf counts.mtx --rank 2 --batch-size 4 --model m.safetensors");
    let text = folder.ok("inspect m.safetensors").out;
    assert!(text.contains("model of minibatch-nmf"), "{text}");
    folder.ok("transform m.safetensors counts.npy --output w.npy");
    folder.ok("reconstruct m.safetensors --output again.npy");
    let text = folder.ok("topics m.safetensors --words words.txt").out;
    assert!(text.contains("sail") && text.contains("bread"), "{text}");
    folder.ok("predict m.safetensors --user 0 --item 1");
}

#[test]
fn every_option_reaches_the_fit() {
    let folder = Folder::new();
    folder.matrix(50, 12);
    let line = "fit minibatch-nmf x.npy --rank 3 --batch-size 20 --forget-factor 0.5 --loss 1.5 \
                --solver multiplicative --init random --max-iter 4 --tol 0 --max-no-improvement 0 \
                --fresh-restarts --alpha-w 0.25 --alpha-h 0.125 --l1-ratio 0.5 \
                --penalty-scaling plain --seed 9";
    let models = [1, 2].map(|threads| {
        folder.ok(&format!(
            "{line} --threads {threads} --model {threads}.safetensors"
        ));
        folder.model(&format!("{threads}.safetensors"))
    });
    assert_eq!(bits(&models[0]), bits(&models[1]));
    assert_eq!(
        models[0].parameters,
        serde_json::json!({
            "algorithm": "minibatch-nmf", "rank": 3, "batch_size": 20, "forget_factor": 0.5,
            "loss": { "beta": 1.5 }, "solver": "multiplicative", "init": "random", "max_iter": 4,
            "tol": 0.0, "max_no_improvement": null, "fresh_restarts": true,
            "fresh_restarts_max_iter": 30, "transform_max_iter": null, "alpha_w": 0.25,
            "alpha_h": 0.125, "l1_ratio": 0.5, "penalty_scaling": "plain", "seed": 9,
        })
    );
    assert_eq!(number(&models[0].report, "/iterations"), 4.0);
}
