//! The shortest way through a line: two ids of digits and a rating, cut at once.
//!
//! Where the fields end is known from one comparison of all bytes. So the next line begins, for the processor,
//! before the numbers of this one are made, and no branch depends on how many digits a number has.

use super::entries::ValueList;
use super::quick::{Id, Quick, STEP, number_of, value};
use matfact_core::Scalar;
use wide::i8x16;

/// Bytes before a line that are looked at too: a field is read in one step of eight, up to its end.
const BACK: usize = STEP;
/// Bytes in which a line ends to be taken.
const REACH: usize = 32;
/// All bytes that are looked at.
const WINDOW: usize = 48;
/// Digits of an id that are read in one step; all of [`Id::NUMBERS`] have no more.
const LONGEST: usize = 7;
/// What is less than this is no part of a number: separators and line ends, and no digit, point or minus.
const LEAST: u8 = b'-';
/// Tables by length have this many places, so that a mask keeps within.
const LENGTHS: usize = 64;

/// What stays of eight bytes of which the last make up a field.
const KEPT: [u64; LENGTHS] = {
    let mut kept = [0; LENGTHS];
    let mut length = 1;
    while length <= LONGEST {
        kept[length] = u64::MAX << (64 - 8 * length);
        length += 1;
    }
    kept
};

/// The least id of so many digits without leading zeros, for lengths of which there is one.
const SMALLEST: [u32; LENGTHS] = {
    let mut smallest = [u32::MAX; LENGTHS];
    smallest[1] = 0;
    let mut length = 2;
    while length <= LONGEST {
        smallest[length] = 10_u32.pow(length as u32 - 1);
        length += 1;
    }
    smallest
};

/// User and item, the rating with its number in the list, and where the next line begins.
pub(super) type Taken<T> = ((u32, u32), (T, u32), usize);

/// How plain lines are cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain {
    mark: u8,
}

impl Plain {
    /// For lines of this form, if the separator is one byte that [`LEAST`] tells from numbers.
    pub(super) fn new(quick: &Quick) -> Option<Self> {
        (quick.mark < LEAST).then_some(Self { mark: quick.mark })
    }

    /// The line that begins at `at`; `None` where it is not of the form, or too near to an end of the text. `TIME`
    /// says that a fourth field follows.
    #[inline(always)]
    pub(super) fn line<const TIME: bool, T: Scalar>(
        &self,
        text: &[u8],
        at: usize,
        values: &mut Values<T>,
    ) -> Option<Taken<T>> {
        let window: &[u8; WINDOW] = text.get(at.checked_sub(BACK)?..)?.first_chunk()?;
        let (first, cuts) = pop(cuts(window));
        let (second, cuts) = pop(cuts);
        let (third, cuts) = pop(cuts);
        let (fourth, _) = pop(cuts);
        let is_mark = |at: usize| window[BACK + at] == self.mark;
        if !is_mark(first) || !is_mark(second) || (TIME && !is_mark(third)) {
            return None;
        }
        let end = if TIME { fourth } else { third };
        let next = match window[BACK + end] {
            b'\n' => end + 1,
            b'\r' if window[BACK + end + 1] == b'\n' => end + 2,
            _ => return None,
        };
        let user = id(window, first, first);
        let item = id(window, second, second.wrapping_sub(first + 1));
        // Seconds since 1970, nearly always.
        let time = if TIME {
            digits_or_else(window, fourth, fourth.wrapping_sub(third + 1))
        } else {
            0
        };
        let others = (user.others | item.others | time) & HIGHEST;
        if others != 0 || user.padded | item.padded || user.number | item.number >= Id::NUMBERS {
            return None;
        }
        let value = values.get(window, second + 1, third)?;
        Some(((user.number, item.number), value, at + next))
    }
}

/// The highest bit of each byte.
const HIGHEST: u64 = 0x8080_8080_8080_8080;

/// Where bytes less than [`LEAST`] stand from the line's beginning on: a bit for each place. Bytes beyond
/// ASCII are among them, but neither separators nor line ends.
#[inline(always)]
fn cuts(window: &[u8; WINDOW]) -> u32 {
    let half = |at: usize| {
        let bytes: [u8; 16] = window[at..].first_chunk().copied().unwrap_or_default();
        let bytes = i8x16::new(bytes.map(|byte| byte as i8));
        bytes.simd_lt(i8x16::splat(LEAST as i8)).to_bitmask()
    };
    half(BACK) | half(BACK + REACH / 2) << (REACH / 2)
}

