//! `matfact tune`: good hyper-parameters by trying.

mod course;
mod found;
mod space;
mod telling;

pub(crate) use found::{Found, Tried};

use crate::arguments::{CommonOptions, SearchChoice, TuneOptions};
use crate::checks::{
    Input as ReadFile, check_output, check_report, refuse_checkpoints, refuse_disk,
};
use crate::choices::Precision;
use crate::compare::Measure;
use crate::configuration::{Given, Setting};
use crate::fit::{check_counts, fit_alone, parts};
use crate::held_out::{Behind, HeldOut};
use crate::input::{read, read_positives};
use crate::output::{complain, say};
use crate::progress::{INTERRUPTED, interruption};
use crate::trial::{self, Kind};
use course::{Course, is_better};
use matfact::eval::{
    Evaluation, Halving, Metric, Point, Score, SearchResult, Split, grid_search, random_search,
    successive_halving,
};
use matfact::io::RatingsData;
use matfact::{Algorithm, Error, Input, ObservedEntries, Result, Scalar, StopReason};
use space::Space;
use std::time::Instant;

/// Searches what the command line asks for.
pub(crate) fn run(options: &TuneOptions, given: &Given) -> Result<()> {
    let (common, algorithm, source) = parts_with_rank(options)?;
    check_counts(common)?;
    let name = algorithm.name();
    let Some(split) = source.split().filter(|_| name != "popularity") else {
        let requirement = format!(
            "one with settings, of ratings or choices: {}, {}",
            Kind::Ratings.names(),
            Kind::Positives
                .names()
                .replace(", popularity", "")
                .replace("popularity, ", "")
        );
        return Err(Error::invalid_parameter("algorithm", name, requirement));
    };
    refuse_checkpoints(common)?;
    refuse_disk(source)?;
    if let Some(path) = &common.model {
        let requirement = "left out: `matfact fit --config` makes a model of the best setting";
        return Err(Error::invalid_parameter(
            "model",
            path.display(),
            requirement,
        ));
    }
    if split.validation.is_some() {
        let requirement = "left out: the ratings that are held out decide";
        return Err(Error::invalid_parameter("validation", "given", requirement));
    }
    if let Some(path) = &common.reporting.names {
        let requirement = "left out: the report of a search shows no items";
        return Err(Error::invalid_parameter(
            "names",
            path.display(),
            requirement,
        ));
    }
    check_report(common, Some(split))?;
    if let Some(path) = &options.output {
        let files = std::iter::once(&common.input).chain(&options.space);
        let inputs: Vec<_> = files.map(|file| ReadFile::new(file, "data")).collect();
        check_output("output", path, &inputs)?;
    }
    if options.samples == 0 {
        return Err(Error::invalid_parameter("samples", 0, "at least 1"));
    }
    let kind = Kind::of(name);
    let metric = options.metric.unwrap_or(match kind {
        Kind::Positives => Metric::Ndcg(10),
        _ => Metric::Rmse,
    });
    if kind == Kind::Positives && metric.is_of_ratings() {
        let requirement = format!("one of lists, such as ndcg@10, for {name}");
        return Err(Error::invalid_parameter("metric", metric, requirement));
    }
    let held_out = HeldOut::new(common, split, options.folds)?;
    let mut evaluation = Evaluation::new([metric]);
    if let Some(least) = options.relevant_from {
        evaluation = evaluation.relevant_from(least);
    }
    evaluation.validate()?;
    let space = match &options.space {
        Some(path) => Space::read(path, name)?,
        None => Space::of(name, common.rank.is_none()),
    };
    if common.rank.is_none() && !space.has("rank") {
        let requirement = "given, or in the space";
        return Err(Error::invalid_parameter("rank", "left out", requirement));
    }
    if common.reporting.print_config {
        return say(given.to_toml(None).trim_end());
    }
    // A search beside the defaults must not end behind them. A space of one's own, or a grid, says itself what is tried.
    let beside_defaults = options.space.is_none() && options.search != SearchChoice::Grid;
    let defaults = beside_defaults.then(|| match common.rank {
        Some(_) => Vec::new(),
        None => vec![("rank".to_owned(), DEFAULT_RANK.to_owned())],
    });
    let task = Task {
        options,
        common,
        name,
        given,
        metric,
        held_out,
        evaluation,
        space,
        defaults,
    };
    match common.precision {
        Precision::F32 => task.execute::<f32>(),
        Precision::F64 => task.execute::<f64>(),
    }
}

/// The rank that the defaults are tried with where none is given.
const DEFAULT_RANK: &str = "32";

