//! Latent semantic analysis: texts and words in one space of a few dimensions, in which those that are
//! alike stand near each other, also without a word in common.
//!
//! ```text
//! latent_semantic_analysis                                a dozen texts of its own, three themes
//! latent_semantic_analysis COUNTS.mtx VOCABULARY.txt [RANK]   texts x words, and the words, one a line
//! ```
//!
//! Counts are weighted by TF-IDF, the truncated SVD of the weights gives the space, and the cosine of the
//! angle between two texts or words says how near they are. Nothing dense of the size of the counts is made.

use matfact::io::{MatrixData, read_matrix};
use matfact::ndarray::{Array2, ArrayView1, Axis};
use matfact::sprs::CsMatI;
use matfact::{
    Duplicates, Factorizer, SvdModel, TfIdf, Transform, TruncatedSvd, core::csr_from_triplets,
};
use std::collections::BTreeMap;

const TEXTS: [&str; 12] = [
    "The sloop left the harbour at dawn with every sail set and a fresh wind from the west.",
    "Before the storm the crew took in sail and ran for the nearest harbour.",
    "A good anchor holds in sand; on rock the crew trusts to luck and calm wind.",
    "The captain read the wind, ordered more sail, and let the anchor hang over the bow.",
    "Knead the dough until it is smooth and let it rise in a warm kitchen.",
    "Flour, water, salt and yeast: bread needs nothing more than a hot oven and patience.",
    "If the oven is too cool the dough spreads, and the bread stays pale.",
    "The baker dusts the dough with flour and slides it into the oven.",
    "Through the telescope the planet showed two dark bands and four moons.",
    "The comet passes close to the planet every seventy years and can be seen without a telescope.",
    "Moons that circle a planet far from its star may hide an ocean under ice.",
    "Astronomers point the telescope at a faint star and wait for a planet to cross it.",
];
/// A text that was not there when the space was made.
const NEW_TEXT: &str = "Salt the dough and heat the oven.";
/// Words that say nothing of a theme.
const IDLE: &str =
    "the and with every from for that than into its can are may without over more until";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (counts, words, rank) = match &arguments[..] {
        [] => {
            let (counts, words) = count_words(&TEXTS)?;
            (MatrixData::Sparse(counts), words, 3)
        }
        [counts, words] => (read_matrix(counts)?, read_lines(words)?, 100),
        [counts, words, rank] => (read_matrix(counts)?, read_lines(words)?, rank.parse()?),
        _ => {
            return Err(
                "usage: latent_semantic_analysis [COUNTS.mtx VOCABULARY.txt [RANK]]".into(),
            );
        }
    };
    let (texts, columns) = counts.shape();
    if words.len() != columns {
        return Err(format!("{} words for {columns} columns", words.len()).into());
    }
    println!("{texts} texts, {columns} words, {rank} dimensions");

    let weighting = TfIdf::of(counts.as_matrix())?;
    let weights = weighting.apply(counts.as_matrix())?;
    let fit = TruncatedSvd::new(rank).fit(&weights)?;
    println!("{}\n", fit.report);
    let model: &SvdModel<f32> = &fit.model;

    // Texts are the rows of UΣ, words those of VΣ.
    let space = directions(&model.u() * &model.singular_values());
    let word_space = directions(&model.vt().t() * &model.singular_values());
    if arguments.is_empty() {
        for text in [0, 7, 10] {
            println!("near \"{}\"", TEXTS[text]);
            for (other, cosine) in nearest(&space, space.row(text), 3) {
                if other != text {
                    println!("  {cosine:>5.2}  {}", TEXTS[other]);
                }
            }
        }
        println!("\nnear the new text \"{NEW_TEXT}\"");
        let new = weighting.apply(&count_known(NEW_TEXT, &words)?)?;
        let coordinates = directions(model.transform(&new)?);
        for (text, cosine) in nearest(&space, coordinates.row(0), 3) {
            println!("  {cosine:>5.2}  {}", TEXTS[text]);
        }
        println!();
    } else {
        println!("text 0 is nearest to");
        for (other, cosine) in nearest(&space, space.row(0), 6) {
            println!("  {cosine:>5.2}  text {other}");
        }
        println!();
    }
    // The words that carry most of the space.
    let lengths = &model.vt().t() * &model.singular_values();
    let length = |word: usize| lengths.row(word).dot(&lengths.row(word));
    let mut strongest: Vec<usize> = (0..columns).collect();
    strongest.sort_by(|a, b| length(*b).total_cmp(&length(*a)));
    for word in strongest.into_iter().take(8) {
        let near = nearest(&word_space, word_space.row(word), 5);
        let names: Vec<&str> = near
            .into_iter()
            .filter(|(other, _)| *other != word)
            .map(|(other, _)| words[other].as_str())
            .collect();
        println!("{:>12} is near {}", words[word], names.join(", "));
    }
    Ok(())
}

/// Rows of length 1; a row of zeros stays.
fn directions(mut rows: Array2<f32>) -> Array2<f32> {
    for mut row in rows.axis_iter_mut(Axis(0)) {
        let length = row.dot(&row).sqrt();
        if length > 0.0 {
            row /= length;
        }
    }
    rows
}

/// The `count` rows whose angle to `direction` is smallest, with its cosine.
fn nearest(rows: &Array2<f32>, direction: ArrayView1<'_, f32>, count: usize) -> Vec<(usize, f32)> {
    let mut cosines: Vec<(usize, f32)> = rows.dot(&direction).into_iter().enumerate().collect();
    cosines.sort_by(|a, b| b.1.total_cmp(&a.1));
    cosines.truncate(count);
    cosines
}

/// The words of three letters and more that say something.
fn words_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|letter: char| !letter.is_alphabetic())
        .map(str::to_lowercase)
        .filter(|word| word.len() > 2 && !IDLE.split(' ').any(|idle| idle == word))
}

fn count_words(texts: &[&str]) -> matfact::Result<(CsMatI<f32, u32, usize>, Vec<String>)> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (row, text) in texts.iter().enumerate() {
        for word in words_of(text) {
            places.entry(word).or_default().push(row);
        }
    }
    let shape = (texts.len(), places.len());
    let triplets = places
        .values()
        .enumerate()
        .flat_map(|(column, rows)| rows.iter().map(move |row| (*row, column, 1.0)));
    let counts = csr_from_triplets(shape, triplets, Duplicates::Sum)?;
    Ok((counts, places.into_keys().collect()))
}

/// One text as a row of counts of the words that are known.
fn count_known(text: &str, words: &[String]) -> matfact::Result<CsMatI<f32, u32, usize>> {
    let known = words_of(text).filter_map(|word| words.binary_search(&word).ok());
    let triplets = known.map(|column| (0, column, 1.0));
    csr_from_triplets((1, words.len()), triplets, Duplicates::Sum)
}

fn read_lines(path: &str) -> std::io::Result<Vec<String>> {
    Ok(std::fs::read_to_string(path)?
        .lines()
        .map(str::to_owned)
        .collect())
}
