//! The ratings by groups of rows, each listed by rows and by columns.

use matfact_core::{ObservedEntries, Scalar};
use matfact_linalg::{ColumnVisit, RatingsSurvey, random_stream};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Rows of a group: enough work for several threads, few enough that they hardly miss each other's moves.
pub(crate) const ROWS_OF_A_GROUP: usize = 32;

/// Ranges of columns, each the work of one thread in a column pass.
const COLUMN_RANGES: usize = 8;

/// Rows that are visited together.
#[derive(Debug)]
pub(super) struct Group<T> {
    /// Where the ratings of each row begin, and the end.
    pub(super) starts: Vec<usize>,
    pub(super) columns: Vec<u32>,
    pub(super) values: Vec<T>,
    pub(super) visits: Vec<ColumnVisit>,
    /// Where the visits of each range of columns begin, and the end.
    pub(super) range_starts: Vec<usize>,
    /// By columns: the row inside the group.
    pub(super) visit_rows: Vec<u32>,
    pub(super) visit_values: Vec<T>,
}

/// The rows that have ratings, in the order of their visits, and what belongs to it.
#[derive(Debug)]
pub(super) struct Groups<T> {
    pub(super) order: Vec<u32>,
    pub(super) groups: Vec<Group<T>>,
    /// Columns of a range; the last may have fewer.
    pub(super) range_length: usize,
}

/// Random streams of the order, by purpose.
#[derive(Debug, Clone, Copy)]
pub(super) struct OrderStreams {
    pub(super) rows: u64,
    /// The number of a row is added.
    pub(super) ratings: u64,
}

impl<T: Scalar> Groups<T> {
    /// Rows in random order, the ratings of each in random order, standardized.
    pub(super) fn new<X>(x: &X, survey: &RatingsSurvey<T>, seed: u64, streams: OrderStreams) -> Self
    where
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let mut order: Vec<u32> = (0..survey.row_counts.len() as u32)
            .filter(|row| survey.row_counts[*row as usize] > 0)
            .collect();
        order.shuffle(&mut random_stream(seed, streams.rows));
        let range_length = survey.shape.1.div_ceil(COLUMN_RANGES);
        let groups = order
            .par_chunks(ROWS_OF_A_GROUP)
            .map(|rows| {
                let mut group = by_rows(x, survey, rows, seed, streams.ratings);
                group.list_by_columns(range_length);
                group
            })
            .collect();
        Self {
            order,
            groups,
            range_length,
        }
    }
}

fn by_rows<T: Scalar, X>(
    x: &X,
    survey: &RatingsSurvey<T>,
    rows: &[u32],
    seed: u64,
    stream: u64,
) -> Group<T>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let (mut starts, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
    // Halves, because the difference of two large values may leave the range.
    let half_mean = 0.5 * survey.mean.as_f64();
    for row in rows {
        let observed = x.row(*row as usize);
        let mut places: Vec<u32> = (0..observed.columns.len() as u32).collect();
        places.shuffle(&mut random_stream(seed, stream + u64::from(*row)));
        for place in places {
            let value = observed.values[place as usize].as_f64();
            columns.push(observed.columns[place as usize]);
            values.push(T::from_f64(
                2.0 * ((0.5 * value - half_mean) / survey.scale),
            ));
        }
        starts.push(columns.len());
    }
    Group {
        starts,
        columns,
        values,
        visits: Vec::new(),
        range_starts: Vec::new(),
        visit_rows: Vec::new(),
        visit_values: Vec::new(),
    }
}

impl<T: Scalar> Group<T> {
    fn list_by_columns(&mut self, range_length: usize) {
        let mut entries: Vec<(u32, u32, T)> = Vec::with_capacity(self.columns.len());
        for (row, ends) in self.starts.windows(2).enumerate() {
            for place in ends[0]..ends[1] {
                entries.push((self.columns[place], row as u32, self.values[place]));
            }
        }
        entries.sort_unstable_by_key(|(column, row, _)| (*column, *row));
        self.range_starts.push(0);
        for same in entries.chunk_by(|a, b| a.0 == b.0) {
            let column = same[0].0 as usize;
            let range = column / range_length;
            self.range_starts.resize(range + 1, self.visits.len());
            let start = self.visit_rows.len() as u32;
            self.visit_rows.extend(same.iter().map(|(_, row, _)| *row));
            self.visit_values
                .extend(same.iter().map(|(_, _, value)| *value));
            self.visits.push(ColumnVisit {
                column: (column % range_length) as u32,
                start,
                end: self.visit_rows.len() as u32,
            });
        }
        self.range_starts
            .resize(COLUMN_RANGES + 1, self.visits.len());
    }

    /// The visits to one range of columns.
    pub(super) fn visits_to(&self, range: usize) -> &[ColumnVisit] {
        &self.visits[self.range_starts[range]..self.range_starts[range + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::{Duplicates, Ratings};
    use matfact_linalg::survey_ratings;

    #[test]
    fn groups_hold_every_rating_once_in_both_lists() {
        let triplets: Vec<(usize, usize, f64)> = (0..70)
            .flat_map(|i| (0..30).map(move |j| (i, j, (i * 100 + j) as f64)))
            .filter(|(i, j, _)| (i * 7 + j * 3) % 4 != 0 && *i != 5)
            .collect();
        let ratings =
            Ratings::from_triplets((70, 30), triplets.clone(), Duplicates::Error).unwrap();
        let survey = survey_ratings::<f64, _>(&ratings, true).unwrap();
        let streams = OrderStreams {
            rows: 1,
            ratings: 1 << 32,
        };
        let groups = Groups::new(&ratings, &survey, 9, streams);
        assert_eq!(groups.groups.len(), 3);
        let (mut by_rows, mut by_columns) = (Vec::new(), Vec::new());
        for (number, group) in groups.groups.iter().enumerate() {
            let row_of = |row: usize| groups.order[number * ROWS_OF_A_GROUP + row] as usize;
            let back = |value: f64| (value * survey.scale + survey.mean).round();
            for (row, ends) in group.starts.windows(2).enumerate() {
                for place in ends[0]..ends[1] {
                    let column = group.columns[place] as usize;
                    by_rows.push((row_of(row), column, back(group.values[place])));
                }
            }
            for range in 0..COLUMN_RANGES {
                for visit in group.visits_to(range) {
                    let column = range * groups.range_length + visit.column as usize;
                    for place in visit.start as usize..visit.end as usize {
                        let row = row_of(group.visit_rows[place] as usize);
                        by_columns.push((row, column, back(group.visit_values[place])));
                    }
                }
            }
        }
        for list in [&mut by_rows, &mut by_columns] {
            list.sort_by(|a, b| a.partial_cmp(b).unwrap());
            assert_eq!(*list, triplets);
        }
    }
}
