//! The ids of one chunk, numbered as they come, and how they become those of the whole file.

use super::quick::Id;
use crate::ids::Ids;
use crate::text::number;
use matfact_core::Result;

/// The distinct ids of a chunk in the order of first appearance.
#[derive(Debug, Default)]
pub(super) struct LocalIds {
    /// A number below [`Id::NUMBERS`], or that and the index of a text.
    order: Vec<u32>,
    /// How many of `order` are there; what follows is room.
    count: usize,
    texts: Ids,
    /// The place in `order` of each text.
    text_places: Vec<u32>,
}

/// Where the numbers among the ids stand: place in the order plus one, by number. All zero between two
/// chunks, so that it is cleared by what was used of it.
#[derive(Debug, Default)]
pub(super) struct NumberTable(Vec<u32>);

impl NumberTable {
    #[cold]
    fn grow(&mut self, number: usize) {
        self.0
            .resize((number + 1).next_power_of_two().max(1 << 10), 0);
    }
}

impl LocalIds {
    /// The place of an id, which is the next one if the id is new.
    #[inline(always)]
    pub(super) fn place(&mut self, id: Id<'_>, table: &mut NumberTable) -> Result<u32> {
        match id {
            Id::Number(number) => Ok(self.number(number, table)),
            Id::Text(text) => self.text(text, table),
        }
    }

    /// Without a branch on whether the id is new, which would be a guess where ids come in any order.
    #[inline(always)]
    fn number(&mut self, number: u32, table: &mut NumberTable) -> u32 {
        let at = number as usize;
        if at >= table.0.len() {
            table.grow(at);
        }
        if self.count >= self.order.len() {
            self.grow();
        }
        let slot = &mut table.0[at];
        let is_new = *slot == 0;
        self.order[self.count] = number;
        self.count += usize::from(is_new);
        *slot = if is_new { self.count as u32 } else { *slot };
        *slot - 1
    }

    #[cold]
    fn grow(&mut self) {
        self.order.resize((2 * self.order.len()).max(1 << 10), 0);
    }

    #[inline(never)]
    fn text(&mut self, text: &str, table: &mut NumberTable) -> Result<u32> {
        if let Some(number) = as_number(text) {
            return Ok(self.number(number, table));
        }
        let index = self.texts.insert(text)?;
        if index == self.text_places.len() {
            self.text_places.push(self.count as u32);
            if self.count >= self.order.len() {
                self.grow();
            }
            self.order[self.count] = Id::NUMBERS + index as u32;
            self.count += 1;
        }
        Ok(self.text_places[index])
    }

    /// The place of an id.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let wanted = as_number(name).map_or(Id::Text(name), Id::Number);
        self.iter()
            .position(|id| id == wanted)
            .map(|place| place as u32)
    }

    /// Makes the table ready for another chunk.
    pub(super) fn clear(&self, table: &mut NumberTable) {
        for number in self.order[..self.count]
            .iter()
            .filter(|id| **id < Id::NUMBERS)
        {
            table.0[*number as usize] = 0;
        }
    }

    /// The ids by place.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Id<'_>> + '_ {
        self.order[..self.count]
            .iter()
            .map(|id| match id.checked_sub(Id::NUMBERS) {
                None => Id::Number(*id),
                Some(text) => Id::Text(self.texts.name(text as usize)),
            })
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

/// The ids of the whole file, with a table for those that are numbers.
#[derive(Debug, Default)]
pub(super) struct GlobalIds {
    pub(super) ids: Ids,
    table: Vec<u32>,
}

impl GlobalIds {
    /// The index of each id of a chunk, new ones inserted in their order.
    pub(super) fn indices(&mut self, local: &LocalIds) -> Result<Vec<u32>> {
        let mut scratch = String::new();
        local
            .iter()
            .map(|id| match id {
                Id::Text(text) => self.ids.insert(text).map(|index| index as u32),
                Id::Number(number) => {
                    let at = number as usize;
                    if at >= self.table.len() {
                        self.table.resize((at + 1).next_power_of_two(), 0);
                    }
                    if self.table[at] == 0 {
                        let index = self.ids.insert(digits(number, &mut scratch))?;
                        self.table[at] = index as u32 + 1;
                    }
                    Ok(self.table[at] - 1)
                }
            })
            .collect()
    }
}

/// What stands for an id that is not known; no index of [`Ids`] reaches it.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// The index of each id of a chunk among given ids, or [`UNKNOWN`].
pub(super) fn known_indices(local: &LocalIds, known: &Ids) -> Vec<u32> {
    let mut scratch = String::new();
    let index = |id: Id<'_>| match id {
        Id::Text(text) => known.index(text),
        Id::Number(number) => known.index(digits(number, &mut scratch)),
    };
    let mut index = index;
    local
        .iter()
        .map(|id| index(id).map_or(UNKNOWN, |index| index as u32))
        .collect()
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
        let (mut local, mut table) = (LocalIds::default(), NumberTable::default());
        let mut places = Vec::new();
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
            places.push(local.place(id, &mut table).unwrap());
        }
        assert_eq!(places, [0, 1, 2, 1, 3, 0, 4, 4, 5]);
        let mut global = GlobalIds::default();
        global.ids.insert("0").unwrap();
        assert_eq!(global.indices(&local).unwrap(), [1, 2, 3, 4, 0, 5]);
        let names: Vec<&str> = global.ids.iter().collect();
        assert_eq!(names, ["0", "ada", "7", "07", "4194304", "+7"]);
        let mut known = Ids::new();
        known.insert("07").unwrap();
        known.insert("7").unwrap();
        let unknown = UNKNOWN;
        assert_eq!(
            known_indices(&local, &known),
            [unknown, 1, 0, unknown, unknown, unknown]
        );
        local.clear(&mut table);
        assert!(table.0.iter().all(|place| *place == 0));
    }
}
