//! The ids of one chunk as codes, and how codes become indices of the whole file.
//!
//! A number below [`Id::NUMBERS`] is its own code, in whatever chunk it stands; a text has that and its place among
//! the texts of its chunk. So lines of numbers need no table to be read, but one that tells which numbers are new.

use super::quick::Id;
use crate::ids::Ids;
use crate::text::number;
use matfact_core::Result;

/// What a chunk adds to the ids of the chunks before.
#[derive(Debug, Default)]
pub(super) struct LocalIds {
    /// The codes of all its texts, and of the numbers that were not seen before, in the order of first
    /// appearance.
    new: Vec<u32>,
    texts: Ids,
}

/// The numbers that were seen in a chunk, or in those before it that were read with the same table: a bit for each.
#[derive(Debug, Default)]
pub(super) struct Seen(Vec<u64>);

impl Seen {
    #[inline(always)]
    fn has(&self, number: u32) -> bool {
        let word = self.0.get((number / u64::BITS) as usize);
        word.is_some_and(|word| word >> (number % u64::BITS) & 1 != 0)
    }

    fn insert(&mut self, number: u32) {
        let at = (number / u64::BITS) as usize;
        if at >= self.0.len() {
            self.0.resize((at + 1).next_power_of_two(), 0);
        }
        self.0[at] |= 1 << (number % u64::BITS);
    }
}

impl LocalIds {
    /// The code of an id.
    #[inline(always)]
    pub(super) fn code(&mut self, id: Id<'_>, seen: &mut Seen) -> Result<u32> {
        match id {
            Id::Number(number) => {
                self.note(number, seen);
                Ok(number)
            }
            Id::Text(text) => self.text(text, seen),
        }
    }

    /// Keeps a number that is its own code, if it is new.
    #[inline(always)]
    pub(super) fn note(&mut self, number: u32, seen: &mut Seen) {
        if !seen.has(number) {
            self.keep(number, seen);
        }
    }

    #[inline(never)]
    fn keep(&mut self, number: u32, seen: &mut Seen) {
        seen.insert(number);
        self.new.push(number);
    }

    #[inline(never)]
    fn text(&mut self, text: &str, seen: &mut Seen) -> Result<u32> {
        if let Some(number) = as_number(text) {
            self.note(number, seen);
            return Ok(number);
        }
        let before = self.texts.len();
        let code = Id::NUMBERS + self.texts.insert(text)? as u32;
        if self.texts.len() > before {
            self.new.push(code);
        }
        Ok(code)
    }

    /// The code of an id; `None` for a text that the chunk does not have.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let text = || self.texts.index(name).map(|at| Id::NUMBERS + at as u32);
        as_number(name).or_else(text)
    }
}

/// The number below [`Id::NUMBERS`] that is written in this way and no other.
fn as_number(text: &str) -> Option<u32> {
    if text.len() > 7 || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    let number = number::parse_unsigned(text.as_bytes())?;
    (number < u64::from(Id::NUMBERS)).then_some(number as u32)
}

/// The index of each number that some chunk has, or [`UNKNOWN`].
#[derive(Debug, Default)]
pub(super) struct Numbers(Vec<u32>);

/// What stands for an id that is not known; no index of [`Ids`] reaches it.
pub(super) const UNKNOWN: u32 = u32::MAX;

impl Numbers {
    /// Takes in what a chunk adds, in its order; `index` is asked for what has no index. Gives the indices
    /// of the chunk's texts.
    pub(super) fn learn(
        &mut self,
        local: &LocalIds,
        mut index: impl FnMut(&str) -> Result<u32>,
    ) -> Result<Vec<u32>> {
        let mut texts = Vec::with_capacity(local.texts.len());
        let mut scratch = String::new();
        for code in &local.new {
            if let Some(text) = code.checked_sub(Id::NUMBERS) {
                texts.push(index(local.texts.name(text as usize))?);
                continue;
            }
            let at = *code as usize;
            if at >= self.0.len() {
                self.0.resize((at + 1).next_power_of_two(), UNKNOWN);
            }
            if self.0[at] == UNKNOWN {
                self.0[at] = index(digits(*code, &mut scratch))?;
            }
        }
        Ok(texts)
    }

