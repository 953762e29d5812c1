//! Files of several chunks: what is read depends neither on threads nor on where a chunk ends.
// Clippy allows it in test functions by itself, and not in what they call.

use crate::common::{Folder, gzip, parse_place};
use matfact_core::{Duplicates, ObservedEntries};
use matfact_io::{
    Ids, OnError, RatingsOptions, duplicate_rating, read_pairs, read_ratings,
    read_ratings_with_ids, stream_ratings,
};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Many chunks of half a MiB, more than are read at a time.
const LINES: usize = 220_000;

/// Ids of every kind, each pair once: numbers, numbers with zeros in front, words, quoted words.
fn user(i: usize) -> String {
    let i = i.wrapping_mul(7919) % 5003;
    match i % 7 {
        0 => format!("0{i}"),
        1 => format!("user-{i}"),
        2 => format!("{}", 1_000_000_000 + i),
        _ => i.to_string(),
    }
}

fn text() -> String {
    let mut text = String::new();
    for i in 0..LINES {
        let (item, stars) = (i / 5003, i % 11);
        let quote = if i % 1000 == 3 { "\"" } else { "" };
        writeln!(
            text,
            "{quote}{}{quote},{item},{stars}.5,97830{:05}",
            user(i),
            i % 100_000
        )
        .unwrap();
    }
    text
}

#[test]
fn any_number_of_threads_reads_the_same_and_the_ids_come_in_their_order() {
    let folder = Folder::new();
    let text = text();
    assert!(text.len() > 5 << 20);
    let path = folder.write("x.csv", &text);
    let options = RatingsOptions::default();
    let one = read_ratings::<f32>(&path, &options.clone().threads(1)).unwrap();
    assert_eq!((one.lines, one.ratings.observed()), (LINES, LINES));
    let mut order: HashMap<String, usize> = HashMap::new();
    for i in 0..LINES {
        let next = order.len();
        let row = *order.entry(user(i)).or_insert(next);
        let stars = (i % 11) as f32 + 0.5;
        assert_eq!(one.rows.index(&user(i)), Some(row));
        assert_eq!(one.ratings.csr().get(row, i / 5003), Some(&stars));
    }
    assert_eq!(one.rows.len(), order.len());
    for threads in [2, 7] {
        let more = read_ratings::<f32>(&path, &options.clone().threads(threads)).unwrap();
        assert!(more == one, "{threads} threads differ");
    }
    let packed = read_ratings::<f32>(folder.write("x.csv.gz", gzip(&text)), &options).unwrap();
    assert!(packed == one);

    let pairs = read_pairs::<f32>(&path, &options.clone().threads(3)).unwrap();
    let test = read_ratings_with_ids::<f32>(&path, &options, &one.rows, &Ids::new()).unwrap();
    assert_eq!((pairs.pairs.len(), test.pairs.len()), (LINES, LINES));
    for (i, (pair, rated)) in pairs.pairs.iter().zip(&test.pairs).enumerate() {
        assert_eq!((pair.row, pair.column), (order[&user(i)], i / 5003));
        assert_eq!((rated.row, rated.column), (Some(pair.row), None));
        assert_eq!(pair.value, Some(rated.value));
    }
}

#[test]
fn faults_far_behind_are_named_by_their_line() {
    let folder = Folder::new();
    let good = text();
    let options = RatingsOptions::default().threads(2);
    let path = folder.write("x.csv", format!("{good}\n1,2,x,0\n"));
    assert_eq!(
        parse_place(read_ratings::<f32>(&path, &options), &["not a number"]),
        (LINES + 2, Some(3))
    );
    let skipping = options.clone().on_error(OnError::Skip);
    let skipped = read_ratings::<f32>(&path, &skipping).unwrap();
    assert_eq!(
        (skipped.skipped_count, skipped.skipped[0].line),
        (1, LINES + 2)
    );
    let again = format!("{good}{},0,3,0\n", user(17));
    let path = folder.write("x.csv", again);
    let place = parse_place(
        read_ratings::<f32>(&path, &options),
        &["on line 18:", "before"],
    );
    assert_eq!(place, (LINES + 1, None));
    let last = options.duplicates(Duplicates::Last);
    let data = read_ratings::<f32>(&path, &last).unwrap();
    let row = data.rows.index(&user(17)).unwrap();
    assert_eq!(
        (data.duplicates, data.ratings.csr().get(row, 0)),
        (1, Some(&3.0))
    );
}

