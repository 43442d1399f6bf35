//! Searchers side by side: many repeats of each on the same problem, and what they come to.

pub mod live;
pub mod on_table;

use autotinyml_deploy::Footprint;
use autotinyml_nn::Metric;
use autotinyml_search::compare::{
    average_ranks, best_so_far, quantile, quantile_bands, wilcoxon_signed_rank,
};
use autotinyml_search::{Configuration, Goal, Space};

use crate::study_file::Study;

/// Instants at which curves over time are read.
const INSTANTS: usize = 200;

/// No curve over time begins earlier: a training of no time has no place on a log scale.
const SECONDS_MIN: f64 = 1e-3;

/// Shares of trainings that come to a whole number may miss it by as much.
const ROUNDING: f64 = 1e-9;

/// Several searchers on the same problem.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Of the study or table.
    pub name: String,
    /// What was compared, each line with its label.
    pub about: Vec<(String, String)>,
    /// What the searchers wanted more of: all scores are of this.
    pub goal: Metric,
    /// What was searched.
    pub space: Space,
    /// Full trainings that each repeat may spend.
    pub trials: usize,
    /// The study's baseline, by the seed of its training; only of tables.
    pub baselines: Vec<(u64, Step)>,
    /// In the order asked for. All have the same seeds.
    pub searchers: Vec<Searched>,
}

/// All repeats of one searcher.
#[derive(Clone, Debug)]
pub struct Searched {
    /// As in `autotinyml searchers`.
    pub name: String,
    /// In order of seed.
    pub repeats: Vec<Repeat>,
}

/// One search.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeat {
    /// Decided its random numbers.
    pub seed: u64,
    /// Its trials, in order.
    pub steps: Vec<Step>,
}

/// A trial, as far as comparisons look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What was tried.
    pub configuration: Configuration,
    /// The goal on the validation part, as deployed, 0 to 1. None: not trained, or training diverged.
    pub score: Option<f64>,
    /// The same on the test part, which no searcher sees; only of tables.
    pub test_score: Option<f64>,
    /// What the network takes. None: there is none.
    pub footprint: Option<Footprint>,
    /// Whether the network met all limits.
    pub deployable: bool,
    /// Share of all its epochs that it was trained for: what it costs of the budget. If less than 1, its
    /// score is no result.
    pub share: f64,
    /// Of training.
    pub seconds: f64,
}

/// Share of a full training that so many epochs (None: all) are.
fn share(epochs: Option<usize>, study: &Study) -> f64 {
    let of_all = |(epochs, all): (usize, usize)| (epochs as f64 / all as f64).min(1.0);
    epochs.zip(study.training.fixed_epochs()).map_or(1.0, of_all)
}

impl Step {
    /// Score of a deployable network that was trained in full.
    pub fn result(&self) -> Option<f64> {
        self.score.filter(|_| self.deployable && self.share >= 1.0)
    }
}

/// Lower quartile, median, upper quartile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles(pub [f64; 3]);

impl Quartiles {
    fn of(values: &[f64]) -> Self {
        Self([0.25, 0.5, 0.75].map(|at| quantile(values, at).unwrap_or(0.0)))
    }
}

/// What the repeats of a searcher come to.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The searcher.
    pub name: String,
    /// Score of the best deployable network after each of [`Comparison::checkpoints`].
    pub best: Vec<Quartiles>,
    /// Full trainings spent when the first deployable network was there; one more than all if there was
    /// none.
    pub first_deployable: Quartiles,
    /// Repeats without any deployable network.
    pub without: usize,
    /// Trainings whose network was not deployable.
    pub wasted: Quartiles,
    /// Seconds of all trainings of a repeat.
    pub seconds: Quartiles,
    /// Mean over the repeats of its rank by the best deployable network at the end; 1 is the best.
    pub rank: f64,
    /// Wilcoxon's signed-rank test, two-sided, of the repeats' ends against those of the searcher with
    /// the best mean rank. None: it is that searcher.
    pub p_value: Option<f64>,
}

/// Two searchers, repeat by repeat.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Their names.
    pub names: [String; 2],
    /// Mean of what the first one's ends are better by.
    pub mean_difference: f64,
    /// Repeats in which the first one is better, in which they end alike, and in which the second one is.
    pub wins_ties_losses: [usize; 3],
    /// Wilcoxon's signed-rank test, two-sided.
    pub p_value: f64,
}

