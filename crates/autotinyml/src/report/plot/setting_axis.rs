//! An axis along the settings of one hyperparameter.

use autotinyml_search::{Domain, Parameter, Setting};

use super::Axis;

/// A range with more settings than this gets an axis of numbers instead of one place for each.
const PLACES_MAX: usize = 12;

/// Names at equal distances, or numbers on a scale.
pub struct SettingAxis {
    /// For a plot.
    pub axis: Axis,
    /// The settings that have a place of their own, in order.
    pub places: Option<Vec<Setting>>,
}

impl SettingAxis {
    /// For these settings of a parameter.
    pub fn new<'a>(
        parameter: &Parameter,
        settings: impl Iterator<Item = &'a Setting> + Clone,
    ) -> Self {
        let numbers = settings.filter_map(number);
        let places = places(&parameter.domain, numbers.clone());
        let axis = match (&places, &parameter.domain) {
            (Some(places), _) => {
                Axis::names(&parameter.name, places.iter().map(Setting::to_string).collect())
            }
            (None, Domain::Range { log: true, .. }) => Axis::log(&parameter.name, numbers),
            (None, _) => Axis::linear(&parameter.name, numbers),
        };
        Self { axis, places }
    }

    /// Where a setting stands, as the axis counts; `None`: it has no place.
    pub fn position(&self, setting: &Setting) -> Option<f64> {
        match &self.places {
            Some(places) => places.iter().position(|p| p == setting).map(|place| place as f64),
            None => number(setting),
        }
    }
}

/// The settings that get a place of their own: all of a list, those tried of a short range with steps.
fn places(domain: &Domain, tried: impl Iterator<Item = f64>) -> Option<Vec<Setting>> {
    match domain {
        Domain::Ordered(numbers) => Some(numbers.iter().map(|&n| Setting::Number(n)).collect()),
        Domain::Unordered(names) => Some(names.iter().map(|n| Setting::Text(n.clone())).collect()),
        Domain::Range { step: None, .. } => None,
        Domain::Range { step: Some(_), .. } => {
            let mut numbers: Vec<f64> = tried.collect();
            numbers.sort_by(f64::total_cmp);
            numbers.dedup();
            let few = numbers.len() <= PLACES_MAX;
            few.then(|| numbers.into_iter().map(Setting::Number).collect())
        }
    }
}

fn number(setting: &Setting) -> Option<f64> {
    match setting {
        Setting::Number(number) => Some(*number),
        Setting::Text(_) => None,
    }
}
