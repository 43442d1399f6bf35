//! Spaces: counting, conditions, settings to configurations and back, refusals.

use std::collections::HashSet;

use autotinyml_search::{Condition, Domain, Parameter, Setting, Space, SpaceError};
use proptest::prelude::*;

fn numbers(name: &str, numbers: &[f64]) -> Parameter {
    Parameter { name: name.to_owned(), domain: Domain::Ordered(numbers.to_vec()), when: None }
}

fn categories(name: &str, categories: &[&str]) -> Parameter {
    let categories = categories.iter().map(|&category| category.to_owned()).collect();
    Parameter { name: name.to_owned(), domain: Domain::Unordered(categories), when: None }
}

fn range(name: &str, low: f64, high: f64, step: Option<f64>, log: bool) -> Parameter {
    let domain = Domain::Range { low, high, step, log };
    Parameter { name: name.to_owned(), domain, when: None }
}

fn only_when(mut parameter: Parameter, on: &str, is: &[Setting], negated: bool) -> Parameter {
    parameter.when = Some(Condition { parameter: on.to_owned(), is: is.to_vec(), negated });
    parameter
}

const ACTIVATIONS: [&str; 4] = ["relu", "sigmoid", "selu", "tanh"];

/// Experiment 1 of the talk; `filters` and `units` are what its two boards differ in.
fn experiment_1(filters: &[f64], units: &[f64]) -> Space {
    Space::new(vec![
        numbers("filters", filters),
        categories("conv_activation", &ACTIVATIONS),
        numbers("kernel", &[1.0, 2.0]),
        numbers("pool", &[1.0, 2.0]),
        numbers("dropout", &[0.1, 0.2, 0.3]),
        numbers("units", units),
        categories("dense_activation", &ACTIVATIONS),
        categories("optimizer", &["adam", "sgd", "rmsprop", "adadelta", "adamax"]),
    ])
    .unwrap()
}

#[test]
fn the_talks_spaces_have_the_talks_sizes() {
    let (big, tiny) = ([16.0, 32.0, 64.0, 128.0, 256.0], [8.0, 16.0, 32.0, 64.0, 128.0, 256.0]);
    assert_eq!(experiment_1(&big, &big).size(), Some(24_000));
    let space = experiment_1(&tiny, &tiny);
    assert_eq!(space.size(), Some(34_560));
    assert_eq!(space.enumerate().collect::<HashSet<_>>().len(), 34_560);
}

#[test]
fn inactive_parameters_are_counted_once() {
    let number = Setting::Number;
    let space = Space::new(vec![
        numbers("depth", &[1.0, 2.0, 3.0]),
        only_when(numbers("second", &[8.0, 16.0]), "depth", &[number(2.0), number(3.0)], false),
        only_when(categories("third", &["a", "b", "c"]), "depth", &[number(3.0)], false),
        only_when(numbers("wide", &[1.0, 2.0, 3.0, 4.0]), "second", &[number(8.0)], true),
        range("rate", 1.0, 2.0, Some(0.5), false),
    ])
    .unwrap();
    // depth 1: 1; depth 2: 8 → 1, 16 → 4; depth 3: the same, times 3; all times 3 rates.
    assert_eq!(space.size(), Some((1 + 5 + 15) * 3));
    let all: Vec<_> = space.enumerate().collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 63);
    assert!(all.is_sorted());
}

#[test]
fn an_inactive_switch_activates_nothing_even_negated() {
    let space = Space::new(vec![
        categories("kind", &["plain", "deep"]),
        only_when(
            numbers("depth", &[1.0, 2.0]),
            "kind",
            &[Setting::Text("deep".to_owned())],
            false,
        ),
        only_when(numbers("width", &[1.0, 2.0]), "depth", &[Setting::Number(1.0)], true),
    ])
    .unwrap();
    assert_eq!(space.size(), Some(1 + 1 + 2));
}

#[test]
fn many_switches_are_counted_without_walking_through_them() {
    let levels: Vec<f64> = (0..1000).map(f64::from).collect();
    let mut parameters = vec![numbers("p0", &levels)];
    for index in 1..12 {
        let parameter = numbers(&format!("p{index}"), &levels);
        let on = format!("p{}", index - 1);
        parameters.push(only_when(parameter, &on, &[Setting::Number(0.0)], false));
    }
    // Every switch but the last: 999 levels end the chain, one goes on; the last has 1000 ends.
    assert_eq!(Space::new(parameters).unwrap().size(), Some(11 * 999 + 1000));
}

#[test]
fn a_space_without_parameters_has_one_configuration() {
    let space = Space::new(vec![]).unwrap();
    assert_eq!(space.size(), Some(1));
    let only = space.configuration(&[]).unwrap();
    assert!(space.enumerate().eq([only.clone()]));
    assert_eq!(space.settings(&only), []);
}

