//! From ratings to a model: the epochs, when to stop, and what to do when they lead nowhere.

use crate::descent::{Descent, State};
use crate::input::RatingSource;
use crate::size::check_size;
use crate::survey::Targets;
use crate::{OnDivergence, Sgd, SgdLoss};
use matfact_core::{
    CheckpointState, EarlyStopping, Error, FactorModel, Factorization, Factorizer, Fit, FitReport,
    ObservedEntries, Result, Run, Scalar, Standing, StopReason, Validation,
};
use matfact_linalg::{PoolInfo, check_validation, in_pool, validation_error, validation_mean};

/// The most times that an [`OnDivergence::HalveStep`] halves the step.
const MOST_HALVINGS: usize = 30;

/// What a fit begins with.
#[derive(Clone, Copy)]
pub(crate) struct Begin<'a, T> {
    model: &'a FactorModel<T>,
    deviation: Option<f64>,
}

impl<X: ObservedEntries + ?Sized> Factorizer<X> for Sgd {
    type Model = FactorModel<X::Scalar>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        start(self, x, None, run)
    }
}

/// A fit of any ratings, in the threads that `run` asks for.
pub(crate) fn start<X: RatingSource + ?Sized>(
    sgd: &Sgd,
    x: &X,
    begin: Option<Begin<'_, X::Scalar>>,
    run: &mut Run<'_>,
) -> Result<Fit<FactorModel<X::Scalar>>> {
    let validation = run.take_validation();
    run.gives_checkpoints();
    in_pool(run, |run, pool| {
        sgd.fit_in_pool(x, begin, validation, run, pool)
    })
}

impl Sgd {
    /// A fit that begins with a model in place of random factors (a warm start): after a change of settings, or
    /// with more ratings than before.
    ///
    /// `x` may have more rows and columns than the model (they begin with random factors) or fewer; the result has
    /// all of them. Rows and columns without ratings in `x` keep what they have, and the mean stays the model's.
    /// Adaptive learning rates begin anew.
    ///
    /// ```
    /// use matfact_core::{Duplicates, Factorizer, Ratings, Run};
    /// use matfact_sgd::Sgd;
    /// let triplets = [(0, 0, 4.0), (1, 1, 2.0), (0, 1, 3.0)];
    /// let ratings = Ratings::from_triplets((2, 2), triplets, Duplicates::Error)?;
    /// let first = Sgd::new(3).epochs(10).fit(&ratings)?;
    /// let more = Sgd::new(3).epochs(5).fit_from(&first.model, &ratings, &mut Run::new())?;
    /// assert!(more.report.objective < first.report.objective);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of a fit, and [`Error::ShapeMismatch`] for a model of another rank, or one with biases where the
    /// settings have none (or the reverse).
    pub fn fit_from<X: ObservedEntries + ?Sized>(
        &self,
        model: &FactorModel<X::Scalar>,
        x: &X,
        run: &mut Run<'_>,
    ) -> Result<Fit<FactorModel<X::Scalar>>> {
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        let deviation = None;
        start(self, x, Some(Begin { model, deviation }), run)
    }

    /// As [`Sgd::fit_from`] with new ratings alone, of known and of new rows and columns: all others stay exactly as
    /// they are, and the model grows. `deviation` is σ of the ratings of the first fit,
    /// `report.chosen["deviation"]`, so that few new ratings do not change the units.
    ///
    /// Each known row that has new ratings goes towards them and forgets some of the old; few epochs keep more. A
    /// bias is penalized as if the new ratings were all.
    ///
    /// ```
    /// use matfact_core::{Duplicates, Factorization, Factorizer, Ratings, Run};
    /// use matfact_sgd::Sgd;
    /// let triplets = [(0, 0, 4.0), (1, 1, 2.0), (0, 1, 3.0)];
    /// let ratings = Ratings::from_triplets((2, 2), triplets, Duplicates::Error)?;
    /// let sgd = Sgd::new(3);
    /// let first = sgd.fit(&ratings)?;
    /// let deviation = first.report.chosen["deviation"].parse().unwrap();
    /// // A user and an item that are both new.
    /// let new = Ratings::from_triplets((3, 3), [(2, 0, 5.0), (2, 2, 1.0)], Duplicates::Error)?;
    /// let grown = sgd.epochs(5).partial_fit(&first.model, deviation, &new, &mut Run::new())?.model;
    /// assert_eq!(grown.shape(), (3, 3));
    /// assert_eq!(grown.predict(1, 1)?, first.model.predict(1, 1)?);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Sgd::fit_from`], and [`Error::InvalidParameter`] for a deviation that is not above 0.
    pub fn partial_fit<X: ObservedEntries + ?Sized>(
        &self,
        model: &FactorModel<X::Scalar>,
        deviation: f64,
        x: &X,
        run: &mut Run<'_>,
    ) -> Result<Fit<FactorModel<X::Scalar>>> {
        check_deviation(deviation)?;
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        let deviation = Some(deviation);
        start(self, x, Some(Begin { model, deviation }), run)
    }

