//! Bytes to try a reader on: files of a corpus, changed as damage and malice would change them.
//!
//! A fuzzer without instrumentation: it runs on stable Rust, is the same for the same seed, and relies on a
//! corpus that already reaches what is to be tried, and on the words of the format.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Numbers at which arithmetic breaks.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// The same in decimal digits, and what is no number.
const NUMBERS: [&[u8]; 18] = [
    b"0",
    b"-0",
    b"1",
    b"-1",
    b"255",
    b"65536",
    b"2147483648",
    b"4294967295",
    b"4294967296",
    b"9223372036854775807",
    b"18446744073709551615",
    b"18446744073709551616",
    b"1e308",
    b"1e400",
    b"-1e-400",
    b"nan",
    b"inf",
    b"0x10",
];

/// Bytes that mean something in many formats.
const BYTES: &[u8] = b"\0\x01\x7f\x80\xff\n\r\t \",:;|.-+'\\{}[]()#%=eE09";

/// An endless row of inputs made from a corpus by a seed.
///
/// Each is a file of the corpus with one to eight changes: bits flipped, bytes set, parts cut off, left out,
/// repeated, swapped or taken from another file, lengths and numbers replaced by those at which arithmetic breaks,
/// words of the format put in.
///
/// ```
/// use matfact_testkit::mutation::Mutations;
/// let corpus = [b"user,item,rating\na,x,1\n".to_vec()];
/// let mut mutations = Mutations::new(&corpus, &[b"\"\"", b"::"], 7);
/// let first = mutations.next_input();
/// assert_ne!(first, mutations.next_input());
/// assert_eq!(first, Mutations::new(&corpus, &[b"\"\"", b"::"], 7).next_input());
/// ```
#[derive(Debug, Clone)]
pub struct Mutations<'a> {
    corpus: &'a [Vec<u8>],
    words: &'a [&'a [u8]],
    state: u64,
}

/// No input grows beyond this.
const LONGEST: usize = 64 << 10;

impl<'a> Mutations<'a> {
    /// From a corpus (an empty one counts as one empty file) and the words of its format.
    #[must_use]
    pub fn new(corpus: &'a [Vec<u8>], words: &'a [&'a [u8]], seed: u64) -> Self {
        Self {
            corpus,
            words,
            state: seed,
        }
    }

    /// The next input, of at most 64 KiB unless the corpus has longer files.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut bytes = self.file().to_vec();
        // Few changes are the rule: many are refused at the first.
        let mut changes = 1;
        while changes < 8 && self.below(2) == 1 {
            changes += 1;
        }
        for _ in 0..changes {
            self.change(&mut bytes);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        match self.below(14) {
            0 | 1 => self.flip(bytes),
            2 => self.set(bytes),
            3 => {
                let end = self.below(bytes.len() + 1);
                bytes.truncate(end);
            }
            4 => {
                let (from, to) = self.range(bytes.len(), 64);
                bytes.drain(from..to);
            }
            5 => self.repeat(bytes),
            6 => self.splice(bytes),
            7 => self.swap(bytes),
            8 | 9 => self.length(bytes),
            10 | 11 => self.number(bytes),
            _ => self.word(bytes),
        }
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        if let Some(at) = self.place(bytes) {
            bytes[at] ^= 1 << self.below(8);
        }
    }

    fn set(&mut self, bytes: &mut [u8]) {
        if let Some(at) = self.place(bytes) {
            bytes[at] = BYTES[self.below(BYTES.len())];
        }
    }

    fn repeat(&mut self, bytes: &mut Vec<u8>) {
        let (from, to) = self.range(bytes.len(), 32);
        let times = 1 << self.below(10);
        let times = times.min(LONGEST.saturating_sub(bytes.len()) / (to - from).max(1));
        let part = bytes[from..to].repeat(times);
        bytes.splice(to..to, part);
    }

    fn splice(&mut self, bytes: &mut Vec<u8>) {
        let other = self.file();
        let from = self.below(other.len() + 1);
        let to = self.below(bytes.len() + 1);
        bytes.truncate(to);
        bytes.extend_from_slice(&other[from..]);
    }

    fn swap(&mut self, bytes: &mut [u8]) {
        let half = bytes.len() / 2;
        let (from, to) = self.range(half, 32);
        let shift = half + self.below(bytes.len() - half - (to - from) + 1) - from;
        for at in from..to {
            bytes.swap(at, at + shift);
        }
    }

    /// Puts a number of 2, 4 or 8 bytes over what is there: a length, in half of the formats.
    fn length(&mut self, bytes: &mut [u8]) {
        let width = [2, 4, 8][self.below(3)];
        if bytes.len() < width {
            return;
        }
        let at = self.below(bytes.len() - width + 1);
        let near = bytes.len() as u64;
        let value = match self.below(3) {
            0 => near.wrapping_add(self.below(17) as u64).wrapping_sub(8),
            _ => EDGES[self.below(EDGES.len())],
        };
        let mut number = value.to_le_bytes();
        if self.below(4) == 0 {
            number[..width].reverse();
        }
        bytes[at..at + width].copy_from_slice(&number[..width]);
    }

    /// Replaces a number in digits.
    fn number(&mut self, bytes: &mut Vec<u8>) {
        let Some(place) = self.place(bytes) else {
            return;
        };
        let is_digit = |at: &usize| bytes[*at].is_ascii_digit();
        let mut around = (place..bytes.len()).chain(0..place);
        let Some(from) = around.find(is_digit) else {
            return;
        };
        let to = (from..bytes.len())
            .find(|at| !is_digit(at))
            .unwrap_or(bytes.len());
        let number = NUMBERS[self.below(NUMBERS.len())];
        bytes.splice(from..to, number.iter().copied());
    }

    fn word(&mut self, bytes: &mut Vec<u8>) {
        if self.words.is_empty() {
            return self.set(bytes);
        }
        let word = self.words[self.below(self.words.len())];
        let at = self.below(bytes.len() + 1);
        let over = match self.below(2) {
            0 => at,
            _ => (at + word.len()).min(bytes.len()),
        };
        bytes.splice(at..over, word.iter().copied());
    }

    fn file(&mut self) -> &'a [u8] {
        match self.corpus.len() {
            0 => &[],
            count => &self.corpus[self.below(count)],
        }
    }

