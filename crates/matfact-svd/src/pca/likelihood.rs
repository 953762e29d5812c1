//! The number of components that is most likely.

/// The rank of largest evidence among 1..n for the variances of n components of `rows` rows, all of them
/// and descending: Minka, "Automatic choice of dimensionality for PCA" (2000), equations 30 to 77 as
/// scikit-learn has them. 1 if there is no variance at all, or a single component.
pub(super) fn most_likely_rank(variances: &[f64], rows: usize) -> usize {
    let largest = variances.first().copied().unwrap_or(0.0);
    if largest <= 0.0 {
        return 1;
    }
    // The evidence of all ranks changes alike with the unit.
    let spectrum: Vec<f64> = variances.iter().map(|v| v / largest).collect();
    let mut best = (f64::NEG_INFINITY, 1);
    for rank in 1..spectrum.len() {
        let evidence = log_evidence(&spectrum, rank, rows as f64);
        if evidence > best.0 {
            best = (evidence, rank);
        }
    }
    best.1
}

/// Variances below this part of the largest are none.
const SMALLEST: f64 = 1e-15;

fn log_evidence(spectrum: &[f64], rank: usize, rows: f64) -> f64 {
    let n = spectrum.len();
    let (kept, rest) = spectrum.split_at(rank);
    if kept[rank - 1] < SMALLEST {
        return f64::NEG_INFINITY;
    }
    let two_pi = std::f64::consts::TAU;
    let (k, columns) = (rank as f64, n as f64);
    // The volume of the bases of rank k in n dimensions.
    let volume = |i: usize| {
        let half = n - i + 1;
        ln_gamma_half(half) - std::f64::consts::PI.ln() * half as f64 / 2.0
    };
    let bases = (1..=rank).map(volume).sum::<f64>() - k * std::f64::consts::LN_2;
    let noise = (rest.iter().sum::<f64>() / (columns - k)).max(SMALLEST);
    let likelihood = -0.5 * rows * kept.iter().map(|v| v.ln()).sum::<f64>()
        - 0.5 * rows * (columns - k) * noise.ln();
    let parameters = columns * k - k * (k + 1.0) / 2.0;
    let prior = two_pi.ln() * (parameters + k) / 2.0;
    let mut curvature = 0.0;
    for i in 0..rank {
        for j in i + 1..n {
            let other = if j < rank { spectrum[j] } else { noise };
            let product = (spectrum[i] - spectrum[j]) * (1.0 / other - 1.0 / spectrum[i]);
            // Equal variances make this 0, and rounding less.
            curvature += product.max(SMALLEST).ln() + rows.ln();
        }
    }
    bases + likelihood + prior - curvature / 2.0 - k * rows.ln() / 2.0
}

/// ln Γ(h / 2) for a whole h >= 1, by Γ(x + 1) = x Γ(x).
fn ln_gamma_half(h: usize) -> f64 {
    let (mut x, mut sum) = if h.is_multiple_of(2) {
        (1.0, 0.0)
    } else {
        (0.5, std::f64::consts::PI.ln() / 2.0)
    };
    while 2.0 * x < h as f64 {
        sum += f64::ln(x);
        x += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_of_halves_is_that_of_tables() {
        let table = [
            (1, std::f64::consts::PI.sqrt().ln()),
            (2, 0.0),
            (3, (std::f64::consts::PI.sqrt() / 2.0).ln()),
            (10, 24.0_f64.ln()),
            (11, 52.34277778455352_f64.ln()),
        ];
        for (h, value) in table {
            assert!((ln_gamma_half(h) - value).abs() < 1e-12, "{h}");
        }
    }

    /// scikit-learn 1.9.1's `_assess_dimension` of these variances, for 100 rows.
    #[test]
    fn the_evidence_is_that_of_scikit_learn() {
        let spectrum = [1.0, 0.6, 0.3, 0.012, 0.011, 0.0095];
        let golden = [
            405.06547654796935,
            493.8719454683246,
            717.2362124300288,
            714.7571148516398,
            712.4302282696814,
        ];
        for (rank, value) in (1..).zip(golden) {
            let evidence = log_evidence(&spectrum, rank, 100.0);
            assert!((evidence / value - 1.0).abs() < 1e-12, "{rank}: {evidence}");
        }
        assert_eq!(most_likely_rank(&spectrum, 100), 3);
        let scaled = spectrum.map(|v| v * 1e-200);
        assert_eq!(most_likely_rank(&scaled, 100), 3);
        assert_eq!(most_likely_rank(&[0.0, 0.0], 100), 1);
        assert_eq!(most_likely_rank(&[2.0], 5), 1);
    }
}
