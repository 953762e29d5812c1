//! `matfact recommend`.

use crate::arguments::RecommendOptions;
use crate::axis::Axis;
use crate::input::tell_skipped;
use crate::opened::Opened;
use crate::output::{complain, grouped, printable, say, say_json};
use matfact::io::{Names, NamesOptions, read_pairs};
use matfact::{
    Duplicates, Error, Factorization, Ratings, Recommendation, Recommendations, Recommender,
    Result, Scalar,
};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// Users whose lists are made at a time.
const BLOCK: usize = 4096;

/// Lists what the command line asks for.
pub(crate) fn run(options: &RecommendOptions) -> Result<()> {
    if options.count == 0 {
        return Err(Error::invalid_parameter("count", 0, "at least 1"));
    }
    let opened = Opened::read(&options.model)?;
    if opened.is_double() {
        recommend::<f64>(options, &opened)
    } else {
        recommend::<f32>(options, &opened)
    }
}

fn recommend<T: Scalar>(options: &RecommendOptions, opened: &Opened) -> Result<()> {
    let (model, file) = (opened.model::<T>()?, &opened.file);
    let shape = model.shape();
    opened.check_ids(shape)?;
    let (users, items) = (Axis::rows(file, shape), Axis::columns(file, shape));
    let rows = asked(options, &users)?;
    let names = read_names(options.names.as_deref())?;
    let seen = match &options.exclude {
        Some(path) => Some(seen::<T>(options, path, &users, &items)?),
        None => None,
    };
    let mut wanted = matfact::RecommendOptions::new().count(options.count.min(shape.1));
    if let Some(seen) = &seen {
        wanted = wanted.exclude(seen);
    }
    let recommender = Recommender::new(&model);
    let mut lists = Recommendations::default();
    let mut objects = Vec::new();
    for rows in rows.chunks(BLOCK) {
        recommender.for_rows_into(rows, &wanted, &mut lists)?;
        let mut text = String::new();
        for (position, row) in rows.iter().enumerate() {
            let user = users.id(*row);
            let list = lists.list(position);
            if options.json {
                let list: Vec<Value> = list
                    .map(|entry| entry_json("score", &entry, &items, names.as_ref()))
                    .collect();
                objects.push(json!({ "user": user, "items": list }));
            } else {
                list.for_each(|entry| {
                    let _ = write!(text, "{}\t", printable(&user));
                    write_entry(&mut text, &entry, &items, names.as_ref());
                });
            }
        }
        if !text.is_empty() {
            say(text.trim_end_matches('\n'))?;
        }
    }
    if options.json {
        return say_json(&json!({ "recommendations": objects }));
    }
    Ok(())
}

/// The names of items, where a file of them is given.
pub(crate) fn read_names(path: Option<&Path>) -> Result<Option<Names>> {
    path.map(|path| Names::read(path, &NamesOptions::default()))
        .transpose()
}

/// An item with its score as an object.
pub(crate) fn entry_json<T: Scalar>(
    score: &str,
    entry: &Recommendation<T>,
    items: &Axis<'_>,
    names: Option<&Names>,
) -> Value {
    let id = items.id(entry.column);
    let mut object = json!({ score: entry.score.as_f64() });
    if let Some(names) = names {
        object["name"] = json!(names.get(&id).unwrap_or_default());
    }
    object[items.name] = json!(id);
    object
}

/// An item with its score as the end of a line.
pub(crate) fn write_entry<T: Scalar>(
    text: &mut String,
    entry: &Recommendation<T>,
    items: &Axis<'_>,
    names: Option<&Names>,
) {
    let id = items.id(entry.column);
    let _ = write!(text, "{}\t{:.6}", printable(&id), entry.score);
    if let Some(names) = names {
        let _ = write!(text, "\t{}", printable(names.get(&id).unwrap_or_default()));
    }
    text.push('\n');
}

/// The users that lists are for.
fn asked(options: &RecommendOptions, users: &Axis<'_>) -> Result<Vec<usize>> {
    if let Some(id) = &options.user {
        return Ok(vec![users.known(id)?]);
    }
    let Some(path) = &options.users else {
        return Ok((0..users.len()).collect());
    };
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
        path: path.clone(),
        source,
    })?;
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let lines = lines.map(|(number, line)| (number, line.trim()));
    let rows = lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, id)| {
            users.known(id).map_err(|error| Error::Parse {
                path: path.clone(),
                line: number + 1,
                column: None,
                message: error.to_string(),
            })
        });
    rows.collect()
}

/// What users have in a file, as far as the model knows them.
fn seen<T: Scalar>(
    options: &RecommendOptions,
    path: &Path,
    users: &Axis<'_>,
    items: &Axis<'_>,
) -> Result<Ratings<T>> {
    let pairs = read_pairs::<T>(path, &options.reading.resolve()?)?;
    tell_skipped(&pairs.skipped, pairs.skipped_count);
    let index = |axis: &Axis<'_>, ids: &matfact::io::Ids| -> Vec<Option<usize>> {
        ids.iter().map(|id| axis.index(id).ok().flatten()).collect()
    };
    let (rows, columns) = (index(users, &pairs.rows), index(items, &pairs.columns));
    let known = pairs
        .pairs
        .iter()
        .filter_map(|pair| Some((rows[pair.row]?, columns[pair.column]?, T::one())));
    let known: Vec<_> = known.collect();
    if known.len() < pairs.pairs.len() {
        let (strange, all) = (pairs.pairs.len() - known.len(), pairs.pairs.len());
        complain(&format!(
            "notice: {} of {} pairs of --exclude have a user or item that the model does not know",
            grouped(strange),
            grouped(all)
        ));
    }
    Ratings::from_triplets((users.len(), items.len()), known, Duplicates::Last)
}