/// The first line with a rating settles the columns, wherever it is.
#[test]
fn columns_may_be_settled_late() {
    let folder = Folder::new();
    let mut text = String::new();
    for i in 0..500_000 {
        writeln!(text, "{} {}", i % 997, i / 997).unwrap();
    }
    text.push_str("a b 4\nc d 5\n");
    let options = RatingsOptions::default().default_value(1.0).threads(2);
    let data = read_ratings::<f64>(folder.write("x.txt", text), &options).unwrap();
    assert_eq!(data.ratings.observed(), 500_002);
    assert_eq!(data.ratings.mean(), 500_009.0 / 500_002.0);
}

/// Chunks that were read before the columns were settled are read again, and what they told of ids does not count.
#[test]
fn ids_come_in_their_order_where_chunks_are_read_again() {
    let folder = Folder::new();
    let options = RatingsOptions::default()
        .default_value(1.0)
        .duplicates(Duplicates::Last);
    for settled in [0_usize, 90_000, 700_000] {
        let mut text = String::new();
        for i in 0..settled {
            writeln!(text, "{} {}", i % 1009, i / 1009).unwrap();
        }
        for i in settled..settled + 300_000 {
            // Ids that are new all the time, and half of them seen again.
            let user = 2000 + i.wrapping_mul(7919) % (i + 1);
            writeln!(text, "{user} {} {}.5 978300000", i % 20_011, i % 5).unwrap();
        }
        let path = folder.write("late.txt", text.clone());
        let one = read_ratings::<f32>(&path, &options.clone().threads(1));
        let more = read_ratings::<f32>(&path, &options.clone().threads(3));
        let (one, more) = (one.unwrap(), more.unwrap());
        assert!(one == more, "{settled}");
        let mut order: HashMap<&str, usize> = HashMap::new();
        for line in text.lines() {
            let user = line.split(' ').next().unwrap();
            let next = order.len();
            order.entry(user).or_insert(next);
        }
        assert_eq!(one.rows.len(), order.len());
        for (user, row) in order {
            assert_eq!(one.rows.index(user), Some(row), "{settled}");
        }
    }
}

/// Few values, many values, and none that fits into few: all the same ratings.
#[test]
fn ratings_of_any_kind_of_number_are_those_of_the_standard_parser() {
    let folder = Folder::new();
    let value = |kind: usize, i: usize| match kind {
        0 => format!("{}", i % 5),
        1 => format!("{}.{}", i % 5, i % 2 * 5),
        2 => format!("-{}.{:03}", i % 7, i % 1000),
        3 => format!("{}e-3", i),
        // The first chunks have few values, the others many.
        _ => format!("0.{}", if i < 90_000 { 5 } else { i }),
    };
    for kind in 0..5 {
        let count = 200_000;
        let mut text = String::new();
        for i in 0..count {
            // Now and then an id that is no small number.
            let far = if kind == 1 && i % 50_000 == 49_999 {
                9_000_000
            } else {
                0
            };
            writeln!(text, "{}\t{}\t{}", i % 4001 + far, i / 4001, value(kind, i)).unwrap();
        }
        let path = folder.write("r.tsv", text);
        let data = read_ratings::<f64>(&path, &RatingsOptions::default().threads(2)).unwrap();
        assert_eq!(data.ratings.observed(), count);
        for (row, column, rating) in data.ratings.triplets() {
            let user: usize = data.rows.name(row).parse().unwrap();
            let item: usize = data.columns.name(column).parse().unwrap();
            let i = item * 4001 + user % 9_000_000;
            assert_eq!(
                rating.to_bits(),
                value(kind, i).parse::<f64>().unwrap().to_bits()
            );
        }
    }
}