    fn place(&mut self, bytes: &[u8]) -> Option<usize> {
        (!bytes.is_empty()).then(|| self.below(bytes.len()))
    }

    /// A part of at most so many bytes.
    fn range(&mut self, length: usize, most: usize) -> (usize, usize) {
        let from = self.below(length + 1);
        let to = from + self.below((length - from).min(most) + 1);
        (from, to)
    }

    /// A number below `bound`, which is at least 1: SplitMix64, its high half scaled.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((u128::from(z) * bound as u128) >> 64) as usize
    }
}

/// Calls `target` with every file of the corpus and then with so many inputs made of them; what is wrong, `target`
/// says by panicking. The input that brought it about is then in the folder for temporary files.
///
/// With `MATFACT_FUZZ_SECONDS` in the environment it goes on for so long instead, from the seed `MATFACT_FUZZ_SEED`
/// (0 without it), and tells how many inputs it tried and which took longest.
///
/// ```
/// use matfact_testkit::mutation::fuzz;
/// let corpus = [b"12".to_vec()];
/// fuzz("numbers", &corpus, &[b"-"], 100, |bytes| {
///     let text = String::from_utf8_lossy(bytes);
///     if let Ok(number) = text.parse::<i64>() {
///         assert_eq!(number.to_string().parse(), Ok(number));
///     }
/// });
/// ```
///
/// # Panics
/// As `target` does, after the input was written down.
pub fn fuzz(name: &str, corpus: &[Vec<u8>], words: &[&[u8]], cases: u64, target: impl Fn(&[u8])) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let long = number("MATFACT_FUZZ_SECONDS").map(Duration::from_secs);
    let seed = match long {
        Some(_) => number("MATFACT_FUZZ_SEED").unwrap_or(0),
        None => 0,
    };
    let start = Instant::now();
    let mut mutations = Mutations::new(corpus, words, seed);
    let mut tried = 0_u64;
    let mut slowest = (Duration::ZERO, Vec::new());
    loop {
        let input = match usize::try_from(tried).ok().and_then(|at| corpus.get(at)) {
            Some(file) => file.clone(),
            None => mutations.next_input(),
        };
        let before = Instant::now();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
            keep(name, "panics", &input);
            resume_unwind(panic);
        }
        tried += 1;
        let took = before.elapsed();
        if long.is_some() && took > slowest.0 {
            // The faster of two, since the machine may have been busy with something else.
            let again = Instant::now();
            target(&input);
            let took = took.min(again.elapsed());
            if took > slowest.0 {
                slowest = (took, input);
            }
        }
        let enough = match long {
            Some(time) => start.elapsed() >= time,
            None => tried >= corpus.len() as u64 + cases,
        };
        if enough {
            break;
        }
    }
    if long.is_some() {
        let path = keep(name, "slowest", &slowest.1);
        let (seconds, longest) = (start.elapsed().as_secs(), slowest.0.as_secs_f64());
        tell(&format!(
            "{name}: {tried} inputs in {seconds} s, seed {seed}; the slowest took {longest:.3} s: {path}"
        ));
    }
}

/// Writes an input down; gives where.
fn keep(name: &str, what: &str, input: &[u8]) -> String {
    let path = std::env::temp_dir().join(format!("matfact-fuzz-{name}-{what}"));
    match std::fs::write(&path, input) {
        Ok(()) => tell(&format!("{name}: {what}: {}", path.display())),
        Err(error) => tell(&format!("{name}: {what}, and cannot be written: {error}")),
    }
    path.display().to_string()
}

#[allow(clippy::print_stderr, reason = "for whoever runs the tests")]
fn tell(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_many_and_bounded() {
        let corpus = [Vec::new(), b"a".to_vec(), b"1 2 3\n".repeat(100)];
        let mut mutations = Mutations::new(&corpus, &[b"word"], 1);
        let inputs: Vec<_> = (0..5000).map(|_| mutations.next_input()).collect();
        assert!(inputs.iter().all(|input| input.len() <= 2 * LONGEST));
        let different: std::collections::BTreeSet<_> = inputs.iter().collect();
        assert!(different.len() > 2000, "{}", different.len());
        assert!(
            inputs
                .iter()
                .any(|input| input.windows(4).any(|w| w == b"word"))
        );
        Mutations::new(&[], &[], 1).next_input();
    }
}
