//! Bayesian optimisation without constraints: what the talk begins with, to compare with.
//!
//! N. Srinivas, A. Krause, S. Kakade, M. Seeger, Gaussian process optimization in the bandit setting: no
//! regret and experimental design, ICML 2010.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | x | encoded configuration | d |
//! | μ, σ | mean and standard deviation of the Gaussian process, fitted to all scores | – |
//! | β | weight of σ | 1 |
//!
//! After an initial design the next trial is argmax μ(x) + β σ(x). Whether a trial met its constraints plays
//! no part, so it may well end among those that don't: that is what the talk shows.
//!
//! DIFFERENCE: β is 1.96 throughout, as in SVM-CBO, instead of growing with the logarithm of the trial.
//! DIFFERENCE: the scores enter on the scale that makes them most plausible (`surrogate/scale.rs`), and length
//! scales, amplitude and noise are fitted.
//! DIFFERENCE: a trial without a score enters with the worst score seen, so that its surroundings are left
//! alone; before the first score configurations are drawn.
//! DIFFERENCE: trials that are still running are believed to end as predicted; nothing is suggested twice,
//! and nothing that the prescreen refuses.

use super::{Belief, Phase, SearchError, Searcher, Suggestion};
use crate::draw::{draw_untried, stream};
use crate::history::History;
use crate::initial_design::{designed, published_size};
use crate::maximise::maximise;
use crate::problem::Problem;
use crate::space::Configuration;
use crate::surrogate::{ScoreModel, Surrogate};

/// Bayesian optimisation with a Gaussian process and an upper confidence bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Bayes {
    /// Trials of the initial design: 1 to all. `None`, the default: 10, but at most 4 of every 10
    /// trials, rounded up.
    pub initial_trials: Option<usize>,
    /// β: 0 or more. Default: 1.96.
    pub beta: f64,
}

impl Default for Bayes {
    fn default() -> Self {
        Self { initial_trials: None, beta: 1.96 }
    }
}

impl Searcher for Bayes {
    fn name(&self) -> &'static str {
        "bayes"
    }

    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError> {
        let initial = self.initial(problem);
        if trial < initial {
            return designed(problem, history, initial, trial, seed);
        }
        let rng = &mut stream(seed, trial);
        let found = fit(problem, history, rng).and_then(|model| {
            let mut predictor = model.predictor();
            let beta = self.beta.max(0.0);
            maximise(problem, history, rng, |x, floor| {
                predictor.upper_confidence_bound(x, beta, floor)
            })
        });
        let configuration = found.map_or_else(|| draw_untried(problem, history, rng), Ok)?;
        Ok(Suggestion::full(configuration, Phase::Optimise))
    }
}

impl Bayes {
    /// What the searcher believes of configurations when it is asked for this trial, for people to look
    /// at. Empty in its initial design.
    pub fn beliefs(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
        configurations: &[Configuration],
    ) -> Vec<Belief> {
        let points: Vec<Vec<f64>> =
            configurations.iter().map(|c| problem.space.encode(c)).collect();
        let rng = &mut stream(seed, trial);
        let model = fit(problem, history, rng).filter(|_| trial >= self.initial(problem));
        let intervals = model.and_then(|model| model.intervals(&points, self.beta.max(0.0)));
        let belief = |interval| Belief::new(problem.goal, Some(interval), None);
        intervals.into_iter().flatten().map(belief).collect()
    }

    /// Trials of the initial design.
    fn initial(&self, problem: &Problem) -> usize {
        let asked = self.initial_trials.map(|n| n.clamp(1, problem.budget.max(1)));
        asked.unwrap_or_else(|| published_size(problem.budget))
    }
}

/// The model of the scores; `None` before the first.
fn fit(
    problem: &Problem,
    history: &History,
    rng: &mut rand_xoshiro::Xoshiro256PlusPlus,
) -> Option<ScoreModel> {
    let space = problem.space;
    let (points, utilities): (Vec<Vec<f64>>, Vec<Option<f64>>) = history
        .completed()
        .filter(|(trial, _)| trial.epochs.is_none())
        .map(|(trial, outcome)| {
            let score = outcome.score.filter(|score| score.is_finite());
            (space.encode(&trial.configuration), score.map(|score| problem.goal.utility(score)))
        })
        .unzip();
    let worst = utilities.iter().flatten().copied().reduce(f64::min)?;
    let utilities: Vec<f64> = utilities.iter().map(|utility| utility.unwrap_or(worst)).collect();
    let running: Vec<Vec<f64>> =
        history.pending().map(|trial| space.encode(&trial.configuration)).collect();
    let axes = space.axes();
    Some(ScoreModel::fit(Surrogate::Gp, &axes, &points, &utilities, &running, rng))
}