#[test]
fn parts_of_a_directory_are_read_by_name() {
    let folder = Folder::new();
    for (name, text) in [
        ("part-2.csv", "item,user,rating\nx,carl,3\n"),
        ("part-1.csv", "user,item,rating\nada,x,1\nbob,y,2\nbad\n"),
        ("_SUCCESS", "marker"),
        (".part-0.crc", "checksum"),
        ("part-3.csv", ""),
    ] {
        folder.write(name, text);
    }
    folder.write("part-4.csv.gz", gzip("ada,z,4\n"));
    let skipping = RatingsOptions::default().on_error(OnError::Skip);
    let data = read_ratings::<f32>(folder.path(), &skipping).unwrap();
    assert_eq!(data.rows.iter().collect::<Vec<_>>(), ["ada", "bob", "carl"]);
    assert_eq!(data.columns.iter().collect::<Vec<_>>(), ["x", "y", "z"]);
    assert_eq!((data.lines, data.skipped_count), (7, 1));
    assert!(
        data.skipped[0].message.contains("part-1.csv"),
        "{:?}",
        data.skipped
    );
    let stop = read_ratings::<f32>(folder.path(), &RatingsOptions::default()).unwrap_err();
    assert!(stop.to_string().contains("part-1.csv:4:"), "{stop}");
    folder.write("part-1.csv", "ada,z,1\n");
    let twice = read_ratings::<f32>(folder.path(), &RatingsOptions::default()).unwrap_err();
    let words = ["part-4.csv.gz:1: user \"ada\"", "part-1.csv, line 1"];
    assert!(
        words.iter().all(|word| twice.to_string().contains(word)),
        "{twice}"
    );
}

#[test]
fn threads_must_be_there() {
    let folder = Folder::new();
    let path = folder.write("x.csv", "a,b,1\n");
    assert!(read_ratings::<f32>(&path, &RatingsOptions::default().threads(0)).is_err());
    assert!(read_ratings::<f32>(&path, &RatingsOptions::default().threads(100_000)).is_ok());
}

#[test]
fn ratings_are_handed_on_as_they_would_be_read_and_a_refusal_ends_it() {
    let folder = Folder::new();
    let path = folder.write("r.tsv", text());
    let whole = read_ratings::<f64>(&path, &RatingsOptions::default()).unwrap();
    for threads in [1, 2, 7] {
        let mut handed = HashMap::new();
        let mut count = 0;
        let take = |row, column, value| {
            handed.insert((row, column), value);
            count += 1;
            Ok(())
        };
        let read = stream_ratings::<f64>(&path, &RatingsOptions::default().threads(threads), take)
            .unwrap();
        assert_eq!((&read.rows, &read.columns), (&whole.rows, &whole.columns));
        assert_eq!(
            (read.count, read.lines, read.skipped_count),
            (count, whole.lines, whole.skipped_count)
        );
        assert_eq!(count - handed.len(), whole.duplicates);
        let kept: HashMap<_, _> = whole
            .ratings
            .triplets()
            .map(|(i, j, v)| ((i, j), v))
            .collect();
        assert_eq!(handed, kept);
    }
    let mut left = 1000;
    let refused = stream_ratings::<f64>(&path, &RatingsOptions::default(), |row, column, _| {
        left -= 1;
        match left {
            0 => Err(matfact_core::Error::DuplicateEntry { row, column }),
            _ => Ok(()),
        }
    });
    assert!(matches!(
        refused,
        Err(matfact_core::Error::DuplicateEntry { .. })
    ));
    assert_eq!(left, 0);
}

#[test]
fn a_duplicate_that_was_found_elsewhere_is_refused_in_the_same_words() {
    let folder = Folder::new();
    let path = folder.write("r.tsv", "a\tx\t1\nb\ty\t2\na\tx\t3\n");
    let options = RatingsOptions::default();
    let expected = read_ratings::<f32>(&path, &options)
        .unwrap_err()
        .to_string();
    let told = duplicate_rating(&path, &options, ("a", "x")).to_string();
    assert_eq!(told, expected);
    let missing = duplicate_rating(folder.at("none"), &options, ("a", "x"));
    assert!(matches!(missing, matfact_core::Error::Io { .. }));
}