/// A median with its quartiles along an axis.
#[derive(Clone, Debug)]
pub struct Band {
    /// The searcher.
    pub name: String,
    /// Full trainings spent, from 1, or seconds.
    pub x: Vec<f64>,
    /// Lower quartile, median and upper quartile at each x; 0 where nothing deployable was found.
    pub y: [Vec<f64>; 3],
}

impl Comparison {
    /// Full trainings after which the best networks are compared: a quarter, half, all.
    pub fn checkpoints(&self) -> Vec<usize> {
        let mut checkpoints = vec![self.trials.div_ceil(4), self.trials.div_ceil(2), self.trials];
        checkpoints.dedup();
        checkpoints
    }

    /// One for each searcher, in their order.
    pub fn figures(&self) -> Vec<Figures> {
        let ends: Vec<Vec<f64>> =
            self.searchers.iter().map(|searched| searched.best_after(self.trials)).collect();
        let repeats = ends.first().map_or(0, Vec::len);
        let rounds: Vec<Vec<f64>> =
            (0..repeats).map(|repeat| ends.iter().map(|end| -end[repeat]).collect()).collect();
        let ranks = match rounds.is_empty() {
            true => vec![0.0; ends.len()],
            false => average_ranks(&rounds),
        };
        let leader = (0..ranks.len()).min_by(|&a, &b| ranks[a].total_cmp(&ranks[b])).unwrap_or(0);
        let p_value = |index: usize| {
            let pairs = ends[leader].iter().zip(&ends[index]);
            let differences: Vec<f64> = pairs.map(|(leader, other)| leader - other).collect();
            wilcoxon_signed_rank(&differences).p_value
        };
        let figures = |(index, searched): (usize, &Searched)| Figures {
            name: searched.name.clone(),
            best: (self.checkpoints().into_iter())
                .map(|trials| Quartiles::of(&searched.best_after(trials)))
                .collect(),
            first_deployable: searched
                .quartiles(|r| r.first_deployable().unwrap_or(self.trials + 1) as f64),
            without: searched.repeats.iter().filter(|r| r.first_deployable().is_none()).count(),
            wasted: searched.quartiles(|r| r.wasted() as f64),
            seconds: searched.quartiles(|r| r.steps.iter().map(|step| step.seconds).sum()),
            rank: ranks[index],
            p_value: (index != leader).then(|| p_value(index)),
        };
        self.searchers.iter().enumerate().map(figures).collect()
    }

    /// Every searcher against every later one.
    pub fn pairs(&self) -> Vec<Pair> {
        let end = |searched: &Searched| searched.best_after(self.trials);
        let pair = |a: &Searched, b: &Searched| {
            let ends = end(a).into_iter().zip(end(b));
            let differences: Vec<f64> = ends.map(|(a, b)| a - b).collect();
            let count = |of: fn(&f64) -> bool| differences.iter().copied().filter(of).count();
            Pair {
                names: [a.name.clone(), b.name.clone()],
                mean_difference: differences.iter().sum::<f64>() / differences.len().max(1) as f64,
                wins_ties_losses: [count(|d| *d > 0.0), count(|d| *d == 0.0), count(|d| *d < 0.0)],
                p_value: wilcoxon_signed_rank(&differences).p_value,
            }
        };
        let searchers = self.searchers.iter().enumerate();
        searchers
            .flat_map(|(place, a)| self.searchers[place + 1..].iter().map(move |b| pair(a, b)))
            .collect()
    }

    /// Best deployable network so far against trials.
    pub fn against_trials(&self) -> Vec<Band> {
        let x: Vec<f64> = (1..=self.trials).map(|trial| trial as f64).collect();
        let curve = |repeat: &Repeat| (1..=self.trials).map(|n| repeat.best_after(n)).collect();
        self.searchers.iter().map(|searched| searched.band(x.clone(), &curve)).collect()
    }

