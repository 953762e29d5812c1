//! Ids of any kind and the indices that stand for them.

use matfact_core::{Error, Result};
use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// The texts that name rows (users) or columns (items), each with an index in the order of first
/// appearance.
///
/// All names lie in one string, so that an id costs its bytes and about 24 more.
///
/// ```
/// use matfact_io::Ids;
/// let mut users = Ids::new();
/// assert_eq!(users.insert("ada")?, 0);
/// assert_eq!(users.insert("7")?, 1);
/// assert_eq!(users.insert("ada")?, 0);
/// assert_eq!(users.index("7"), Some(1));
/// assert_eq!(users.index("007"), None);
/// assert_eq!(users.name(0), "ada");
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Ids {
    text: String,
    /// Where each name ends in `text`.
    ends: Vec<usize>,
    /// Open addressing: half of the hash, and the index plus one (zero is a free slot). The length
    /// is a power of two.
    slots: Vec<(u32, u32)>,
    seed: u64,
}

impl Ids {
    /// No ids.
    #[must_use]
    pub fn new() -> Self {
        Self {
            text: String::new(),
            ends: Vec::new(),
            slots: vec![(0, 0); 16],
            // Names come from files: a fixed seed would let one be made of collisions alone.
            seed: RandomState::new().hash_one(0),
        }
    }

    /// How many ids there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The index of a name; `None` if it was never inserted.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<usize> {
        self.find(name, self.hash(name)).ok()
    }

    /// The name of an index.
    ///
    /// # Panics
    /// If `index` is not below [`Ids::len`], as indexing a slice does; [`Ids::get`] does not.
    #[must_use]
    pub fn name(&self, index: usize) -> &str {
        let end = self.ends[index];
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..end]
    }

    /// The name of an index; `None` if there is no such index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        (index < self.len()).then(|| self.name(index))
    }

    /// All names in the order of their indices.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        (0..self.len()).map(|index| self.name(index))
    }

    /// The index of a name, which becomes the next one if the name is new.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond 2^32 - 2 names.
    pub fn insert(&mut self, name: &str) -> Result<usize> {
        let hash = self.hash(name);
        let slot = match self.find(name, hash) {
            Ok(index) => return Ok(index),
            Err(slot) => slot,
        };
        let index = self.len();
        let mark = u32::try_from(index + 1).map_err(|_| Error::TooLarge {
            what: "a set of more than 2^32 - 2 ids".to_owned(),
        })?;
        self.slots[slot] = (hash, mark);
        self.text.push_str(name);
        self.ends.push(self.text.len());
        // Three quarters full: probes stay short.
        if 4 * (index + 1) > 3 * self.slots.len() {
            self.grow();
        }
        Ok(index)
    }

    /// All names end to end.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where each name ends in [`Ids::text`].
    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The index of a name, or the free slot where it belongs.
    fn find(&self, name: &str, hash: u32) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                (_, 0) => return Err(slot),
                (known, mark) if known == hash && self.name(mark as usize - 1) == name => {
                    return Ok(mark as usize - 1);
                }
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let length = 2 * self.slots.len();
        let old = std::mem::replace(&mut self.slots, vec![(0, 0); length]);
        for entry in old.into_iter().filter(|(_, mark)| *mark != 0) {
            let mut slot = entry.0 as usize & (length - 1);
            while self.slots[slot].1 != 0 {
                slot = (slot + 1) & (length - 1);
            }
            self.slots[slot] = entry;
        }
    }

    /// Multiply and fold, eight bytes at a time: several times faster than the standard hasher on
    /// the short names that ids are.
    fn hash(&self, name: &str) -> u32 {
        let fold = |a: u64, b: u64| {
            let product = u128::from(a ^ self.seed) * u128::from(b ^ 0x9e37_79b9_7f4a_7c15);
            (product as u64) ^ (product >> 64) as u64
        };
        let mut state = self.seed ^ name.len() as u64;
        let mut chunks = name.as_bytes().chunks_exact(8);
        for chunk in &mut chunks {
            let word = chunk.iter().fold(0, |word, b| word << 8 | u64::from(*b));
            state = fold(word, state);
        }
        let tail = chunks.remainder();
        let word = tail.iter().fold(1, |word, b| word << 8 | u64::from(*b));
        let state = fold(word, state);
        (state ^ state >> 32) as u32
    }
}

impl Default for Ids {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Equal if the same names have the same indices.
impl PartialEq for Ids {
    fn eq(&self, other: &Self) -> bool {
        self.ends == other.ends && self.text == other.text
    }
}

impl Eq for Ids {}

/// Refuses ids that are not one for each row.
///
/// # Errors
/// `ShapeMismatch`.
pub(crate) fn require_one_each(ids: Option<&Ids>, rows: usize) -> Result<()> {
    match ids {
        Some(ids) if ids.len() != rows => {
            Err(Error::shape_mismatch("ids of the rows", rows, ids.len()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn it_is_a_bijection_in_order_of_appearance() {
        let mut ids = Ids::new();
        let mut reference = HashMap::new();
        for i in 0..50_000_u64 {
            let name = format!("{}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 20_000);
            let next = reference.len();
            let expected = *reference.entry(name.clone()).or_insert(next);
            assert_eq!(ids.insert(&name).unwrap(), expected);
        }
        assert_eq!(ids.len(), reference.len());
        for (name, index) in &reference {
            assert_eq!(ids.index(name), Some(*index));
            assert_eq!(ids.name(*index), name);
        }
        assert_eq!(ids.get(ids.len()), None);
    }

    #[test]
    fn names_that_only_look_alike_differ() {
        let mut ids = Ids::new();
        let names = [
            "",
            "a",
            "a\0",
            "0a",
            "\u{e9}",
            "e\u{301}",
            "1",
            "01",
            "1.0",
            "12345678",
            "123456781",
        ];
        for (index, name) in names.iter().enumerate() {
            assert_eq!(ids.insert(name).unwrap(), index);
        }
        assert!(ids.iter().eq(names));
        assert_eq!(ids, ids.clone());
        assert_ne!(ids, Ids::default());
    }
}
