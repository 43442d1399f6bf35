//! What trials tell of the space around them, for people to look at: the score to be expected where nothing
//! was tried, how sure that is, where configurations are feasible, and which parameters decide it.
//!
//! | symbol | meaning |
//! | --- | --- |
//! | μ(x), σ(x) | mean and standard deviation of a Gaussian process, fitted to the scores |
//! | p(x) | probability that x is feasible, of a Gaussian process fitted to the labels |
//! | S_i | total effect of parameter i on f = μ or p: the share of the variance of f over the space that is left when all other parameters are known |
//!
//! S_i is estimated as M. J. W. Jansen, Analysis of variance designs for model output, Computer Physics
//! Communications 117 (1999) 35-43, does: S_i = E[(f(x) − f(x'))²] / 2 Var f, where x' is x with parameter i
//! drawn anew. That a random forest or a Gaussian process stands in for what was not tried follows F. Hutter,
//! H. Hoos, K. Leyton-Brown, An efficient approach for assessing hyperparameter importance, ICML 2014.
//!
//! DIFFERENCE: total effects instead of main effects and interactions apart: one figure per parameter.

use std::rc::Rc;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::draw::stream;
use crate::history::History;
use crate::space::{Configuration, Domain, Setting, Space};
use crate::surrogate::gp::classifier::{classify, log_probability};
use crate::surrogate::gp::{Gp, Inputs, Prior};
use crate::surrogate::{TRIALS_MAX, best_and_latest};

/// Configurations that are drawn to estimate total effects.
const DRAWS: usize = 1000;

/// Places along a range that has more levels.
const PLACES: u64 = 33;

/// Models of score and feasibility, fitted to the trials of a history.
pub struct Landscape<'a> {
    space: &'a Space,
    score: Gp,
    /// Mean and standard deviation of the scores.
    scale: (f64, f64),
    /// `None`: all trials are alike.
    feasibility: Option<Gp>,
}

/// What is expected at one setting of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The setting.
    pub setting: Setting,
    /// μ, in the unit of the scores.
    pub score: f64,
    /// σ, likewise.
    pub deviation: f64,
    /// p, 0 to 1; `None` if all trials were feasible, or none was.
    pub feasible: Option<f64>,
}

/// How much depends on a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    /// Name of the parameter.
    pub parameter: String,
    /// S_i of the score, 0 to 1.
    pub score: f64,
    /// S_i of feasibility; `None` as for [`Place::feasible`].
    pub feasible: Option<f64>,
}

impl<'a> Landscape<'a> {
    /// Learns from the trials that were given all their epochs; from at most 200, the best and the latest.
    /// More of the score is better. `None`: there are no two different scores.
    pub fn fit(space: &'a Space, history: &History) -> Option<Self> {
        let full = || history.completed().filter(|(trial, _)| trial.epochs.is_none());
        let scored = full().filter_map(|(trial, outcome)| {
            let score = outcome.score.filter(|score| score.is_finite())?;
            Some((space.encode(&trial.configuration), score))
        });
        let (points, scores): (Vec<Vec<f64>>, Vec<f64>) = scored.unzip();
        let kept = best_and_latest(&scores, TRIALS_MAX);
        let points = kept.iter().map(|&i| points[i].clone()).collect();
        let scores: Vec<f64> = kept.iter().map(|&i| scores[i]).collect();
        let mean = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
        let squares = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>();
        let deviation = (squares / scores.len().max(1) as f64).sqrt();
        if deviation <= 1e-12 * mean.abs() {
            return None;
        }
        let targets = scores.iter().map(|score| (score - mean) / deviation).collect();
        let axes = space.axes();
        let score = Gp::fit(Rc::new(Inputs::new(&axes, points)), targets, &Prior::SCORE);
        let labelled =
            full().map(|(trial, outcome)| (space.encode(&trial.configuration), outcome.feasible));
        let (points, labels): (Vec<Vec<f64>>, Vec<bool>) = labelled.unzip();
        let mixed = labels.contains(&true) && labels.contains(&false);
        let feasibility = mixed.then(|| {
            let every = points.len().div_ceil(TRIALS_MAX);
            let points = points.into_iter().step_by(every).collect();
            let labels: Vec<bool> = labels.into_iter().step_by(every).collect();
            classify(Rc::new(Inputs::new(&axes, points)), &labels, &Prior::LABEL)
        });
        Some(Self { space, score, scale: (mean, deviation), feasibility })
    }

