//! Topics of texts: counts of words, weighted by TF-IDF for squares or as they are for
//! Kullback-Leibler, and the strongest words of each component.
//!
//! ```text
//! topics                                      a dozen texts of its own, three themes
//! topics COUNTS.mtx VOCABULARY.txt [TOPICS]   texts x words, and the words, one a line
//! ```

use matfact::io::{MatrixData, read_matrix};
use matfact::ndarray::ArrayView1;
use matfact::sprs::CsMatI;
use matfact::{
    Duplicates, Factorizer, Loss, Matrix, Nmf, NmfModel, core::csr_from_triplets, tf_idf,
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
/// Words that say nothing of a theme.
const IDLE: &str =
    "the and with every from for that than into its can are may without over more until";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (counts, words, topics) = match &arguments[..] {
        [] => {
            let (counts, words) = count_words(&TEXTS)?;
            (MatrixData::Sparse(counts), words, 3)
        }
        [counts, words] => (read_matrix(counts)?, read_lines(words)?, 20),
        [counts, words, topics] => (read_matrix(counts)?, read_lines(words)?, topics.parse()?),
        _ => return Err("usage: topics [COUNTS.mtx VOCABULARY.txt [TOPICS]]".into()),
    };
    let (texts, columns) = counts.shape();
    if words.len() != columns {
        return Err(format!("{} words for {columns} columns", words.len()).into());
    }
    println!("{texts} texts, {columns} words, {topics} topics\n");

    println!("TF-IDF weights, squared error:");
    let weights = tf_idf(counts.as_matrix())?;
    show(&Nmf::new(topics), &weights, &words)?;

    println!("counts as they are, Kullback-Leibler divergence:");
    let divergence = Nmf::new(topics).loss(Loss::KullbackLeibler);
    show(&divergence, counts.as_matrix(), &words)
}

fn show(
    nmf: &Nmf,
    x: &dyn Matrix<Scalar = f32>,
    words: &[String],
) -> Result<(), Box<dyn std::error::Error>> {
    let fit = nmf.fit(x)?;
    let model: &NmfModel<f32> = &fit.model;
    let shares = model.components_by_share();
    let whole: f64 = shares.iter().map(|(_, share)| share).sum();
    for (topic, share) in shares {
        let names: Vec<&str> = strongest(model.h().row(topic), 8)
            .into_iter()
            .map(|column| words[column].as_str())
            .collect();
        println!("  {:>4.1} %  {}", 100.0 * share / whole, names.join(" "));
    }
    println!("  {}\n", fit.report);
    Ok(())
}

/// The columns with the largest weights, none of them zero.
fn strongest(weights: ArrayView1<'_, f32>, count: usize) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..weights.len()).filter(|j| weights[*j] > 0.0).collect();
    columns.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
    columns.truncate(count);
    columns
}

/// Words of three letters and more, and how often each stands in each text.
fn count_words(texts: &[&str]) -> matfact::Result<(CsMatI<f32, u32, usize>, Vec<String>)> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (row, text) in texts.iter().enumerate() {
        let words = text.split(|letter: char| !letter.is_alphabetic());
        for word in words.map(str::to_lowercase).filter(|word| word.len() > 2) {
            if !IDLE.split(' ').any(|idle| idle == word) {
                places.entry(word).or_default().push(row);
            }
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

fn read_lines(path: &str) -> std::io::Result<Vec<String>> {
    Ok(std::fs::read_to_string(path)?
        .lines()
        .map(str::to_owned)
        .collect())
}
