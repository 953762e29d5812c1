//! `matfact recommend` and `matfact similar`.

use crate::common::{Folder, lines, number, ratings};
use std::collections::BTreeSet;

fn trained() -> Folder {
    let folder = Folder::new();
    folder.write("r.tsv", lines(&ratings(), "\t"));
    folder.ok("fit als r.tsv --rank 3 --model m.safetensors");
    let named =
        (0..40).map(|item| format!("film-{item}\tFilm number {item}, the {item}th\t1999\n"));
    folder.write(
        "items.tsv",
        format!("item\ttitle\tyear\n{}", named.collect::<String>()),
    );
    folder
}

/// The lines of the text form, by their fields.
fn table(out: &str) -> Vec<Vec<String>> {
    out.lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

#[test]
fn a_user_gets_the_best_items_that_are_new_to_them() {
    let folder = trained();
    let seen: BTreeSet<String> = ratings()
        .into_iter()
        .filter(|(user, _, _)| user == "u3")
        .map(|(_, item, _)| item)
        .collect();
    let ended = folder.ok("recommend m.safetensors --user u3 --exclude r.tsv --count 6");
    let list = table(&ended.out);
    assert_eq!((list.len(), &ended.err[..]), (6, ""));
    let scores: Vec<f64> = list
        .iter()
        .map(|fields| fields[2].parse().unwrap())
        .collect();
    assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]));
    for fields in &list {
        assert!(
            fields.len() == 3 && fields[0] == "u3" && !seen.contains(&fields[1]),
            "{fields:?}"
        );
    }
    // Odd users like odd items: the generated taste.
    let odd = |fields: &Vec<String>| {
        fields[1]
            .trim_start_matches("film-")
            .parse::<u32>()
            .unwrap()
            % 2
            == 1
    };
    assert!(
        list.iter().filter(|fields| odd(fields)).count() >= 5,
        "{list:?}"
    );
    // The score is the prediction.
    let line = format!(
        "predict m.safetensors --user u3 --item {} --no-clip",
        list[0][1]
    );
    let predicted: f64 = table(&folder.ok(&line).out)[0][2].parse().unwrap();
    assert!((predicted - scores[0]).abs() < 1e-4);
    // Without --exclude everything counts, and there are no more than there are.
    let all = folder.ok("recommend m.safetensors --row u3 --count 1000");
    assert_eq!(table(&all.out).len(), 40);
}

#[test]
fn names_stand_beside_the_ids() {
    let folder = trained();
    let ended = folder.ok("recommend m.safetensors --user u3 --count 2 --names items.tsv");
    for fields in table(&ended.out) {
        let number = fields[1].trim_start_matches("film-");
        assert_eq!(fields[3], format!("Film number {number}, the {number}th"));
    }
    let object = folder.json("recommend m.safetensors --user u3 --count 2 --names items.tsv");
    let first = &object["recommendations"][0];
    assert_eq!(first["user"], "u3");
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    assert!(
        first["items"][0]["name"]
            .as_str()
            .unwrap()
            .starts_with("Film number")
    );
    assert!(number(&object, "/recommendations/0/items/0/score") > 3.0);
    folder.write("nothing.txt", "film-1\nfilm-2\n");
    folder
        .line("recommend m.safetensors --user u3 --names nothing.txt")
        .refused(3, "nothing.txt:1: no separator found");
}

#[test]
fn a_list_of_users_and_all_users_get_the_same_lists() {
    let folder = trained();
    folder.write("users.txt", "u59\n\nu0\n");
    let some = folder.ok("recommend m.safetensors --users users.txt --count 3 --exclude r.tsv");
    let all = folder.ok("recommend m.safetensors --all --count 3 --exclude r.tsv");
    let (some, all) = (table(&some.out), table(&all.out));
    assert_eq!((some.len(), all.len()), (6, 180));
    assert_eq!((&some[..3], &some[3..]), (&all[177..], &all[..3]));
    folder.write("users.txt", "u0\nstranger\n");
    folder
        .line("recommend m.safetensors --users users.txt")
        .refused(3, "users.txt:2: user id \"stranger\" is not in the model");
}

#[test]
fn what_was_seen_may_be_of_strangers() {
    let folder = trained();
    folder.write("seen.tsv", "u3\tfilm-1\nnobody\tfilm-1\nu3\tnothing\n");
    let ended = folder.ok("recommend m.safetensors --user u3 --count 40 --exclude seen.tsv");
    assert_eq!(ended.out.lines().count(), 39);
    assert!(
        ended.err.starts_with("notice: 2 of 3 pairs of --exclude"),
        "{ended:?}"
    );
}

