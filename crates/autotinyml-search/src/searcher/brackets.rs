//! Hyperband's schedule: which trials begin anew, which go on for more epochs.
//!
//! The schedule follows from the history alone. A configuration begins in the bracket that begins with the
//! epochs of its first trial: the first n₀ such configurations belong to the first run of that
//! bracket, the next n₀ to the second. A later trial of the same configuration is its next rung.
//!
//! A rung is complete when all its trials have ended; its best feasible configurations go on then. While
//! trials of a rung are still running, later brackets begin: so what goes on never depends on which trial
//! ends first, and workers don't wait. (Falkner et al. 2018 fill in the same way.)

use std::collections::{BTreeMap, HashMap};

use super::{Phase, SearchError, Suggestion};
use crate::history::{History, Trial};
use crate::problem::Problem;
use crate::space::Configuration;

/// A step of a bracket: so many configurations are trained for so many epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rung {
    /// nᵢ
    pub(super) configurations: usize,
    /// rᵢ, in all: what earlier rungs trained counts.
    pub(super) epochs: usize,
}

/// One run of successive halving.
pub(super) type Bracket = Vec<Rung>;

/// The brackets for full trainings of `epochs` (R), from s = `s_max` down to 0. The next rung has η times
/// the epochs and 1/η of the configurations. Each bracket takes about as many epochs.
pub(super) fn brackets(epochs: usize, eta: usize, s_max: usize) -> Vec<Bracket> {
    let power = |exponent: usize| eta.saturating_pow(exponent as u32);
    let bracket = |s: usize| {
        let begin = power(s).saturating_mul(s_max + 1).div_ceil(s + 1);
        let rung = |i: usize| Rung {
            configurations: begin / power(i),
            epochs: (epochs as f64 / power(s - i) as f64).round() as usize,
        };
        (0..=s).map(rung).collect()
    };
    (0..=s_max).rev().map(bracket).collect()
}

/// ⌊log_η R⌋: what begins with least epochs begins with 1 to η.
fn longest(epochs: usize, eta: usize) -> usize {
    (1..).take_while(|&s| eta.checked_pow(s).is_some_and(|power| power <= epochs)).count()
}

/// The brackets of a problem: as many as its budget has trials for.
fn affordable_brackets(problem: &Problem, epochs: usize, eta: usize) -> Vec<Bracket> {
    let trials = |brackets: &[Bracket]| {
        let rungs = brackets.iter().flatten().map(|rung| rung.configurations);
        rungs.fold(0_usize, usize::saturating_add)
    };
    (0..=longest(epochs, eta))
        .rev()
        .map(|s_max| brackets(epochs, eta, s_max))
        .find(|brackets| trials(brackets) <= problem.budget || brackets.len() == 1)
        .expect("s_max = 0 has one bracket")
}

/// What the next trial is to do.
#[derive(Debug, PartialEq)]
enum Step<'h> {
    /// Train a new configuration.
    Begin { epochs: usize },
    /// Train the configuration of an earlier trial further.
    Promote { from: &'h Trial, epochs: usize },
}

/// The next suggestion of a searcher that runs brackets; `begin` finds new configurations. If it finds
/// none any more, the best that were not trained in full go on.
///
/// # Errors
/// As `begin`, if nothing can go on.
pub(super) fn suggest(
    problem: &Problem,
    history: &History,
    eta: usize,
    begin: impl FnOnce() -> Result<(Configuration, Phase), SearchError>,
) -> Result<Suggestion, SearchError> {
    let full = problem.epochs.unwrap_or(1).max(1);
    let brackets = affordable_brackets(problem, full, eta);
    let course = Course::new(problem, history, full);
    let fewer = |epochs| (epochs < full).then_some(epochs);
    let promote = |from: &Trial, epochs| Suggestion {
        configuration: from.configuration.clone(),
        phase: Phase::Promotion,
        epochs: fewer(epochs),
        resumes: Some(from.id),
    };
    match course.step(&brackets) {
        Step::Promote { from, epochs } => Ok(promote(from, epochs)),
        Step::Begin { epochs } => match begin() {
            Ok((configuration, phase)) => {
                Ok(Suggestion { epochs: fewer(epochs), ..Suggestion::full(configuration, phase) })
            }
            Err(SearchError::Exhausted { accepted }) => {
                let (from, epochs) =
                    course.best_unfinished(&brackets).ok_or(SearchError::Exhausted { accepted })?;
                Ok(promote(from, epochs))
            }
            Err(error) => Err(error),
        },
    }
}

/// The trials by configuration.
struct Course<'h> {
    problem: &'h Problem<'h>,
    full: usize,
    /// Each configuration's trials, by the epochs of its first one, in the order in which they began.
    began: BTreeMap<usize, Vec<Vec<&'h Trial>>>,
}

