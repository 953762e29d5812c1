//! Decimal numbers as bytes to the nearest float, with a short cut for the plain ones.

use matfact_core::Scalar;
use std::str;

/// Why a text is not a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberFault {
    /// Not a decimal number.
    Syntax,
    /// NaN or an infinity, spelled out.
    NotFinite,
    /// A number beyond the largest of the type.
    OutOfRange,
}

/// The powers of ten that an f64 holds exactly; the first eleven are exact in f32 too.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The nearest value of the type, as the standard library rounds; too small becomes zero.
#[inline]
pub(crate) fn parse<T: Scalar>(text: &[u8]) -> Result<T, NumberFault> {
    match plain(text)
        .and_then(|(negative, mantissa, places)| from_parts(negative, mantissa, places))
    {
        Some(value) => Ok(value),
        None => general(text),
    }
}

/// ± mantissa / 10^places where one rounding gives the nearest value of the type, else `None`.
#[inline]
pub(crate) fn from_parts<T: Scalar>(negative: bool, mantissa: u64, places: usize) -> Option<T> {
    // Both operands are exact, so that the one division rounds correctly.
    let size = if T::NAME == f64::NAME && mantissa <= 1 << 53 && places <= 22 {
        mantissa as f64 / POWERS[places]
    } else if T::NAME == f32::NAME && mantissa <= 1 << 24 && places <= 10 {
        f64::from(mantissa as f32 / POWERS[places] as f32)
    } else {
        return None;
    };
    Some(T::from_f64(if negative { -size } else { size }))
}

/// Sign, digits as one integer, and digits after the point; `None` for every other form.
#[inline]
fn plain(text: &[u8]) -> Option<(bool, u64, usize)> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    // Nineteen digits fit into 64 bits.
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut point = None;
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    match point {
        None => Some((negative, mantissa, 0)),
        Some(_) if digits.len() == 1 => None,
        Some(at) => Some((negative, mantissa, digits.len() - at - 1)),
    }
}

#[cold]
fn general<T: Scalar>(text: &[u8]) -> Result<T, NumberFault> {
    let unsigned = text.strip_prefix(b"-").or(text.strip_prefix(b"+"));
    let unsigned = unsigned.unwrap_or(text);
    // The standard parser takes words like `inf` and `nan` as well.
    if !matches!(unsigned.first(), Some(b'0'..=b'9' | b'.')) {
        let word = unsigned.to_ascii_lowercase();
        return Err(match &word[..] {
            b"nan" | b"inf" | b"infinity" => NumberFault::NotFinite,
            _ => NumberFault::Syntax,
        });
    }
    let text = str::from_utf8(text).map_err(|_| NumberFault::Syntax)?;
    // Parsed in its own type: by way of f64 it would be rounded twice.
    let value = if T::NAME == f32::NAME {
        text.parse::<f32>().map(f64::from)
    } else {
        text.parse::<f64>()
    };
    match value {
        Ok(value) if value.is_finite() => Ok(T::from_f64(value)),
        Ok(_) => Err(NumberFault::OutOfRange),
        Err(_) => Err(NumberFault::Syntax),
    }
}

/// A count or an index: digits alone, at most 19 of them significant.
#[inline]
pub(crate) fn parse_unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_finite_decimal_numbers_are_values() {
        for (text, value) in [
            ("5", 5.0),
            ("-3.25", -3.25),
            ("+1.", 1.0),
            (".5", 0.5),
            ("1e-3", 0.001),
            ("1E+2", 100.0),
            ("12345678901234567890123", 1.234_567_890_123_456_8e22),
            ("1e-400", 0.0),
        ] {
            assert_eq!(parse::<f64>(text.as_bytes()), Ok(value), "{text}");
        }
        assert!(parse::<f64>(b"-0").unwrap().is_sign_negative());
        for text in [
            "", ".", "-", "+-1", "--1", "1,5", "1 ", "0x10", "1e", "1_0", "five", "1.2.3",
        ] {
            assert_eq!(
                parse::<f64>(text.as_bytes()),
                Err(NumberFault::Syntax),
                "{text}"
            );
        }
        for text in ["NaN", "-nan", "inf", "-Infinity", "+INF"] {
            assert_eq!(parse::<f32>(text.as_bytes()), Err(NumberFault::NotFinite));
        }
        assert_eq!(parse::<f32>(b"1e39"), Err(NumberFault::OutOfRange));
        assert_eq!(parse::<f64>(b"-1e309"), Err(NumberFault::OutOfRange));
        assert_eq!(parse_unsigned(b"18446744073709551616"), None);
        assert_eq!(parse_unsigned(b"-1"), None);
        assert_eq!(parse_unsigned(b"007"), Some(7));
    }

    proptest! {
        #[test]
        fn the_short_cut_agrees_with_the_standard_library(text in "[+-]?[0-9]{0,20}\\.?[0-9]{0,12}") {
            let expected = text.parse::<f64>().ok().map(f64::to_bits);
            prop_assert_eq!(parse::<f64>(text.as_bytes()).ok().map(f64::to_bits), expected);
            let expected = text.parse::<f32>().ok().map(f32::to_bits);
            prop_assert_eq!(parse::<f32>(text.as_bytes()).ok().map(f32::to_bits), expected);
        }
    }
}
