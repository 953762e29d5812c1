//! Algorithms chosen at run time.
#![cfg(all(feature = "nmf", feature = "svd", feature = "sgd", feature = "als"))]

use matfact::core::{ModelRecord, Plan};
use matfact::prelude::*;
use matfact::{AnyModel, Error, Input, Persist, SvdPlusPlus, SvdPlusPlusModel};

fn table() -> Array2<f64> {
    array![
        [5.0, 3.0, 0.0, 1.0],
        [4.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0, 5.0],
        [0.0, 1.0, 5.0, 4.0]
    ]
}

#[test]
fn every_algorithm_fits_what_it_takes_and_refuses_the_rest() {
    let x = table();
    let ratings = Ratings::from_dense(x.view(), 0.0).unwrap();
    for name in Algorithm::NAMES {
        let algorithm = Algorithm::by_name(name, 2).unwrap();
        assert_eq!(algorithm.name(), *name);
        let (takes, refuses) = match *name {
            "nmf" | "minibatch-nmf" | "svd" | "pca" => (Input::from(&x), Input::from(&ratings)),
            _ => (Input::from(&ratings), Input::from(&x)),
        };
        let fit = algorithm.fit(&takes).unwrap();
        assert_eq!(fit.model.shape(), (4, 4), "{name}");
        let rank = if *name == "popularity" { 0 } else { 2 };
        assert_eq!(fit.model.rank(), rank, "{name}");
        let mut record = fit.model.to_record();
        assert_eq!(AnyModel::from_record(&record).unwrap(), fit.model);
        // As the program writes it.
        record.algorithm = (*name).to_owned();
        assert_eq!(AnyModel::from_record(&record).unwrap(), fit.model);
        assert!(
            matches!(algorithm.fit(&refuses), Err(Error::UnsupportedInput { algorithm: a, .. }) if a == *name)
        );
    }
    assert!(matches!(
        Algorithm::by_name("lda", 2),
        Err(Error::InvalidParameter {
            name: "algorithm",
            ..
        })
    ));
}

#[test]
fn models_say_what_they_cannot_do() {
    let x = table();
    let nmf = Algorithm::by_name("nmf", 2)
        .unwrap()
        .fit(&Input::from(&x))
        .unwrap()
        .model;
    // The scores of a model of a matrix are its entries.
    let best = nmf.recommend(0, 1, &[]).unwrap();
    let entries = (0..3).map(|column| nmf.predict(0, column).unwrap());
    assert!((best[0].score - entries.fold(0.0, f64::max)).abs() < 1e-12);
    assert_eq!(nmf.transform(&x).unwrap().dim(), (4, 2));
    let ratings = Ratings::from_dense(x.view(), 0.0).unwrap();
    let sgd = Algorithm::by_name("sgd", 2)
        .unwrap()
        .fit(&Input::from(&ratings))
        .unwrap()
        .model;
    let masked = Algorithm::by_name("masked-nmf", 2)
        .unwrap()
        .fit(&Input::from(&ratings))
        .unwrap()
        .model;
    assert_eq!(masked.kind(), "masked-nmf");
    let refusal = masked.transform(&x);
    assert!(
        matches!(&refusal, Err(Error::UnsupportedModel { algorithm, .. }) if algorithm == "masked-nmf")
    );
    assert_eq!(masked.recommend(0, 9, &[0]).unwrap().len(), 3);
    assert_eq!(sgd.recommend(0, 9, &[0]).unwrap().len(), 3);
    assert!(matches!(
        sgd.transform(&x),
        Err(Error::UnsupportedModel { .. })
    ));
}

#[test]
fn boxed_factorizers_and_boxed_inputs_work() {
    type Boxed = Box<dyn Factorizer<dyn Matrix<Scalar = f64>, Model = matfact::NmfModel<f64>>>;
    let factorizer: Boxed = Box::new(Nmf::new(2));
    let input: Box<dyn Matrix<Scalar = f64>> = Box::new(table());
    let boxed = factorizer.fit(&*input).unwrap();
    assert_eq!(boxed.model, Nmf::new(2).fit(&table()).unwrap().model);
}

