//! The space that is searched: named parameters, the configurations they span, and the one encoding of
//! configurations to numbers that every kernel, classifier and surrogate reads.
//!
//! The encoding has one coordinate per parameter. Numbers are scaled to `[0, 1]`: lists by rank, ranges
//! by value, or by its logarithm where the range says so. Categories are their index and compare equal
//! or not. `Axis::squared_distance` measures them all, parameters that are not active included.

mod domain;
mod enumerate;

use std::collections::BTreeMap;
use std::fmt;

use rand::RngExt;
use serde::{Deserialize, Serialize};

pub use domain::Domain;

/// One thing to choose: a name, what it may be, and when it matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Unique within the space.
    pub name: String,
    /// The settings it may take.
    pub domain: Domain,
    /// The parameter is active only when this holds; `None`: always.
    pub when: Option<Condition>,
}

/// Holds when an earlier parameter is active and has (or, `negated`, has not) one of these settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Name of a parameter earlier in the list.
    pub parameter: String,
    /// Settings out of that parameter's domain.
    pub is: Vec<Setting>,
    /// True turns "has one of" into "has none of".
    pub negated: bool,
}

/// What one parameter is set to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// A number of a list or a range.
    Number(f64),
    /// A category.
    Text(String),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One point of a [`Space`]. Two are equal exactly when they set the same active parameters alike.
///
/// Per parameter: the index of its level, or the bits of a real number, or `INACTIVE`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Configuration(Box<[u64]>);

impl Configuration {
    /// Marks a parameter that is not active. As the bits of a float it would be a NaN, so no real clashes.
    const INACTIVE: u64 = u64::MAX;
}

/// The coordinate of a parameter that is not active.
pub(crate) const ABSENT: f64 = -1.0;

/// Parameters of the same domain, two or more.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// Their indices.
    pub(crate) members: Vec<usize>,
    /// How many categories they have; `None` for numbers.
    pub(crate) categories: Option<usize>,
}

/// How the coordinates of one parameter are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// Positions in `[0, 1]`.
    Numeric,
    /// Indices that are equal or different.
    Categorical,
}

impl Axis {
    /// Squared distance of two coordinates, at most 1. It is Euclidean, so that `exp(-distance²)` is a
    /// kernel: an absent number stands beside the unit segment at (½, √¾), distance 1 from both ends;
    /// an absent category is one more category.
    pub(crate) fn squared_distance(self, a: f64, b: f64) -> f64 {
        if a == b {
            return 0.0;
        }
        match self {
            Self::Categorical => 1.0,
            Self::Numeric if a == ABSENT => 0.75 + (b - 0.5).powi(2),
            Self::Numeric if b == ABSENT => 0.75 + (a - 0.5).powi(2),
            Self::Numeric => (a - b).powi(2),
        }
    }
}

/// Why a list of parameters is not a space, or settings are not a configuration of it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpaceError {
    /// Two parameters share a name.
    #[error("parameter `{0}` is declared twice")]
    Duplicate(String),
    /// The domain cannot be used.
    #[error("parameter `{parameter}`: {reason}")]
    Domain {
        /// Whose domain.
        parameter: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A condition names no earlier parameter.
    #[error("parameter `{parameter}` depends on `{on}`, which is not declared before it")]
    UnknownCondition {
        /// Whose condition.
        parameter: String,
        /// The name that was not found.
        on: String,
    },
    /// No parameter has this name.
    #[error("the space has no parameter `{0}`")]
    Unknown(String),
    /// An active parameter has no setting.
    #[error("parameter `{0}` has no setting")]
    Missing(String),
    /// The setting lies outside its domain.
    #[error("parameter `{parameter}` cannot be {setting}: expected {expected}")]
    NotInDomain {
        /// Whose setting.
        parameter: String,
        /// What was given.
        setting: Setting,
        /// The domain, in words.
        expected: String,
    },
}

/// A condition with its parameter's index and the levels of its settings.
#[derive(Clone, Debug)]
struct Dependence {
    on: usize,
    levels: Vec<u64>,
    negated: bool,
}

impl Dependence {
    fn holds(&self, level: u64) -> bool {
        level != Configuration::INACTIVE && self.levels.contains(&level) != self.negated
    }
}

/// All configurations of a list of parameters.
#[derive(Clone, Debug)]
pub struct Space {
    parameters: Vec<Parameter>,
    dependences: Vec<Option<Dependence>>,
    size: Option<u128>,
}