    /// Best deployable network so far against seconds of training: at instants with the same ratio from
    /// one to the next, up to where the slowest searcher ends in the median.
    pub fn against_time(&self) -> Vec<Band> {
        let ends = self.figures().into_iter().map(|figures| figures.seconds.0[1]);
        let end = ends.fold(0.0, f64::max).max(SECONDS_MIN);
        let repeats = self.searchers.iter().flat_map(|searched| &searched.repeats);
        let first = repeats.filter_map(|repeat| repeat.steps.first()).map(|step| step.seconds);
        let start = first.fold(end, f64::min).max(SECONDS_MIN);
        let instant = |i: usize| start * (end / start).powf(i as f64 / (INSTANTS - 1) as f64);
        let x: Vec<f64> = (0..INSTANTS).map(instant).collect();
        let curve = |repeat: &Repeat| x.iter().map(|&seconds| repeat.best_by(seconds)).collect();
        self.searchers.iter().map(|searched| searched.band(x.clone(), &curve)).collect()
    }
}

impl Searched {
    /// Of each repeat; 0 where nothing deployable was found.
    fn best_after(&self, trials: usize) -> Vec<f64> {
        self.repeats.iter().map(|repeat| repeat.best_after(trials)).collect()
    }

    fn quartiles(&self, of: impl Fn(&Repeat) -> f64) -> Quartiles {
        Quartiles::of(&self.repeats.iter().map(of).collect::<Vec<_>>())
    }

    fn band(&self, x: Vec<f64>, curve: &dyn Fn(&Repeat) -> Vec<f64>) -> Band {
        let curves: Vec<Vec<f64>> = self.repeats.iter().map(curve).collect();
        let mut bands = quantile_bands(&curves, &[0.25, 0.5, 0.75]).into_iter();
        let y = [(); 3].map(|()| bands.next().unwrap_or_default());
        Band { name: self.name.clone(), x, y }
    }
}

impl Repeat {
    /// Score of the best deployable network of the trials that so many full trainings pay for; 0 if there
    /// is none.
    pub fn best_after(&self, trainings: usize) -> f64 {
        self.best_of(self.within(trainings as f64, |step| step.share))
    }

    /// The first of the best networks that were trained in full, among all or those that are deployable.
    pub fn winner(&self, deployable: bool) -> Option<&Step> {
        let full = self.steps.iter().filter(|step| step.share >= 1.0);
        let eligible = full.filter(|step| step.deployable || !deployable);
        eligible
            .filter(|step| step.score.is_some())
            .rev()
            .max_by(|a, b| a.score.unwrap_or_default().total_cmp(&b.score.unwrap_or_default()))
    }

    /// The same of the trials that end within so many seconds of training.
    fn best_by(&self, seconds: f64) -> f64 {
        self.best_of(self.within(seconds, |step| step.seconds))
    }

    fn best_of(&self, steps: &[Step]) -> f64 {
        let results = best_so_far(Goal::Maximise, steps.iter().map(Step::result));
        results.last().copied().flatten().unwrap_or(0.0)
    }

    /// The first steps that cost no more than this.
    fn within(&self, most: f64, cost: impl Fn(&Step) -> f64) -> &[Step] {
        let mut spent = 0.0;
        let affordable = self.steps.iter().take_while(|step| {
            spent += cost(step);
            spent <= most * (1.0 + ROUNDING)
        });
        &self.steps[..affordable.count()]
    }

    /// Full trainings spent when it was there, from 1.
    fn first_deployable(&self) -> Option<usize> {
        let place = self.steps.iter().position(|step| step.result().is_some())?;
        let spent: f64 = self.steps[..=place].iter().map(|step| step.share).sum();
        Some((spent * (1.0 - ROUNDING)).ceil() as usize)
    }

