//! What one parameter may be, and its levels: indices into a finite domain, or the bits of a real.

use std::fmt;

use super::{Axis, Setting};

/// The settings that a parameter may take.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Numbers whose order matters; encoded by rank.
    Ordered(Vec<f64>),
    /// Categories without order.
    Unordered(Vec<String>),
    /// Numbers from `low` to `high`, both included.
    Range {
        /// Least number.
        low: f64,
        /// Greatest number (the last step may fall short of it).
        high: f64,
        /// Distance of neighbouring numbers, from `low` on; `None`: every real number between.
        step: Option<f64>,
        /// Encode and draw by the logarithm.
        log: bool,
    },
}

/// More levels than this are a range that was meant to be continuous.
const LEVELS_MAX: f64 = 1e9;

/// Steps are counted, and numbers found on a list, with this relative tolerance.
const TOLERANCE: f64 = 1e-9;

impl Domain {
    /// Sorts a list of numbers and refuses what is no domain, saying why.
    pub(super) fn prepare(&mut self) -> Result<(), String> {
        match self {
            Self::Ordered(numbers) => {
                if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
                    return Err(format!("{number} is not a finite number"));
                }
                numbers.sort_by(f64::total_cmp);
                refuse_repeats(numbers)
            }
            Self::Unordered(categories) => {
                let mut sorted = categories.clone();
                sorted.sort();
                refuse_repeats(&sorted)
            }
            Self::Range { low, high, step, log } => {
                if !(low.is_finite() && high.is_finite() && low < high) {
                    return Err(format!(
                        "expected finite numbers with low < high, got {low} and {high}"
                    ));
                }
                if *log && *low <= 0.0 {
                    return Err(format!("a logarithmic range must begin above 0, not at {low}"));
                }
                if step.is_some_and(|step| !(step > 0.0 && step <= *high - *low)) {
                    return Err(format!(
                        "a step must be above 0 and at most high - low = {}",
                        *high - *low
                    ));
                }
                if step.is_some_and(|step| (*high - *low) / step > LEVELS_MAX) {
                    return Err("more than a billion steps: leave the step out".to_owned());
                }
                Ok(())
            }
        }
    }

    pub(crate) fn axis(&self) -> Axis {
        if matches!(self, Self::Unordered(_)) { Axis::Categorical } else { Axis::Numeric }
    }

    /// Number of categories; `None` for numbers.
    pub(crate) fn categories(&self) -> Option<usize> {
        if let Self::Unordered(categories) = self { Some(categories.len()) } else { None }
    }

    /// Number of levels; `None` for a continuous range.
    pub(crate) fn levels(&self) -> Option<u64> {
        match self {
            Self::Ordered(numbers) => Some(numbers.len() as u64),
            Self::Unordered(categories) => Some(categories.len() as u64),
            Self::Range { low, high, step, .. } => {
                step.map(|step| ((high - low) / step + TOLERANCE).floor() as u64 + 1)
            }
        }
    }

    pub(super) fn setting(&self, level: u64) -> Setting {
        match self {
            Self::Unordered(categories) => Setting::Text(categories[level as usize].clone()),
            _ => Setting::Number(self.number(level)),
        }
    }

    /// The level of a setting; `None` if it is not in the domain.
    pub(super) fn level(&self, setting: &Setting) -> Option<u64> {
        let near = |a: f64, b: f64| (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
        match (self, setting) {
            (Self::Ordered(numbers), Setting::Number(number)) => {
                numbers.iter().position(|n| near(*n, *number)).map(|index| index as u64)
            }
            (Self::Unordered(categories), Setting::Text(text)) => {
                categories.iter().position(|category| category == text).map(|index| index as u64)
            }
            (Self::Range { low, step: Some(step), .. }, Setting::Number(number)) => {
                let steps = (number - low) / step;
                let on_a_step = (steps - steps.round()).abs() <= 1e-6 && steps.round() >= 0.0;
                let level = steps.round() as u64;
                (on_a_step && level < self.levels()?).then_some(level)
            }
            (Self::Range { low, high, step: None, .. }, Setting::Number(number)) => {
                (*low..=*high).contains(number).then(|| real(*number))
            }
            _ => None,
        }
    }

    /// The coordinate of a level: in `[0, 1]`, or a category's index.
    pub(super) fn encode(&self, level: u64) -> f64 {
        match self {
            Self::Unordered(_) => level as f64,
            Self::Ordered(numbers) if numbers.len() == 1 => 0.5,
            Self::Ordered(numbers) => level as f64 / (numbers.len() - 1) as f64,
            Self::Range { .. } => self.position(self.number(level)),
        }
    }

    /// The level at a place on the unit interval. The levels of a list or of even steps share it
    /// equally; on a logarithmic range it is the nearest level, so that every factor weighs the same.
    pub(crate) fn at(&self, unit: f64) -> u64 {
        match (self, self.levels()) {
            (Self::Range { log: true, low, step: Some(step), .. }, Some(levels)) => {
                let steps = ((self.number_at(unit) - low) / step).round();
                (steps as u64).min(levels - 1)
            }
            (_, Some(levels)) => ((unit * levels as f64) as u64).min(levels - 1),
            (_, None) => real(self.number_at(unit)),
        }
    }

    /// The place of a level on the unit interval: the middle of what [`Self::at`] maps to it.
    pub(crate) fn unit(&self, level: u64) -> f64 {
        match (self, self.levels()) {
            (Self::Range { log: true, .. }, _) | (_, None) => self.position(self.number(level)),
            (_, Some(levels)) => (level as f64 + 0.5) / levels as f64,
        }
    }

    /// The part of the unit interval that [`Self::at`] maps to a level: from, to. That of a real number
    /// is a point.
    pub(crate) fn cell(&self, level: u64) -> (f64, f64) {
        match (self, self.levels()) {
            (Self::Range { low, high, step: Some(step), log: true }, Some(levels)) => {
                let edge = |steps: f64| self.position((low + steps * step).clamp(*low, *high));
                let from = if level == 0 { 0.0 } else { edge(level as f64 - 0.5) };
                (from, if level + 1 == levels { 1.0 } else { edge(level as f64 + 0.5) })
            }
            (_, Some(levels)) => (level as f64 / levels as f64, (level + 1) as f64 / levels as f64),
            (_, None) => (self.unit(level), self.unit(level)),
        }
    }

    fn number(&self, level: u64) -> f64 {
        match self {
            Self::Ordered(numbers) => numbers[level as usize],
            Self::Range { low, high, step: Some(step), .. } => {
                (low + level as f64 * step).min(*high)
            }
            Self::Range { step: None, .. } => f64::from_bits(level),
            Self::Unordered(_) => unreachable!("categories are no numbers"),
        }
    }

    /// Where a number of a range lies between its ends, 0 to 1.
    fn position(&self, number: f64) -> f64 {
        match self {
            Self::Range { low, high, log: true, .. } => (number / low).ln() / (high / low).ln(),
            Self::Range { low, high, .. } => (number - low) / (high - low),
            _ => unreachable!("lists are encoded by rank"),
        }
    }

    /// The inverse of [`Self::position`].
    fn number_at(&self, position: f64) -> f64 {
        match self {
            Self::Range { low, high, log: true, .. } => {
                (low * (high / low).powf(position)).clamp(*low, *high)
            }
            Self::Range { low, high, .. } => (low + position * (high - low)).clamp(*low, *high),
            _ => unreachable!("lists are decoded by index"),
        }
    }
}

