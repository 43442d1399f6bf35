use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::draw::stream;
use crate::space::{Condition, Parameter, Setting};

const SHRINKING: Bandwidth = Bandwidth::Shrinking { least: 0.03, category: 0.2 };

/// What SciPy and statsmodels compute: tests/reference/parzen.py.
#[derive(Deserialize)]
struct Reference {
    observations: Vec<BTreeMap<String, Setting>>,
    weights: Vec<f64>,
    queries: Vec<BTreeMap<String, Setting>>,
    log_densities: Vec<f64>,
    normal_reference: Vec<f64>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../tests/reference/parzen.json")).unwrap()
}

fn parameter(name: &str, domain: Domain) -> Parameter {
    Parameter { name: name.to_owned(), domain, when: None }
}

fn list(levels: usize) -> Domain {
    Domain::Ordered((0..levels).map(|level| level as f64).collect())
}

fn categories() -> Domain {
    Domain::Unordered(["x", "y", "z"].map(str::to_owned).to_vec())
}

fn only_where_b_is_y(name: &str, domain: Domain) -> Parameter {
    let is = vec![Setting::Text("y".to_owned())];
    let when = Condition { parameter: "b".to_owned(), is, negated: false };
    Parameter { name: name.to_owned(), domain, when: Some(when) }
}

fn space() -> Space {
    Space::new(vec![
        parameter("a", list(5)),
        parameter("b", categories()),
        parameter("c", Domain::Range { low: 1e-3, high: 10.0, step: None, log: true }),
        only_where_b_is_y("d", Domain::Range { low: 0.0, high: 1.0, step: None, log: false }),
    ])
    .unwrap()
}

fn finite() -> Space {
    let steps = Domain::Range { low: 1.0, high: 9.0, step: Some(2.0), log: true };
    Space::new(vec![
        parameter("a", list(3)),
        parameter("b", categories()),
        parameter("c", steps),
        only_where_b_is_y("d", list(4)),
    ])
    .unwrap()
}

fn configurations(space: &Space, of: &[BTreeMap<String, Setting>]) -> Vec<Configuration> {
    let settings = |one: &BTreeMap<String, Setting>| -> Vec<(String, Setting)> {
        one.iter().map(|(name, setting)| (name.clone(), setting.clone())).collect()
    };
    of.iter().map(|one| space.configuration(&settings(one)).unwrap()).collect()
}

#[test]
fn densities_are_scipys() {
    let (r, space) = (reference(), space());
    let observations = configurations(&space, &r.observations);
    let observations: Vec<&Configuration> = observations.iter().collect();
    let parzen = Parzen::fit(&space, &observations, &r.weights, 1.5, SHRINKING);
    assert_eq!(r.log_densities.len(), 30);
    for (x, expected) in configurations(&space, &r.queries).iter().zip(r.log_densities) {
        let found = parzen.log_density(x);
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
}

#[test]
fn the_normal_reference_rule_is_statsmodels() {
    let (r, space) = (reference(), space());
    let observations = configurations(&space, &r.observations);
    for (index, expected) in [(0, r.normal_reference[0]), (2, r.normal_reference[1])] {
        let levels: Vec<u64> = observations.iter().filter_map(|x| space.level(x, index)).collect();
        let domain = &space.parameters()[index].domain;
        for factor in [1.0, 3.0] {
            let found = Bandwidth::NormalReference { factor }.of(domain, &levels, 4);
            assert!((found - factor * expected).abs() < 1e-9, "{found} {expected}");
        }
    }
}

/// With and without prior, the probabilities of a finite space have the sum 1, and draws are as frequent
/// as they should be.
#[test]
fn draws_follow_the_density() {
    let space = finite();
    let rng = &mut stream(0, 0);
    let observations: Vec<Configuration> = (0..6).map(|_| space.sample(rng)).collect();
    let observations: Vec<&Configuration> = observations.iter().collect();
    for (prior, bandwidth) in [(1.0, SHRINKING), (0.0, Bandwidth::NormalReference { factor: 1.0 })]
    {
        let parzen = Parzen::fit(&space, &observations, &[1.0; 6], prior, bandwidth);
        const DRAWS: usize = 40_000;
        let mut counts: BTreeMap<Configuration, usize> = BTreeMap::new();
        for _ in 0..DRAWS {
            *counts.entry(parzen.draw(rng)).or_default() += 1;
        }
        let mut sum = 0.0;
        for x in space.enumerate() {
            let probability = parzen.log_density(&x).exp();
            sum += probability;
            let expected = probability * DRAWS as f64;
            let found = counts.get(&x).copied().unwrap_or(0) as f64;
            assert!((found - expected).abs() < 5.0 * expected.sqrt() + 5.0, "{found} {expected}");
        }
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}

/// Around one observation everything is likelier than far from it, on every kind of parameter.
#[test]
fn neighbours_are_likelier_than_strangers() {
    let space = finite();
    let all: Vec<Configuration> = space.enumerate().collect();
    let parzen = Parzen::fit(&space, &[&all[0]], &[1.0], 1.0, SHRINKING);
    let likeliest =
        all.iter().max_by(|a, b| parzen.log_density(a).total_cmp(&parzen.log_density(b)));
    assert_eq!(likeliest, Some(&all[0]));
    assert!(parzen.log_density(&all[1]) > parzen.log_density(all.last().unwrap()));
}
