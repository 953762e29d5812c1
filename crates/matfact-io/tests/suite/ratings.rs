//! Files of ratings, with rows 54 and 58 of the reliability list.
// Clippy allows it in test functions by itself, and not in what they call.

use crate::common::{Folder, gzip, parse_place, refuses_what_is_no_file};
use matfact_core::{Duplicates, Error, ObservedEntries, Result};
use matfact_io::{
    Ids, OnError, RatingsData, RatingsOptions, Separator, read_pairs, read_ratings,
    read_ratings_with_ids,
};

fn options() -> RatingsOptions {
    RatingsOptions::default()
}

fn read_with(text: impl AsRef<[u8]>, options: &RatingsOptions) -> Result<RatingsData<f64>> {
    let folder = Folder::new();
    let plain = read_ratings(folder.write("x.csv", &text), options);
    let packed = read_ratings(folder.write("x.csv.gz", gzip(&text)), options);
    match (&plain, &packed) {
        (Ok(a), Ok(b)) => assert_eq!(a, b),
        (Err(a), Err(b)) => {
            let renamed = a.to_string().replace("x.csv:", "x.csv.gz:");
            assert_eq!(renamed, b.to_string());
        }
        _ => panic!("{plain:?} and {packed:?} differ"),
    }
    plain
}

fn read(text: impl AsRef<[u8]>) -> Result<RatingsData<f64>> {
    read_with(text, &options())
}

/// The ratings by their names.
fn named(data: &RatingsData<f64>) -> Vec<(String, String, f64)> {
    let name = |(row, column, value)| {
        let (row, column): (usize, usize) = (row, column);
        (
            data.rows.name(row).to_owned(),
            data.columns.name(column).to_owned(),
            value,
        )
    };
    data.ratings.triplets().map(name).collect()
}

#[test]
fn every_separator_header_and_line_end_gives_the_same_ratings() {
    let expected = named(&read("7,x y,4.5\nada,Heat,1\n7,Heat,-2\n").unwrap());
    assert_eq!(expected.len(), 3);
    for text in [
        "7\tx y\t4.5\nada\tHeat\t1\n7\tHeat\t-2\n",
        "7::x y::4.5::978300760\nada::Heat::1::978300761\n7::Heat::-2::0\n",
        "7;x y;4.5\r\nada;Heat;1\r\n7;Heat;-2\r\n",
        "\u{feff}user,item,rating\n7,x y,4.5\n\nada,Heat,1\n7,Heat,-2\n\n\n",
        "\u{feff}\"7\",\"x y\",\"4.5\"\n\"ada\",Heat,1\n7,Heat,-2",
        "rating,timestamp,item_id,userId\n4.5,0,x y,7\n1,,Heat,ada\n-2,9,Heat,7\n",
        "a,b,c\n7,x y,4.5\nada,Heat,1\n7,Heat,-2\n",
        " 7 , x y , 4.5 \n ada,Heat ,1\n7,Heat,-2\n",
    ] {
        assert_eq!(named(&read(text).unwrap()), expected, "{text}");
    }
    let spaced = read("7 xy 4.5 1\nada   Heat\t1 2\n").unwrap();
    assert_eq!(spaced.ratings.observed(), 2);
    let data = read("user,item,rating\n7,x,1\n").unwrap();
    assert_eq!(data.header.unwrap(), ["user", "item", "rating"]);
    assert_eq!((data.lines, data.duplicates, data.skipped_count), (2, 0, 0));
}

#[test]
fn quotes_follow_rfc_4180() {
    let text = "user,item,rating\n\"a,b\",\"say \"\"hi\"\"\",5\nplain,\"\"\"\",4\n";
    let data = read(text).unwrap();
    assert_eq!(data.rows.iter().collect::<Vec<_>>(), ["a,b", "plain"]);
    assert_eq!(
        data.columns.iter().collect::<Vec<_>>(),
        ["say \"hi\"", "\""]
    );
    let book_crossing = "\"User-ID\";\"ISBN\";\"Book-Rating\"\n\"276725\";\"034545104X\";\"0\"\n";
    let data = read(book_crossing).unwrap();
    assert_eq!(named(&data), [("276725".into(), "034545104X".into(), 0.0)]);
}

