//! The short cut for the lines that nearly all files are made of: `user item rating [time]` without
//! quotes and blanks. Whatever is not of that form is left to the parser, which also knows what is wrong
//! with it; so the two must agree on what they both take.

use super::columns::Columns;
use super::options::Separator;
use super::parser::State;
use crate::text::number;
use matfact_core::Scalar;

/// Bytes that a line may reach into.
const WINDOW: usize = 160;
/// The longest digits that are read in one step.
pub(super) const STEP: usize = 8;

/// An id as it stands in the line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Id<'a> {
    /// A number below [`Id::NUMBERS`], written without leading zeros.
    Number(u32),
    /// Visible ASCII characters, no number of the above.
    Text(&'a str),
}

impl Id<'_> {
    /// Numbers below this index a table.
    pub(super) const NUMBERS: u32 = 1 << 22;
}

/// Users, items and ratings of lines of one form.
pub(super) struct Quick {
    /// The separator: this byte, once or twice.
    pub(super) mark: u8,
    twice: bool,
    pub(super) time: bool,
}

/// A line's parts, and where the next line begins.
pub(super) type Parts<'a, T> = (Id<'a>, Id<'a>, T, usize);

impl Quick {
    /// For the lines that follow, if they have the usual columns.
    pub(super) fn new(separator: Separator, state: State) -> Option<Self> {
        let time = match state.columns? {
            Columns {
                user: 0,
                item: 1,
                value: Some(2),
                width: width @ (3 | 4),
            } => width == 4,
            _ => return None,
        };
        let mark = match separator {
            Separator::Tab => b'\t',
            Separator::DoubleColon => b':',
            Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Spaces => b' ',
        };
        let twice = separator == Separator::DoubleColon;
        Some(Self { mark, twice, time })
    }

    /// The line that begins at `at`; `None` where it is not of the form or too near to the end.
    #[inline(always)]
    pub(super) fn line<'a, T: Scalar>(&self, text: &'a [u8], at: usize) -> Option<Parts<'a, T>> {
        let window = text.get(at..at + WINDOW)?;
        let (user, end) = self.id(window, 0)?;
        let (item, end) = self.id(window, end)?;
        let (value, mut end) = value(window, end)?;
        if self.time {
            let start = self.after_mark(window, end)?;
            end = self.skip_field(window, start)?;
            // Blanks at the end of a line are no field: the parser knows.
            if end == start {
                return None;
            }
        }
        let next = match window.get(end..end + 2)? {
            [b'\n', _] => end + 1,
            b"\r\n" => end + 2,
            _ => return None,
        };
        Some((user, item, value, at + next))
    }

    /// An id and the place after the separator that follows it.
    #[inline(always)]
    fn id<'a>(&self, window: &'a [u8], start: usize) -> Option<(Id<'a>, usize)> {
        let (number, length) = digits(window, start)?;
        if length > 0
            && number < u64::from(Id::NUMBERS)
            && let Some(end) = self.after_mark(window, start + length)
            && (length == 1 || window[start] != b'0')
        {
            return Some((Id::Number(number as u32), end));
        }
        self.text_id(window, start)
    }

    #[inline(never)]
    fn text_id<'a>(&self, window: &'a [u8], start: usize) -> Option<(Id<'a>, usize)> {
        let end = self.skip_field(window, start)?;
        let after = self.after_mark(window, end)?;
        let id = std::str::from_utf8(&window[start..end]).ok()?;
        (end > start).then_some((Id::Text(id), after))
    }

    #[inline(always)]
    fn after_mark(&self, window: &[u8], at: usize) -> Option<usize> {
        let is_mark = |at: usize| window.get(at) == Some(&self.mark);
        let found = is_mark(at) && (!self.twice || is_mark(at + 1));
        found.then_some(at + 1 + usize::from(self.twice))
    }

    /// The end of a field of visible characters.
    #[inline]
    fn skip_field(&self, window: &[u8], start: usize) -> Option<usize> {
        for (at, byte) in window.iter().enumerate().skip(start) {
            match byte {
                b'\n' | b'\r' => return Some(at),
                byte if *byte == self.mark && self.after_mark(window, at).is_some() => {
                    return Some(at);
                }
                b'"' => return None,
                0x21..=0x7e => {}
                _ => return None,
            }
        }
        None
    }
}

