//! The loop: suggest, evaluate, record.
//!
//! Trial t is suggested from the outcomes of the trials up to t − `parallel` and from the mere
//! configurations of those after, whatever has finished by then. So the same seed gives the same
//! trials with one worker or many, interrupted or not: resuming is reading the store.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use autotinyml_search::{
    Configuration, Goal, History, Problem, SearchError, Searcher, Suggestion, Trial,
};

use crate::evaluate::{EvaluateError, Evaluator};
use crate::evidence;
use crate::prescreen::Prescreen;
use crate::record::TrialRecord;
use crate::store::{Store, StoreError};
use crate::study_file::{Check, Study};

/// Why a study stopped before its last trial.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// There is nothing (more) to suggest.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A trial failed for reasons that have nothing to do with its configuration.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A trial could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs a study's trials from where its store stands to its last one, `jobs` at a time (at most
/// `parallel`), and tells `on_trial` of each finished one once it is durable. A space that runs
/// out of configurations ends the study early.
///
/// # Errors
/// The first failure; trials that were running then are lost, finished ones are not.
pub fn run(
    evaluator: &Evaluator<'_>,
    prescreen: &Prescreen<'_>,
    searcher: &dyn Searcher,
    store: &Store,
    jobs: usize,
    on_trial: &mut dyn FnMut(&TrialRecord),
) -> Result<Vec<TrialRecord>, StudyError> {
    let study = evaluator.study;
    let accepts = |configuration: &Configuration| prescreen.accepts(configuration);
    let violation = |configuration: &Configuration| prescreen.violation(configuration);
    let problem = problem(study, &accepts, &violation);
    let mut course = Course::new(store.trials(&study.space)?, study);
    let workers = jobs.clamp(1, study.search.parallel);
    let (finished, results) = mpsc::channel();
    thread::scope(|scope| {
        let mut running = 0;
        loop {
            while running < workers && course.may_suggest() {
                let id = course.suggested.len();
                if let Some(trial) = course.finished.get(&id) {
                    course.suggested.push((trial.configuration.clone(), trial.epochs));
                    continue;
                }
                let history = course.history();
                let suggestion = match searcher.suggest(&problem, &history, id, study.search.seed) {
                    Ok(suggestion) => suggestion,
                    Err(SearchError::Exhausted { .. }) => {
                        course.budget = id;
                        break;
                    }
                    Err(error) => return Err(error.into()),
                };
                course.suggested.push((suggestion.configuration.clone(), suggestion.epochs));
                running += 1;
                let finished = finished.clone();
                scope.spawn(move || {
                    let evaluate = || evaluate(evaluator, id, suggestion);
                    // The receiver is gone only if another trial failed first.
                    let _ = finished.send(catch_unwind(AssertUnwindSafe(evaluate)));
                });
            }
            if running == 0 {
                return Ok(course.finished.into_values().collect());
            }
            let result = results.recv().expect("a worker sends whatever becomes of its trial");
            let trial = result.unwrap_or_else(|panic| resume_unwind(panic))?;
            running -= 1;
            store.add_trial(&study.space, &trial)?;
            on_trial(&trial);
            course.finished.insert(trial.id, trial);
        }
    })
}

/// What is asked of the searcher. Before training, arithmetic has refused what cannot fit already.
fn problem<'a>(
    study: &'a Study,
    accepts: &'a (dyn Fn(&Configuration) -> bool + Sync),
    violation: &'a (dyn Fn(&Configuration) -> f64 + Sync),
) -> Problem<'a> {
    let before_training = study.deploy.check == Check::BeforeTraining;
    Problem {
        space: &study.space,
        goal: Goal::Maximise,
        constraints: evidence::constraints(&study.deploy, study.search.evidence),
        prescreen: before_training.then_some(accepts),
        violation: before_training.then_some(violation),
        budget: study.search.trials,
        epochs: study.training.fixed_epochs(),
    }
}

fn evaluate(
    evaluator: &Evaluator<'_>,
    id: usize,
    suggestion: Suggestion,
) -> Result<TrialRecord, EvaluateError> {
    let Suggestion { configuration, phase, epochs, .. } = suggestion;
    let (outcome, seconds) = match evaluator.remembered(&configuration, epochs) {
        Some(found) => found,
        None => {
            let start = Instant::now();
            let outcome = evaluator.evaluate(&configuration, epochs)?;
            (outcome, start.elapsed().as_secs_f64())
        }
    };
    Ok(TrialRecord { id, configuration, phase, epochs, outcome, seconds })
}

/// How far a study has come.
struct Course<'a> {
    study: &'a Study,
    /// Trials to run in all.
    budget: usize,
    /// Configurations of trials 0, 1, 2 …, finished or running, and their epochs (None: a full training).
    suggested: Vec<(Configuration, Option<usize>)>,
    finished: BTreeMap<usize, TrialRecord>,
}

impl<'a> Course<'a> {
    fn new(trials: Vec<TrialRecord>, study: &'a Study) -> Self {
        Self {
            study,
            budget: study.search.trials,
            suggested: vec![],
            finished: trials.into_iter().map(|trial| (trial.id, trial)).collect(),
        }
    }

    /// Whether the next trial is due: all it may learn from has finished.
    fn may_suggest(&self) -> bool {
        let next = self.suggested.len();
        next < self.budget && (0..self.known()).all(|id| self.finished.contains_key(&id))
    }

    /// How many of the first trials the next one may learn from.
    fn known(&self) -> usize {
        (self.suggested.len() + 1).saturating_sub(self.study.search.parallel)
    }

    /// What the next trial may know.
    fn history(&self) -> History {
        let Study { deploy, search, .. } = self.study;
        let finished = self.finished.range(..self.known());
        let outcomes: BTreeMap<_, _> = finished
            .map(|(&id, trial)| {
                (id, evidence::outcome(&trial.outcome, deploy, search.evidence, search.goal))
            })
            .collect();
        let trial =
            |(id, (configuration, epochs)): (usize, &(Configuration, Option<usize>))| Trial {
                id,
                configuration: configuration.clone(),
                epochs: *epochs,
                outcome: outcomes.get(&id).cloned(),
            };
        History(self.suggested.iter().enumerate().map(trial).collect())
    }
}
