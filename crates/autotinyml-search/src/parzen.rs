//! Parzen estimators of mixed spaces: where configurations lie that have something in common.
//!
//! p(x) = Σᵢ wᵢ Πₐ kₐ(x, xᵢ)
//!
//! The kernels are multiplied over the parameters before they are summed over the observations
//! (multivariate), so that what goes together is seen together.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | xᵢ, wᵢ | an observed configuration and its weight; the prior, if there is one, is one more | n, n |
//! | a | a parameter | d |
//! | kₐ | a truncated Gaussian on the unit interval, for lists its mass in the level's part of it; for categories Aitchison & Aitken's (1976): 1 − b at the same category, b shared by the others | – |
//! | b | bandwidth: the Gaussian's standard deviation, or the chance of another category | d |
//!
//! A parameter that an observation doesn't set has a uniform kernel there: so has the prior everywhere. One
//! that x doesn't set plays no part. That is the distribution of what [`Parzen::draw`] draws, since which
//! parameters are active follows from the settings before them.

mod bandwidth;
mod crowd;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::normal;
use crate::space::{Axis, Configuration, Domain, Space};

pub(crate) use bandwidth::Bandwidth;
pub(crate) use crowd::{crowd, most};

/// Lists up to this length have a table of their kernel. The levels of longer ones are so many that the
/// density at a level's place says how it compares with others.
const TABLE_LEVELS_MAX: u64 = 64;

/// An estimator of a density over a space.
pub(crate) struct Parzen<'a> {
    space: &'a Space,
    /// wᵢ, with sum 1.
    weights: Vec<f64>,
    kernels: Vec<Kernels>,
}

/// The kernels of one parameter, one around each observation.
enum Kernels {
    /// `table[x · (levels + 1) + xᵢ]` is k(x, xᵢ); the last xᵢ stands for "not set".
    Levels { levels: usize, centres: Vec<usize>, table: Vec<f64> },
    /// ln k(x, xᵢ) = −`falloffs[i]` (x − `centres[i]`)² + `heights[i]`; both are 0 for "not set".
    Gaussian { centres: Vec<f64>, falloffs: Vec<f64>, heights: Vec<f64>, sigma: f64 },
}

impl<'a> Parzen<'a> {
    /// The estimator with a kernel around each observation, `weights[i]` its share (of any sum), and one
    /// of weight `prior` that is uniform over the space. Something must have a weight.
    pub(crate) fn fit(
        space: &'a Space,
        observations: &[&Configuration],
        weights: &[f64],
        prior: f64,
        bandwidth: Bandwidth,
    ) -> Self {
        let sum = weights.iter().sum::<f64>() + prior;
        let mut weights: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
        if prior > 0.0 {
            weights.push(prior / sum);
        }
        let kernels = (0..space.len())
            .map(|index| {
                let domain = &space.parameters()[index].domain;
                let mut centres: Vec<Option<u64>> =
                    observations.iter().map(|x| space.level(x, index)).collect();
                let set: Vec<u64> = centres.iter().flatten().copied().collect();
                let sigma = bandwidth.of(domain, &set, space.len());
                centres.resize(weights.len(), None);
                Kernels::new(domain, &centres, sigma)
            })
            .collect();
        Self { space, weights, kernels }
    }

    /// ln p(x). Real numbers have a density on the unit interval, all else has a probability.
    pub(crate) fn log_density(&self, x: &Configuration) -> f64 {
        let mut products = self.weights.clone();
        let mut exponents = vec![0.0; products.len()];
        for (index, kernels) in self.kernels.iter().enumerate() {
            let Some(level) = self.space.level(x, index) else { continue };
            match kernels {
                Kernels::Levels { levels, centres, table } => {
                    let row = &table[level as usize * (levels + 1)..][..levels + 1];
                    for (product, &centre) in products.iter_mut().zip(centres) {
                        *product *= row[centre];
                    }
                }
                Kernels::Gaussian { centres, falloffs, heights, .. } => {
                    let at = self.space.parameters()[index].domain.unit(level);
                    let terms = centres.iter().zip(falloffs).zip(heights);
                    for (exponent, ((centre, falloff), height)) in exponents.iter_mut().zip(terms) {
                        *exponent += height - falloff * (at - centre) * (at - centre);
                    }
                }
            }
        }
        let density: f64 = products.iter().zip(&exponents).map(|(p, e)| p * e.exp()).sum();
        density.ln()
    }