    /// What is expected along a parameter, all others staying as in `through`. Empty where the parameter is
    /// not active.
    pub fn slice(&self, through: &Configuration, parameter: &str) -> Vec<Place> {
        let found = self.space.parameters().iter().position(|p| p.name == parameter);
        let Some(index) = found.filter(|&i| self.space.level(through, i).is_some()) else {
            return vec![];
        };
        let domain = &self.space.parameters()[index].domain;
        let rng = &mut stream(0, index);
        let configurations: Vec<Configuration> =
            levels(domain).map(|level| self.space.exchanged(through, index, level, rng)).collect();
        let settings = configurations.iter().filter_map(|c| self.space.setting(c, parameter));
        let points: Vec<Vec<f64>> = configurations.iter().map(|c| self.space.encode(c)).collect();
        let (mean, unit) = self.scale;
        let feasible = self.feasible(&points);
        settings
            .zip(self.score.predict(&points))
            .enumerate()
            .map(|(place, (setting, (score, variance)))| Place {
                setting,
                score: mean + unit * score,
                deviation: unit * variance.sqrt(),
                feasible: feasible.as_ref().map(|feasible| feasible[place]),
            })
            .collect()
    }

    /// The total effect of every parameter, in the space's order.
    pub fn importance(&self) -> Vec<Importance> {
        let rng = &mut stream(0, 0);
        let drawn: Vec<Configuration> = (0..DRAWS).map(|_| self.space.sample(rng)).collect();
        let encoded = |configurations: &[Configuration]| -> Vec<Vec<f64>> {
            configurations.iter().map(|configuration| self.space.encode(configuration)).collect()
        };
        let points = encoded(&drawn);
        let (score, feasible) = (self.expected(&points), self.feasible(&points));
        let importance = |index: usize| {
            let changed: Vec<Configuration> =
                drawn.iter().map(|x| self.drawn_anew(x, index, rng)).collect();
            let changed = encoded(&changed);
            Importance {
                parameter: self.space.parameters()[index].name.clone(),
                score: total_effect(&score, &self.expected(&changed)),
                feasible: feasible
                    .as_ref()
                    .zip(self.feasible(&changed))
                    .map(|(before, after)| total_effect(before, &after)),
            }
        };
        (0..self.space.len()).map(importance).collect()
    }

    /// A configuration with one parameter drawn anew; one that is not active changes nothing.
    fn drawn_anew(
        &self,
        x: &Configuration,
        index: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Configuration {
        let other = self.space.parameters()[index].domain.at(rng.random());
        match self.space.level(x, index) {
            Some(_) => self.space.exchanged(x, index, other, rng),
            None => x.clone(),
        }
    }

    /// μ, in units of σ.
    fn expected(&self, points: &[Vec<f64>]) -> Vec<f64> {
        self.score.predict(points).into_iter().map(|(mean, _)| mean).collect()
    }

    /// p.
    fn feasible(&self, points: &[Vec<f64>]) -> Option<Vec<f64>> {
        let latent = self.feasibility.as_ref()?.predict(points).into_iter();
        Some(latent.map(|(mean, variance)| log_probability(mean, variance).exp()).collect())
    }
}

/// All levels, or so many evenly spread ones that a line can be drawn through them.
fn levels(domain: &Domain) -> impl Iterator<Item = u64> + '_ {
    let few = domain.levels().filter(|&levels| levels <= PLACES);
    let count = few.unwrap_or(PLACES);
    (0..count).map(move |place| match few {
        Some(_) => place,
        None => domain.at(place as f64 / (PLACES - 1) as f64),
    })
}

