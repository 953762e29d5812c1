//! `matfact predict` and `matfact inspect`.

use crate::common::{Folder, lines, number, ratings};
use matfact::io::{Ids, save_model};

fn trained() -> Folder {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.ok("fit sgd r.tsv --rank 3 --epochs 50 --model m.safetensors");
    folder
}

/// The predictions of the text form.
fn values(out: &str) -> Vec<f64> {
    out.lines()
        .map(|line| line.rsplit('\t').next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn pairs_are_predicted_in_their_order() {
    let folder = trained();
    folder.write("pairs.tsv", "u3\tfilm-2\nu1\tfilm-39\nu3\tfilm-2\n");
    let ended = folder.ok("predict m.safetensors pairs.tsv");
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("u3\tfilm-2\t") && lines[1].starts_with("u1\tfilm-39\t"));
    assert_eq!(lines[0], lines[2]);
    assert_eq!(ended.err, "");
    let object = folder.json("predict m.safetensors pairs.tsv");
    assert_eq!(object["predictions"][1]["item"], "film-39");
    assert_eq!(object["predictions"][0]["user"], "u3");
    assert!((number(&object, "/predictions/0/prediction") - values(&ended.out)[0]).abs() < 1e-6);
    assert_eq!(
        (object["unknown"].as_u64(), object["accuracy"].is_null()),
        (Some(0), true)
    );
    let one = folder.ok("predict m.safetensors --user u3 --item film-2");
    assert_eq!(one.out.trim_end(), lines[0]);
}

#[test]
fn ratings_beside_the_pairs_are_measured() {
    let folder = trained();
    let ended = folder.ok("predict m.safetensors r.tsv");
    assert_eq!(ended.out.lines().count(), ratings().len());
    assert!(
        ended.err.starts_with("RMSE ") && ended.err.contains("MAE "),
        "{}",
        ended.err
    );
    let object = folder.json("predict m.safetensors r.tsv");
    let rmse = number(&object, "/accuracy/rmse");
    assert!(
        number(&object, "/accuracy/mae") <= rmse && rmse < 1.0,
        "{rmse}"
    );
    // As the fit has measured it itself.
    let fit = folder.json("fit sgd r.tsv --rank 3 --epochs 50");
    assert!((number(&fit, "/train/rmse") - rmse).abs() < 1e-6, "{fit:#}");
}

#[test]
fn strangers_get_what_is_known_of_the_other_side() {
    let folder = trained();
    let ended = folder.ok("predict m.safetensors --user nobody --item film-2");
    assert_eq!(ended.out.lines().count(), 1);
    assert!(ended.err.starts_with("notice: 1 of 1 pairs"), "{ended:?}");
    folder.write("pairs.csv", "user,item\nu1,film-1\nnobody,nothing\n");
    let ended = folder.ok("predict m.safetensors pairs.csv");
    assert!(ended.err.starts_with("notice: 1 of 2 pairs"), "{ended:?}");
    let all = ratings();
    let mean = all
        .iter()
        .map(|(_, _, rating)| f64::from(*rating))
        .sum::<f64>()
        / all.len() as f64;
    assert!(
        (values(&ended.out)[1] - mean).abs() < 1e-3,
        "{mean} {ended:?}"
    );
    assert_eq!(
        folder.json("predict m.safetensors pairs.csv")["unknown"].as_u64(),
        Some(1)
    );
}

#[test]
fn predictions_stay_in_the_range_of_the_ratings_unless_told_otherwise() {
    let folder = Folder::new();
    // Whoever likes everything meets what everybody likes.
    let mut text = String::new();
    for user in 0..20 {
        for item in 0..20 {
            if (user, item) != (0, 0) {
                let rating = if user == 0 || item == 0 { 5 } else { 1 };
                text.push_str(&format!("{user} {item} {rating}\n"));
            }
        }
    }
    folder.write("r.txt", text);
    folder.ok("fit sgd r.txt --rank 1 --epochs 100 --bias-regularization 0 --regularization 1 --model m.safetensors");
    let clipped = values(&folder.ok("predict m.safetensors --user 0 --item 0").out)[0];
    let free = values(
        &folder
            .ok("predict m.safetensors --user 0 --item 0 --no-clip")
            .out,
    )[0];
    assert_eq!(clipped, 5.0);
    assert!(free > 5.5, "{free}");
}

#[test]
fn quoted_and_negative_ids_are_ids() {
    let folder = Folder::new();
    folder.write(
        "r.csv",
        "user,item,rating\nada,\"Alien, 1979\",5\nada,-1,3\n-7,\"Alien, 1979\",4\n-7,-1,1\n",
    );
    folder.ok("fit sgd r.csv --rank 1 --model m.safetensors");
    for (user, item) in [("ada", "Alien, 1979"), ("-7", "-1")] {
        let ended = folder.run(&["predict", "m.safetensors", "--user", user, "--item", item]);
        assert_eq!((ended.code, &ended.err[..]), (Some(0), ""));
        assert!(
            ended.out.starts_with(&format!("{user}\t{item}\t")),
            "{ended:?}"
        );
    }
}

#[test]
fn a_matrix_model_is_asked_by_row_and_column() {
    let folder = Folder::new();
    folder.matrix(30, 12);
    for algorithm in ["nmf", "svd"] {
        folder.ok(&format!(
            "fit {algorithm} x.npy --rank 4 --model m.safetensors"
        ));
        folder.write("pairs.txt", "0 0\n29 11\n");
        let ended = folder.ok("predict m.safetensors pairs.txt");
        assert_eq!(values(&ended.out).len(), 2);
        assert_eq!(ended.err, "");
        let one = folder.ok("predict m.safetensors --user 29 --item 11");
        assert_eq!(one.out.lines().next(), ended.out.lines().nth(1));
        for (line, part) in [
            ("--user 30 --item 0", "--user \"30\" is not allowed"),
            (
                "--user 0 --item 12",
                "a column of the model, counted from 0 to 11",
            ),
            (
                "--user ada --item 0",
                "a row of the model, counted from 0 to 29",
            ),
            ("--user -1 --item 0", "--user \"-1\""),
        ] {
            folder
                .line(&format!("predict m.safetensors {line}"))
                .refused(2, part);
        }
        folder.write("pairs.txt", "0 0\n1 1\n2 12\n");
        folder
            .line("predict m.safetensors pairs.txt")
            .refused(3, "pairs.txt: pair 3: the item \"12\" must be a column");
    }
}

#[test]
fn ids_that_are_not_those_of_the_factors_are_damage() {
    let folder = trained();
    let intact = folder.model("m.safetensors");
    let few = |names: &[&str]| {
        let mut ids = Ids::new();
        for name in names {
            ids.insert(name).unwrap();
        }
        Some(ids)
    };
    for (rows, part) in [
        (true, "2 row ids for 60 rows"),
        (false, "2 column ids for 40 columns"),
    ] {
        let mut file = intact.clone();
        *(if rows {
            &mut file.row_ids
        } else {
            &mut file.column_ids
        }) = few(&["u1", "u2"]);
        save_model(folder.at("bad.safetensors"), &file).unwrap();
        folder
            .line("predict bad.safetensors --user u1 --item film-1")
            .refused(6, part);
    }
    let mut file = intact;
    file.record.tensors.remove("row_factors");
    save_model(folder.at("bad.safetensors"), &file).unwrap();
    folder
        .line("predict bad.safetensors r.tsv")
        .refused(6, "row_factors");
}

#[test]
fn bad_pairs_are_refused_or_skipped() {
    let folder = trained();
    folder.write("pairs.tsv", "u1\tfilm-1\nu2\nu3\tfilm-3\n");
    folder
        .line("predict m.safetensors pairs.tsv")
        .refused(3, "pairs.tsv:2:2: ");
    let ended = folder.ok("predict m.safetensors pairs.tsv --on-error skip");
    assert_eq!(ended.out.lines().count(), 2);
    assert!(ended.err.contains("notice: 1 lines skipped"), "{ended:?}");
    assert!(ended.err.contains("line 2: "), "{ended:?}");
    folder
        .line("predict m.safetensors gone.tsv")
        .refused(4, "gone.tsv");
    folder
        .line("predict m.safetensors")
        .refused(2, "--user <ID> --item <ID>");
    folder
        .line("predict m.safetensors --user u1")
        .refused(2, "--item");
    folder
        .line("predict m.safetensors r.tsv --user u1 --item film-1")
        .refused(2, "cannot be used");
}

#[test]
fn a_model_file_is_shown_in_text_and_as_an_object() {
    let folder = trained();
    let text = folder.ok("inspect m.safetensors").out;
    for part in [
        "model of sgd, seed 0",
        "row_factors   60 x 3 f32",
        "column ids    40, first film-0",
        "learning_rate",
        "iterations",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let object = folder.json("inspect m.safetensors");
    assert_eq!(object["algorithm"], "sgd");
    assert_eq!(number(&object, "/format_version"), 1.0);
    assert_eq!(number(&object, "/seed"), 0.0);
    assert_eq!(
        object["tensors"]["col_factors"]["shape"],
        serde_json::json!([40, 3])
    );
    assert_eq!(
        (number(&object, "/row_ids"), number(&object, "/column_ids")),
        (60.0, 40.0)
    );
    assert_eq!(number(&object, "/parameters/epochs"), 50.0);
    assert_eq!(
        object["report"]["history"].as_array().map(Vec::len),
        Some(50)
    );
    assert_eq!(object["attributes"]["rating_maximum"], "5.0");
}