    fn fit_in_pool<X: RatingSource + ?Sized>(
        &self,
        x: &X,
        begin: Option<Begin<'_, X::Scalar>>,
        validation: Option<&Validation>,
        run: &mut Run<'_>,
        pool: PoolInfo,
    ) -> Result<Fit<FactorModel<X::Scalar>>> {
        self.validate()?;
        let base = begin.map(|begin| begin.model);
        if let Some(base) = base {
            self.check_model(base)?;
        }
        let known = base.map_or((0, 0), Factorization::shape);
        let given = x.size();
        let shape = (given.0.max(known.0), given.1.max(known.1));
        check_size::<X::Scalar>(self.rank, shape, shape)?;
        if let Some(validation) = validation {
            check_validation(validation, shape)?;
        }
        let deviation = begin.and_then(|begin| begin.deviation);
        let targets = Targets::new(self, x, shape, base, deviation)?;
        let mut report = FitReport::new("sgd", shape, self.rank, self.seed);
        report.stored = Some(targets.observed);
        report.threads = pool.threads;
        report.notices.extend(pool.notice);
        let deviation = format!("{:?}", targets.scale);
        report.chosen.insert("deviation".to_owned(), deviation);
        let mut descent = Descent::new(self, x, targets, base)?;
        let resumed = run.identify::<X::Scalar>("sgd", self, || {
            let data = x.fingerprint().with_validation(validation);
            match begin {
                Some(Begin { model, deviation }) => data
                    .with_start(model.row_factors().iter().chain(model.column_factors()))
                    .with_start(
                        model
                            .row_bias()
                            .iter()
                            .chain(&model.column_bias())
                            .copied()
                            .flatten(),
                    )
                    .with_start(&deviation),
                None => data,
            }
        })?;
        let begun = run.elapsed();
        let best = self.run_epochs(&mut descent, &mut report, validation, resumed, run)?;
        let ended = run.elapsed();
        report.objective = match (report.best_iteration, report.history.last()) {
            (Some(best), _) => report.history[best - 1],
            (None, Some(error)) => *error,
            (None, None) => descent.training_error()?,
        };
        let model = match best {
            Some(model) => model,
            None => descent.model(report.iterations)?,
        };
        report.seconds.initialization = begun.as_secs_f64();
        report.seconds.iterations = (ended - begun).as_secs_f64();
        report.seconds.finishing = (run.elapsed() - ended).as_secs_f64();
        Ok(Fit { model, report })
    }

