//! Temporary.
use matfact_report::*;
fn main() {
    let mut rank = LineChart::new("rmse by rank", Axis::automatic("rank"), Axis::linear("rmse")).note("Lower is better.");
    for (s, name) in ["als", "sgd", "svdpp", "masked-nmf", "ials", "bpr", "warp", "logistic", "popularity"].iter().enumerate() {
        let mut series = Series::new(*name);
        for (r, x) in [10.0, 20.0, 50.0].iter().enumerate() {
            let y = 0.95 - 0.01 * s as f64 - 0.004 * r as f64;
            series = series.measured(*x, y, Some((y - 0.008, y + 0.008)), format!("{name} {x}"));
        }
        rank = rank.series(series);
    }
    let mut two = LineChart::new("ndcg@10 by time", Axis::automatic("seconds of a fit"), Axis::linear("ndcg@10")).note("Higher is better.");
    for name in ["als", "sgd"] {
        let k = if name == "als" { 1.0 } else { 0.3 };
        two = two.series(Series::new(name).point(0.05 * k, 0.12).point(0.2 * k, 0.14).point(1.9 * k, 0.15));
    }
    let mut conv = Series::new("objective");
    for i in 1..120 { conv = conv.point(i as f64, 1000.0 / (i as f64).powf(1.3) + 3.0); }
    let conv = LineChart::new("Objective by iteration", Axis::linear("iteration"), Axis::automatic("Objective")).series(conv);
    let map = (0..30).fold(HeatMap::new("Factors of items", "item", "component").note("The first 30 of 1 682 items, the first 24 of 32 components."), |m, i| {
        m.row(format!("Star Wars part {i} (1977)"), (0..24).map(move |j| ((i * 31 + j * 17) as f64 * 0.37).sin()))
    });
    let lists = (0..7).map(|c| (0..10).fold(List::new(format!("Component {c}")), |l, e| l.entry(format!("The quite long title of film {e} (19{e}0)"), (1.0 - 0.08 * e as f64) * if e % 3 == 0 { -1.0 } else { 1.0 })));
    let table = (0..6).fold(Table::new("* best of its column; ± half of what holds for 95 % of other users", ["algorithm", "rank", "rmse", "mae", "ndcg@10", "recall@20", "behind", "seconds", "iterations"]), |t, r| t.row(["als".to_owned(), (10 * r).to_string(), "0.9123 ± 0.0087".into(), "0.7190 ± 0.0067 *".into(), "0.1234 ± 0.0111".into(), "0.1901 ± 0.0120".into(), "+0.0123 (+0.0101 to +0.0150)".into(), "0.342".into(), "15".into()])).marked(2);
    let html = Report::new("Comparison on ratings.tsv").summary("943 x 1 682, 100 000 entries, measured on 10 % of the ratings. Best by rmse: svdpp 50 with 0.9012.")
        .section("Results", [Block::Table(table)])
        .section("By rank", [Block::Lines(rank), Block::Lines(two.clone())])
        .section("Convergence", [Block::Lines(conv), Block::Lines(two.points_alone())])
        .section("Components of svdpp 50", [Block::Text("The 10 items with the largest weights; blue pulls one way, red the other.".into()), Block::Lists(lists.collect())])
        .section("Factors of svdpp 50", [Block::Heat(map)])
        .section("Configuration", [Block::Code("Save as run.toml to repeat this run".into(), "# matfact compare --config FILE\ninput = \"ratings.tsv\"\nalgorithms = [\"als\", \"sgd\"]\n".into())])
        .to_html();
    print!("{html}");
}
