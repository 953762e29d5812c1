//! How a law is checked and how a breach of it is reported.

use matfact_core::Error;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A law that did not hold: which one, for whom, and on what input.
///
/// Its `Display` is the whole story, for the message of a failed test.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LawViolation {
    /// The law's name, as its function.
    pub law: &'static str,
    /// What the law says.
    pub statement: &'static str,
    /// Who broke it.
    pub subject: String,
    /// The smallest input found on which it does not hold.
    pub counterexample: String,
    /// What was seen there.
    pub detail: String,
}

impl fmt::Display for LawViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} breaks the law `{}`", self.subject, self.law)?;
        writeln!(f, "  the law:  {}", self.statement)?;
        writeln!(f, "  seen:     {}", self.detail)?;
        write!(f, "  input:    {}", self.counterexample)
    }
}

impl std::error::Error for LawViolation {}

/// What a law function returns.
pub type LawResult = Result<(), LawViolation>;

/// The panicking form of a law, for tests: panics with the whole story of a violation.
///
/// ```should_panic
/// # use matfact_testkit::Law;
/// let law = Law { name: "finite", statement: "every number is finite" };
/// matfact_testkit::hold(law.check_named("mine", [("NaN", f64::NAN)], |x| match x.is_finite() {
///     true => Ok(()),
///     false => Err(format!("{x}")),
/// }));
/// ```
///
/// # Panics
/// If the law was broken.
pub fn hold(result: LawResult) {
    if let Err(violation) = result {
        panic!("{violation}");
    }
}

/// What one case of a law gives: nothing, or what was seen instead.
pub type Outcome = Result<(), String>;

/// A law's name and statement: what a law function is made with, those of a third party too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Law {
    /// Name in snake case.
    pub name: &'static str,
    /// What must hold, in a sentence.
    pub statement: &'static str,
}

/// The most shrinking steps for one counterexample: each is a case of the law.
const MAX_SHRINK_STEPS: u32 = 300;
/// The seed of all strategies, so that a failure repeats.
const STRATEGY_SEED: u64 = 0x6d61_7466_6163_7401;

impl Law {
    /// Checks `test` on `cases` values of `strategy`, the same ones in every run, and shrinks the
    /// first that fails. A panic counts as a failure.
    ///
    /// The environment variable `PROPTEST_CASES` replaces the number of cases, for a longer search.
    ///
    /// # Errors
    /// The violation with the shrunk counterexample.
    pub fn check<S: Strategy>(
        &self,
        subject: &str,
        cases: u32,
        strategy: &S,
        test: impl Fn(S::Value) -> Outcome,
    ) -> LawResult {
        let asked = std::env::var("PROPTEST_CASES");
        let config = Config {
            cases: asked
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(cases),
            rng_seed: RngSeed::Fixed(STRATEGY_SEED),
            failure_persistence: None,
            max_shrink_iters: MAX_SHRINK_STEPS,
            ..Config::default()
        };
        TestRunner::new(config)
            .run(strategy, |value| test(value).map_err(TestCaseError::fail))
            .map_err(|error| match error {
                TestError::Fail(reason, value) => {
                    self.violation(subject, format!("{value:?}"), reason.to_string())
                }
                TestError::Abort(reason) => self.violation(
                    subject,
                    "none: the strategy gave no usable input".to_owned(),
                    reason.to_string(),
                ),
            })
    }

    /// Checks `test` on each of some named values. A panic counts as a failure.
    ///
    /// # Errors
    /// The violation with the name of the first value that fails.
    pub fn check_named<V>(
        &self,
        subject: &str,
        cases: impl IntoIterator<Item = (impl fmt::Display, V)>,
        test: impl Fn(&V) -> Outcome,
    ) -> LawResult {
        for (name, value) in cases {
            if let Err(detail) = guarded(|| test(&value)) {
                return Err(self.violation(subject, name.to_string(), detail));
            }
        }
        Ok(())
    }

    fn violation(&self, subject: &str, counterexample: String, detail: String) -> LawViolation {
        LawViolation {
            law: self.name,
            statement: self.statement,
            subject: subject.to_owned(),
            counterexample,
            detail,
        }
    }
}

/// Runs `test`; a panic in it becomes an error that quotes it.
fn guarded(test: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(test))
        .unwrap_or_else(|panic| Err(format!("panicked: {}", panic_text(&*panic))))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

/// The text for a fit that failed although nothing is wrong with its input.
pub(crate) fn refused(error: Error) -> String {
    format!("refused good input: {error}")
}

/// Fails with `detail` unless `condition` holds.
pub(crate) fn require(condition: bool, detail: impl FnOnce() -> String) -> Outcome {
    if condition { Ok(()) } else { Err(detail()) }
}

/// Fails unless `value <= bound` (so a NaN fails).
pub(crate) fn require_at_most(what: &str, value: f64, bound: f64) -> Outcome {
    require(value <= bound, || {
        format!("{what} is {value:e}, more than {bound:e}")
    })
}
