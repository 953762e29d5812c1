//! The factors and biases of one range of rows or columns.

use crate::{LearningRates, Sgd};
use matfact_core::Scalar;
use matfact_core::ndarray::{ArrayView1, ArrayView2};
use matfact_linalg::{BlockSide, FactorLanes, GradientSums, ShrunkBias, random_stream};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// The factors and biases of one range of rows or columns.
#[derive(Debug, Clone)]
pub(crate) struct Chunk<T> {
    pub(crate) range: usize,
    pub(crate) factors: Vec<FactorLanes<T>>,
    pub(crate) biases: Vec<ShrunkBias<T>>,
    /// λ_b n^ν / n of each member.
    pub(crate) bias_penalties: Vec<f64>,
    /// One for each member, where learning rates are adaptive.
    pub(crate) sums: Vec<GradientSums<T>>,
}

impl<T: Scalar> Chunk<T> {
    pub(crate) fn split(&mut self) -> (BlockSide<'_, T>, &mut [GradientSums<T>]) {
        let side = BlockSide {
            factors: &mut self.factors,
            biases: &mut self.biases,
        };
        (side, &mut self.sums)
    }

    pub(crate) fn is_finite(&self) -> bool {
        let factors = self.factors.iter().flat_map(|lanes| &lanes.0);
        let mut values = factors.chain(self.biases.iter().map(|b| &b.bias));
        values.all(|value| value.is_finite())
    }
}

/// Where one side starts.
pub(crate) struct Beginning<'a, T> {
    /// Weights of the members' ratings, added up.
    pub(crate) totals: &'a [f64],
    /// The random streams of the members begin here.
    pub(crate) stream: u64,
    /// What is added to the random numbers.
    pub(crate) centre: f64,
    /// σ.
    pub(crate) scale: f64,
    /// Factors and biases of members that are known already, in units of the ratings.
    pub(crate) known: Option<(ArrayView2<'a, T>, Option<ArrayView1<'a, T>>)>,
}

impl<T: Scalar> Beginning<'_, T> {
    /// Known factors and biases, or small random factors and zero biases; the numbers of a row depend on the seed
    /// and the row alone.
    pub(crate) fn chunks(&self, settings: &Sgd, ranges: &[Vec<u32>]) -> Vec<Chunk<T>> {
        let rank = settings.rank();
        let width = rank.div_ceil(FactorLanes::<T>::COUNT);
        let adaptive = settings.learning_rates != LearningRates::Common;
        let start = |(range, members): (usize, &Vec<u32>)| {
            let mut factors = vec![FactorLanes::default(); members.len() * width];
            let mut biases = vec![ShrunkBias::default(); members.len()];
            let rows = factors.chunks_exact_mut(width);
            for ((member, row), bias) in members.iter().zip(rows).zip(&mut biases) {
                let values = row.iter_mut().flat_map(|lanes| &mut lanes.0).take(rank);
                bias.bias = self.member(settings, *member, values);
            }
            let penalty = |member: &u32| {
                let total = self.totals[*member as usize];
                settings.bias_regularization * total.powf(settings.bias_count_power - 1.0)
            };
            let sums = if adaptive { members.len() } else { 0 };
            Chunk {
                range,
                factors,
                biases,
                bias_penalties: members.iter().map(penalty).collect(),
                sums: vec![GradientSums::default(); sums],
            }
        };
        ranges.par_iter().enumerate().map(start).collect()
    }

    /// Writes the factors of a member, and gives its bias.
    fn member<'v>(&self, settings: &Sgd, member: u32, values: impl Iterator<Item = &'v mut T>) -> T
    where
        T: 'v,
    {
        if let Some((factors, biases)) = &self.known
            && (member as usize) < factors.nrows()
        {
            let root = self.scale.sqrt();
            for (value, known) in values.zip(factors.row(member as usize)) {
                *value = T::from_f64(known.as_f64() / root);
            }
            return match biases {
                Some(biases) => T::from_f64(biases[member as usize].as_f64() / self.scale),
                None => T::zero(),
            };
        }
        let deviation = settings.initial_deviation / (settings.rank as f64).sqrt();
        let mut rng = random_stream(settings.seed, self.stream + u64::from(member));
        for value in values {
            let normal: f64 = StandardNormal.sample(&mut rng);
            let number = self.centre + deviation * normal;
            *value = T::from_f64(if settings.is_non_negative() {
                number.abs()
            } else {
                number
            });
        }
        T::zero()
    }
}
