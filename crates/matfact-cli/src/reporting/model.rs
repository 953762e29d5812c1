//! A model looked at: spectrum, factors, components, recommendations.

use super::{Labels, Titled};
use crate::topics::strongest;
use matfact::ndarray::ArrayView2;
use matfact::{
    AnyModel, Factorization, NO_COLUMN, ObservedEntries, Ratings, RecommendOptions, Recommender,
    Result, Scalar,
};
use matfact_report::{Axis, Block, HeatMap, LineChart, List, Series};

/// Rows and components of a heat map, components with their entries, users with their lists.
const ROWS: usize = 30;
const COMPONENTS: usize = 24;
const LISTED: usize = 12;
const ENTRIES: usize = 10;
const USERS: usize = 4;

/// The factors of a model: m x k, n x k, and the singular values where there are some.
struct Factors<'a, T> {
    rows: ArrayView2<'a, T>,
    columns: ArrayView2<'a, T>,
    values: Option<Vec<f64>>,
    /// The components, the largest first.
    order: Vec<usize>,
}

impl<'a, T: Scalar> Factors<'a, T> {
    fn of(model: &'a AnyModel<T>) -> Option<Self> {
        let numbers = |values: matfact::ndarray::ArrayView1<'_, T>| -> Vec<f64> {
            values.iter().map(|value| value.as_f64()).collect()
        };
        let (rows, columns, values) = match model {
            AnyModel::Nmf(model) => (model.w(), model.h().reversed_axes(), None),
            AnyModel::MaskedNmf(model) => (model.w(), model.h().reversed_axes(), None),
            AnyModel::Svd(model) => {
                let values = numbers(model.singular_values());
                (model.u(), model.vt().reversed_axes(), Some(values))
            }
            AnyModel::Pca(model) => {
                let values = numbers(model.singular_values());
                (
                    model.scores(),
                    model.components().reversed_axes(),
                    Some(values),
                )
            }
            other => {
                let model = other.factors()?;
                (model.row_factors(), model.column_factors(), None)
            }
        };
        let order = match model {
            AnyModel::Nmf(model) => {
                let shares = model.components_by_share();
                shares.into_iter().map(|(component, _)| component).collect()
            }
            _ => (0..rows.ncols()).collect(),
        };
        Some(Self {
            rows,
            columns,
            values,
            order,
        })
    }
}

/// What there is to see in a model; with `train`, what it recommends to some users too.
pub(crate) fn of_model<T: Scalar>(
    title: &str,
    model: &AnyModel<T>,
    labels: &Labels<'_>,
    train: Option<&Ratings<T>>,
) -> Result<Vec<Titled>> {
    let mut sections = Vec::new();
    let Some(factors) = Factors::of(model).filter(|factors| factors.rows.ncols() > 0) else {
        return Ok(sections);
    };
    if let Some(values) = factors.values.as_ref().filter(|values| values.len() > 1) {
        sections.push((format!("Spectrum of {title}"), spectrum(values)));
    }
    sections.push((
        format!("Components of {title}"),
        components(&factors, labels),
    ));
    sections.push((format!("Factors of {title}"), heat_maps(&factors, labels)));
    if let Some(train) = train {
        let lists = recommendations(model, train, labels)?;
        sections.push((format!("Recommendations of {title}"), lists));
    }
    Ok(sections)
}

fn spectrum(values: &[f64]) -> Vec<Block> {
    let series = Series::new("singular value");
    let series = values
        .iter()
        .enumerate()
        .fold(series, |series, (at, value)| {
            series.point((at + 1) as f64, *value)
        });
    let squares: f64 = values.iter().map(|value| value * value).sum();
    let mut sum = 0.0;
    let share = Series::new("share of the squares");
    let share = values.iter().enumerate().fold(share, |share, (at, value)| {
        sum += value * value;
        share.point((at + 1) as f64, sum / squares)
    });
    let axis = || Axis::linear("component");
    vec![
        Block::Lines(
            LineChart::new("Singular values", axis(), Axis::automatic("singular value"))
                .series(series),
        ),
        Block::Lines(
            LineChart::new(
                "What the first components hold of the model",
                axis(),
                Axis::linear("share of the sum of squares"),
            )
            .series(share),
        ),
    ]
}