    /// What the codes of a chunk stand for.
    pub(super) fn codes<'a>(&'a self, texts: &'a [u32]) -> Codes<'a> {
        Codes {
            numbers: &self.0,
            texts,
        }
    }
}

/// The index of each code of a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codes<'a> {
    numbers: &'a [u32],
    texts: &'a [u32],
}

impl Codes<'_> {
    #[inline(always)]
    pub(super) fn index(&self, code: u32) -> u32 {
        match code.checked_sub(Id::NUMBERS) {
            None => self.numbers[code as usize],
            Some(text) => self.texts[text as usize],
        }
    }
}

/// The ids of the whole file.
#[derive(Debug, Default)]
pub(super) struct GlobalIds {
    pub(super) ids: Ids,
    pub(super) numbers: Numbers,
}

impl GlobalIds {
    /// Inserts the new ids of a chunk in their order, and gives the indices of its texts.
    pub(super) fn learn(&mut self, local: &LocalIds) -> Result<Vec<u32>> {
        let ids = &mut self.ids;
        self.numbers
            .learn(local, |id| ids.insert(id).map(|index| index as u32))
    }

    /// What the codes of a chunk stand for.
    pub(super) fn codes<'a>(&'a self, texts: &'a [u32]) -> Codes<'a> {
        self.numbers.codes(texts)
    }
}

fn digits(number: u32, scratch: &mut String) -> &str {
    use std::fmt::Write as _;
    scratch.clear();
    // Writing to a string does not fail.
    let _ = write!(scratch, "{number}");
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_share_one_order_and_only_one_spelling_is_a_number() {
        let (mut local, mut seen) = (LocalIds::default(), Seen::default());
        let mut codes = Vec::new();
        for id in [
            Id::Text("ada"),
            Id::Number(7),
            Id::Text("07"),
            Id::Text("7"),
            Id::Text("4194304"),
            Id::Text("ada"),
            Id::Text("0"),
            Id::Number(0),
            Id::Text("+7"),
        ] {
            codes.push(local.code(id, &mut seen).unwrap());
        }
        let indices = |numbers: &Numbers, texts: &[u32]| {
            let known = numbers.codes(texts);
            codes
                .iter()
                .map(|code| known.index(*code))
                .collect::<Vec<_>>()
        };
        let mut global = GlobalIds::default();
        global.ids.insert("0").unwrap();
        let texts = global.learn(&local).unwrap();
        assert_eq!(
            indices(&global.numbers, &texts),
            [1, 2, 3, 2, 4, 1, 0, 0, 5]
        );
        let names: Vec<&str> = global.ids.iter().collect();
        assert_eq!(names, ["0", "ada", "7", "07", "4194304", "+7"]);
        for (code, name) in codes.iter().zip(["ada", "7", "07", "7", "4194304"]) {
            assert_eq!(local.find(name), Some(*code));
        }
        assert_eq!(local.find("bob"), None);

        let mut known = Ids::new();
        known.insert("07").unwrap();
        known.insert("7").unwrap();
        let mut numbers = Numbers::default();
        let look_up = |id: &str| Ok(known.index(id).map_or(UNKNOWN, |index| index as u32));
        let texts = numbers.learn(&local, look_up).unwrap();
        let u = UNKNOWN;
        assert_eq!(indices(&numbers, &texts), [u, 1, 0, 1, u, u, u, u, u]);

        // The next chunk of the table tells what is new in it, and every text.
        let mut next = LocalIds::default();
        for id in [Id::Number(7), Id::Number(8), Id::Text("ada"), Id::Number(8)] {
            next.code(id, &mut seen).unwrap();
        }
        assert_eq!(next.new, [8, Id::NUMBERS]);
        assert_eq!(global.learn(&next).unwrap(), [1]);
        assert_eq!(global.ids.index("8"), Some(6));
    }
}