impl<'h> Course<'h> {
    fn new(problem: &'h Problem, history: &'h History, full: usize) -> Self {
        let mut course = Self { problem, full, began: BTreeMap::new() };
        let mut places: HashMap<&Configuration, (usize, usize)> = HashMap::new();
        for trial in &history.0 {
            let epochs = course.epochs(trial);
            let begins = course.began.get(&epochs).map_or(0, Vec::len);
            let (began, index) = *places.entry(&trial.configuration).or_insert((epochs, begins));
            let of_epochs = course.began.entry(began).or_default();
            if index == of_epochs.len() {
                of_epochs.push(Vec::new());
            }
            of_epochs[index].push(trial);
        }
        course
    }

    fn epochs(&self, trial: &Trial) -> usize {
        trial.epochs.unwrap_or(self.full).min(self.full)
    }

    /// The first thing to do of the first run of a bracket that has something to do.
    fn step(&self, brackets: &[Bracket]) -> Step<'h> {
        for run in 0.. {
            for bracket in brackets {
                if let Some(step) = self.step_of(bracket, run) {
                    return step;
                }
            }
        }
        unreachable!("a run that has not begun has something to do")
    }

    /// `None` if this run of the bracket is over, or waits for running trials.
    fn step_of(&self, bracket: &Bracket, run: usize) -> Option<Step<'h>> {
        let Rung { configurations, epochs } = bracket[0];
        let began = self.began.get(&epochs).map_or(&[][..], Vec::as_slice);
        let of_run = began.chunks(configurations).nth(run).unwrap_or_default();
        let mut rung: Vec<&[&Trial]> = of_run.iter().map(Vec::as_slice).collect();
        if rung.len() < configurations {
            return Some(Step::Begin { epochs });
        }
        for (this, next) in bracket.iter().zip(&bracket[1..]) {
            let mut best = self.best(&rung, this.epochs)?;
            best.truncate(next.configurations);
            if let Some((_, from)) = best
                .iter()
                .find(|(trials, _)| trials.iter().all(|trial| self.epochs(trial) < next.epochs))
            {
                return Some(Step::Promote { from, epochs: next.epochs });
            }
            rung = best.into_iter().map(|(trials, _)| trials).collect();
        }
        None
    }

    /// The feasible configurations of a rung, best first, each with its trial there. `None` if a trial is
    /// still running.
    fn best<'c>(
        &self,
        rung: &[&'c [&'h Trial]],
        epochs: usize,
    ) -> Option<Vec<(&'c [&'h Trial], &'h Trial)>> {
        let mut scored = Vec::with_capacity(rung.len());
        for trials in rung {
            let trial = *trials.iter().find(|trial| self.epochs(trial) >= epochs)?;
            let score = trial.outcome.as_ref()?.feasible_score();
            scored.extend(score.map(|score| (*trials, trial, self.problem.goal.utility(score))));
        }
        scored.sort_by(|a, b| b.2.total_cmp(&a.2));
        Some(scored.into_iter().map(|(trials, trial, _)| (trials, trial)).collect())
    }

    /// Of the feasible configurations that were trained longest without being trained in full, the best,
    /// with the epochs of its next rung.
    fn best_unfinished(&self, brackets: &[Bracket]) -> Option<(&'h Trial, usize)> {
        let unfinished = self.began.values().flatten().filter_map(|trials| {
            let last = trials.iter().max_by_key(|trial| self.epochs(trial))?;
            let score = last.outcome.as_ref()?.feasible_score()?;
            (self.epochs(last) < self.full).then(|| (*last, self.problem.goal.utility(score)))
        });
        let best = unfinished.reduce(|best, next| {
            let key = |(trial, utility): (&Trial, f64)| (self.epochs(trial), utility);
            if key(next) > key(best) { next } else { best }
        });
        let (trial, _) = best?;
        let rungs = brackets[0].iter().map(|rung| rung.epochs);
        Some((trial, rungs.chain([self.full]).find(|&epochs| epochs > self.epochs(trial))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rungs(bracket: &Bracket) -> Vec<(usize, usize)> {
        bracket.iter().map(|rung| (rung.configurations, rung.epochs)).collect()
    }

    /// Table 1 of Li et al. (2018), R = 81, η = 3.
    #[test]
    fn brackets_are_those_of_the_papers_table() {
        let found: Vec<_> = brackets(81, 3, longest(81, 3)).iter().map(rungs).collect();
        assert_eq!(
            found,
            [
                vec![(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
                vec![(34, 3), (11, 9), (3, 27), (1, 81)],
                vec![(15, 9), (5, 27), (1, 81)],
                vec![(8, 27), (2, 81)],
                vec![(5, 81)],
            ]
        );
    }

    #[test]
    fn epochs_that_are_no_power_of_eta_are_rounded_and_one_epoch_is_random_search() {
        let found: Vec<_> = brackets(10, 3, 2).iter().map(rungs).collect();
        assert_eq!(found, [vec![(9, 1), (3, 3), (1, 10)], vec![(5, 3), (1, 10)], vec![(3, 10)]]);
        assert_eq!(brackets(1, 3, longest(1, 3)), [[Rung { configurations: 1, epochs: 1 }]]);
        assert_eq!(rungs(&brackets(2, 2, longest(2, 2))[0]), [(2, 1), (1, 2)]);
    }
}
