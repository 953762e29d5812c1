//! Hyper-parameters by name, and the values that they may have.

use matfact_core::{Error, Result};
use matfact_linalg::random_stream;
use rand::RngExt;
use std::collections::BTreeMap;
use std::fmt;

/// The values of one hyper-parameter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Dimension {
    /// One of these.
    Choices(Vec<f64>),
    /// Evenly between two numbers.
    Uniform(f64, f64),
    /// Evenly between the logarithms of two positive numbers: for penalties and steps.
    LogUniform(f64, f64),
}

/// One value for each hyper-parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Point(BTreeMap<String, f64>);

impl Point {
    /// The value of a hyper-parameter.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if the space has none of that name.
    pub fn number(&self, name: &str) -> Result<f64> {
        self.0.get(name).copied().ok_or_else(|| {
            let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let requirement = format!("one of the space: {}", names.join(", "));
            Error::invalid_parameter("hyper-parameter", name, requirement)
        })
    }

    /// The same as a count, rounded: for ranks and iterations.
    ///
    /// # Errors
    /// As [`Point::number`], and for a negative value.
    pub fn count(&self, name: &str) -> Result<usize> {
        let value = self.number(name)?.round();
        if value >= 0.0 {
            return Ok(value as usize);
        }
        Err(Error::invalid_parameter(
            "hyper-parameter",
            format!("{name} = {value}"),
            "at least 0",
        ))
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> + '_ {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// `name value, name value`.
impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{name} {value}")?;
        }
        Ok(())
    }
}

/// The hyper-parameters to search over.
///
/// ```
/// use matfact_eval::SearchSpace;
/// let space = SearchSpace::new()
///     .choices("rank", [16.0, 32.0, 64.0])
///     .log_uniform("regularization", 0.01, 10.0);
/// assert_eq!(space.sample(5, 0)?.len(), 5);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchSpace {
    dimensions: Vec<(String, Dimension)>,
}

impl SearchSpace {
    /// Without hyper-parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a hyper-parameter that is one of some values.
    #[must_use]
    pub fn choices(self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.dimension(name, Dimension::Choices(values.into_iter().collect()))
    }

    /// Adds a hyper-parameter between two numbers.
    #[must_use]
    pub fn uniform(self, name: &str, low: f64, high: f64) -> Self {
        self.dimension(name, Dimension::Uniform(low, high))
    }

    /// Adds a positive hyper-parameter between two numbers whose order of magnitude is searched.
    #[must_use]
    pub fn log_uniform(self, name: &str, low: f64, high: f64) -> Self {
        self.dimension(name, Dimension::LogUniform(low, high))
    }

    /// Adds a hyper-parameter.
    #[must_use]
    pub fn dimension(mut self, name: &str, dimension: Dimension) -> Self {
        self.dimensions.push((name.to_owned(), dimension));
        self
    }

    /// Checks that there is something to search.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] names the dimension that is empty, unordered, not finite or given twice.
    pub fn validate(&self) -> Result<()> {
        let refuse = |value: &str, requirement: &str| {
            Err(Error::invalid_parameter("search space", value, requirement))
        };
        if self.dimensions.is_empty() {
            return refuse("nothing", "at least one hyper-parameter");
        }
        for (at, (name, dimension)) in self.dimensions.iter().enumerate() {
            if self.dimensions[..at]
                .iter()
                .any(|(earlier, _)| earlier == name)
            {
                return refuse(name, "given once");
            }
            let fits = match dimension {
                Dimension::Choices(values) => {
                    !values.is_empty() && values.iter().all(|value| value.is_finite())
                }
                Dimension::Uniform(low, high) => low <= high && (high - low).is_finite(),
                Dimension::LogUniform(low, high) => *low > 0.0 && low <= high && high.is_finite(),
            };
            if !fits {
                let requirement = "finite values, at least one, or an interval from the lower to the higher end (above 0 for logarithms)";
                return refuse(&format!("{name} ({dimension:?})"), requirement);
            }
        }
        Ok(())
    }

    /// Every combination of the choices, the last hyper-parameter changing first.
    ///
    /// # Errors
    /// As [`SearchSpace::validate`], and for an interval.
    pub fn grid(&self) -> Result<Vec<Point>> {
        self.validate()?;
        let mut points = vec![Point(BTreeMap::new())];
        for (name, dimension) in &self.dimensions {
            let Dimension::Choices(values) = dimension else {
                let requirement = "a list of choices: an interval has no grid";
                return Err(Error::invalid_parameter("search space", name, requirement));
            };
            let extended = points.iter().flat_map(|point| {
                values.iter().map(|value| {
                    let mut point = point.clone();
                    point.0.insert(name.clone(), *value);
                    point
                })
            });
            points = extended.collect();
        }
        Ok(points)
    }

    /// Random points; number i is the same whatever the count.
    ///
    /// # Errors
    /// As [`SearchSpace::validate`], and for a count of 0.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Vec<Point>> {
        self.validate()?;
        if count == 0 {
            return Err(Error::invalid_parameter("samples", 0, "at least 1"));
        }
        let point = |number: usize| {
            let mut stream = random_stream(seed, number as u64);
            let mut draw = |dimension: &Dimension| {
                let part: f64 = stream.random();
                match dimension {
                    Dimension::Choices(values) => values[(part * values.len() as f64) as usize],
                    Dimension::Uniform(low, high) => low + part * (high - low),
                    Dimension::LogUniform(low, high) => (low.ln() + part * (high / low).ln())
                        .exp()
                        .clamp(*low, *high),
                }
            };
            let values = self.dimensions.iter();
            Point(
                values
                    .map(|(name, dimension)| (name.clone(), draw(dimension)))
                    .collect(),
            )
        };
        Ok((0..count).map(point).collect())
    }
}