#[test]
fn a_range_without_step_is_infinite() {
    let space = Space::new(vec![range("rate", 1e-5, 1e-1, None, true)]).unwrap();
    assert_eq!(space.size(), None);
    assert_eq!(space.enumerate().count(), 0);
}

#[test]
fn what_is_wrong_is_said() {
    let error = |parameters| Space::new(parameters).unwrap_err().to_string();
    let seven = [Setting::Number(7.0)];
    let messages = [
        error(vec![numbers("a", &[1.0]), numbers("a", &[2.0])]),
        error(vec![numbers("a", &[])]),
        error(vec![numbers("a", &[2.0, 1.0, 2.0])]),
        error(vec![numbers("a", &[f64::NAN])]),
        error(vec![categories("a", &["x", "x"])]),
        error(vec![range("a", 2.0, 1.0, None, false)]),
        error(vec![range("a", 0.0, 1.0, None, true)]),
        error(vec![range("a", 0.0, 1.0, Some(2.0), false)]),
        error(vec![only_when(numbers("a", &[1.0]), "b", &seven, false), numbers("b", &[7.0])]),
        error(vec![numbers("b", &[1.0, 2.0]), only_when(numbers("a", &[1.0]), "b", &seven, false)]),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r"
    parameter `a` is declared twice
    parameter `a`: expected at least one setting
    parameter `a`: 2 is listed twice
    parameter `a`: NaN is not a finite number
    parameter `a`: x is listed twice
    parameter `a`: expected finite numbers with low < high, got 2 and 1
    parameter `a`: a logarithmic range must begin above 0, not at 0
    parameter `a`: a step must be above 0 and at most high - low = 1
    parameter `a` depends on `b`, which is not declared before it
    parameter `b` cannot be 7: expected one of 1, 2
    ");
}

#[test]
fn settings_that_make_no_configuration_are_refused() {
    let space = Space::new(vec![
        numbers("filters", &[8.0, 16.0]),
        only_when(categories("activation", &["relu"]), "filters", &[Setting::Number(16.0)], false),
    ])
    .unwrap();
    let number = |name: &str, number| (name.to_owned(), Setting::Number(number));
    let activation = |name: &str| ("activation".to_owned(), Setting::Text(name.to_owned()));
    let error = |settings: &[_]| space.configuration(settings).unwrap_err();
    assert_eq!(error(&[number("units", 1.0)]), SpaceError::Unknown("units".to_owned()));
    assert_eq!(error(&[number("filters", 16.0)]), SpaceError::Missing("activation".to_owned()));
    let message = error(&[number("filters", 9.0)]).to_string();
    assert_eq!(message, "parameter `filters` cannot be 9: expected one of 8, 16");

    let idle = space.configuration(&[number("filters", 8.0), activation("relu")]);
    assert_eq!(idle, space.configuration(&[number("filters", 8.0)]), "not active: no matter");
    let message = error(&[number("filters", 8.0), activation("rule")]).to_string();
    assert_eq!(message, "parameter `activation` cannot be rule: expected one of relu");
}

fn any_domain() -> impl Strategy<Value = Domain> {
    let numbers = prop::collection::btree_set(-1000_i32..1000, 1..8);
    let categories = prop::collection::btree_set("[a-z]{1,5}", 1..6);
    let range = (0.001..100.0, 0.01..1000.0, prop::option::of(0.001..1.0), any::<bool>());
    prop_oneof![
        numbers
            .prop_map(|set| Domain::Ordered(set.into_iter().map(|n| f64::from(n) * 0.1).collect())),
        categories.prop_map(|set| Domain::Unordered(set.into_iter().collect())),
        range.prop_map(|(low, width, share, log): (f64, f64, Option<f64>, bool)| {
            let step = share.map(|share| share * width);
            Domain::Range { low, high: low + width, step, log }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What a store writes, it reads back as the same configuration.
    #[test]
    fn settings_name_one_configuration(domains in prop::collection::vec(any_domain(), 1..6)) {
        let named = domains.into_iter().enumerate();
        let parameters =
            named.map(|(i, domain)| Parameter { name: format!("p{i}"), domain, when: None }).collect();
        let space = Space::new(parameters).unwrap();
        for configuration in space.enumerate().step_by(7).take(50) {
            let settings: Vec<(String, Setting)> =
                space.settings(&configuration).into_iter().map(|(n, s)| (n.to_owned(), s)).collect();
            let text = serde_json::to_string(&settings).unwrap();
            let read: Vec<(String, Setting)> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(space.configuration(&read).unwrap(), configuration.clone());
            for (name, setting) in settings {
                prop_assert_eq!(space.setting(&configuration, &name), Some(setting));
            }
        }
    }
}
