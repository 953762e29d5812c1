//! Named tensors, counters and texts.

use crate::record::wrap;
use crate::{
    EarlyStopping, Error, FitReport, ModelRecord, Persist, Restart, Result, Scalar, StopReason,
    Tensor, TensorValues,
};
use ndarray::{Array, Array2, Dimension};
use std::collections::BTreeMap;

/// What an iteration leaves to the next, as plain data. Values may be infinite or NaN, and come back as they were.
///
/// ```
/// use matfact_core::CheckpointState;
/// let mut state = CheckpointState::default();
/// state.insert("w", &ndarray::array![[1.0_f32, 2.0]]);
/// state.insert_numbers("best", &[f64::INFINITY]);
/// state.insert_counter("halvings", 2);
/// assert_eq!(state.take_matrix::<f32>("w", (1, 2))?, ndarray::array![[1.0, 2.0]]);
/// assert_eq!(state.take_numbers("best")?, [f64::INFINITY]);
/// assert_eq!(state.counter("halvings")?, 2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CheckpointState {
    /// Arrays by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Whole numbers by name.
    pub counters: BTreeMap<String, u64>,
    /// Texts by name.
    pub texts: BTreeMap<String, String>,
}

impl CheckpointState {
    /// Puts an array under `name`.
    pub fn insert<T: Scalar, D: Dimension>(&mut self, name: &str, array: &Array<T, D>) {
        self.tensors
            .insert(name.to_owned(), Tensor::from_array(array));
    }

    /// Puts values under `name`.
    pub fn insert_values<T: Scalar>(&mut self, name: &str, values: impl IntoIterator<Item = T>) {
        let values: Vec<T> = values.into_iter().collect();
        let tensor = Tensor {
            shape: vec![values.len()],
            values: wrap(values),
        };
        self.tensors.insert(name.to_owned(), tensor);
    }

    /// Puts numbers of double precision under `name`.
    pub fn insert_numbers(&mut self, name: &str, values: &[f64]) {
        self.insert_values(name, values.iter().copied());
    }

    /// Puts a whole number under `name`.
    pub fn insert_counter(&mut self, name: &str, value: u64) {
        self.counters.insert(name.to_owned(), value);
    }

    /// Whether there is a tensor of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Takes the matrix under `name`, which has to have this shape.
    ///
    /// # Errors
    /// [`Error::InvalidCheckpoint`] if it is missing, or of another shape or type.
    pub fn take_matrix<T: Scalar>(
        &mut self,
        name: &str,
        shape: (usize, usize),
    ) -> Result<Array2<T>> {
        let tensor = self.take(name)?;
        let given = tensor.shape.clone();
        let values = unwrap(name, tensor)?;
        if given != [shape.0, shape.1] {
            return Err(invalid(format!(
                "tensor {name} is {given:?}, not {} x {}",
                shape.0, shape.1
            )));
        }
        Array2::from_shape_vec(shape, values).map_err(|e| invalid(format!("tensor {name}: {e}")))
    }

    /// Takes the values under `name`, which have to be so many.
    ///
    /// # Errors
    /// As [`CheckpointState::take_matrix`].
    pub fn take_values<T: Scalar>(&mut self, name: &str, count: usize) -> Result<Vec<T>> {
        let tensor = self.take(name)?;
        let values = unwrap(name, tensor)?;
        if values.len() != count {
            let length = values.len();
            return Err(invalid(format!("tensor {name} has {length} values, not {count}")));
        }
        Ok(values)
    }

