//! Random keys that belong to an entry, not to the order in which entries are met.

/// One step of splitmix64 (Steele, Lea and Flood 2014): a bijection of 64-bit numbers.
pub(crate) fn splitmix64(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The key of number `index` under `seed`.
pub(crate) fn key(seed: u64, index: u64) -> u64 {
    splitmix64(splitmix64(seed).wrapping_add(index))
}

/// The same as a number in [0, 1).
pub(crate) fn uniform(seed: u64, index: u64) -> f64 {
    (key(seed, index) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published first outputs of splitmix64 from state 1234567.
    #[test]
    fn it_is_splitmix64() {
        let step = 0x9E37_79B9_7F4A_7C15_u64;
        let outputs = [0, 1, 2].map(|i| splitmix64(step.wrapping_mul(i).wrapping_add(1_234_567)));
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(outputs, published);
    }

    #[test]
    fn the_numbers_fill_the_unit_interval_evenly() {
        let mut counts = [0; 10];
        for index in 0..10_000 {
            counts[(uniform(3, index) * 10.0) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (880..1120).contains(count)),
            "{counts:?}"
        );
    }
}
