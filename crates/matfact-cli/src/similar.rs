//! `matfact similar`.

use crate::arguments::SimilarOptions;
use crate::axis::Axis;
use crate::opened::Opened;
use crate::output::{say, say_json};
use crate::recommend::{entry_json, read_names, write_entry};
use matfact::io::Names;
use matfact::{Error, Factorization, Result, Scalar, Similarities};
use serde_json::json;

/// Lists what is alike to what the command line names.
pub(crate) fn run(options: &SimilarOptions) -> Result<()> {
    if options.count == 0 {
        return Err(Error::invalid_parameter("count", 0, "at least 1"));
    }
    let opened = Opened::read(&options.model)?;
    if opened.is_double() {
        similar::<f64>(options, &opened)
    } else {
        similar::<f32>(options, &opened)
    }
}

fn similar<T: Scalar>(options: &SimilarOptions, opened: &Opened) -> Result<()> {
    let (model, file) = (opened.model::<T>()?, &opened.file);
    let shape = model.shape();
    opened.check_ids(shape)?;
    let names = read_names(options.names.as_deref())?;
    let by = options.similarity.into();
    let (axis, id, similarities, names) = match (&options.item, &options.user) {
        (Some(item), _) => {
            let between = Similarities::of_columns(&model, by);
            (Axis::columns(file, shape), item, between, names)
        }
        (None, Some(user)) => {
            let between = Similarities::of_rows(&model, by);
            (Axis::rows(file, shape), user, between, None)
        }
        (None, None) => return Ok(()),
    };
    let index = index(&axis, id, names.as_ref())?;
    let list = similarities.nearest(index, options.count.min(axis.len()))?;
    if options.json {
        let similar = list
            .iter()
            .map(|e| entry_json("similarity", e, &axis, names.as_ref()));
        let similar: Vec<_> = similar.collect();
        return say_json(&json!({ axis.name: axis.id(index), "similar": similar }));
    }
    let mut text = String::new();
    for entry in &list {
        write_entry(&mut text, entry, &axis, names.as_ref());
    }
    say(text.trim_end_matches('\n'))
}

/// The index of an id, or of a name that one item of the model has.
fn index(axis: &Axis<'_>, asked: &str, names: Option<&Names>) -> Result<usize> {
    let unknown = match (axis.known(asked), names) {
        (Err(error @ Error::UnknownId { .. }), Some(names)) => (error, names),
        (known, _) => return known,
    };
    let (error, names) = unknown;
    let named = names.ids_named(asked);
    let named: Vec<(usize, &str)> = named
        .filter_map(|id| Some((axis.index(id).ok()??, id)))
        .collect();
    match named[..] {
        [] => Err(error),
        [(index, _)] => Ok(index),
        _ => {
            let ids: Vec<&str> = named.iter().map(|(_, id)| *id).collect();
            let requirement = format!("an id, as several have this name: {}", ids.join(", "));
            let value = format!("{asked:?}");
            Err(Error::invalid_parameter(axis.name, value, requirement))
        }
    }
}