    /// Takes the values under `name` into places that are as many.
    ///
    /// # Errors
    /// As [`CheckpointState::take_matrix`].
    pub fn take_into<'a, T: Scalar>(
        &mut self,
        name: &str,
        places: impl Iterator<Item = &'a mut T>,
    ) -> Result<()> {
        let tensor = self.take(name)?;
        let mut values = unwrap(name, tensor)?.into_iter();
        let mut filled = true;
        for place in places {
            match values.next() {
                Some(value) => *place = value,
                None => filled = false,
            }
        }
        if filled && values.next().is_none() {
            Ok(())
        } else {
            Err(invalid(format!("tensor {name} is of another length")))
        }
    }

    /// Takes the numbers of double precision under `name`.
    ///
    /// # Errors
    /// As [`CheckpointState::take_matrix`].
    pub fn take_numbers(&mut self, name: &str) -> Result<Vec<f64>> {
        let tensor = self.take(name)?;
        unwrap(name, tensor)
    }

    /// Takes the one number under `name`.
    ///
    /// # Errors
    /// As [`CheckpointState::take_matrix`].
    pub fn take_number(&mut self, name: &str) -> Result<f64> {
        Ok(self.take_values(name, 1)?[0])
    }

    /// The whole number under `name`.
    ///
    /// # Errors
    /// [`Error::InvalidCheckpoint`] if it is missing.
    pub fn counter(&self, name: &str) -> Result<u64> {
        let counter = self.counters.get(name).copied();
        counter.ok_or_else(|| invalid(format!("counter {name} is missing")))
    }

    /// Puts a model's tensors and attributes under names that begin with `prefix`.
    pub fn insert_model(&mut self, prefix: &str, model: &impl Persist) {
        let record = model.to_record();
        self.texts
            .insert(format!("{prefix}algorithm"), record.algorithm);
        for (name, tensor) in record.tensors {
            self.tensors.insert(format!("{prefix}{name}"), tensor);
        }
        for (name, text) in record.attributes {
            self.texts.insert(format!("{prefix}{name}"), text);
        }
    }

    /// Takes the model whose names begin with `prefix`; none if there is none.
    ///
    /// # Errors
    /// What the model says of its record.
    pub fn take_model<M: Persist>(&mut self, prefix: &str) -> Result<Option<M>> {
        let Some(algorithm) = self.texts.remove(&format!("{prefix}algorithm")) else {
            return Ok(None);
        };
        let mut record = ModelRecord::new(&algorithm);
        record.tensors = split_off(&mut self.tensors, prefix);
        record.attributes = split_off(&mut self.texts, prefix);
        M::from_record(&record).map(Some)
    }

    /// Puts what a report says so far: iterations, histories, choices, notices and earlier starts.
    pub fn insert_report(&mut self, report: &FitReport) {
        self.insert_counter("report.iterations", report.iterations as u64);
        self.insert_numbers("report.objective", &[report.objective]);
        self.insert_numbers("report.history", &report.history);
        for (name, text) in &report.chosen {
            self.texts
                .insert(format!("report.chosen.{name}"), text.clone());
        }
        for (number, text) in report.notices.iter().enumerate() {
            let name = format!("report.notices.{number:09}");
            self.texts.insert(name, text.clone());
        }
        for (number, restart) in report.restarts.iter().enumerate() {
            let name = |part: &str| format!("report.restarts.{number:09}.{part}");
            self.insert_counter(&name("seed"), restart.seed);
            self.insert_counter(&name("iterations"), restart.iterations as u64);
            self.insert_counter(&name("stop"), code(restart.stop));
            self.insert_numbers(&name("objective"), &[restart.objective]);
        }
    }

    /// Takes what [`CheckpointState::insert_report`] has put; what the report has already chosen or noticed stays.
    ///
    /// # Errors
    /// [`Error::InvalidCheckpoint`].
    pub fn take_report(&mut self, report: &mut FitReport) -> Result<()> {
        report.iterations = self.counter("report.iterations")? as usize;
        report.objective = self.take_number("report.objective")?;
        report.history = self.take_numbers("report.history")?;
        report
            .chosen
            .extend(split_off(&mut self.texts, "report.chosen."));
        let present = std::mem::take(&mut report.notices);
        let before = split_off(&mut self.texts, "report.notices.");
        report.notices.extend(before.into_values());
        for notice in present {
            if !report.notices.contains(&notice) {
                report.notices.push(notice);
            }
        }
        report.restarts.clear();
        for number in 0.. {
            let name = |part: &str| format!("report.restarts.{number:09}.{part}");
            if !self.counters.contains_key(&name("seed")) {
                break;
            }
            report.restarts.push(Restart {
                seed: self.counter(&name("seed"))?,
                iterations: self.counter(&name("iterations"))? as usize,
                stop: reason(self.counter(&name("stop"))?)?,
                objective: self.take_number(&name("objective"))?,
            });
        }
        Ok(())
    }

    /// Puts the errors on a validation set so far.
    pub fn insert_stopping(&mut self, stopping: &EarlyStopping) {
        self.insert_numbers("stopping.history", stopping.history());
    }

    /// Takes what [`CheckpointState::insert_stopping`] has put: `stopping`, still at its beginning, then stands where
    /// that one stood.
    ///
    /// # Errors
    /// [`Error::InvalidCheckpoint`].
    pub fn take_stopping(&mut self, stopping: &mut EarlyStopping) -> Result<()> {
        for error in self.take_numbers("stopping.history")? {
            stopping.observe(error);
        }
        Ok(())
    }

    fn take(&mut self, name: &str) -> Result<Tensor> {
        let tensor = self.tensors.remove(name);
        tensor.ok_or_else(|| invalid(format!("tensor {name} is missing")))
    }
}

