//! The header of an npy file: a Python dict literal with three known keys.

/// What the header says about the data.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) dtype: Dtype,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

/// An element type in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dtype {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F4,
    F8,
    I1,
    I2,
    I4,
    I8,
    U1,
    U2,
    U4,
    U8,
    Bool,
    /// Text of so many bytes.
    Bytes(usize),
    /// Text of so many characters of four bytes.
    Unicode(usize),
}

impl Kind {
    pub(super) fn bytes(self) -> usize {
        match self {
            Kind::I1 | Kind::U1 | Kind::Bool => 1,
            Kind::I2 | Kind::U2 => 2,
            Kind::F4 | Kind::I4 | Kind::U4 => 4,
            Kind::F8 | Kind::I8 | Kind::U8 => 8,
            Kind::Bytes(count) => count,
            Kind::Unicode(count) => count.saturating_mul(4),
        }
    }

    pub(super) fn is_integer(self) -> bool {
        use Kind::*;
        matches!(self, I1 | I2 | I4 | I8 | U1 | U2 | U4 | U8)
    }
}

/// Why the header is refused.
#[derive(Debug, PartialEq)]
pub(super) enum HeaderFault {
    /// Elements are Python objects, stored as a pickle.
    Objects,
    Text(String),
}

fn fault<T>(text: impl Into<String>) -> Result<T, HeaderFault> {
    Err(HeaderFault::Text(text.into()))
}