#[test]
fn row_54_a_line_that_is_no_rating_is_refused_by_line_and_field() {
    let good = "1,2,3\n";
    for (text, line, column, word) in [
        ("1,3\n", 2, Some(3), "missing field"),
        ("1,3,4,5\n", 2, Some(4), "extra field"),
        ("1,3,good\n", 2, Some(3), "\"good\" is not a number"),
        ("1,3,\n", 2, Some(3), "the rating is empty"),
        ("1,3,NaN\n", 2, Some(3), "finite"),
        ("1,3,-inf\n", 2, Some(3), "finite"),
        ("1,3,1e999\n", 2, Some(3), "range of f64"),
        ("1,3,0x10\n", 2, Some(3), "not a number"),
        (",3,1\n", 2, Some(1), "user id is empty"),
        ("1,\"\",1\n", 2, Some(2), "item id is empty"),
        ("1,\"3,1\n", 2, Some(2), "quoted"),
        ("1,\"3\"x,1\n", 2, Some(2), "quoted"),
        ("\n\n1,3,x\n", 4, Some(3), "not a number"),
        ("word\n", 2, Some(2), "1 field where"),
    ] {
        let place = parse_place(read(format!("{good}{text}")), &[word]);
        assert_eq!(place, (line, column), "{text}");
        let skipping = options().on_error(OnError::Skip);
        let data = read_with(format!("{good}{text}4,5,6\n"), &skipping).unwrap();
        assert_eq!(data.skipped_count, 1, "{text}");
        assert_eq!((data.skipped[0].line, data.skipped[0].column), place);
        // Ids of a skipped line are not kept.
        assert_eq!(data.ratings.shape(), (2, 2), "{text}");
    }
    for (text, line, column, word) in [
        // In the first line too, where a header could stand.
        ("1\t2\t1,5\n", 1, Some(3), "decimal point"),
        ("1\t2\t3\n1\t4\t1,5\n", 2, Some(3), "decimal point"),
        ("a,b,NaN\n", 1, Some(3), "finite"),
        ("a,b,\n", 1, Some(3), "empty"),
        ("a b\n", 1, Some(3), "default value"),
        ("user,item\n1,2\n", 1, None, "names no rating"),
        ("1,2,3,4,5\n", 1, Some(5), "header line"),
        ("one\ntwo\n", 1, None, "no separator"),
        ("a,b,c\n", 1, None, "no ratings"),
        ("\n\n", 2, None, "no ratings"),
        ("\u{feff}", 0, None, "no ratings"),
        ("", 0, None, "empty"),
    ] {
        assert_eq!(parse_place(read(text), &[word]), (line, column), "{text:?}");
    }
    let latin = b"1,2,3\n1,caf\xe9,3\n";
    assert_eq!(parse_place(read(latin), &["UTF-8"]), (2, Some(2)));
    let folder = Folder::new();
    let path = folder.write("x.csv", "1,2,1e39\n");
    let message = read_ratings::<f32>(&path, &options()).unwrap_err();
    assert!(matches!(message, Error::Overflow { .. }));
    assert!(
        message
            .to_string()
            .contains("x.csv:1:3: the rating 1e39 overflows f32"),
        "{message}"
    );
}

