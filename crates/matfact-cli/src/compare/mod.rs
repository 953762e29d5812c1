//! `matfact compare`: several algorithms and ranks on the same data.

mod matrices;
mod rated;
mod table;

pub(crate) use table::{Line, Measure, Measured, Table};

use crate::arguments::{CompareOptions, FitCommand};
use crate::checks::{check_report, refuse_checkpoints, refuse_disk};
use crate::choices::Precision;
use crate::configuration::{Given, Setting};
use crate::fit::{check_counts, parts};
use crate::output::{say, say_json};
use crate::remedy::names_a_matrix;
use crate::trial::{self, Kind};
use matfact::{Algorithm, Error, Result, Scalar};

/// Compares what the command line asks for.
pub(crate) fn run(options: &CompareOptions, given: &Given) -> Result<()> {
    let common = &options.common;
    check_counts(common)?;
    check_report(common, Some(&options.positives.split))?;
    if let Some(rank) = common.rank {
        let requirement = "left out: --ranks lists the ranks to compare";
        return Err(Error::invalid_parameter("rank", rank, requirement));
    }
    refuse_checkpoints(common)?;
    if let Some(path) = &common.model {
        let requirement = "left out: `matfact fit` keeps a model";
        return Err(Error::invalid_parameter(
            "model",
            path.display(),
            requirement,
        ));
    }
    if options.positives.split.validation.is_some() {
        let requirement = "left out: every algorithm learns from the same ratings";
        return Err(Error::invalid_parameter("validation", "given", requirement));
    }
    let candidates = candidates(options)?;
    match names_a_matrix(&common.input) {
        true => matrices::check(options, &candidates)?,
        false => rated::check(options, &candidates)?,
    }
    if common.reporting.print_config {
        return say(given.to_toml(None).trim_end());
    }
    match common.precision {
        Precision::F32 => execute::<f32>(options, given, &candidates),
        Precision::F64 => execute::<f64>(options, given, &candidates),
    }
}

fn execute<T: Scalar>(
    options: &CompareOptions,
    given: &Given,
    candidates: &[Candidate],
) -> Result<()> {
    let (table, sections) = match names_a_matrix(&options.common.input) {
        true => matrices::compare::<T>(options, candidates)?,
        false => rated::compare::<T>(options, candidates)?,
    };
    if let Some(path) = &options.common.reporting.report {
        crate::reporting::of_comparison(path, options, &table, sections, &given.to_toml(None))?;
    }
    if options.common.json {
        let mut object = table.json();
        object["report"] = serde_json::json!(options.common.reporting.report);
        return say_json(&object);
    }
    say(&table.text())?;
    match &options.common.reporting.report {
        Some(path) => say(&format!("  report  {}", path.display())),
        None => Ok(()),
    }
}

/// An algorithm at a rank.
struct Candidate {
    name: String,
    rank: Option<usize>,
    command: FitCommand,
    algorithm: Algorithm,
}

impl Candidate {
    fn kind(&self) -> Kind {
        Kind::of(&self.name)
    }
}

/// Every algorithm at every rank, all settings in range.
fn candidates(options: &CompareOptions) -> Result<Vec<Candidate>> {
    let common = &options.common;
    let sets = settings(options)?;
    let refuse = |name, value: &dyn std::fmt::Display, requirement| {
        Err(Error::invalid_parameter(name, value, requirement))
    };
    for (at, rank) in options.ranks.iter().enumerate() {
        if *rank == 0 || options.ranks[..at].contains(rank) {
            return refuse("ranks", rank, "at least 1 each, and given once");
        }
    }
    let mut candidates = Vec::new();
    for (at, name) in options.algorithms.iter().enumerate() {
        // Refuses a name that is none.
        Algorithm::by_name(name, 1).map_err(|error| match error {
            Error::InvalidParameter {
                value, requirement, ..
            } => Error::invalid_parameter("algorithms", value, requirement),
            other => other,
        })?;
        if options.algorithms[..at].contains(name) {
            return refuse("algorithms", name, "given once");
        }
        let ranks: Vec<Option<usize>> = match &name[..] {
            // It has none.
            "popularity" => vec![None],
            _ => options.ranks.iter().copied().map(Some).collect(),
        };
        for rank in ranks {
            let mut words = vec![Setting::new("seed", common.seed.to_string())];
            words.extend(rank.map(|rank| Setting::new("rank", rank.to_string())));
            words.extend(
                common
                    .threads
                    .map(|n| Setting::new("threads", n.to_string())),
            );
            let budget = common
                .time_budget
                .map(|time| time.as_secs_f64().to_string());
            words.extend(budget.map(|time| Setting::new("time-budget", time)));
            let own = sets.iter().filter(|(algorithm, _)| algorithm == name);
            words.extend(own.map(|(_, setting)| setting.clone()));
            let command = trial::command(name, &common.input, &words)?;
            let (_, algorithm, source) = parts(&command)?;
            refuse_disk(source)?;
            candidates.push(Candidate {
                name: name.clone(),
                rank,
                algorithm,
                command,
            });
        }
    }
    Ok(candidates)
}

/// What `--set` says: for each setting its algorithm.
fn settings(options: &CompareOptions) -> Result<Vec<(String, Setting)>> {
    let each = options.set.iter().map(|text| {
        let refuse = |requirement: String| Error::invalid_parameter("set", text, requirement);
        let halves = text.split_once('=').and_then(|(place, value)| {
            let (algorithm, option) = place.split_once('.')?;
            Some((algorithm, option.replace('_', "-"), value))
        });
        let Some((algorithm, option, value)) = halves else {
            let form = "ALGORITHM.OPTION=VALUE, as in als.regularization=2".to_owned();
            return Err(refuse(form));
        };
        if !options.algorithms.iter().any(|name| name == algorithm) {
            let names = options.algorithms.join(", ");
            return Err(refuse(format!(
                "for one of the algorithms compared: {names}"
            )));
        }
        if ["rank", "seed", "threads", "time-budget"].contains(&&option[..]) {
            return Err(refuse(
                "of an option that only this algorithm has".to_owned(),
            ));
        }
        match trial::takes(algorithm, &option) {
            Some(trial::Takes::Nothing) if value == "true" => Ok(Some(Setting::switch(&option))),
            Some(trial::Takes::Nothing) if value == "false" => Ok(None),
            Some(trial::Takes::Nothing) => Err(refuse("true or false: it is a switch".to_owned())),
            Some(_) => Ok(Some(Setting::new(&option, value.to_owned()))),
            None => {
                let known = trial::options(algorithm);
                let near = crate::configuration::nearest(&option, known.iter().map(String::as_str));
                let near = near.map_or(String::new(), |name| format!(" (is it {name}?)"));
                Err(refuse(format!(
                    "of an option of `matfact fit {algorithm}`{near}"
                )))
            }
        }
        .map(|setting| setting.map(|setting| (algorithm.to_owned(), setting)))
    });
    let settings: Result<Vec<_>> = each.collect();
    Ok(settings?.into_iter().flatten().collect())
}
