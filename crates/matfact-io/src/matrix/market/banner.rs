//! The first line of a MatrixMarket file.

use crate::fault::excerpt;

const MARK: &[u8] = b"%%MatrixMarket";

/// How entries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Coordinate,
    Array,
}

/// What an entry's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Real,
    Integer,
    /// There is none: an entry that is listed is 1.
    Pattern,
}

/// Which entries are left out because others determine them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symmetry {
    General,
    Symmetric,
    SkewSymmetric,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Banner {
    pub(super) format: Format,
    pub(super) field: Field,
    pub(super) symmetry: Symmetry,
}

/// Whether a file that starts like this says that it is MatrixMarket.
pub(crate) fn has_banner(head: &[u8]) -> bool {
    head.len() >= MARK.len() && head[..MARK.len()].eq_ignore_ascii_case(MARK)
}

/// Reads the banner; the error is a message.
pub(super) fn parse(line: &[u8]) -> Result<Banner, String> {
    let expected = "the first line must be `%%MatrixMarket matrix coordinate|array real|integer|pattern general|symmetric|skew-symmetric`";
    if !has_banner(line) {
        return Err(format!("{expected}, not {}", excerpt(line)));
    }
    let text = String::from_utf8_lossy(&line[MARK.len()..]).to_ascii_lowercase();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [object, format, field, symmetry] = words[..] else {
        return Err(format!(
            "{expected}, and this one has {} words",
            words.len() + 1
        ));
    };
    let refuse = |what: &str, word: &str| Err(format!("{what} {word:?} is not known: {expected}"));
    if object != "matrix" {
        return refuse("the object", object);
    }
    let format = match format {
        "coordinate" => Format::Coordinate,
        "array" => Format::Array,
        other => return refuse("the format", other),
    };
    let field = match field {
        "real" | "double" => Field::Real,
        "integer" | "unsigned-integer" => Field::Integer,
        "pattern" => Field::Pattern,
        "complex" => return Err("complex matrices are not read: write the real part".to_owned()),
        other => return refuse("the field", other),
    };
    let symmetry = match symmetry {
        "general" => Symmetry::General,
        "symmetric" => Symmetry::Symmetric,
        "skew-symmetric" => Symmetry::SkewSymmetric,
        "hermitian" => {
            return Err(
                "Hermitian matrices are not read: write a real matrix as symmetric".to_owned(),
            );
        }
        other => return refuse("the symmetry", other),
    };
    if field == Field::Pattern && format == Format::Array {
        return Err("an array of pattern has no values: pattern goes with coordinate".to_owned());
    }
    if field == Field::Pattern && symmetry == Symmetry::SkewSymmetric {
        return Err("a pattern has no signs, so that it cannot be skew-symmetric".to_owned());
    }
    Ok(Banner {
        format,
        field,
        symmetry,
    })
}