    /// All epochs; the model with the least validation error, where there is a validation set.
    fn run_epochs<T: Scalar>(
        &self,
        descent: &mut Descent<'_, T>,
        report: &mut FitReport,
        validation: Option<&Validation>,
        resumed: Option<CheckpointState>,
        run: &mut Run<'_>,
    ) -> Result<Option<FactorModel<T>>> {
        let mut stopping = validation.map(|set| EarlyStopping::new(set.get_patience()));
        let mut best = None;
        let mut halvings = 0;
        report.stop = StopReason::MaxIterations;
        if let Some(mut state) = resumed {
            descent.resume(&mut state)?;
            halvings = state.counter("halvings")? as usize;
            (0..halvings).for_each(|_| descent.halve());
            if let Some(stopping) = &mut stopping {
                state.take_stopping(stopping)?;
            }
            best = state.take_model("best.")?;
            state.take_report(report)?;
        }
        let mut epoch = report.iterations + 1;
        while epoch <= self.epochs {
            let before = self.kept(descent);
            let error = match self.one_epoch(descent, epoch) {
                Ok(error) => error,
                Err(diverged) => {
                    let Some(before) = before else {
                        return Err(diverged);
                    };
                    let rate = descent.learning_rate(epoch);
                    descent.restore(&before);
                    if self.on_divergence == OnDivergence::KeepLast {
                        report.notices.push(format!(
                            "epoch {epoch} diverged with learning rate {rate}: the model is that of epoch {}",
                            epoch - 1
                        ));
                        report.stop = StopReason::Diverged;
                        break;
                    }
                    if halvings == MOST_HALVINGS {
                        return Err(diverged);
                    }
                    halvings += 1;
                    descent.halve();
                    report.notices.push(format!(
                        "epoch {epoch} diverged with learning rate {rate}: done again with {}",
                        descent.learning_rate(epoch)
                    ));
                    continue;
                }
            };
            report.history.push(error);
            report.iterations = epoch;
            if let (Some(stopping), Some(validation)) = (&mut stopping, validation) {
                let model = descent.model(epoch)?;
                match stopping.observe(self.error_on(validation, &model)) {
                    Standing::Best => best = Some(model),
                    Standing::Waiting => {}
                    Standing::Exhausted => report.stop = StopReason::NoImprovement,
                }
            }
            let interrupted = run.iteration(epoch, self.epochs, error);
            if report.stop == StopReason::NoImprovement {
                break;
            }
            run.checkpoint(epoch, |state| {
                descent.give(state);
                state.insert_counter("halvings", halvings as u64);
                if let Some(stopping) = &stopping {
                    state.insert_stopping(stopping);
                }
                if let Some(best) = &best {
                    state.insert_model("best.", best);
                }
                state.insert_report(report);
            })?;
            if let Some(reason) = interrupted {
                report.stop = reason;
                break;
            }
            epoch += 1;
        }
        if let Some(stopping) = stopping {
            report.best_iteration = stopping.best_iteration();
            report.validation = stopping.into_history();
        }
        Ok(best)
    }

    /// The state to go back to, where the settings ask for one.
    fn kept<T: Scalar>(&self, descent: &Descent<'_, T>) -> Option<State<T>> {
        (self.on_divergence != OnDivergence::Error).then(|| descent.state())
    }

    fn one_epoch<T: Scalar>(&self, descent: &mut Descent<'_, T>, epoch: usize) -> Result<f64> {
        let error = descent.epoch(epoch)?;
        // Without a state to go back to, the end of the fit is early enough.
        if self.on_divergence == OnDivergence::Error || descent.is_finite() {
            Ok(error)
        } else {
            Err(descent.diverged(epoch))
        }
    }

    /// The root mean square error on a validation set, or the mean loss.
    fn error_on<T: Scalar>(&self, validation: &Validation, model: &FactorModel<T>) -> f64 {
        let predict = |row, column| model.predict_or_fallback(Some(row), Some(column)).as_f64();
        if self.loss == SgdLoss::Squared {
            return validation_error(validation, predict);
        }
        let loss = self.loss.kernel();
        let classes = self.loss.is_of_classes();
        validation_mean(validation, |row, column, value| {
            let value = match classes {
                true if value > 0.0 => 1.0,
                true => -1.0,
                false => value,
            };
            loss.value(predict(row, column), value)
        })
    }

    /// Refuses a model that these settings cannot go on with.
    pub(crate) fn check_model<T: Scalar>(&self, model: &FactorModel<T>) -> Result<()> {
        if model.rank() != self.rank {
            let what = "rank of the model";
            return Err(Error::shape_mismatch(what, self.rank, model.rank()));
        }
        let told = |biased: bool| match biased {
            true => "with biases",
            false => "without biases",
        };
        let biased = model.row_bias().is_some();
        if biased != self.biased {
            return Err(Error::shape_mismatch(
                "model",
                told(self.biased),
                told(biased),
            ));
        }
        Ok(())
    }
}

/// Refuses a deviation that cannot be one.
pub(crate) fn check_deviation(deviation: f64) -> Result<()> {
    if deviation.is_finite() && deviation > 0.0 {
        return Ok(());
    }
    let requirement = "finite and above 0: that of the training ratings";
    Err(Error::invalid_parameter(
        "deviation",
        deviation,
        requirement,
    ))
}