/// Reads the dict literal.
pub(super) fn parse(bytes: &[u8]) -> Result<Header, HeaderFault> {
    let mut scanner = Scanner { rest: bytes };
    let (mut dtype, mut order, mut shape) = (None, None, None);
    scanner.expect(b'{')?;
    while !scanner.accept(b'}') {
        let key = scanner.string()?;
        scanner.expect(b':')?;
        let seen = match key {
            b"descr" => dtype.replace(scanner.dtype()?).is_some(),
            b"fortran_order" => order.replace(scanner.boolean()?).is_some(),
            b"shape" => shape.replace(scanner.tuple()?).is_some(),
            _ => return fault(format!("unknown key {}", crate::fault::excerpt(key))),
        };
        if seen {
            return fault(format!(
                "the key {} occurs twice",
                crate::fault::excerpt(key)
            ));
        }
        if !scanner.accept(b',') {
            scanner.expect(b'}')?;
            break;
        }
    }
    scanner.skip_space();
    if !scanner.rest.is_empty() {
        return fault("there is text after the header's dict");
    }
    match (dtype, order, shape) {
        (Some(dtype), Some(fortran_order), Some(shape)) => Ok(Header {
            dtype,
            fortran_order,
            shape,
        }),
        _ => fault("the header lacks one of descr, fortran_order and shape"),
    }
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn accept(&mut self, wanted: u8) -> bool {
        self.skip_space();
        match self.rest {
            [first, rest @ ..] if *first == wanted => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), HeaderFault> {
        if self.accept(wanted) {
            return Ok(());
        }
        fault(format!(
            "the header is not a dict literal: {:?} expected before {}",
            char::from(wanted),
            crate::fault::excerpt(self.rest)
        ))
    }

    fn string(&mut self) -> Result<&'a [u8], HeaderFault> {
        self.skip_space();
        let (quote, rest) = match self.rest {
            [quote @ (b'\'' | b'"'), rest @ ..] => (*quote, rest),
            _ => return fault("the header is not a dict literal: a quoted text is expected"),
        };
        match rest.iter().position(|b| *b == quote || *b == b'\\') {
            Some(at) if rest[at] == quote => {
                self.rest = &rest[at + 1..];
                Ok(&rest[..at])
            }
            _ => fault("the header holds a text without end"),
        }
    }

    fn boolean(&mut self) -> Result<bool, HeaderFault> {
        self.skip_space();
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        fault("fortran_order is neither True nor False")
    }

    fn tuple(&mut self) -> Result<Vec<usize>, HeaderFault> {
        self.expect(b'(')?;
        let mut lengths = Vec::new();
        while !self.accept(b')') {
            self.skip_space();
            let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let (number, rest) = self.rest.split_at(digits);
            let length = crate::text::number::parse_unsigned(number);
            match length.and_then(|length| usize::try_from(length).ok()) {
                Some(length) => lengths.push(length),
                None => return fault("the shape is not a tuple of lengths"),
            }
            // Python 2 wrote some lengths with an L.
            self.rest = rest.strip_prefix(b"L").unwrap_or(rest);
            if !self.accept(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(lengths)
    }

    fn dtype(&mut self) -> Result<Dtype, HeaderFault> {
        self.skip_space();
        if self.rest.starts_with(b"[") {
            // The fields of a structure; one of them may be an object.
            let objects = self.rest.windows(3).any(|w| w == b"'|O" || w == b"\"|O");
            return match objects {
                true => Err(HeaderFault::Objects),
                false => fault("this is a structured array: save one of its fields as numbers"),
            };
        }
        let text = self.string()?;
        let (order, code) = match text {
            [order @ (b'<' | b'>' | b'=' | b'|'), code @ ..] => (*order, code),
            _ => (b'=', text),
        };
        let kind = match code {
            b"f4" => Kind::F4,
            b"f8" => Kind::F8,
            b"i1" => Kind::I1,
            b"i2" => Kind::I2,
            b"i4" => Kind::I4,
            b"i8" => Kind::I8,
            b"u1" => Kind::U1,
            b"u2" => Kind::U2,
            b"u4" => Kind::U4,
            b"u8" => Kind::U8,
            b"b1" => Kind::Bool,
            [b'S', digits @ ..] if text_length(digits).is_some() => {
                Kind::Bytes(text_length(digits).unwrap_or_default())
            }
            [b'U', digits @ ..] if text_length(digits).is_some() => {
                Kind::Unicode(text_length(digits).unwrap_or_default())
            }
            [b'O', ..] => return Err(HeaderFault::Objects),
            [b'c', ..] => return fault("the values are complex: save the real part, x.real"),
            _ => {
                let shown = crate::fault::excerpt(text);
                return fault(format!(
                    "values of type {shown} are not read: convert them with x.astype('float32')"
                ));
            }
        };
        if order == b'|' && kind.bytes() > 1 && !matches!(kind, Kind::Bytes(_)) {
            return fault("the type of the values lacks its byte order");
        }
        let native = order == b'=' && cfg!(target_endian = "big");
        Ok(Dtype {
            kind,
            big_endian: order == b'>' || native,
        })
    }
}

fn text_length(digits: &[u8]) -> Option<usize> {
    let length = crate::text::number::parse_unsigned(digits)?;
    usize::try_from(length).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_literal_may_be_written_in_any_way_python_reads() {
        let expected = Header {
            dtype: Dtype {
                kind: Kind::F8,
                big_endian: false,
            },
            fortran_order: false,
            shape: vec![3, 4],
        };
        for text in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   \n",
            "{\"shape\":(3L,4L,),\"fortran_order\":False,\"descr\":\"<f8\"}",
        ] {
            assert_eq!(parse(text.as_bytes()).as_ref(), Ok(&expected));
        }
    }

    #[test]
    fn everything_else_is_refused_by_reason() {
        let rest = ", 'fortran_order': False, 'shape': (3, 4)}";
        for (descr, word) in [
            ("'<c16'", "complex"),
            ("'<f2'", "astype"),
            ("'|f8'", "byte order"),
            ("[('a', '<f8')]", "structured"),
            ("'<f8", "not read"),
            ("\"<f8", "without end"),
            ("'<f8', 'descr': '<f8'", "twice"),
            ("'<f8', 'extra': 1", "unknown key"),
            ("7", "quoted"),
        ] {
            match parse(format!("{{'descr': {descr}{rest}").as_bytes()) {
                Err(HeaderFault::Text(text)) => assert!(text.contains(word), "{descr}: {text}"),
                other => panic!("{descr}: {other:?}"),
            }
        }
        for descr in ["'|O'", "'O8'", "[('a', '|O')]"] {
            let text = format!("{{'descr': {descr}{rest}");
            assert_eq!(parse(text.as_bytes()), Err(HeaderFault::Objects));
        }
        for shape in ["(-1, 2)", "(99999999999999999999, 2)", "(2 3)", "2", "(2,3"] {
            let text = format!("{{'descr': '<f8', 'fortran_order': True, 'shape': {shape}}}");
            assert!(
                matches!(parse(text.as_bytes()), Err(HeaderFault::Text(_))),
                "{shape}"
            );
        }
        for text in ["", "{", "{}", "{}x", "[]", "{'descr': '<f8'}"] {
            assert!(parse(text.as_bytes()).is_err());
        }
    }
}
