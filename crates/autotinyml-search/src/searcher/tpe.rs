//! TPE, the tree-structured Parzen estimator: try what is likelier among the good trials than among the bad.
//!
//! J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, Algorithms for hyper-parameter optimization, NIPS 2011;
//! multivariate as in S. Falkner, A. Klein, F. Hutter, BOHB, ICML 2018, and S. Watanabe, Tree-structured Parzen
//! estimator: understanding its algorithm components and their roles for better empirical performance,
//! arXiv:2304.11127 (2023).
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | γ | share of the trials that count as good | 1 |
//! | l, g | densities of good and of bad configurations | – |
//!
//! Expected improvement grows with l(x) / g(x) (Bergstra et al., section 4.1). Of a crowd of configurations
//! drawn from l, the one with the greatest ratio is tried.
//!
//! DIFFERENCE: a trial that is not feasible, or has no score, is worse than any that is: it is always bad.
//! While nothing is feasible, the ratio leads away from what failed.
//! DIFFERENCE: trials that are still running count as bad, so that several asked for at once differ.
//! DIFFERENCE: the crowd holds only what may be suggested: not tried before, accepted by the prescreen. If
//! l finds nothing of the kind, the crowd is drawn uniformly.
//! DIFFERENCE: the first ten trials are a Latin hypercube.

use super::{Phase, SearchError, Searcher, Suggestion};
use crate::draw::stream;
use crate::history::History;
use crate::initial_design::{designed, published_size};
use crate::parzen::{Bandwidth, Parzen, crowd, most};
use crate::problem::Problem;
use crate::space::{Configuration, Space};

/// γ.
const GOOD_SHARE: f64 = 0.15;

/// Candidates drawn from each l.
pub(super) const CROWD: usize = 24;

const BANDWIDTH: Bandwidth = Bandwidth::Shrinking { least: 0.03, category: 0.2 };

/// The tree-structured Parzen estimator.
#[derive(Clone, Copy, Debug)]
pub struct Tpe;

impl Searcher for Tpe {
    fn name(&self) -> &'static str {
        "tpe"
    }

    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError> {
        let points = published_size(problem.budget);
        if trial < points {
            return designed(problem, history, points, trial, seed);
        }
        let rng = &mut stream(seed, trial);
        let (good, bad) = split(problem, history);
        let (l, g) = (density(problem.space, &good), density(problem.space, &bad));
        let crowd = crowd(problem, history, CROWD, rng, |rng| l.draw(rng))?;
        let best = most(crowd, |x| l.log_density(x) - g.log_density(x));
        Ok(Suggestion::full(best, Phase::Optimise))
    }
}

/// The density of some configurations: each counts the same, and so does the prior.
pub(super) fn density<'a>(space: &'a Space, of: &[&Configuration]) -> Parzen<'a> {
    Parzen::fit(space, of, &vec![1.0; of.len()], 1.0, BANDWIDTH)
}

/// Good and bad trials, those that are running among the bad.
fn split<'h>(
    problem: &Problem,
    history: &'h History,
) -> (Vec<&'h Configuration>, Vec<&'h Configuration>) {
    let mut ranked: Vec<(&Configuration, f64)> = history
        .0
        .iter()
        .map(|trial| {
            let score = trial.outcome.as_ref().and_then(|outcome| outcome.feasible_score());
            let utility = score.filter(|_| trial.epochs.is_none()).map(|s| problem.goal.utility(s));
            (&trial.configuration, utility.unwrap_or(f64::NEG_INFINITY))
        })
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let completed = history.completed().count();
    let scored = ranked.iter().filter(|(_, utility)| *utility > f64::NEG_INFINITY).count();
    let good = ((GOOD_SHARE * completed as f64).ceil() as usize).min(scored);
    let configurations = |part: &[(&'h Configuration, f64)]| part.iter().map(|(x, _)| *x).collect();
    (configurations(&ranked[..good]), configurations(&ranked[good..]))
}
