//! The ratings of a chunk, in eight bytes each where that is enough.

use super::local::GlobalIds;
use super::quick::Id;
use matfact_core::Scalar;
use std::collections::HashMap;

/// Bits of a row and of a column, or of their codes; what is left of a word tells the value.
const PLACE: u32 = Id::NUMBERS.trailing_zeros();
const VALUE: u32 = u64::BITS - 2 * PLACE;
/// Different values of a chunk, at most, of which each rating holds only the number.
const FEW: u32 = 1 << 10;

/// Users, items and values in the order of the file.
#[derive(Debug)]
pub(super) struct Entries<T> {
    /// See [`Entry`] for words; empty where there are entries.
    words: Vec<u64>,
    /// The values that the words number.
    values: Vec<T>,
    /// All of them, once one did not fit into a word.
    wide: Vec<(u32, u32, T)>,
}

/// The values of a chunk as they come.
#[derive(Debug, Default)]
pub(super) struct ValueList<T>(Vec<T>);

impl<T: Scalar> ValueList<T> {
    /// The number of a value that is new; [`FEW`] or more where it gets none.
    pub(super) fn add(&mut self, value: T) -> u32 {
        let number = self.0.len() as u32;
        if number < FEW {
            self.0.push(value);
        }
        number
    }

    /// The number of a value that may not be new: looked for among the last ones only.
    pub(super) fn number(&mut self, value: T) -> u32 {
        const LAST: usize = 16;
        let bits = value.as_f64().to_bits();
        let skipped = self.0.len().saturating_sub(LAST);
        let last = &self.0[skipped..];
        match last
            .iter()
            .position(|known| known.as_f64().to_bits() == bits)
        {
            Some(at) => (skipped + at) as u32,
            None => self.add(value),
        }
    }
}

impl<T: Scalar> Entries<T> {
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            words: Vec::with_capacity(count),
            values: Vec::new(),
            wide: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.words.len() + self.wide.len()
    }

    /// Adds a rating: the codes of user and item, the value and its number in the list.
    #[inline(always)]
    pub(super) fn push(
        &mut self,
        (user, item): (u32, u32),
        (value, number): (T, u32),
        list: &ValueList<T>,
    ) {
        if self.wide.is_empty() && (user | item) < Id::NUMBERS && number < FEW {
            self.words.push(word(user, item, number));
        } else {
            self.push_wide((user, item, value), list);
        }
    }

    #[inline(never)]
    fn push_wide(&mut self, entry: (u32, u32, T), list: &ValueList<T>) {
        if self.wide.is_empty() {
            self.wide.reserve(self.words.capacity());
            let words = std::mem::take(&mut self.words);
            self.wide
                .extend(words.into_iter().map(|word| word.entry(&list.0)));
        }
        self.wide.push(entry);
    }

    /// Takes over the list when there are no more ratings, and leaves an empty one.
    pub(super) fn finish(&mut self, list: &mut ValueList<T>) {
        self.values = std::mem::take(&mut list.0);
    }

    /// Codes of user and item, and the value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32, T)> + '_ {
        let words = self.words.iter().map(|word| word.entry(&self.values));
        words.chain(self.wide.iter().copied())
    }
}

#[inline(always)]
fn word(row: u32, column: u32, number: u32) -> u64 {
    u64::from(row) << (PLACE + VALUE) | u64::from(column) << VALUE | u64::from(number)
}

/// A rating as it is sorted.
pub(super) trait Entry<T>: Copy + Default + Send + Sync {
    fn row(self) -> u32;
    fn column(self) -> u32;
    /// The value, of which a word has the number.
    fn value(self, values: &[T]) -> T;

    #[inline(always)]
    fn entry(self, values: &[T]) -> (u32, u32, T) {
        (self.row(), self.column(), self.value(values))
    }
}

impl<T: Scalar> Entry<T> for (u32, u32, T) {
    #[inline(always)]
    fn row(self) -> u32 {
        self.0
    }

    #[inline(always)]
    fn column(self) -> u32 {
        self.1
    }

    #[inline(always)]
    fn value(self, _: &[T]) -> T {
        self.2
    }
}

/// Row, column and the number of a value in one word.
impl<T: Scalar> Entry<T> for u64 {
    #[inline(always)]
    fn row(self) -> u32 {
        (self >> (PLACE + VALUE)) as u32
    }

    #[inline(always)]
    fn column(self) -> u32 {
        (self >> VALUE) as u32 & (Id::NUMBERS - 1)
    }

    #[inline(always)]
    fn value(self, values: &[T]) -> T {
        values[self as usize & ((1 << VALUE) - 1)]
    }
}

/// The ratings of a chunk with the indices of its texts.
pub(super) struct Part<T> {
    /// The row of each user that is a text, and the column of each such item.
    pub(super) users: Vec<u32>,
    pub(super) items: Vec<u32>,
    pub(super) entries: Entries<T>,
}

impl<T: Scalar> Part<T> {
    /// The ratings as rows and columns of the file, one by one.
    pub(super) fn widen(self, rows: &GlobalIds, columns: &GlobalIds) -> Vec<(u32, u32, T)> {
        let (rows, columns) = (rows.codes(&self.users), columns.codes(&self.items));
        let mut entries = self.entries;
        if entries.wide.is_empty() {
            entries.wide = entries.iter().collect();
        }
        for (row, column, _) in &mut entries.wide {
            *row = rows.index(*row);
            *column = columns.index(*column);
        }
        entries.wide
    }

    /// The same as words, by the numbers that its values have in the whole file.
    pub(super) fn words(self, rows: &GlobalIds, columns: &GlobalIds, numbers: &[u32]) -> Vec<u64> {
        let (rows, columns) = (rows.codes(&self.users), columns.codes(&self.items));
        let mut words = self.entries.words;
        for place in &mut words {
            let (user, item): (u32, u32) = (Entry::<T>::row(*place), Entry::<T>::column(*place));
            let number = numbers[*place as usize & ((1 << VALUE) - 1)];
            *place = word(rows.index(user), columns.index(item), number);
        }
        words
    }
}

/// The different values of a file.
pub(super) struct Dictionary<T> {
    pub(super) values: Vec<T>,
    /// For each part, the numbers of its values.
    pub(super) numbers: Vec<Vec<u32>>,
}

impl<T: Scalar> Dictionary<T> {
    /// Of parts that are words, if the rows and columns fit into words as well.
    pub(super) fn of(parts: &[Part<T>], rows: usize, columns: usize) -> Option<Self> {
        let most = Id::NUMBERS as usize;
        if rows > most || columns > most || parts.iter().any(|part| !part.entries.wide.is_empty()) {
            return None;
        }
        let mut known = HashMap::new();
        let mut values = Vec::new();
        let mut number = |value: &T| {
            *known.entry(value.as_f64().to_bits()).or_insert_with(|| {
                values.push(*value);
                values.len() as u32 - 1
            })
        };
        let numbers = parts
            .iter()
            .map(|part| part.entries.values.iter().map(&mut number).collect())
            .collect();
        (values.len() <= 1 << VALUE).then_some(Self { values, numbers })
    }
}
