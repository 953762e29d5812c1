//! Which field of a line is what.

use crate::fault::excerpt;

/// The places of the fields, counted from 0, and the number of fields that a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) user: usize,
    pub(super) item: usize,
    pub(super) value: Option<usize>,
    pub(super) width: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    User,
    Item,
    Value,
    Time,
}

/// What a column of this name holds, if the name is known.
fn role(name: &str) -> Option<Role> {
    // userId, user_id, "User ID" and the like are one name.
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    let name: String = letters.flat_map(char::to_lowercase).collect();
    Some(match &name[..] {
        "user" | "userid" | "uid" | "users" | "customer" | "customerid" | "username"
        | "reviewer" | "reviewerid" => Role::User,
        "item" | "itemid" | "iid" | "items" | "movie" | "movieid" | "film" | "filmid"
        | "product" | "productid" | "book" | "bookid" | "isbn" | "artist" | "artistid"
        | "track" | "trackid" | "song" | "songid" | "asin" => Role::Item,
        "rating" | "ratings" | "value" | "score" | "stars" | "bookrating" | "overall"
        | "weight" | "count" | "plays" => Role::Value,
        "timestamp" | "time" | "date" | "datetime" | "unixreviewtime" => Role::Time,
        _ => return None,
    })
}

/// Which columns of a table are to be read, by their names: where a user, an item and a rating are among
/// them, the first of each, and else all.
pub(super) fn needed(names: &[String]) -> Vec<bool> {
    let find = |wanted: Role| names.iter().position(|name| role(name) == Some(wanted));
    match (find(Role::User), find(Role::Item), find(Role::Value)) {
        (Some(user), Some(item), Some(value)) => {
            let columns = 0..names.len();
            columns.map(|c| [user, item, value].contains(&c)).collect()
        }
        _ => vec![true; names.len()],
    }
}

/// Whether the first line names the columns: it has a known name for the user or the item, or a
/// word where the rating should be. What only fails to be a number (`1,5`, `NaN`) is no name.
pub(super) fn is_header<'a>(texts: impl IntoIterator<Item = &'a str>) -> bool {
    let texts: Vec<&str> = texts.into_iter().collect();
    let value_is_word = texts.get(2).is_some_and(|text| is_word(text));
    let known = |text: &&str| matches!(role(text), Some(Role::User | Role::Item));
    value_is_word || (texts.len() == 2 && texts.iter().any(known))
}

fn is_word(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let missing = ["nan", "na", "n/a", "null", "none", "nil", "inf", "infinity"];
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && !missing.contains(&&lower[..])
}

/// Columns by the names of the header, else by position; the error is a message.
pub(super) fn by_header(names: &[String], value_needed: bool) -> Result<Columns, String> {
    let find = |wanted: Role| names.iter().position(|name| role(name) == Some(wanted));
    let (user, item, value) = (find(Role::User), find(Role::Item), find(Role::Value));
    let expected = "name the columns user, item and rating";
    let columns = match (user, item) {
        (Some(user), Some(item)) => {
            // A rating under a name of its own, in its usual place.
            let third = names.get(2).filter(|name| role(name).is_none()).map(|_| 2);
            Columns {
                user,
                item,
                value: value.or(third),
                width: names.len(),
            }
        }
        _ => {
            // Positions must not contradict the names that are known.
            let usual = [Role::User, Role::Item, Role::Value, Role::Time];
            for (at, name) in names.iter().enumerate() {
                if let Some(role) = role(name)
                    && usual.get(at) != Some(&role)
                {
                    let name = excerpt(name.as_bytes());
                    return Err(format!(
                        "the header has {name} as column {}, but not both a user and an item: {expected}",
                        at + 1
                    ));
                }
            }
            by_position(names.len(), value_needed)?
        }
    };
    if value_needed && columns.value.is_none() {
        return Err(format!(
            "the header names no rating: {expected}, or give a default value for ratings"
        ));
    }
    Ok(columns)
}

/// Columns `user item rating [time]`; the error is a message.
pub(super) fn by_position(width: usize, value_needed: bool) -> Result<Columns, String> {
    if width < 2 || (width < 3 && value_needed) {
        return Err(format!(
            "{width} field{} where user, item and rating are expected: check the separator{}",
            if width == 1 { "" } else { "s" },
            if width == 2 {
                ", or give a default value for ratings"
            } else {
                ""
            }
        ));
    }
    Ok(Columns {
        user: 0,
        item: 1,
        value: (width > 2).then_some(2),
        width,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &str) -> Vec<String> {
        header.split(',').map(String::from).collect()
    }

    fn places(header: &str, value_needed: bool) -> Result<(usize, usize, Option<usize>), String> {
        let columns = by_header(&names(header), value_needed)?;
        Ok((columns.user, columns.item, columns.value))
    }

    #[test]
    fn names_decide_and_positions_fill_in() {
        for (header, expected) in [
            ("userId,movieId,rating,timestamp", (0, 1, Some(2))),
            ("timestamp,rating,item_id,User ID", (3, 2, Some(1))),
            ("a,b,c", (0, 1, Some(2))),
            ("user,b,c", (0, 1, Some(2))),
            ("user,item,liking", (0, 1, Some(2))),
            ("id,user,item,score,note", (1, 2, Some(3))),
        ] {
            assert_eq!(places(header, true).as_ref(), Ok(&expected), "{header}");
        }
        assert_eq!(places("user,item,time", false), Ok((0, 1, None)));
        assert!(
            places("user,item,time", true)
                .unwrap_err()
                .contains("no rating")
        );
        assert!(
            places("rating,x,y", true)
                .unwrap_err()
                .contains("\"rating\" as column 1")
        );
        assert!(places("a,b", true).is_err());
        assert!(places("a", false).is_err());
    }

    #[test]
    fn a_header_is_told_from_a_bad_first_line() {
        for (line, expected) in [
            ("user,item,rating", true),
            ("a,b,c", true),
            ("user,item", true),
            ("rating,user,item", true),
            ("u1,i1", false),
            ("1,2,3", false),
            ("1,2,", false),
            ("a,b,NaN", false),
            ("a,b,-inf", false),
            ("1,2,3x", false),
        ] {
            assert_eq!(is_header(line.split(',')), expected, "{line}");
        }
    }
}
