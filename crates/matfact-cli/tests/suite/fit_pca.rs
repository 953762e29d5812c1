//! `matfact fit pca` and what can be done with its models.

use crate::common::{Folder, number};
use matfact::io::{MatrixData, read_matrix};
use matfact::ndarray::{Array2, Axis};
use matfact::{Factorization, PcaModel, Persist};
use serde_json::json;

fn dense(folder: &Folder, name: &str) -> Array2<f64> {
    match read_matrix(folder.at(name)).unwrap() {
        MatrixData::Dense(x) => x,
        MatrixData::Sparse(_) => panic!("{name} is dense"),
    }
}

#[test]
fn components_are_fitted_kept_and_used() {
    let folder = Folder::new();
    folder.matrix(60, 20);
    for precision in ["f32", "f64"] {
        let fit = format!("fit pca x.npy --rank 3 --whiten --precision {precision} --model p.st");
        let object = folder.json(&fit);
        assert_eq!(object["algorithm"], "pca");
        assert_eq!(object["chosen"], json!({ "method": "exact" }));
        assert!(number(&object, "/relative_error") < 0.1);
        let file = folder.model("p.st");
        assert_eq!(file.parameters["rank"], 3);
        assert_eq!(file.parameters["whiten"], true);
        assert_eq!(file.record.tensors["components"].shape, [3, 20]);
        assert_eq!(file.record.tensors["mean"].shape, [20]);

        folder.ok("transform p.st x.npy --output c.npy");
        let coordinates = dense_of(&folder, "c.npy", precision);
        let variance = coordinates.var_axis(Axis(0), 1.0);
        assert!(
            variance.iter().all(|v| (v - 1.0).abs() < 1e-3),
            "{variance}"
        );
        let text = folder.ok("inspect p.st").out;
        assert!(
            text.contains("model of pca") && text.contains("components    3 x 20"),
            "{text}"
        );
        let topics = folder.json("topics p.st --count 2");
        assert_eq!(topics["topics"].as_array().unwrap().len(), 3);
        folder.ok("reconstruct p.st --rows 5..7 --output r.npy");
        assert_eq!(dense_of(&folder, "r.npy", precision).dim(), (2, 20));
        folder.ok("predict p.st --user 0 --item 1");
    }
    let model = PcaModel::<f64>::from_record(&folder.model("p.st").record).unwrap();
    assert_eq!(model.shape(), (60, 20));
    let block = model.reconstruct();
    let written = dense(&folder, "r.npy");
    assert!(written.row(0).iter().zip(block.row(5)).all(|(a, b)| a == b));
}

fn dense_of(folder: &Folder, name: &str, precision: &str) -> Array2<f64> {
    if precision == "f64" {
        return dense(folder, name);
    }
    match read_matrix::<f32>(folder.at(name)).unwrap() {
        MatrixData::Dense(x) => x.mapv(f64::from),
        MatrixData::Sparse(_) => panic!("{name} is dense"),
    }
}

#[test]
fn the_rank_follows_from_the_variance_and_counts_can_be_weighted() {
    let folder = Folder::new();
    folder.matrix(60, 20);
    let object = folder.json("fit pca x.npy --explained-variance 0.5 --model p.st");
    let rank = number(&object, "/rank");
    assert!((1.0..20.0).contains(&rank), "{object:#}");
    assert_eq!(object["chosen"]["rank"], format!("{rank}"));
    let more = folder.json("fit pca x.npy --explained-variance 0.9999");
    assert!(number(&more, "/rank") > rank);
    let file = folder.model("p.st");
    assert_eq!(
        file.parameters["rank"],
        json!({ "explained_variance": 0.5 })
    );
    folder.texts();
    folder.ok("fit pca counts.mtx --rank 2 --tf-idf --model t.st");
    folder.ok("transform t.st counts.mtx --output c.npy");
}

#[test]
fn the_most_likely_rank_is_found() {
    let folder = Folder::new();
    folder.matrix(200, 20);
    let object = folder.json("fit pca x.npy --mle --precision f64 --model p.st");
    let rank = number(&object, "/rank");
    assert!((2.0..20.0).contains(&rank), "{object:#}");
    assert_eq!(object["chosen"]["rank"], format!("{rank}"));
    assert_eq!(folder.model("p.st").parameters["rank"], "mle");
    for other in ["--rank 2", "--explained-variance 0.5"] {
        folder
            .line(&format!("fit pca x.npy --mle {other}"))
            .refused(2, "cannot be used with");
    }
    folder.matrix(10, 20);
    let refused = folder.line("fit pca x.npy --mle");
    assert_eq!((refused.code, refused.err.lines().count()), (Some(2), 1));
}