#[cfg(feature = "serde")]
#[test]
fn a_configuration_builds_any_algorithm_and_unknown_fields_are_refused() {
    for (text, rank) in [
        (
            r#"{"algorithm":"nmf","rank":3,"tol":1e-6,"init":"random","seed":9}"#,
            3,
        ),
        (
            r#"{"algorithm":"nmf","rank":4,"loss":{"beta":1.5},"solver":"multiplicative",
                "restarts":3,"penalty_scaling":"plain","max_w":2,"held":{"components":[0,2]}}"#,
            4,
        ),
        (
            r#"{"algorithm":"masked-nmf","rank":6,"loss":"kullback-leibler","regularization":0.1,
                "passes":3}"#,
            6,
        ),
        (
            r#"{"algorithm":"minibatch-nmf","rank":5,"batch_size":64,"forget_factor":0.5,
                "solver":"multiplicative"}"#,
            5,
        ),
        (r#"{"algorithm":"svd","rank":2,"power_iterations":4}"#, 2),
        (
            r#"{"algorithm":"svd","rank":2,"method":"block-krylov","tolerance":{"residuals":1e-6}}"#,
            2,
        ),
        (
            r#"{"algorithm":"pca","rank":2,"method":"covariance","whiten":true,"seed":3}"#,
            2,
        ),
        (r#"{"algorithm":"sgd","rank":5,"epochs":3}"#, 5),
    ] {
        let algorithm: Algorithm = serde_json::from_str(text).unwrap();
        let again = serde_json::to_string(&algorithm).unwrap();
        assert_eq!(
            serde_json::from_str::<Algorithm>(&again).unwrap(),
            algorithm
        );
        assert!(again.contains(&format!("\"rank\":{rank}")), "{again}");
    }
    for name in Algorithm::NAMES {
        let rank = if *name == "popularity" {
            ""
        } else {
            r#","rank":2"#
        };
        let text = format!(r#"{{"algorithm":"{name}"{rank}}}"#);
        let algorithm: Algorithm = serde_json::from_str(&text).unwrap();
        assert_eq!(algorithm, Algorithm::by_name(name, 2).unwrap());
        let wrong = format!(r#"{{"algorithm":"{name}"{rank},"patience":1e-6}}"#);
        let error = serde_json::from_str::<Algorithm>(&wrong)
            .unwrap_err()
            .to_string();
        assert!(error.contains("patience"), "{error}");
    }
    assert!(serde_json::from_str::<Algorithm>(r#"{"algorithm":"lda"}"#).is_err());
}

#[cfg(feature = "serde")]
#[test]
fn a_configuration_of_pca_chooses_its_rank() {
    use matfact::{Pca, PcaRank};
    for (text, rank) in [
        ("4", PcaRank::Fixed(4)),
        (
            r#"{"explained_variance":0.75}"#,
            PcaRank::ExplainedVariance(0.75),
        ),
        (r#""mle""#, PcaRank::Mle),
    ] {
        let text = format!(r#"{{"algorithm":"pca","rank":{text}}}"#);
        let algorithm: Algorithm = serde_json::from_str(&text).unwrap();
        assert_eq!(algorithm, Algorithm::Pca(Pca::with_rank(rank)), "{text}");
        let again = serde_json::to_string(&algorithm).unwrap();
        let back: Algorithm = serde_json::from_str(&again).unwrap();
        assert_eq!(back, algorithm);
    }
    let wrong = r#"{"algorithm":"pca","rank":"all"}"#;
    assert!(serde_json::from_str::<Algorithm>(wrong).is_err());
}

/// A configuration that leaves everything at its default but one, and the builder it stands for.
#[cfg(feature = "serde")]
#[test]
fn every_setting_of_nmf_has_its_name_in_a_configuration() {
    let nmf = || Nmf::new(2);
    for (setting, expected) in [
        (r#""loss":"frobenius""#, nmf()),
        (
            r#""loss":"kullback-leibler""#,
            nmf().loss(Loss::KullbackLeibler),
        ),
        (r#""loss":"itakura-saito""#, nmf().loss(Loss::ItakuraSaito)),
        (r#""loss":{"beta":1.5}"#, nmf().loss(Loss::Beta(1.5))),
        (r#""solver":"auto""#, nmf()),
        (r#""solver":"hals""#, nmf().solver(Solver::Hals)),
        (
            r#""solver":"coordinate-descent""#,
            nmf().solver(Solver::CoordinateDescent),
        ),
        (
            r#""solver":"block-pivoting""#,
            nmf().solver(Solver::BlockPivoting),
        ),
        (
            r#""solver":"multiplicative""#,
            nmf().solver(Solver::Multiplicative),
        ),
        (
            r#""solver":"scalar-newton""#,
            nmf().solver(Solver::ScalarNewton),
        ),
        (r#""init":"separable""#, nmf().init(Init::Separable)),
        (r#""restarts":3"#, nmf().restarts(3)),
        (r#""target_objective":-1.5"#, nmf().target_objective(-1.5)),
        (r#""shuffle":true"#, nmf().shuffle(true)),
        (r#""compression":null"#, nmf()),
        (r#""compression":false"#, nmf().compression(false)),
        (
            r#""penalty_scaling":"by-shape""#,
            nmf().penalty_scaling(PenaltyScaling::ByShape),
        ),
        (
            r#""penalty_scaling":"plain""#,
            nmf().penalty_scaling(PenaltyScaling::Plain),
        ),
        (r#""max_w":2.5"#, nmf().max_w(2.5)),
        (r#""max_h":0.5"#, nmf().max_h(0.5)),
        (r#""held":"nothing""#, nmf()),
        (r#""held":"w""#, nmf().held(Held::W)),
        (r#""held":"h""#, nmf().held(Held::H)),
        (
            r#""held":{"components":[1]}"#,
            nmf().held(Held::Components(vec![1])),
        ),
    ] {
        let text = format!(r#"{{"algorithm":"nmf","rank":2,{setting}}}"#);
        let algorithm: Algorithm = serde_json::from_str(&text).unwrap();
        assert_eq!(algorithm, Algorithm::Nmf(expected), "{setting}");
        let written = serde_json::to_value(&algorithm).unwrap();
        let (name, value) = setting.split_once(':').unwrap();
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        assert_eq!(written[name.trim_matches('"')], value, "{setting}");
        assert_eq!(
            serde_json::from_value::<Algorithm>(written).unwrap(),
            algorithm
        );
    }
    for wrong in [
        r#""loss":"huber""#,
        r#""solver":"mu""#,
        r#""init":"kmeans""#,
        r#""penalty_scaling":"none""#,
        r#""restarts":-1"#,
    ] {
        let text = format!(r#"{{"algorithm":"nmf","rank":2,{wrong}}}"#);
        assert!(serde_json::from_str::<Algorithm>(&text).is_err(), "{wrong}");
    }
}

/// What the settings left open, and every start, stand in the report.
#[test]
fn a_fit_tells_what_it_chose_and_how_each_start_went() {
    let x = table();
    let algorithm = Algorithm::Nmf(Nmf::new(2).restarts(3).seed(5));
    let report = algorithm.fit(&Input::from(&x)).unwrap().report;
    assert_eq!(report.chosen["init"], "nndsvda");
    assert_eq!(report.chosen["solver"], "hals");
    let seeds: Vec<u64> = report.restarts.iter().map(|start| start.seed).collect();
    assert_eq!(seeds, [5, 6, 7]);
    let best = report
        .restarts
        .iter()
        .min_by(|a, b| a.objective.total_cmp(&b.objective))
        .unwrap();
    assert_eq!(report.seed, best.seed);
    assert!((report.objective - best.objective).abs() <= 1e-9 * best.objective.max(1e-3));
}

#[test]
fn weighted_counts_are_fitted_and_given_rows_are_held() {
    let x = tf_idf(&table()).unwrap();
    let start = Start::from_h(array![[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]);
    let nmf = Nmf::new(2).held(Held::Components(vec![1]));
    let model = nmf.fit_from(&x, start, &mut Run::new()).unwrap().model;
    assert_eq!(model.h().row(1), array![0.0, 0.0, 1.0, 1.0]);
    assert!(model.h().row(0).iter().any(|v| (v - 1.0).abs() > 1e-6));
}

/// Of ratings on disk sgd makes the same model, every other algorithm refuses them, and a plan asks for less memory.
#[test]
fn ratings_on_disk_are_for_sgd() {
    let triplets = (0..2000_usize).map(|i| (i % 100, i / 100 * 3 % 50, (i * 7 % 5) as f64));
    let ratings = Ratings::from_triplets((100, 50), triplets, Duplicates::Last).unwrap();
    let mut writer = matfact::DiskRatingsWriter::new(std::env::temp_dir())
        .unwrap()
        .shape(100, 50);
    for (row, column, value) in ratings.triplets() {
        writer.push(row, column, value).unwrap();
    }
    let on_disk = writer.finish().unwrap();
    let (disk, memory) = (Input::from(&on_disk), Input::from(&ratings));
    assert_eq!(disk.shape(), (100, 50));
    let size = disk.size().unwrap();
    assert_eq!(size, memory.size().unwrap().on_disk());
    assert!(size.bytes() < memory.size().unwrap().bytes());
    for name in Algorithm::NAMES {
        let algorithm = Algorithm::by_name(name, 2).unwrap();
        if *name == "sgd" {
            assert_eq!(
                algorithm.fit(&disk).unwrap().model,
                algorithm.fit(&memory).unwrap().model
            );
            assert!(algorithm.plan(&size).is_ok());
            continue;
        }
        let refusals = [
            algorithm.fit(&disk).map(|_| ()).unwrap_err(),
            algorithm.plan(&size).map(|_| ()).unwrap_err(),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, Error::UnsupportedInput { algorithm: a, .. } if a == *name));
        }
    }
}

/// A model of SVD++ goes through a file with all that new rows are folded in by.
#[test]
fn a_saved_model_of_svdpp_folds_in_as_the_fitted_one() {
    let ratings = Ratings::from_dense(table().view(), 0.0).unwrap();
    let svdpp = SvdPlusPlus::new(2);
    let fitted = svdpp.fit(&ratings).unwrap().model;
    let algorithm = Algorithm::SvdPlusPlus(svdpp.clone());
    let model = algorithm.fit(&Input::from(&ratings)).unwrap().model;
    let path = std::env::temp_dir().join(format!("matfact-svdpp-{}", std::process::id()));
    matfact_io::save_model(&path, &matfact_io::ModelFile::new(model.to_record())).unwrap();
    let file = matfact_io::load_model(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(file.record.algorithm, "svdpp");
    let back = AnyModel::<f64>::from_record(&file.record).unwrap();
    let AnyModel::SvdPlusPlus(loaded) = &back else {
        panic!("a model of {}", back.kind());
    };
    assert_eq!(loaded, &fitted);
    let new = Ratings::from_triplets(
        (2, 4),
        [(0, 0, 5.0), (0, 3, 1.0), (1, 2, 2.0)],
        Duplicates::Error,
    );
    let new = new.unwrap();
    let of_loaded = svdpp.fold_in(loaded, &new).unwrap();
    assert_eq!(of_loaded, svdpp.fold_in(&fitted, &new).unwrap());
    // What is folded in depends on the implicit factors.
    let without = SvdPlusPlusModel::new(
        fitted.factors().clone(),
        Array2::zeros((4, 2)),
        fitted.deviation(),
    );
    assert_ne!(of_loaded, svdpp.fold_in(&without.unwrap(), &new).unwrap());
    assert_eq!(back.factors(), Some(fitted.factors()));
}

/// Files of SVD++ that were written without implicit factors are models of plain factors; half of what belongs to
/// them, or anything else in their place, is refused.
#[test]
fn records_of_svdpp_are_whole_or_of_plain_factors() {
    let ratings = Ratings::from_dense(table().view(), 0.0).unwrap();
    let algorithm = Algorithm::by_name("svdpp", 2).unwrap();
    let model = algorithm.fit(&Input::from(&ratings)).unwrap().model;
    let record = model.to_record();
    let mut old = record.clone();
    old.tensors.remove("implicit_factors").unwrap();
    old.attributes.remove("deviation").unwrap();
    let old = AnyModel::<f64>::from_record(&old).unwrap();
    assert_eq!(old.kind(), "factors");
    assert_eq!(old.factors(), model.factors());
    for row in 0..4 {
        assert_eq!(old.predict(row, 1).unwrap(), model.predict(row, 1).unwrap());
    }
    let refused = |change: &dyn Fn(&mut ModelRecord), part: &str| {
        let mut bad = record.clone();
        change(&mut bad);
        match AnyModel::<f64>::from_record(&bad) {
            Err(Error::InvalidModel { reason }) => assert!(reason.contains(part), "{reason}"),
            other => panic!("{part}: {other:?}"),
        }
    };
    refused(
        &|bad| drop(bad.tensors.remove("implicit_factors")),
        "implicit_factors",
    );
    refused(&|bad| drop(bad.attributes.remove("deviation")), "deviation");
    refused(
        &|bad| bad.insert("implicit_factors", &Array2::<f64>::zeros((3, 2))),
        "implicit factors",
    );
    refused(
        &|bad| bad.insert("implicit_factors", &Array1::<f64>::zeros(8)),
        "implicit_factors",
    );
    for text in ["much", "0", "-1", "inf", "NaN"] {
        let set = |bad: &mut ModelRecord| {
            bad.attributes
                .insert("deviation".to_owned(), text.to_owned());
        };
        refused(&set, "deviation");
    }
}