impl Space {
    /// Checks the parameters and puts ordered lists in ascending order. Without parameters, the space
    /// has one configuration.
    ///
    /// # Errors
    /// If a name is repeated, a domain is empty, repeats itself or makes no range, or a
    /// condition does not refer to settings of an earlier parameter.
    pub fn new(mut parameters: Vec<Parameter>) -> Result<Self, SpaceError> {
        let mut dependences = Vec::with_capacity(parameters.len());
        for index in 0..parameters.len() {
            let (earlier, rest) = parameters.split_at_mut(index);
            let parameter = &mut rest[0];
            if earlier.iter().any(|other| other.name == parameter.name) {
                return Err(SpaceError::Duplicate(parameter.name.clone()));
            }
            parameter.domain.prepare().map_err(|reason| SpaceError::Domain {
                parameter: parameter.name.clone(),
                reason,
            })?;
            let when = parameter.when.as_ref();
            dependences.push(when.map(|c| resolve(&parameter.name, c, earlier)).transpose()?);
        }
        let mut space = Self { parameters, dependences, size: None };
        let finite = space.parameters.iter().all(|parameter| parameter.domain.levels().is_some());
        space.size = if finite {
            space.count(&mut vec![Configuration::INACTIVE; space.len()], 0)
        } else {
            None
        };
        Ok(space)
    }

    /// The parameters, in the order of their coordinates.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Number of distinct configurations; `None` if a range without step makes it infinite (or if it
    /// exceeds 2¹²⁸).
    pub fn size(&self) -> Option<u128> {
        self.size
    }