/// The parts of the fit; a rank that is left out does not matter yet.
fn parts_with_rank(
    options: &TuneOptions,
) -> Result<(&CommonOptions, Algorithm, crate::fit::Source<'_>)> {
    match parts(&options.algorithm) {
        // The rank is in the space, and the other settings are checked with each point.
        Err(Error::InvalidParameter {
            name: "rank",
            value,
            ..
        }) if value == "0" => {
            let (common, name, source) = crate::fit::unchecked(&options.algorithm);
            Ok((common, Algorithm::by_name(name, 1)?, source))
        }
        other => other,
    }
}

struct Task<'a> {
    options: &'a TuneOptions,
    common: &'a CommonOptions,
    name: &'static str,
    given: &'a Given,
    metric: Metric,
    held_out: HeldOut<'a>,
    evaluation: Evaluation,
    space: Space,
    /// The point of the defaults, where they are tried too.
    defaults: Option<Vec<(String, String)>>,
}

impl Task<'_> {
    fn execute<T: Scalar>(&self) -> Result<()> {
        // What cannot work at all is refused before anything is read.
        let first = self.space.search().sample(1, self.common.seed)?;
        if let Some(point) = first.first() {
            parts(&self.command(&self.space.texts(point), None)?)?;
        }
        let command = self.command(&self.space.texts(&first[0]), None)?;
        let data: RatingsData<T> = match parts(&command)?.2 {
            crate::fit::Source::Positives(positives) => read_positives(self.common, positives)?,
            _ => read(self.common, self.held_out.split)?,
        };
        let started = Instant::now();
        let folds = (0..self.held_out.count()).map(|fold| self.held_out.part(&data, fold));
        let folds: Vec<Split<T>> = folds.collect::<Result<_>>()?;
        if folds.iter().all(|split| split.test.observed() == 0) {
            let requirement = "a larger share: no rating is held out";
            return Err(Error::invalid_parameter(
                "holdout",
                "too small",
                requirement,
            ));
        }
        let (larger, seed) = (self.metric.larger_is_better(), self.common.seed);
        let (space, samples) = (self.space.search(), self.options.samples);
        let (_, largest) = self.budget();
        let halving = Halving::new(samples, (largest / 9).max(1), largest).seed(seed);
        let rounds = match self.options.search {
            SearchChoice::Grid => vec![(space.grid()?.len(), 1)],
            SearchChoice::Random => vec![(samples, 1)],
            SearchChoice::Halving => halving.rounds()?,
        };
        let whole = match self.options.search {
            SearchChoice::Halving => largest,
            _ => 1,
        };
        let beside = self.defaults.iter().map(|_| (1, whole));
        let (tries, work) = rounds
            .iter()
            .copied()
            .chain(beside)
            .fold((0, 0), |(tries, work), (count, budget)| {
                (tries + count, work + count * budget)
            });
        let mut course = Course::new(self.metric, tries, work);
        let defaults = self.defaults.as_ref().map(|point| {
            let score = course.attempt(whole, true, || self.scores(&folds, point, None));
            self.tried_defaults(point, score, course.seconds.pop().unwrap_or_default())
        });
        let mut score = |point: &Point, budget: Option<usize>| {
            let point = self.space.texts(point);
            course.attempt(budget.unwrap_or(1), false, || {
                self.scores(&folds, &point, budget)
            })
        };
        let result = match self.options.search {
            SearchChoice::Grid => grid_search(space, larger, |point| score(point, None)),
            SearchChoice::Random => {
                random_search(space, samples, seed, larger, |point| score(point, None))
            }
            SearchChoice::Halving => {
                successive_halving(space, &halving, larger, |point, budget| {
                    score(point, Some(budget))
                })
            }
        };
        if interruption().is_cancelled() {
            if course.is_without_score() {
                drop(course);
                complain(
                    "notice: interrupted before a first try was done; there is nothing to tell",
                );
                std::process::exit(INTERRUPTED);
            }
            complain("notice: interrupted; this is the best so far");
        }
        let result = result?;
        let tried = self.tried(defaults, &result, &course.seconds);
        let behind = course.behind()?;
        drop(course);
        self.tell(&self.found(tried, behind, started.elapsed().as_secs_f64()))
    }

    fn tried_defaults(
        &self,
        point: &[(String, String)],
        score: Result<f64>,
        seconds: f64,
    ) -> Tried {
        let halving = self.options.search == SearchChoice::Halving;
        Tried {
            point: point.to_vec(),
            by_default: true,
            failure: score.as_ref().err().map(ToString::to_string),
            score: score.ok().filter(|score| !score.is_nan()),
            budget: halving.then(|| self.budget().1),
            seconds,
        }
    }

    /// The option that bounds the iterations, and its value.
    fn budget(&self) -> (&'static str, usize) {
        let option = match self.name {
            "als" | "ials" | "masked-nmf" => "max-iter",
            _ => "epochs",
        };
        let own = self.given.settings.iter().find(|own| own.name == option);
        let own = own.and_then(|own| own.values.first()?.parse().ok());
        let default = || {
            let algorithm = Algorithm::by_name(self.name, 1).ok()?;
            let value = serde_json::to_value(algorithm).ok()?;
            Some(value[option.replace('-', "_")].as_u64()? as usize)
        };
        (option, own.or_else(default).unwrap_or(20))
    }

    /// `matfact fit` with what was given and this point.
    fn command(
        &self,
        point: &[(String, String)],
        budget: Option<usize>,
    ) -> Result<crate::arguments::FitCommand> {
        let mut settings = self.settings(point);
        if let Some(budget) = budget {
            let name = self.budget().0;
            settings.retain(|setting| setting.name != name);
            settings.push(Setting::new(name, budget.to_string()));
        }
        trial::command(self.name, &self.common.input, &settings)
    }

    /// What a fit takes of what was given, with the values of a point.
    fn settings(&self, point: &[(String, String)]) -> Vec<Setting> {
        let known = trial::options(self.name);
        let own = self.given.settings.iter().filter(|setting| {
            // They belong to the search.
            let of_search =
                ["holdout", "test", "report", "json", "names"].contains(&&setting.name[..]);
            let in_point = point.iter().any(|(name, _)| *name == setting.name);
            known.contains(&setting.name) && !of_search && !in_point
        });
        let values = point
            .iter()
            .map(|(name, value)| Setting::new(name, value.clone()));
        own.cloned().chain(values).collect()
    }

    /// The metric on each fold.
    fn scores<T: Scalar>(
        &self,
        folds: &[Split<T>],
        point: &[(String, String)],
        budget: Option<usize>,
    ) -> Result<Vec<Vec<Score>>> {
        let interrupted = || {
            let requirement = "left alone: the search was interrupted";
            Err(Error::invalid_parameter(
                "search",
                "this point",
                requirement,
            ))
        };
        if interruption().is_cancelled() {
            return interrupted();
        }
        let command = self.command(point, budget)?;
        let (own, algorithm, _) = parts(&command)?;
        let mut scores = Vec::new();
        for split in folds {
            let fit = fit_alone(own, &algorithm, &Input::from(&split.train))?;
            // What was cut short says nothing of a point.
            if fit.report.stop == StopReason::Cancelled {
                return interrupted();
            }
            scores.push(self.evaluation.of(&fit.model, split)?);
        }
        Ok(scores)
    }

    fn tried(&self, defaults: Option<Tried>, result: &SearchResult, seconds: &[f64]) -> Vec<Tried> {
        let halving = self.options.search == SearchChoice::Halving;
        let searched = result
            .trials
            .iter()
            .zip(seconds)
            .map(|(trial, seconds)| Tried {
                point: self.space.texts(&trial.point),
                by_default: false,
                score: trial.score,
                failure: trial.failure.clone(),
                budget: halving.then_some(trial.budget),
                seconds: *seconds,
            });
        defaults.into_iter().chain(searched).collect()
    }

    /// The best of all, and of equal ones the first. Of halving that may be one with few iterations: of a setting that
    /// learns by heart more make it worse, and its configuration says how many.
    fn found(&self, tried: Vec<Tried>, behind: Option<Behind>, seconds: f64) -> Found {
        let better = |score, than| is_better(self.metric, score, than);
        let scores = tried.iter().enumerate();
        let scores = scores.filter_map(|(at, tried)| Some((at, tried.score?)));
        let best = scores.reduce(|best, next| if better(next.1, best.1) { next } else { best });
        let best = best.map_or(0, |(at, _)| at);
        let mut settings = self.settings(&tried[best].point);
        let (option, largest) = self.budget();
        if let Some(budget) = tried[best].budget.filter(|budget| *budget != largest) {
            settings.retain(|setting| setting.name != option);
            settings.push(Setting::new(option, budget.to_string()));
        }
        let configuration = Given {
            commands: vec!["fit".to_owned(), self.name.to_owned()],
            input: Some(self.common.input.to_string_lossy().into_owned()),
            settings,
        };
        let tried_is_default = tried[best].by_default;
        Found {
            algorithm: self.name,
            input: self.common.input.display().to_string(),
            metric: Measure {
                name: self.metric.to_string(),
                larger_is_better: self.metric.larger_is_better(),
            },
            measured_on: self.held_out.words(),
            tried,
            best,
            behind: behind.filter(|_| !tried_is_default),
            configuration: configuration.to_toml(None),
            seconds,
        }
    }
}
