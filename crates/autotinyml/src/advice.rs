//! What a user can do about a network that does not fit: what takes most, and the nearest change that
//! would fit, in the study's own hyperparameters where there are any, else in the layers' sizes; and which
//! layer's compression is to blame where programs agree too little with their networks.

use autotinyml_deploy::{
    Agreement, DeployError, Estimate, Footprint, Limits, nearest_sizes, what_takes_most,
};
use autotinyml_nn::Network;
use autotinyml_search::{Configuration, Domain, Setting, Space};

/// A configuration of a space, and how the networks of others are made.
pub struct Choice<'a> {
    /// The space.
    pub space: &'a Space,
    /// The point of it that does not fit.
    pub configuration: &'a Configuration,
    /// The network of a configuration. `None`: its layers cannot be put together.
    pub network: &'a dyn Fn(&Configuration) -> Option<Network>,
}

/// Sentences on a network that is beyond its limits or its chip; none if it is not. Without hyperparameters
/// to change, or if no change of three of them fits, the layers' sizes are changed.
///
/// # Errors
/// A defect of the planner.
pub fn advice(
    network: &Network,
    footprint: &Footprint,
    estimate: &Estimate<'_>,
    choice: Option<&Choice<'_>>,
) -> Result<Vec<String>, DeployError> {
    let shortages = estimate.limits.shortages(footprint);
    let mut sentences = what_takes_most(network, estimate.compression, &shortages, footprint)?;
    if shortages.is_empty() {
        return Ok(sentences);
    }
    let in_settings = choice.and_then(|choice| nearest_settings(choice, estimate));
    let found = in_settings.or_else(|| {
        let (changes, smaller) = nearest_sizes(network, &|network| estimate.fits(network))?;
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        Some((changes.join(", "), smaller))
    });
    sentences.push(match found {
        Some((changes, smaller)) => {
            let saved = estimate.savings(&shortages, network, &smaller);
            let verb = if changes.contains(',') { "save" } else { "saves" };
            match saved.is_empty() {
                true => format!("would fit: {changes}"),
                false => format!("would fit: {changes} {verb} {saved}"),
            }
        }
        None => "no number of filters and units would fit".to_string(),
    });
    Ok(sentences)
}

/// Whether programs agree too little with their networks.
pub fn falls_short(limits: &Limits, footprint: &Footprint) -> bool {
    let figures = footprint.cross_accuracy.zip(limits.cross_accuracy);
    figures.is_some_and(|(accuracy, limit)| accuracy < limit)
}

/// What the compression of each layer costs by itself, the dearest first; nothing if none is compressed.
pub fn costs_of_layers(layers: &[Agreement]) -> Option<String> {
    let mut layers: Vec<&Agreement> = layers.iter().collect();
    layers.sort_by(|a, b| a.accuracy.total_cmp(&b.accuracy));
    let cost =
        |layer: &&Agreement| format!("{} {:.2} %", layer.name, 100.0 * (1.0 - layer.accuracy));
    let costs: Vec<String> = layers.iter().map(cost).collect();
    (!costs.is_empty()).then(|| {
        format!(
            "what compressing each layer alone costs of the X-CROSS accuracy: {}",
            costs.join(", ")
        )
    })
}

/// Combinations of changes that are looked at, for each number of changed hyperparameters.
const COMBINATIONS_MAX: usize = 20_000;

/// Hyperparameters that are changed at most.
const CHANGES_MAX: usize = 3;

/// Places on a range that are tried, to each side.
const PLACES: usize = 8;

/// The nearest configuration that fits: of those that change the fewest hyperparameters, the one that moves
/// them least. A number moves by the share of its range or list that it passes, a category by one.
fn nearest_settings(choice: &Choice<'_>, estimate: &Estimate<'_>) -> Option<(String, Network)> {
    let Choice { space, configuration, network } = *choice;
    let settings: Vec<(String, Setting)> = (space.settings(configuration).into_iter())
        .map(|(name, setting)| (name.to_string(), setting))
        .collect();
    let others: Vec<Vec<(f64, Setting)>> = (settings.iter())
        .map(|(name, setting)| {
            let mut parameters = space.parameters().iter();
            let parameter = parameters.find(|parameter| parameter.name == *name);
            parameter.map_or(vec![], |parameter| others(&parameter.domain, setting))
        })
        .collect();
    (1..=CHANGES_MAX).find_map(|count| {
        let mut changes = combinations(&others, count)?;
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        changes.into_iter().find_map(|(_, change)| {
            let mut changed = settings.clone();
            for &(index, other) in &change {
                changed[index].1 = others[index][other].1.clone();
            }
            let network = network(&space.configuration(&changed).ok()?)?;
            let text: Vec<String> = (change.iter())
                .map(|&(index, _)| {
                    let (name, from) = &settings[index];
                    format!("{name} {from} → {}", changed[index].1)
                })
                .collect();
            estimate.fits(&network).then(|| (text.join(", "), network))
        })
    })
}

/// Other settings of a hyperparameter, each with how far it is.
fn others(domain: &Domain, setting: &Setting) -> Vec<(f64, Setting)> {
    match (domain, setting) {
        (Domain::Ordered(numbers), Setting::Number(number)) => {
            let rank = |number: &f64| numbers.partition_point(|other| other < number) as f64;
            let distance = |other: &f64| (rank(other) - rank(number)).abs() / numbers.len() as f64;
            let others = numbers.iter().filter(|other| *other != number);
            others.map(|other| (distance(other), Setting::Number(*other))).collect()
        }
        (Domain::Range { low, high, step, .. }, Setting::Number(number)) => {
            let place = |end: f64, place: usize| {
                let number = number + (end - number) * place as f64 / PLACES as f64;
                step.map_or(number, |step| low + ((number - low) / step).floor() * step)
            };
            let places = (1..=PLACES).flat_map(|i| [place(*low, i), place(*high, i)]);
            let mut places: Vec<f64> = places.filter(|place| place != number).collect();
            places.dedup();
            let distance = |place: f64| (place - number).abs() / (high - low);
            places.into_iter().map(|place| (distance(place), Setting::Number(place))).collect()
        }
        (Domain::Unordered(categories), Setting::Text(text)) => {
            let others = categories.iter().filter(|other| *other != text);
            others.map(|other| (1.0, Setting::Text(other.clone()))).collect()
        }
        _ => vec![],
    }
}

/// A change of some hyperparameters: how far it is, and of each the index and which of its others.
type Change = (f64, Vec<(usize, usize)>);

/// All changes of exactly `count` hyperparameters. `None`: too many.
fn combinations(others: &[Vec<(f64, Setting)>], count: usize) -> Option<Vec<Change>> {
    let mut changes: Vec<Change> = vec![(0.0, vec![])];
    for _ in 0..count {
        let mut longer = vec![];
        for (distance, change) in &changes {
            let first = change.last().map_or(0, |(index, _)| index + 1);
            for (index, others) in others.iter().enumerate().skip(first) {
                for (other, (further, _)) in others.iter().enumerate() {
                    let change = [&change[..], &[(index, other)]].concat();
                    longer.push((distance + further, change));
                }
            }
        }
        if longer.len() > COMBINATIONS_MAX {
            return None;
        }
        changes = longer;
    }
    Some(changes)
}