/// A rating and the place after it.
#[inline(always)]
pub(super) fn value<T: Scalar>(window: &[u8], start: usize) -> Option<(T, usize)> {
    let negative = *window.get(start)? == b'-';
    let start = start + usize::from(negative);
    let (whole, length) = digits(window, start)?;
    // More digits may follow eight.
    if length == 0 || length == STEP {
        return None;
    }
    let end = start + length;
    if *window.get(end)? != b'.' {
        return number::from_parts(negative, whole, 0).map(|value| (value, end));
    }
    let (fraction, places) = digits(window, end + 1)?;
    if places == STEP {
        return None;
    }
    let mantissa = whole * 10_u64.pow(places as u32) + fraction;
    number::from_parts(negative, mantissa, places).map(|value| (value, end + 1 + places))
}

/// The number that the digits from `start` on stand for, at most eight of them, and how many they are:
/// all eight bytes in one step, without a branch for each.
#[inline(always)]
fn digits(window: &[u8], start: usize) -> Option<(u64, usize)> {
    let bytes: [u8; STEP] = window.get(start..start + STEP)?.try_into().ok()?;
    let word = u64::from_le_bytes(bytes) ^ 0x3030_3030_3030_3030;
    // The highest bit of each byte above 9; what a sum carries lies behind the first of them.
    let other = (word.wrapping_add(0x7676_7676_7676_7676) | word) & 0x8080_8080_8080_8080;
    let length = other.trailing_zeros() as usize / 8;
    if length == 0 {
        return Some((0, 0));
    }
    // Zeros in front of the digits.
    Some((number_of(word << (64 - 8 * length)), length))
}

/// The number of eight digits, the first of them in the lowest byte.
#[inline(always)]
pub(super) fn number_of(word: u64) -> u64 {
    // Pairs, fours and eight.
    let word = word.wrapping_mul(10).wrapping_add(word >> 8);
    let low = (word & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((word >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratings::parser::{Format, Parser};
    use proptest::prelude::*;

    #[test]
    fn digits_are_read_up_to_the_first_other_byte() {
        for (text, expected) in [
            ("0", (0, 1)),
            ("7,", (7, 1)),
            ("1234567:", (1_234_567, 7)),
            ("987654321", (98_765_432, 8)),
            ("00000012", (12, 8)),
            ("", (0, 0)),
            ("-1", (0, 0)),
            ("9\u{e9}9999", (9, 1)),
            ("12/45", (12, 2)),
            ("12:45", (12, 2)),
        ] {
            let mut padded = text.as_bytes().to_vec();
            padded.resize(16, b'\n');
            assert_eq!(digits(&padded, 0), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_time_that_is_not_there_is_left_to_the_parser() {
        let format = Format {
            separator: Separator::Spaces,
            default: None,
            value_needed: true,
        };
        let mut parser = Parser::<f32>::new(format, State::default());
        parser.line(b"1 2 3 4").unwrap();
        let quick = Quick::new(Separator::Spaces, parser.state).unwrap();
        let text = format!("0 0 0 {}", "\n".repeat(WINDOW));
        assert_eq!(quick.line::<f32>(text.as_bytes(), 0), None);
        assert!(parser.line(b"0 0 0 ").is_err());
    }

    proptest! {
        /// On whatever the short cut takes, the parser agrees with it to the bit.
        #[test]
        fn the_parser_agrees(
            separator in 0..5_usize,
            parts in prop::collection::vec("[0-9]{1,9}|0|[a-z0-9:]{1,6}|[0-9]{1,3}\\.[0-9]{0,9}|-?[0-9]{0,2}\\.?[0-9]{0,2}|\"1\"| 1|", 2..6),
            ending in prop::sample::select(vec!["\n", "\r\n"]),
        ) {
            let separator = Separator::ALL[separator];
            let mark = ["\t", "::", ",", ";", " "]
                [Separator::ALL.iter().position(|s| *s == separator).unwrap()];
            let line = parts.join(mark);
            let format = Format { separator, default: None, value_needed: true };
            for first in ["1,2,3", "1,2,3,4"] {
                let mut parser = Parser::<f32>::new(format, State::default());
                parser.line(first.replace(',', mark).as_bytes()).unwrap();
                let quick = Quick::new(separator, parser.state).unwrap();
                let text = format!("{line}{ending}{}", "\n".repeat(WINDOW));
                let Some((user, item, value, next)) = quick.line::<f32>(text.as_bytes(), 0) else {
                    continue;
                };
                prop_assert_eq!(next, line.len() + ending.len());
                let slow = parser.line(line.as_bytes());
                prop_assert!(slow.is_ok(), "{}", line);
                let slow = slow.unwrap();
                let name = |id: Id<'_>| match id {
                    Id::Number(number) => number.to_string(),
                    Id::Text(text) => text.to_owned(),
                };
                prop_assert_eq!(name(user), slow.user);
                prop_assert_eq!(name(item), slow.item);
                prop_assert_eq!(Some(value.to_bits()), slow.value.map(f32::to_bits));
            }
        }
    }
}