/// S_i, from f before and after parameter i was drawn anew.
fn total_effect(before: &[f64], after: &[f64]) -> f64 {
    let n = before.len() as f64;
    let mean = before.iter().sum::<f64>() / n;
    let variance = before.iter().map(|f| (f - mean).powi(2)).sum::<f64>() / n;
    if variance <= 0.0 {
        return 0.0;
    }
    let squares = before.iter().zip(after).map(|(f, changed)| (f - changed).powi(2)).sum::<f64>();
    (squares / (2.0 * n * variance)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Outcome, Trial};
    use crate::space::{Condition, Parameter};

    fn parameter(name: &str, domain: Domain) -> Parameter {
        Parameter { name: name.to_owned(), domain, when: None }
    }

    fn unit() -> Domain {
        Domain::Range { low: 0.0, high: 1.0, step: None, log: false }
    }

    /// The trials of a function of three numbers, drawn at random.
    fn history(space: &Space, count: usize, f: impl Fn(&[f64]) -> (f64, bool)) -> History {
        let rng = &mut stream(1, 0);
        let trial = |id| {
            let configuration = space.sample(rng);
            let (score, feasible) = f(&space.encode(&configuration));
            let outcome = Outcome { score: Some(score), feasible, values: vec![] };
            Trial::full(id, configuration, Some(outcome))
        };
        History((0..count).map(trial).collect())
    }

    /// f = 4a + 2b + 0c has the total effects 16/20, 4/20 and 0 (independent uniform numbers).
    #[test]
    fn total_effects_of_a_sum_are_its_shares_of_variance() {
        let space = Space::new(["a", "b", "c"].map(|name| parameter(name, unit())).into()).unwrap();
        let history = history(&space, 80, |x| (4.0 * x[0] + 2.0 * x[1], x[2] > 0.4));
        let importance = Landscape::fit(&space, &history).unwrap().importance();
        for (importance, expected) in importance.iter().zip([0.8, 0.2, 0.0]) {
            assert!((importance.score - expected).abs() < 0.08, "{importance:?}");
        }
        let of_feasibility: Vec<f64> = importance.iter().filter_map(|i| i.feasible).collect();
        assert!(of_feasibility[2] > 0.8 && of_feasibility[0] < 0.2 && of_feasibility[1] < 0.2);
    }

    #[test]
    fn a_slice_follows_the_function_and_its_boundary() {
        let space = Space::new(["a", "b"].map(|name| parameter(name, unit())).into()).unwrap();
        let history = history(&space, 80, |x| ((3.0 * x[0]).sin() + x[1], x[0] < 0.6));
        let landscape = Landscape::fit(&space, &history).unwrap();
        let through = space.at(&[0.2, 0.5]);
        let slice = landscape.slice(&through, "a");
        assert_eq!(slice.len() as u64, PLACES);
        for Place { setting, score, deviation, feasible } in slice {
            let Setting::Number(a) = setting else { panic!("{setting:?}") };
            assert!((score - (3.0 * a).sin() - 0.5).abs() < 0.05 + 2.0 * deviation, "at {a}");
            assert!((0.5..0.7).contains(&a) || (feasible.unwrap() > 0.5) == (a < 0.6), "at {a}");
        }
    }

    #[test]
    fn conditional_parameters_and_lists_have_slices_too() {
        let names = Domain::Unordered(vec!["adam".to_owned(), "sgd".to_owned()]);
        let is = vec![Setting::Text("adam".to_owned())];
        let when = Condition { parameter: "optimizer".to_owned(), is, negated: false };
        let rate = Parameter { when: Some(when), ..parameter("rate", unit()) };
        let space = Space::new(vec![parameter("optimizer", names), rate]).unwrap();
        let history = history(&space, 30, |x| (x[0] + x[1], true));
        let landscape = Landscape::fit(&space, &history).unwrap();
        let [adam, sgd] = [[0.2, 0.5], [0.8, 0.5]].map(|unit| space.at(&unit));
        assert_eq!(landscape.slice(&adam, "optimizer").len(), 2);
        assert_eq!(landscape.slice(&adam, "rate").len() as u64, PLACES);
        assert_eq!(landscape.slice(&sgd, "rate"), []);
        assert_eq!(landscape.slice(&sgd, "nothing"), []);
        assert!(landscape.importance().iter().all(|importance| importance.feasible.is_none()));
    }

    #[test]
    fn equal_scores_make_no_landscape() {
        let space = Space::new(vec![parameter("a", unit())]).unwrap();
        assert!(Landscape::fit(&space, &history(&space, 9, |_| (0.5, true))).is_none());
        assert!(Landscape::fit(&space, &History::default()).is_none());
    }
}