    /// Draws from the density.
    pub(crate) fn draw(&self, rng: &mut Xoshiro256PlusPlus) -> Configuration {
        let chosen = choose(self.weights.iter().copied(), rng);
        self.space.complete(|index, domain| self.kernels[index].draw(chosen, domain, rng))
    }
}

impl Kernels {
    fn new(domain: &Domain, centres: &[Option<u64>], sigma: f64) -> Self {
        match domain.levels() {
            Some(levels) if levels <= TABLE_LEVELS_MAX => {
                let levels = levels as usize;
                let mut table = vec![0.0; levels * (levels + 1)];
                for x in 0..levels {
                    for centre in 0..levels {
                        table[x * (levels + 1) + centre] =
                            mass(domain, x as u64, centre as u64, sigma);
                    }
                    table[x * (levels + 1) + levels] = uniform(domain, x as u64);
                }
                let centres = centres.iter().map(|level| level.map_or(levels, |l| l as usize));
                Self::Levels { levels, centres: centres.collect(), table }
            }
            _ => {
                let falloff = 0.5 / (sigma * sigma);
                let height = |centre: f64| {
                    let inside = Truncated { centre, sigma }.mass(0.0, 1.0);
                    -(std::f64::consts::TAU.sqrt() * sigma * inside).ln()
                };
                let units: Vec<Option<f64>> =
                    centres.iter().map(|level| level.map(|level| domain.unit(level))).collect();
                Self::Gaussian {
                    centres: units.iter().map(|unit| unit.unwrap_or(0.5)).collect(),
                    falloffs: units.iter().map(|unit| unit.map_or(0.0, |_| falloff)).collect(),
                    heights: units.iter().map(|unit| unit.map_or(0.0, height)).collect(),
                    sigma,
                }
            }
        }
    }

    /// A level drawn from the kernel around one observation.
    fn draw(&self, observation: usize, domain: &Domain, rng: &mut Xoshiro256PlusPlus) -> u64 {
        match self {
            Self::Levels { levels, centres, table } => {
                let centre = centres[observation];
                choose((0..*levels).map(|x| table[x * (levels + 1) + centre]), rng) as u64
            }
            Self::Gaussian { falloffs, .. } if falloffs[observation] == 0.0 => {
                domain.at(rng.random())
            }
            Self::Gaussian { centres, sigma, .. } => {
                let kernel = Truncated { centre: centres[observation], sigma: *sigma };
                domain.at(kernel.draw(rng))
            }
        }
    }
}

/// k(x, centre) of a list.
fn mass(domain: &Domain, x: u64, centre: u64, bandwidth: f64) -> f64 {
    let levels = domain.levels().unwrap_or(1);
    match domain.axis() {
        _ if levels == 1 => 1.0,
        Axis::Categorical if x == centre => 1.0 - bandwidth,
        Axis::Categorical => bandwidth / (levels - 1) as f64,
        Axis::Numeric => {
            let kernel = Truncated { centre: domain.unit(centre), sigma: bandwidth };
            let (from, to) = domain.cell(x);
            kernel.mass(from, to) / kernel.mass(0.0, 1.0)
        }
    }
}

/// Probability that a uniform draw gives this level.
fn uniform(domain: &Domain, level: u64) -> f64 {
    let (from, to) = domain.cell(level);
    to - from
}

/// A Gaussian whose centre lies in the unit interval, and which ends with it.
struct Truncated {
    centre: f64,
    sigma: f64,
}

impl Truncated {
    fn cumulative(&self, x: f64) -> f64 {
        normal::cdf((x - self.centre) / self.sigma)
    }

    /// What the whole Gaussian has between two places.
    fn mass(&self, from: f64, to: f64) -> f64 {
        self.cumulative(to) - self.cumulative(from)
    }

    fn draw(&self, rng: &mut Xoshiro256PlusPlus) -> f64 {
        let (from, to) = (self.cumulative(0.0), self.cumulative(1.0));
        let share = (from + rng.random::<f64>() * (to - from)).clamp(1e-15, 1.0 - 1e-15);
        (self.centre + self.sigma * normal::quantile(share)).clamp(0.0, 1.0)
    }
}

/// An index, each as probable as its weight; the weights have the sum 1.
fn choose(weights: impl Iterator<Item = f64>, rng: &mut Xoshiro256PlusPlus) -> usize {
    let mut left: f64 = rng.random();
    let mut last = 0;
    for (index, weight) in weights.enumerate() {
        if weight > 0.0 {
            last = index;
            if left < weight {
                break;
            }
            left -= weight;
        }
    }
    last
}

#[cfg(test)]
mod tests;