#[test]
fn items_and_users_have_their_like() {
    let folder = trained();
    let ended = folder.ok("similar m.safetensors --item film-4 --count 5 --names items.tsv");
    let list = table(&ended.out);
    assert_eq!(list.len(), 5);
    for fields in &list {
        let number: u32 = fields[0].trim_start_matches("film-").parse().unwrap();
        let similarity: f64 = fields[1].parse().unwrap();
        assert!(
            number.is_multiple_of(2) && number != 4 && (0.5..=1.0001).contains(&similarity),
            "{fields:?}"
        );
        assert!(fields[2].starts_with("Film number"));
    }
    // A name does for an id, where one item has it.
    folder.write(
        "short.tsv",
        "film-4\tMetropolis\nfilm-5\tEmma\nfilm-6\tEmma\n",
    );
    let by_name = "similar m.safetensors --count 5 --names short.tsv --item";
    let named = folder.json(&format!("{by_name} Metropolis"));
    assert_eq!(named["item"], "film-4");
    let alike = named["similar"].as_array().unwrap();
    let alike = alike.iter().map(|entry| entry["item"].as_str().unwrap());
    assert!(alike.eq(list.iter().map(|fields| fields[0].as_str())));
    folder
        .line(&format!("{by_name} Emma"))
        .refused(2, "an id, as several have this name: film-5, film-6");
    folder
        .line(&format!("{by_name} Alien"))
        .refused(UNKNOWN, "item id \"Alien\" is not in the model");
    let object = folder.json("similar m.safetensors --user u7 --count 100");
    assert_eq!(object["user"], "u7");
    assert_eq!(object["similar"].as_array().map(Vec::len), Some(59));
    assert!(
        object["similar"][0]["user"]
            .as_str()
            .unwrap()
            .starts_with('u')
    );
    let products = folder.ok("similar m.safetensors --item film-4 --similarity inner-product");
    assert_eq!(table(&products.out).len(), 10);
}

#[test]
fn models_of_matrices_rank_their_columns() {
    let folder = Folder::new();
    folder.matrix(30, 12);
    for algorithm in ["nmf", "svd", "pca"] {
        folder.ok(&format!(
            "fit {algorithm} x.npy --rank 4 --model m.safetensors"
        ));
        let list = table(&folder.ok("recommend m.safetensors --user 3 --count 12").out);
        assert_eq!(list.len(), 12);
        for fields in [&list[0], &list[11]] {
            let line = format!("predict m.safetensors --user 3 --item {}", fields[1]);
            let entry: f64 = table(&folder.ok(&line).out)[0][2].parse().unwrap();
            assert!(
                (entry - fields[2].parse::<f64>().unwrap()).abs() < 1e-4,
                "{algorithm}"
            );
        }
        folder.ok("similar m.safetensors --item 3");
    }
}

#[test]
fn what_cannot_be_listed_is_refused() {
    let folder = trained();
    for (line, code, part) in [
        ("recommend m.safetensors", 2, "--user <ID>"),
        (
            "recommend m.safetensors --user u1 --all",
            2,
            "cannot be used",
        ),
        (
            "recommend m.safetensors --user u1 --count 0",
            2,
            "--count 0",
        ),
        (
            "recommend m.safetensors --user nobody",
            UNKNOWN,
            "user id \"nobody\"",
        ),
        ("recommend m.safetensors --users gone.txt", 4, "gone.txt"),
        (
            "recommend m.safetensors --user u1 --exclude gone.tsv",
            4,
            "gone.tsv",
        ),
        (
            "recommend m.safetensors --user u1 --names gone.tsv",
            4,
            "gone.tsv",
        ),
        (
            "recommend gone.safetensors --user u1",
            4,
            "gone.safetensors",
        ),
        ("similar m.safetensors", 2, "--item <ID>"),
        (
            "similar m.safetensors --item film-1 --user u1",
            2,
            "cannot be used",
        ),
        (
            "similar m.safetensors --item film-1 --count 0",
            2,
            "--count 0",
        ),
        (
            "similar m.safetensors --item nothing",
            UNKNOWN,
            "item id \"nothing\"",
        ),
    ] {
        folder.line(line).refused(code, part);
    }
}

/// The exit code of an id that the model does not know, as `predict` has it.
const UNKNOWN: i32 = 2;