/// The lowest place, or [`REACH`], and the others.
#[inline(always)]
fn pop(places: u32) -> (usize, u32) {
    let first = places.trailing_zeros() as usize;
    (first, places & places.wrapping_sub(1))
}

/// The eight bytes that end before a place of the line.
#[inline(always)]
fn before(window: &[u8; WINDOW], end: usize) -> u64 {
    // A place of the line is `BACK` further in the window.
    let bytes = window[end..end + STEP].first_chunk::<STEP>();
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Digits to the numbers that they stand for, and no other byte to one below ten.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The highest bit of some byte, if one is above 9: in what the digits have become.
#[inline(always)]
fn others(word: u64) -> u64 {
    // What a sum carries lies behind the first of them.
    word.wrapping_add(0x7676_7676_7676_7676) | word
}

/// A field as an id.
struct Digits {
    number: u32,
    /// See [`others`].
    others: u64,
    /// Whether zeros lead, or the length is none of a number.
    padded: bool,
}

#[inline(always)]
fn id(window: &[u8; WINDOW], end: usize, length: usize) -> Digits {
    let word = (before(window, end) ^ ZEROS) & KEPT[length % LENGTHS];
    let number = number_of(word) as u32;
    Digits {
        number,
        others: others(word),
        padded: number < SMALLEST[length % LENGTHS],
    }
}

/// No highest bit where up to 16 digits, and at least one, end at a place.
#[inline(always)]
fn digits_or_else(window: &[u8; WINDOW], end: usize, length: usize) -> u64 {
    match length {
        1..=LONGEST => others((before(window, end) ^ ZEROS) & KEPT[length % LENGTHS]),
        STEP..=16 => {
            let start = end - length;
            others(before(window, end) ^ ZEROS) | others(before(window, start + STEP) ^ ZEROS)
        }
        _ => HIGHEST,
    }
}

/// Ratings by what is written, since most files have few different ones.
#[derive(Debug)]
pub(super) struct Values<T> {
    /// By a hash of the text: the text, the rating and its number in the list.
    known: Box<[(u64, T, u32); SLOTS]>,
    pub(super) list: ValueList<T>,
}

const SLOTS: usize = 256;

impl<T: Scalar> Default for Values<T> {
    fn default() -> Self {
        Self {
            known: Box::new([(0, T::zero(), 0); SLOTS]),
            list: ValueList::default(),
        }
    }
}

impl<T: Scalar> Values<T> {
    /// Forgets everything: the list is that of a chunk.
    pub(super) fn clear(&mut self) {
        self.known.fill((0, T::zero(), 0));
        self.list = ValueList::default();
    }

    /// The rating between two places, of at most 7 bytes.
    #[inline(always)]
    fn get(&mut self, window: &[u8; WINDOW], start: usize, end: usize) -> Option<(T, u32)> {
        // No byte of the field is zero, so that the length is in it.
        let key = before(window, end) & KEPT[end.wrapping_sub(start) % LENGTHS];
        let slot = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % SLOTS;
        let known = &mut self.known[slot];
        if known.0 != key || key == 0 {
            let (value, stop) = value(window, BACK + start)?;
            if stop != BACK + end {
                return None;
            }
            *known = (key, value, self.list.add(value));
        }
        Some((known.1, known.2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratings::options::Separator;
    use crate::ratings::parser::{Format, Parser, State};
    use proptest::prelude::*;

    /// The line by both ways, the short cut's one as it may be.
    fn both(
        separator: Separator,
        first: &str,
        line: &str,
        ending: &str,
    ) -> (Option<Read>, Option<Read>) {
        let format = Format {
            separator,
            default: None,
            value_needed: true,
        };
        let mut parser = Parser::<f32>::new(format, State::default());
        assert!(parser.line(first.as_bytes()).is_ok());
        let quick = Quick::new(separator, parser.state).unwrap();
        let text = format!("{first}\n{line}{ending}{}", "9 8,7\t".repeat(WINDOW));
        let at = first.len() + 1;
        let plain = Plain::new(&quick).unwrap();
        let mut values = Values::default();
        let plain = match first.matches(|c: char| !c.is_ascii_digit()).count() {
            3 => plain.line::<true, f32>(text.as_bytes(), at, &mut values),
            _ => plain.line::<false, f32>(text.as_bytes(), at, &mut values),
        };
        let plain = plain.map(|((user, item), (value, _), next)| {
            assert_eq!(next, at + line.len() + ending.len(), "{line:?}");
            (user.to_string(), item.to_string(), value.to_bits())
        });
        let slow = parser.line(line.as_bytes()).ok();
        let slow = slow.and_then(|line| {
            let value = line.value?.to_bits();
            Some((line.user.to_owned(), line.item.to_owned(), value))
        });
        (plain, slow)
    }

    type Read = (String, String, u32);

    #[test]
    fn plain_lines_are_taken_and_no_others() {
        for (first, line, taken) in [
            ("100,200,3", "1,2,3", true),
            ("100,200,3", "4194303,0,-2.25", true),
            ("100,200,3", "4194304,0,5", false),
            ("100,200,3", "9999999,1,5", false),
            ("100,200,3", "01,2,3", false),
            ("100,200,3", "0,0,0.5", true),
            ("100,200,3", "1,2,3,4", false),
            ("100,200,3", "1,2,", false),
            ("100,200,3", ",2,3", false),
            ("100,200,3", "1,,3", false),
            ("100,200,3", "1,2", false),
            ("100,200,3", "1,2,3x", false),
            ("100,200,3", "1,2,1e1", false),
            ("100,200,3", "1,2x,3", false),
            ("100,200,3", "1,-2,3", false),
            ("100,200,3", "1, 2,3", false),
            ("100,200,3", "1,2,3 ", false),
            ("100,200,3", "1,2,\u{e9}", false),
            ("100,200,3", "1\u{e9},2,3", false),
            ("100,200,3", "1,2,\u{0}\u{0}3", false),
            ("100,200,3", "1,2,12345678", false),
            ("100,200,3,4", "162541,187200,3.5,1147872508", true),
            ("100,200,3,4", "1,2,3,4", true),
            ("100,200,3,4", "1,2,3,12345678", true),
            ("100,200,3,4", "1,2,3,1234567890123456", true),
            ("100,200,3,4", "1,2,3,12345678901234567", false),
            ("100,200,3,4", "1,2,3,1234567890x2345", false),
            ("100,200,3,4", "1,2,3,", false),
            ("100,200,3,4", "1,2,3", false),
            ("100,200,3,4", "1,2,3,4,5", false),
        ] {
            for ending in ["\n", "\r\n"] {
                let (plain, slow) = both(Separator::Comma, first, line, ending);
                assert_eq!(plain.is_some(), taken, "{line:?}");
                assert!(plain.is_none() || plain == slow, "{line:?}");
            }
        }
        let (plain, _) = both(Separator::Comma, "100,200,3", "1,2,3", "\r\r\n");
        assert_eq!(plain, None);
    }

    #[test]
    fn what_is_known_of_values_is_told_apart() {
        let mut values = Values::<f64>::default();
        // More values than slots, twice.
        for round in 0..2 {
            for number in 0..2000 {
                let text = format!(
                    "        {}.{:02}\n{}",
                    number / 100,
                    number % 100,
                    " ".repeat(40)
                );
                let end = text.trim_ascii_end().len();
                let window = text.as_bytes().first_chunk().unwrap();
                let (value, _) = values.get(window, 0, end - BACK).unwrap();
                assert_eq!(value, f64::from(number) / 100.0, "{round}");
            }
        }
    }

    proptest! {
        /// On whatever the short cut takes, the parser agrees with it to the bit.
        #[test]
        fn the_parser_agrees(
            separator in prop::sample::select(vec![(Separator::Tab, "\t"), (Separator::Comma, ","), (Separator::Spaces, " ")]),
            parts in prop::collection::vec("[0-9]{1,8}|[0-9]{1,8}|[0-9]{7,17}|[a-z0-9:\u{e9}\u{0}]{1,3}|-?[0-9]{1,2}\\.[0-9]{0,3}|\"1\"| 1|", 2..6),
            ending in prop::sample::select(vec!["\n", "\r\n", "\r\r\n", "\n\n"]),
            time in any::<bool>(),
        ) {
            let (separator, mark) = separator;
            let line = parts.join(mark);
            let first = ["123", "456", "3", "4"][..if time { 4 } else { 3 }].join(mark);
            let ending = if ending == "\n\n" { "\n" } else { ending };
            let (plain, slow) = both(separator, &first, &line, ending);
            if plain.is_some() {
                prop_assert_eq!(plain, slow, "{:?}", line);
            }
        }
    }
}