#[test]
fn row_54_skipped_lines_are_counted_the_first_listed_and_nothing_else_is_lost() {
    let mut text = String::new();
    for i in 0..50 {
        text.push_str(&format!("u{i},i,{}\n", if i % 2 == 0 { "x1" } else { "1" }));
    }
    let skipping = options().on_error(OnError::Skip).header(false);
    let data = read_with(&text, &skipping).unwrap();
    assert_eq!(
        (data.ratings.observed(), data.skipped_count, data.lines),
        (25, 25, 50)
    );
    let lines: Vec<usize> = data.skipped.iter().map(|skipped| skipped.line).collect();
    assert_eq!(lines, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    let nothing = read_with("a,b,x\na,c,y\n", &skipping);
    assert_eq!(
        parse_place(nothing, &["all 2 lines were skipped", "not a number"]),
        (2, None)
    );
}

#[test]
fn row_54_a_line_of_a_million_characters_is_a_line() {
    let long = "x".repeat(1_000_000);
    let data = read(format!("{long},item,2\nb,{long},3\n")).unwrap();
    assert_eq!(data.rows.name(0), long);
    assert_eq!(data.columns.index(&long), Some(1));
    let place = parse_place(read(format!("a,b,1\na,c,{long}\n")), &["\"xxx", "\"..."]);
    assert_eq!(place, (2, Some(3)));
}

#[test]
fn a_missing_rating_needs_a_default_value() {
    assert_eq!(
        parse_place(read("a,b,1\na,c\n"), &["missing field"]),
        (2, Some(3))
    );
    let ones = options().default_value(1.0);
    let data = read_with("a,b,4\na,c\n", &ones).unwrap();
    assert_eq!(
        data.ratings.triplets().map(|t| t.2).collect::<Vec<_>>(),
        [4.0, 1.0]
    );
    let data = read_with("a,b\na,c,4\n", &ones).unwrap();
    assert_eq!(
        data.ratings.triplets().map(|t| t.2).collect::<Vec<_>>(),
        [1.0, 4.0]
    );
    let data = read_with("user,item,timestamp\na,b,99\n", &ones).unwrap();
    assert_eq!(
        data.ratings.triplets().map(|t| t.2).collect::<Vec<_>>(),
        [1.0]
    );
    for bad in [f64::NAN, f64::INFINITY] {
        let refused = read_with("a,b\n", &options().default_value(bad));
        assert!(matches!(refused, Err(Error::InvalidParameter { .. })));
    }
}

#[test]
fn duplicates_are_refused_by_name_and_line_unless_a_policy_is_chosen() {
    let text = "user,item,rating\n\nada,x,1\nbob,x,2\n\nada,y,3\nada,x,4\n";
    let words = ["\"ada\"", "\"x\"", "on line 3", "keep the last"];
    assert_eq!(parse_place(read(text), &words), (7, None));
    for (policy, value) in [(Duplicates::Last, 4.0), (Duplicates::Sum, 5.0)] {
        let data = read_with(text, &options().duplicates(policy)).unwrap();
        assert_eq!((data.duplicates, data.ratings.observed()), (1, 3));
        assert_eq!(data.ratings.csr().get(0, 0), Some(&value));
    }
    let folder = Folder::new();
    let path = folder.write("x.csv", "ada,x,3e38\nada,x,3e38\n");
    let sum = read_ratings::<f32>(&path, &options().duplicates(Duplicates::Sum));
    assert!(matches!(sum, Err(Error::Overflow { .. })), "{sum:?}");
}

#[test]
fn options_overrule_what_would_be_found() {
    let data = read_with("a,b c 1\n", &options().separator(Separator::Spaces)).unwrap();
    assert_eq!(data.rows.name(0), "a,b");
    let data = read_with("1,2,3\n4,5,6\n", &options().header(true)).unwrap();
    assert_eq!(data.ratings.observed(), 1);
    let place = parse_place(
        read_with("user,item,rating\n", &options().header(false)),
        &["number"],
    );
    assert_eq!(place, (1, Some(3)));
    assert_eq!(
        parse_place(read("rating,what,ever\n1,2,3\n"), &["column 1"]),
        (1, None)
    );
    assert!(matches!(
        "|".parse::<Separator>(),
        Err(Error::InvalidParameter { .. })
    ));
    for separator in ["tab", "::", ",", ";", "spaces"] {
        assert_eq!(
            separator.parse::<Separator>().unwrap().to_string(),
            separator
        );
    }
}

#[test]
fn test_data_and_pairs_are_read_in_order_with_unknown_ids_told_apart() {
    let folder = Folder::new();
    let (mut rows, mut columns) = (Ids::new(), Ids::new());
    rows.insert("ada").unwrap();
    columns.insert("x").unwrap();
    let path = folder.write("test.csv", "ada,x,1\nada,x,2\nbob,x,3\nada,bad\nada,z,4\n");
    let skipping = options().on_error(OnError::Skip);
    let test = read_ratings_with_ids::<f32>(&path, &skipping, &rows, &columns).unwrap();
    let seen: Vec<_> = test
        .pairs
        .iter()
        .map(|p| (p.row, p.column, p.value))
        .collect();
    let known = (Some(0), Some(0));
    assert_eq!(
        seen,
        [
            (known.0, known.1, 1.0),
            (known.0, known.1, 2.0),
            (None, known.1, 3.0),
            (known.0, None, 4.0)
        ]
    );
    assert_eq!(
        (test.skipped_count, test.skipped[0].line, test.lines),
        (1, 4, 5)
    );
    parse_place(
        read_ratings_with_ids::<f32>(&path, &options(), &rows, &columns),
        &["missing"],
    );

    let asked = read_pairs::<f64>(folder.write("p.txt", "b y\na x 3\nb x\n"), &options()).unwrap();
    let seen: Vec<_> = asked
        .pairs
        .iter()
        .map(|p| (p.row, p.column, p.value))
        .collect();
    assert_eq!(seen, [(0, 0, None), (1, 1, Some(3.0)), (0, 1, None)]);
    assert_eq!(asked.rows.iter().collect::<Vec<_>>(), ["b", "a"]);
    let empty = read_pairs::<f64>(folder.write("p.txt", "user,item\n"), &options());
    parse_place(empty, &["no pairs"]);
}

#[test]
fn row_58_what_is_no_readable_file_names_its_path() {
    refuses_what_is_no_file(|path| read_ratings::<f32>(path, &options()));
    let ids = Ids::new();
    refuses_what_is_no_file(|path| read_ratings_with_ids::<f32>(path, &options(), &ids, &ids));
    refuses_what_is_no_file(|path| read_pairs::<f32>(path, &options()));
}