/// The bits of a real number, the same for both zeros.
fn real(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

fn refuse_repeats<T: PartialEq + fmt::Display>(sorted: &[T]) -> Result<(), String> {
    if sorted.is_empty() {
        return Err("expected at least one setting".to_owned());
    }
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("{} is listed twice", pair[0])),
        None => Ok(()),
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ordered(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
                write!(f, "one of {}", numbers.join(", "))
            }
            Self::Unordered(categories) => write!(f, "one of {}", categories.join(", ")),
            Self::Range { low, high, step: Some(step), .. } => {
                write!(f, "{low} to {high} in steps of {step}")
            }
            Self::Range { low, high, step: None, .. } => write!(f, "{low} to {high}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_numeric() -> impl Strategy<Value = Domain> {
        let list = prop::collection::btree_set(-99_i32..99, 1..9);
        let range = (0.01..10.0, 0.1..100.0, prop::option::of(0.01..1.0), any::<bool>());
        prop_oneof![
            list.prop_map(|set| Domain::Ordered(set.into_iter().map(f64::from).collect())),
            range.prop_map(|(low, width, share, log): (f64, f64, Option<f64>, bool)| {
                let step = share.map(|share| share * width);
                Domain::Range { low, high: low + width, step, log }
            }),
        ]
    }

    proptest! {
        #[test]
        fn numbers_keep_their_order_between_0_and_1(domain in any_numeric(), a in 0.0..1.0, b in 0.0..1.0) {
            let [a, b] = [a, b].map(|unit| domain.at(unit));
            let [x, y] = [a, b].map(|level| domain.encode(level));
            prop_assert!((0.0..=1.0).contains(&x));
            prop_assert_eq!(domain.number(a).total_cmp(&domain.number(b)), x.total_cmp(&y));
        }

        #[test]
        fn every_level_has_its_place(domain in any_numeric()) {
            for level in 0..domain.levels().unwrap_or(0) {
                let found = domain.at(domain.unit(level));
                prop_assert_eq!(found, level);
            }
        }

        /// Side by side they make up the unit interval, and each leads back to its level.
        #[test]
        fn cells_tile_the_unit_interval(domain in any_numeric()) {
            let mut end = 0.0;
            for level in 0..domain.levels().unwrap_or(0) {
                let (from, to) = domain.cell(level);
                prop_assert!(from == end && to > from);
                prop_assert_eq!(domain.at(from + 0.01 * (to - from)), level);
                prop_assert_eq!(domain.at(to - 0.01 * (to - from)), level);
                end = to;
            }
            prop_assert!(end == 1.0 || domain.levels().is_none());
        }

        #[test]
        fn a_real_comes_back_from_its_place(unit in 0.0..1.0, log: bool) {
            let domain = Domain::Range { low: 1e-5, high: 1e-1, step: None, log };
            let level = domain.at(unit);
            prop_assert!((domain.unit(level) - unit).abs() < 1e-9);
            prop_assert_eq!(domain.level(&domain.setting(level)), Some(level));
        }
    }

    #[test]
    fn the_middle_of_a_logarithmic_range_is_the_geometric_mean() {
        let range = |step| Domain::Range { low: 1.0, high: 100.0, step, log: true };
        let Setting::Number(middle) = range(None).setting(range(None).at(0.5)) else { panic!() };
        assert!((middle - 10.0).abs() < 1e-9);
        assert_eq!(range(Some(1.0)).setting(range(Some(1.0)).at(0.5)), Setting::Number(10.0));
    }

    #[test]
    fn a_range_ends_with_its_last_whole_step() {
        let range = Domain::Range { low: 0.0, high: 1.0, step: Some(0.3), log: false };
        assert_eq!(range.levels(), Some(4));
        assert_eq!(range.level(&Setting::Number(0.9)), Some(3));
        for outside in [1.0, 1.2, -0.3, 0.45] {
            assert_eq!(range.level(&Setting::Number(outside)), None, "{outside}");
        }
    }
}