fn components<T: Scalar>(factors: &Factors<'_, T>, labels: &Labels<'_>) -> Vec<Block> {
    let kind = labels.kinds().1;
    let all = factors.order.len();
    let lists = factors.order.iter().take(LISTED).map(|component| {
        let entries = strongest(factors.columns.column(*component), ENTRIES);
        let list = List::new(format!("Component {component}"));
        entries.iter().fold(list, |list, (column, weight)| {
            list.entry(labels.column(*column), *weight)
        })
    });
    let lists: Vec<List> = lists.collect();
    let text = format!(
        "The {ENTRIES} {kind}s with the largest weights{}; blue pulls one way, red the other.",
        match all > LISTED {
            true => format!(", for {LISTED} of {all} components"),
            false => String::new(),
        }
    );
    vec![Block::Text(text), Block::Lists(lists)]
}

fn heat_maps<T: Scalar>(factors: &Factors<'_, T>, labels: &Labels<'_>) -> Vec<Block> {
    let (row, column) = labels.kinds();
    let map = |title: String, side: ArrayView2<'_, T>, name: &dyn Fn(usize) -> String| {
        let kind = title.clone();
        let shown = side.nrows().min(ROWS);
        let width = side.ncols().min(COMPONENTS);
        let mut map = HeatMap::new(format!("Factors of {title}s"), kind, "component");
        let mut cut = Vec::new();
        if shown < side.nrows() {
            cut.push(format!("the first {shown} of {} {title}s", side.nrows()));
        }
        if width < side.ncols() {
            cut.push(format!("the first {width} of {} components", side.ncols()));
        }
        if !cut.is_empty() {
            map = map.note(format!("Shown: {}.", cut.join(", ")));
        }
        let rows = side.rows().into_iter().take(shown).enumerate();
        Block::Heat(rows.fold(map, |map, (at, values)| {
            map.row(
                name(at),
                values.iter().take(width).map(|value| value.as_f64()),
            )
        }))
    };
    vec![
        map(row.to_owned(), factors.rows, &|at| labels.row(at)),
        map(column.to_owned(), factors.columns, &|at| labels.column(at)),
    ]
}

fn recommendations<T: Scalar>(
    model: &AnyModel<T>,
    train: &Ratings<T>,
    labels: &Labels<'_>,
) -> Result<Vec<Block>> {
    let users = some_users(train);
    let count = ENTRIES.min(model.shape().1);
    if users.is_empty() || count == 0 {
        return Ok(Vec::new());
    }
    let wanted = RecommendOptions::new().count(count).exclude(train);
    let found = Recommender::new(model).for_rows(&users, &wanted)?;
    let lists = users.iter().enumerate().map(|(position, user)| {
        let entries = train.row(*user);
        let pairs = entries.columns.iter().zip(entries.values);
        let mut rated: Vec<(usize, f64)> = pairs
            .map(|(column, value)| (*column as usize, value.as_f64()))
            .collect();
        rated.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let liked = rated
            .iter()
            .take(3)
            .map(|(column, _)| labels.column(*column));
        let liked: Vec<String> = liked.collect();
        let list = List::new(format!("User {}", labels.row(*user))).note(format!(
            "Has, among {}: {}",
            rated.len(),
            liked.join("; ")
        ));
        found
            .list(position)
            .filter(|entry| entry.column != NO_COLUMN as usize)
            .fold(list, |list, entry| {
                list.entry(labels.column(entry.column), entry.score.as_f64())
            })
    });
    let lists: Vec<List> = lists.collect();
    let text = "What some users have not had yet and are said to want most, with the score.";
    Ok(vec![Block::Text(text.to_owned()), Block::Lists(lists)])
}

/// Some users with entries, evenly spread over the rows.
fn some_users<T: Scalar>(train: &Ratings<T>) -> Vec<usize> {
    let with = |least: usize| -> Vec<usize> {
        let rows = 0..train.shape().0;
        rows.filter(|row| train.row(*row).columns.len() >= least)
            .collect()
    };
    let mut users = with(5);
    if users.len() < USERS {
        users = with(1);
    }
    let count = users.len().min(USERS);
    (0..count)
        .map(|at| users[at * users.len() / count])
        .collect()
}