/// Takes the entries whose names begin with `prefix`, without it.
fn split_off<V>(map: &mut BTreeMap<String, V>, prefix: &str) -> BTreeMap<String, V> {
    let names: Vec<String> = map
        .keys()
        .filter(|name| name.starts_with(prefix))
        .cloned()
        .collect();
    let taken = names.into_iter().filter_map(|name| {
        let value = map.remove(&name)?;
        Some((name[prefix.len()..].to_owned(), value))
    });
    taken.collect()
}

fn unwrap<T: Scalar>(name: &str, tensor: Tensor) -> Result<Vec<T>> {
    // Exact: T is the type of the values.
    match tensor.values {
        TensorValues::F32(values) if T::NAME == f32::NAME => {
            let values = values.into_iter().map(|v| T::from_f64(f64::from(v)));
            Ok(values.collect())
        }
        TensorValues::F64(values) if T::NAME == f64::NAME => {
            Ok(values.into_iter().map(T::from_f64).collect())
        }
        _ => Err(invalid(format!("tensor {name} is not of type {}", T::NAME))),
    }
}

/// The reasons by which a start can end before the fit does.
const REASONS: [StopReason; 4] = [
    StopReason::Converged,
    StopReason::MaxIterations,
    StopReason::TargetError,
    StopReason::NoImprovement,
];

fn code(stop: StopReason) -> u64 {
    let at = REASONS.iter().position(|reason| *reason == stop);
    at.unwrap_or(REASONS.len()) as u64
}

fn reason(code: u64) -> Result<StopReason> {
    let reason = usize::try_from(code).ok().and_then(|at| REASONS.get(at));
    reason
        .copied()
        .ok_or_else(|| invalid(format!("there is no reason {code} to stop")))
}

fn invalid(reason: String) -> Error {
    Error::InvalidCheckpoint { reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn every_bit_comes_back() {
        let values = [f64::NAN, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE / 4.0];
        let mut state = CheckpointState::default();
        state.insert_numbers("a", &values);
        state.insert_values("b", [f32::MAX, -0.0]);
        let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&state.take_numbers("a").unwrap()), bits(&values));
        assert_eq!(state.take_values::<f32>("b", 2).unwrap()[0], f32::MAX);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let full = || {
            let mut state = CheckpointState::default();
            state.insert("w", &array![[1.0_f32, 2.0]]);
            state
        };
        let refused = |result: Result<()>| result.unwrap_err().to_string();
        for (result, text) in [
            (full().take_matrix::<f32>("h", (1, 2)).map(|_| ()), "h is missing"),
            (full().take_matrix::<f64>("w", (1, 2)).map(|_| ()), "not of type f64"),
            (full().take_matrix::<f32>("w", (2, 1)).map(|_| ()), "not 2 x 1"),
            (full().take_values::<f32>("w", 3).map(|_| ()), "has 2 values"),
            (full().take_into("w", [0.0_f32; 3].iter_mut()), "another length"),
            (full().take_into("w", [0.0_f32; 1].iter_mut()), "another length"),
            (full().counter("n").map(|_| ()), "counter n is missing"),
        ] {
            let said = refused(result);
            assert!(said.contains(text), "{said:?} should contain {text:?}");
        }
    }

    #[test]
    fn a_report_comes_back_with_what_the_new_run_has_said() {
        let mut report = FitReport::new("nmf", (3, 2), 1, 5);
        report.iterations = 2;
        report.objective = f64::INFINITY;
        report.history = vec![2.0, 1.0];
        report.chosen.insert("init".into(), "random".into());
        report.notices = vec!["one".into(), "two".into()];
        report.restarts.push(Restart {
            seed: u64::MAX,
            iterations: 7,
            stop: StopReason::Converged,
            objective: 3.0,
        });
        let mut state = CheckpointState::default();
        state.insert_report(&report);
        let mut back = FitReport::new("nmf", (3, 2), 1, 5);
        back.notices = vec!["two".into(), "three".into()];
        state.take_report(&mut back).unwrap();
        assert_eq!(back.notices, ["one", "two", "three"]);
        back.notices.truncate(2);
        assert_eq!(back, report);
    }
}
