//! From values to places on paper, and the round numbers between.

use crate::text::number;

/// An axis with its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    /// Of the least and the largest value, both finite; logarithmic where both are positive and it was asked for.
    /// What has no width gets some.
    pub(crate) fn new(low: f64, high: f64, logarithmic: bool) -> Self {
        // The width of the range has to be finite too.
        let (low, high) = (low.clamp(-1e300, 1e300), high.clamp(-1e300, 1e300));
        let logarithmic = logarithmic && low > 0.0;
        let (mut low, mut high) = match logarithmic {
            true => (low.log10(), high.log10()),
            false => (low, high),
        };
        // Not more than floating point can tell apart.
        let least = 1e-9 * low.abs().max(high.abs()).max(1e-300);
        if high - low <= least {
            let room = (0.05 * low.abs()).max(if logarithmic { 0.1 } else { 1e-300 });
            (low, high) = (low - room, high + room);
        } else {
            let room = 0.04 * (high - low);
            (low, high) = (low - room, high + room);
        }
        Self {
            low,
            high,
            logarithmic,
        }
    }

    pub(crate) fn is_logarithmic(self) -> bool {
        self.logarithmic
    }

    /// Where a value lies, from 0 to 1.
    pub(crate) fn part(self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.log10()
        } else {
            value
        };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Round values within the range, about `count` of them, with their text.
    pub(crate) fn ticks(self, count: usize) -> Vec<(f64, String)> {
        let ticks = match self.logarithmic {
            true => self.logarithmic_ticks(count),
            false => self.linear_ticks(count),
        };
        ticks.into_iter().map(|tick| (tick, number(tick))).collect()
    }

    fn linear_ticks(self, count: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / count.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|part| part * power)
            .find(|step| *step >= rough * (1.0 - 1e-9))
            .unwrap_or(10.0 * power);
        let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
        if !(first.is_finite() && last.is_finite()) {
            return Vec::new();
        }
        let steps = (last - first).clamp(0.0, 20.0) as usize;
        // + 0.0 makes of −0 a 0.
        (0..=steps)
            .map(|at| (first + at as f64) * step + 0.0)
            .collect()
    }

    fn logarithmic_ticks(self, count: usize) -> Vec<f64> {
        let decades = self.high - self.low;
        let within = |value: f64| (self.low..=self.high).contains(&value.log10());
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        if decades < 2.5 {
            let marks: &[f64] = if decades < 0.7 {
                &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0]
            } else {
                &[1.0, 2.0, 5.0]
            };
            let ticks = (first..=last).flat_map(|power| {
                marks
                    .iter()
                    .map(move |mark| format!("{mark}e{power}").parse().unwrap_or(f64::NAN))
            });
            return ticks.filter(|tick| within(*tick)).collect();
        }
        let stride = (decades / count.max(1) as f64).ceil().max(1.0) as usize;
        (first..=last)
            .step_by(stride)
            .map(|power| 10_f64.powi(power))
            .filter(|tick| within(*tick))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: Scale) -> Vec<String> {
        scale.ticks(5).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(
            texts(Scale::new(0.0, 1.0, false)),
            ["0", "0.25", "0.5", "0.75", "1"]
        );
        assert_eq!(
            texts(Scale::new(0.912, 0.951, false)),
            ["0.92", "0.93", "0.94", "0.95"]
        );
        assert_eq!(
            texts(Scale::new(1.0, 1e4, true)),
            ["1", "10", "100", "1000", "10000"]
        );
        assert_eq!(texts(Scale::new(10.0, 50.0, true)), ["10", "20", "50"]);
    }

    #[test]
    fn every_range_has_a_width() {
        for (low, high, logarithmic) in [
            (0.0, 0.0, false),
            (5.0, 5.0, false),
            (5.0, 5.0, true),
            (-1.0, 1.0, true),
            (1e300, 1e300, true),
            (-1e-300, 1e-300, false),
            (-1e308, 1e308, false),
        ] {
            let scale = Scale::new(low, high, logarithmic);
            let part = scale.part(low);
            assert!((0.0..=1.0).contains(&part), "{low} {high} {part}");
            assert!(scale.ticks(5).len() < 30, "{low} {high}");
        }
        assert!((Scale::new(0.0, 10.0, false).part(5.0) - 0.5).abs() < 1e-12);
        assert!(!Scale::new(-1.0, 1.0, true).is_logarithmic());
    }
}