    /// Every configuration once, in ascending order; none at all of an infinite space.
    pub fn enumerate(&self) -> impl Iterator<Item = Configuration> + '_ {
        enumerate::Enumerate::new(self)
    }

    /// The active parameters with their settings, in the order of the space.
    pub fn settings(&self, configuration: &Configuration) -> Vec<(&str, Setting)> {
        let levels = configuration.0.iter();
        (self.parameters.iter().zip(levels))
            .filter(|(_, level)| **level != Configuration::INACTIVE)
            .map(|(parameter, &level)| (parameter.name.as_str(), parameter.domain.setting(level)))
            .collect()
    }

    /// The setting of one parameter; `None` if it is not active or not in the space.
    pub fn setting(&self, configuration: &Configuration, name: &str) -> Option<Setting> {
        let index = self.parameters.iter().position(|parameter| parameter.name == name)?;
        let level = configuration.0[index];
        (level != Configuration::INACTIVE).then(|| self.parameters[index].domain.setting(level))
    }

    /// The configuration with these settings, one for each active parameter, in any order. Where a
    /// parameter is not active beside the others, its setting changes nothing.
    ///
    /// # Errors
    /// If a name is unknown, a setting outside its domain, or an active parameter without one.
    pub fn configuration(
        &self,
        settings: &[(String, Setting)],
    ) -> Result<Configuration, SpaceError> {
        if let Some((name, _)) =
            settings.iter().find(|(n, _)| self.parameters.iter().all(|p| p.name != *n))
        {
            return Err(SpaceError::Unknown(name.clone()));
        }
        let mut levels = vec![Configuration::INACTIVE; self.len()];
        for (index, Parameter { name, domain, .. }) in self.parameters.iter().enumerate() {
            let setting = settings.iter().find(|(n, _)| n == name).map(|(_, setting)| setting);
            let level = |setting: &Setting| {
                domain.level(setting).ok_or_else(|| SpaceError::NotInDomain {
                    parameter: name.clone(),
                    setting: setting.clone(),
                    expected: domain.to_string(),
                })
            };
            let level = setting.map(level).transpose()?;
            if self.is_active(index, &levels) {
                levels[index] = level.ok_or_else(|| SpaceError::Missing(name.clone()))?;
            }
        }
        Ok(Configuration(levels.into()))
    }

    /// Number of parameters, which is the number of coordinates.
    pub(crate) fn len(&self) -> usize {
        self.parameters.len()
    }

    /// How each coordinate is compared.
    pub(crate) fn axes(&self) -> Vec<Axis> {
        self.parameters.iter().map(|parameter| parameter.domain.axis()).collect()
    }

    /// Parameters that have the same domain, where several have.
    pub(crate) fn families(&self) -> Vec<Family> {
        let mut families: Vec<Family> = vec![];
        for (index, Parameter { domain, .. }) in self.parameters.iter().enumerate() {
            let same = |family: &&mut Family| self.parameters[family.members[0]].domain == *domain;
            match families.iter_mut().find(same) {
                Some(family) => family.members.push(index),
                None => {
                    families.push(Family { members: vec![index], categories: domain.categories() })
                }
            }
        }
        families.retain(|family| family.members.len() > 1);
        families
    }

    /// The coordinates of a configuration: one per parameter, or [`ABSENT`].
    pub(crate) fn encode(&self, configuration: &Configuration) -> Vec<f64> {
        let mut coordinates = vec![0.0; self.len()];
        self.encode_into(configuration, &mut coordinates);
        coordinates
    }

    /// Writes the coordinates of a configuration, one per parameter.
    pub(crate) fn encode_into(&self, configuration: &Configuration, coordinates: &mut [f64]) {
        for ((coordinate, &level), parameter) in
            coordinates.iter_mut().zip(&configuration.0).zip(&self.parameters)
        {
            *coordinate = if level == Configuration::INACTIVE {
                ABSENT
            } else {
                parameter.domain.encode(level)
            };
        }
    }

    /// The configuration nearest to a point of the unit cube that gives every level of a finite domain
    /// an equal share of its edge.
    pub(crate) fn at(&self, unit: &[f64]) -> Configuration {
        self.complete(|index, domain| domain.at(unit[index]))
    }

    /// A configuration with every active parameter drawn uniformly.
    pub(crate) fn sample(&self, rng: &mut impl RngExt) -> Configuration {
        self.complete(|_, domain| domain.at(rng.random()))
    }

    /// The configuration after changing one active parameter; parameters that this activates are drawn.
    pub(crate) fn exchanged(
        &self,
        configuration: &Configuration,
        index: usize,
        level: u64,
        rng: &mut impl RngExt,
    ) -> Configuration {
        self.complete(|i, domain| match configuration.0[i] {
            _ if i == index => level,
            Configuration::INACTIVE => domain.at(rng.random()),
            unchanged => unchanged,
        })
    }

    /// The level of one parameter; `None` if it is not active.
    pub(crate) fn level(&self, configuration: &Configuration, index: usize) -> Option<u64> {
        Some(configuration.0[index]).filter(|&level| level != Configuration::INACTIVE)
    }

    /// The configuration whose active parameters, first to last, get the level that `choose` returns.
    pub(crate) fn complete(&self, mut choose: impl FnMut(usize, &Domain) -> u64) -> Configuration {
        let mut levels = vec![Configuration::INACTIVE; self.len()];
        for index in 0..self.len() {
            if self.is_active(index, &levels) {
                levels[index] = choose(index, &self.parameters[index].domain);
            }
        }
        Configuration(levels.into())
    }

    fn is_active(&self, index: usize, levels: &[u64]) -> bool {
        self.dependences[index].as_ref().is_none_or(|d| d.holds(levels[d.on]))
    }

    /// Number of ways to choose the parameters from `index` on, given the levels before it. Levels that
    /// no later condition tells apart are counted together.
    fn count(&self, levels: &mut [u64], index: usize) -> Option<u128> {
        if index == self.len() {
            return Some(1);
        }
        if !self.is_active(index, levels) {
            levels[index] = Configuration::INACTIVE;
            return self.count(levels, index + 1);
        }
        let dependents: Vec<&Dependence> =
            self.dependences.iter().flatten().filter(|d| d.on == index).collect();
        let level_count = self.parameters[index].domain.levels()?;
        if dependents.is_empty() {
            levels[index] = 0;
            return self.count(levels, index + 1)?.checked_mul(u128::from(level_count));
        }
        let mut alike: BTreeMap<Vec<bool>, (u64, u128)> = BTreeMap::new();
        for level in 0..level_count {
            let activates = dependents.iter().map(|d| d.holds(level)).collect();
            alike.entry(activates).or_insert((level, 0)).1 += 1;
        }
        alike.into_values().try_fold(0_u128, |sum, (level, multiplicity)| {
            levels[index] = level;
            sum.checked_add(self.count(levels, index + 1)?.checked_mul(multiplicity)?)
        })
    }
}

fn resolve(
    name: &str,
    condition: &Condition,
    earlier: &[Parameter],
) -> Result<Dependence, SpaceError> {
    let Condition { parameter: on, is, negated } = condition;
    let index = earlier.iter().position(|parameter| parameter.name == *on).ok_or_else(|| {
        SpaceError::UnknownCondition { parameter: name.to_owned(), on: on.clone() }
    })?;
    let domain = &earlier[index].domain;
    let levels = is.iter().map(|setting| {
        domain.level(setting).ok_or_else(|| SpaceError::NotInDomain {
            parameter: on.clone(),
            setting: setting.clone(),
            expected: domain.to_string(),
        })
    });
    Ok(Dependence { on: index, levels: levels.collect::<Result<_, _>>()?, negated: *negated })
}
