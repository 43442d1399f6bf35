//! Searchers side by side: many repeats of each on the same problem, and what they come to.

pub mod live;
pub mod on_table;

use autotinyml_nn::Metric;
use autotinyml_search::Goal;
use autotinyml_search::compare::{
    average_ranks, best_so_far, quantile, quantile_bands, wilcoxon_signed_rank,
};

/// Instants at which curves over time are read.
const INSTANTS: usize = 200;

/// No curve over time begins earlier: a training of no time has no place on a log scale.
const SECONDS_MIN: f64 = 1e-3;

/// Several searchers on the same problem.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Of the study or table.
    pub name: String,
    /// What was compared, each line with its label.
    pub about: Vec<(String, String)>,
    /// What the searchers wanted more of: all scores are of this.
    pub goal: Metric,
    /// Trials of each repeat.
    pub trials: usize,
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The goal on the validation part, as deployed, 0 to 1. None: not trained, or training diverged.
    pub score: Option<f64>,
    /// Whether the network met all limits.
    pub deployable: bool,
    /// Whether it was trained for all its epochs. If not, its score is no result.
    pub full: bool,
    /// Of training.
    pub seconds: f64,
}

impl Step {
    fn result(&self) -> Option<f64> {
        self.score.filter(|_| self.deployable && self.full)
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
    /// Trial of the first deployable network, from 1; one more than all trials if there was none.
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

/// A median with its quartiles along an axis.
#[derive(Clone, Debug)]
pub struct Band {
    /// The searcher.
    pub name: String,
    /// Trials from 1, or seconds.
    pub x: Vec<f64>,
    /// Lower quartile, median and upper quartile at each x; 0 where nothing deployable was found.
    pub y: [Vec<f64>; 3],
}

impl Comparison {
    /// Trials after which the best networks are compared: a quarter, half, all.
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
        let ranks = average_ranks(&rounds);
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
    /// Score of the best deployable network of the first trials; 0 if there is none.
    pub fn best_after(&self, trials: usize) -> f64 {
        let results = self.steps.iter().take(trials).map(Step::result);
        best_so_far(Goal::Maximise, results).last().copied().flatten().unwrap_or(0.0)
    }

    /// The same of the trials that end within so many seconds of training.
    fn best_by(&self, seconds: f64) -> f64 {
        let mut spent = 0.0;
        let within = self.steps.iter().take_while(|step| {
            spent += step.seconds;
            spent <= seconds
        });
        self.best_after(within.count())
    }

    /// From 1.
    fn first_deployable(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.result().is_some()).map(|index| index + 1)
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
            score: Some(score.abs()),
            deployable: score > 0.0,
            full: true,
            seconds: 1.0,
        };
        Repeat { seed, steps: scores.iter().map(step).collect() }
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
        Comparison { name: "by hand".into(), about: vec![], goal, trials: 4, searchers }
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
    }

    #[test]
    fn a_partial_training_is_no_result_and_an_untrained_trial_no_waste() {
        let mut repeat = repeat(0, &[0.9, 0.5, -0.7]);
        repeat.steps[0].full = false;
        repeat.steps[2].score = None;
        assert_eq!((repeat.best_after(3), repeat.first_deployable()), (0.5, Some(2)));
        assert_eq!(repeat.wasted(), 0);
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
