//! Searches find what there is to find, and try what they say.

use matfact_core::{Error, Result};
use matfact_eval::{
    Dimension, Halving, Point, SearchSpace, grid_search, random_search, successive_halving,
};

fn bowl(point: &Point) -> Result<f64> {
    Ok((point.number("x")? - 2.0).powi(2) + (point.number("y")?.ln() - 1.0).powi(2))
}

#[test]
fn a_grid_is_every_combination() {
    let space = SearchSpace::new()
        .choices("x", [1.0, 2.0, 3.0])
        .choices("y", [1.0, 3.0]);
    let result = grid_search(&space, false, bowl).unwrap();
    assert_eq!(result.trials.len(), 6);
    let best = result.best();
    assert_eq!(
        (
            best.point.number("x").unwrap(),
            best.point.count("y").unwrap()
        ),
        (2.0, 3)
    );
    assert_eq!(best.point.to_string(), "x 2, y 3");
    let worst = grid_search(&space, true, bowl).unwrap();
    let scores = result.trials.iter().map(|trial| trial.score.unwrap());
    assert_eq!(worst.best().score, scores.reduce(f64::max));
}

#[test]
fn random_points_lie_in_the_space_and_repeat() {
    let space = SearchSpace::new()
        .uniform("x", -1.0, 5.0)
        .log_uniform("y", 0.01, 100.0)
        .choices("z", [7.0, 8.0]);
    let result = random_search(&space, 200, 3, false, bowl).unwrap();
    let mut small = 0;
    for trial in &result.trials {
        let [x, y, z] = ["x", "y", "z"].map(|name| trial.point.number(name).unwrap());
        assert!((-1.0..=5.0).contains(&x) && (0.01..=100.0).contains(&y) && (z == 7.0 || z == 8.0));
        small += usize::from(y < 1.0);
    }
    // Half of the orders of magnitude are below 1.
    assert!((70..130).contains(&small), "{small}");
    assert!(result.best().score.unwrap() < 0.5);
    assert_eq!(result, random_search(&space, 200, 3, false, bowl).unwrap());
    let fewer = random_search(&space, 10, 3, false, bowl).unwrap();
    assert_eq!(fewer.trials[..], result.trials[..10]);
    assert_ne!(result, random_search(&space, 200, 4, false, bowl).unwrap());
}

#[test]
fn halving_spends_more_on_fewer() {
    let space = SearchSpace::new()
        .uniform("x", 0.0, 4.0)
        .log_uniform("y", 0.1, 100.0);
    let halving = Halving::new(18, 2, 20).factor(3).seed(1);
    let result = successive_halving(&space, &halving, false, |point, budget| {
        Ok(bowl(point)? + 0.1 / budget as f64)
    })
    .unwrap();
    let budgets = |budget| result.trials.iter().filter(|t| t.budget == budget).count();
    assert_eq!([budgets(2), budgets(6), budgets(20)], [18, 6, 2]);
    assert_eq!(halving.rounds().unwrap(), [(18, 2), (6, 6), (2, 20)]);
    // Here budgets do not change the order: the best of the first round goes on to the end.
    let first = &result.trials[..18];
    let best = first
        .iter()
        .min_by(|a, b| a.score.unwrap().total_cmp(&b.score.unwrap()));
    assert_eq!(result.best().point, best.unwrap().point);
}

#[test]
fn rounds_are_known_before() {
    let space = SearchSpace::new().uniform("x", 0.0, 1.0);
    for (samples, least, largest, factor) in
        [(1, 1, 27, 3), (2, 1, 27, 3), (7, 5, 5, 2), (40, 2, 100, 4)]
    {
        let halving = Halving::new(samples, least, largest).factor(factor);
        let mut seen: Vec<(usize, usize)> = Vec::new();
        successive_halving(&space, &halving, false, |point, budget| {
            match seen.last_mut() {
                Some((points, own)) if *own == budget => *points += 1,
                _ => seen.push((1, budget)),
            }
            point.number("x")
        })
        .unwrap();
        assert_eq!(halving.rounds().unwrap(), seen);
    }
    assert!(Halving::new(3, 0, 9).rounds().is_err());
}

#[test]
fn failures_are_noted_and_never_win() {
    let space = SearchSpace::new().choices("x", [1.0, 2.0, 3.0]);
    let score = |point: &Point| match point.count("x")? {
        1 => Err(Error::invalid_parameter("rank", 1, "larger")),
        2 => Ok(f64::NAN),
        _ => Ok(9.0),
    };
    let result = grid_search(&space, false, score).unwrap();
    assert_eq!(result.best().score, Some(9.0));
    assert!(result.trials[0].failure.as_ref().unwrap().contains("rank"));
    assert!(
        result.trials[1]
            .failure
            .as_ref()
            .unwrap()
            .contains("not a number")
    );
    let none = SearchSpace::new().choices("x", [1.0]);
    let error = grid_search(&none, false, score).unwrap_err().to_string();
    assert!(error.contains("rank = 1"), "{error}");
    let all_fail = successive_halving(&none, &Halving::new(3, 1, 9), true, |p, _| score(p));
    assert!(all_fail.is_err());
}

#[test]
fn bad_spaces_are_refused_by_name() {
    let named = |space: SearchSpace, part: &str| {
        let error = space.sample(1, 0).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    let one = || SearchSpace::new().choices("x", [1.0]);
    named(SearchSpace::new(), "at least one hyper-parameter");
    named(one().choices("x", [2.0]), "given once");
    named(SearchSpace::new().choices("rank", []), "rank");
    named(SearchSpace::new().choices("rank", [f64::NAN]), "rank");
    named(SearchSpace::new().uniform("rate", 2.0, 1.0), "rate");
    named(
        SearchSpace::new().uniform("rate", 0.0, f64::INFINITY),
        "rate",
    );
    named(SearchSpace::new().log_uniform("rate", 0.0, 1.0), "rate");
    let interval = SearchSpace::new().dimension("rate", Dimension::Uniform(0.0, 1.0));
    assert!(interval.grid().unwrap_err().to_string().contains("no grid"));
    assert!(one().sample(0, 0).is_err());
    for bad in [
        Halving::new(3, 0, 9),
        Halving::new(3, 9, 3),
        Halving::new(3, 1, 9).factor(1),
    ] {
        assert!(successive_halving(&one(), &bad, true, |_, _| Ok(0.0)).is_err());
    }
    assert!(successive_halving(&one(), &Halving::new(0, 1, 9), true, |_, _| Ok(0.0)).is_err());
    let point = &one().grid().unwrap()[0];
    assert!(
        point
            .number("y")
            .unwrap_err()
            .to_string()
            .contains("one of the space: x")
    );
    let negative = &SearchSpace::new().choices("x", [-3.0]).grid().unwrap()[0];
    assert!(negative.count("x").is_err());
}