    /// Trainings whose network was not deployable.
    fn wasted(&self) -> usize {
        self.steps.iter().filter(|step| step.score.is_some() && !step.deployable).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trials of a second each; a negative score stands for a network that does not fit.
    fn repeat(seed: u64, scores: &[f64]) -> Repeat {
        let step = |&score: &f64| Step {
            configuration: only(),
            score: Some(score.abs()),
            test_score: None,
            footprint: None,
            deployable: score > 0.0,
            share: 1.0,
            seconds: 1.0,
        };
        Repeat { seed, steps: scores.iter().map(step).collect() }
    }

    fn nothing() -> Space {
        Space::new(vec![]).unwrap()
    }

    fn only() -> Configuration {
        nothing().configuration(&[]).unwrap()
    }

    fn comparison() -> Comparison {
        let searched = |name: &str, repeats: [&[f64]; 3]| Searched {
            name: name.into(),
            repeats: (0..).zip(repeats).map(|(seed, steps)| repeat(seed, steps)).collect(),
        };
        let quick = [&[0.5, -0.9, 0.7, 0.8][..], &[-0.9, 0.6, 0.6, 0.9], &[0.4, 0.7, -0.9, 0.6]];
        let slow = [&[-0.9, -0.9, -0.9, 0.8][..], &[-0.9; 4], &[0.3, 0.4, 0.5, 0.6]];
        let searchers = vec![searched("quick", quick), searched("slow", slow)];
        let goal = Metric::default();
        let (name, about, baselines) = ("by hand".into(), vec![], vec![]);
        Comparison { name, about, goal, space: nothing(), trials: 4, baselines, searchers }
    }

    #[test]
    fn figures_worked_by_hand() {
        let comparison = comparison();
        assert_eq!(comparison.checkpoints(), [1, 2, 4]);
        let [quick, slow] = &comparison.figures()[..] else { panic!("two searchers") };
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(quick.best[2].0.into_iter().zip([0.75, 0.8, 0.85]).all(|(a, b)| near(a, b)));
        assert_eq!(slow.best[2].0[1], 0.6);
        assert_eq!(quick.first_deployable.0[1], 1.0);
        // Trials 4, none (5) and 1.
        assert_eq!((slow.first_deployable.0[1], slow.without), (4.0, 1));
        assert_eq!((quick.wasted.0[1], slow.wasted.0[1]), (1.0, 3.0));
        // Ends .8 .9 .7 and .8 0 .6: a tie and two wins.
        assert_eq!((quick.rank, slow.rank), ((1.5 + 1.0 + 1.0) / 3.0, (1.5 + 2.0 + 2.0) / 3.0));
        // Two differences of the same sign: 2 · ½².
        assert_eq!((quick.p_value, slow.p_value), (None, Some(0.5)));
        let [pair] = &comparison.pairs()[..] else { panic!("one pair") };
        assert_eq!((pair.wins_ties_losses, pair.p_value), ([2, 1, 0], 0.5));
        assert!(near(pair.mean_difference, (0.9 + 0.1) / 3.0));
    }

    #[test]
    fn a_partial_training_is_no_result_and_an_untrained_trial_no_waste() {
        let mut repeat = repeat(0, &[0.9, 0.5, -0.7]);
        repeat.steps[0].share = 0.5;
        repeat.steps[2].score = None;
        assert_eq!((repeat.best_after(3), repeat.first_deployable()), (0.5, Some(2)));
        assert_eq!(repeat.wasted(), 0);
    }

    #[test]
    fn partial_trainings_cost_their_share_of_the_budget() {
        let mut repeat = repeat(0, &[0.9, 0.8, 0.7, 0.4, 0.6]);
        repeat.steps[..3].iter_mut().for_each(|step| step.share = 1.0 / 3.0);
        // Three thirds, then two full trainings.
        assert_eq!(
            [0, 1, 2, 3].map(|trainings| repeat.best_after(trainings)),
            [0.0, 0.0, 0.4, 0.6]
        );
        assert_eq!(repeat.first_deployable(), Some(2));
    }

    #[test]
    fn a_winner_is_the_first_of_the_best() {
        let repeat = repeat(0, &[0.5, 0.7, -0.9, 0.7]);
        let winner = |deployable| repeat.winner(deployable).unwrap();
        assert!(std::ptr::eq(winner(true), &repeat.steps[1]));
        assert!(std::ptr::eq(winner(false), &repeat.steps[2]));
    }

    #[test]
    fn curves_rise_when_the_trials_end() {
        let comparison = comparison();
        let [quick, _] = &comparison.against_trials()[..] else { panic!("two searchers") };
        assert_eq!(quick.y[1], [0.4, 0.6, 0.7, 0.8]);
        let [timed, _] = &comparison.against_time()[..] else { panic!("two searchers") };
        let at = |seconds: f64| timed.x.iter().position(|&x| x >= seconds).unwrap();
        assert_eq!((timed.x[0], timed.y[1][0]), (1.0, 0.4));
        // Shortly before and after the second trial ends.
        assert_eq!((timed.y[1][at(2.0) - 1], timed.y[1][at(2.0)]), (0.4, 0.6));
        assert_eq!(timed.y[1][at(3.9)], 0.7);
    }
}
