//! The loop: suggest, evaluate, record.
//!
//! Trial t is suggested from the outcomes of the trials up to t − `parallel` and from the mere
//! configurations of those after, whatever has finished by then. So the same seed gives the same
//! trials with one worker or many, interrupted or not: resuming is reading the store.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use autotinyml_search::{
    Configuration, Goal, History, Problem, SearchError, Searcher, Suggestion, Trial,
};

use crate::early_stopping::{Earlier, Hurdles};
use crate::evaluate::{EvaluateError, Evaluator, evaluate_for};
use crate::evidence;
use crate::prescreen::Prescreen;
use crate::record::{Crash, TrialOutcome, TrialRecord};
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

/// A search about to begin, or to go on.
pub struct Search<'a> {
    /// What is searched.
    pub study: &'a Study,
    /// What suggests.
    pub searcher: &'a dyn Searcher,
    /// What remembers.
    pub store: &'a Store,
    /// Trial t learns from the trials up to t − `parallel`.
    pub parallel: usize,
    /// Trials that run at once here, at most `parallel`.
    pub jobs: usize,
    /// Whether no further trial is to begin.
    pub stop: &'a dyn Fn() -> bool,
    /// What took the process down before: trials that did so twice are refused, those that may have done so
    /// run alone.
    pub crashes: &'a [Crash],
}

/// What is told of a search while it runs.
pub enum Event<'a> {
    /// A trial is about to run.
    Begun(usize),
    /// A trial's time was up a minute ago, and it has not come to an end.
    Hanging(usize),
    /// A trial has finished, and is durable.
    Finished(&'a TrialRecord),
    /// No further trial begins; so many are still running.
    Stopping(usize),
}

/// What becomes of a suggestion that has to clear these hurdles, for each combination, the one whose turn it
/// is first named; and the seconds it takes.
type Evaluate<'a> = dyn Fn(usize, &Suggestion, Option<&Hurdles>) -> Result<(Vec<TrialOutcome>, f64), EvaluateError>
    + Sync
    + 'a;

/// One of the combinations of a study: a board and a compression.
pub struct Combination<'a> {
    /// Of the study of this combination alone.
    pub evaluator: &'a Evaluator<'a>,
    /// Of that study.
    pub prescreen: &'a Prescreen<'a>,
}

/// How soon it is seen that the search is to stop.
const STOP_SEEN_WITHIN: Duration = Duration::from_millis(100);

/// After its time is up for both attempts, a trial has so long to come to the end of an epoch and say so.
const EPOCH_MAX: Duration = Duration::from_secs(60);

/// Runs a study's trials from where its store stands to its last one, or until it is told to stop. A
/// space that runs out of configurations ends it early.
///
/// The combinations take turns: trial t is suggested for the one of number t modulo their number, by all that
/// the trials so far have shown of that combination; if its space has run out, for the next.
///
/// # Errors
/// The first failure, once the trials that were running then have ended.
pub fn run(
    search: &Search<'_>,
    combinations: &[Combination<'_>],
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<TrialRecord>, StudyError> {
    let accepts: Vec<_> = (combinations.iter())
        .map(|it| move |configuration: &Configuration| it.prescreen.accepts(configuration))
        .collect();
    let violations: Vec<_> = (combinations.iter())
        .map(|it| move |configuration: &Configuration| it.prescreen.violation(configuration))
        .collect();
    let problems: Vec<Problem<'_>> = (combinations.iter().zip(accepts.iter().zip(&violations)))
        .map(|(it, (accepts, violation))| problem(it.evaluator.study, accepts, violation))
        .collect();
    let evaluators: Vec<&Evaluator<'_>> = combinations.iter().map(|it| it.evaluator).collect();
    let evaluate = |turn: usize, suggestion: &_, hurdles: Option<&_>| {
        evaluate(&evaluators, turn, suggestion, hurdles)
    };
    search.run(&problems, &evaluate, on_event)
}

impl Search<'_> {
    fn run(
        &self,
        problems: &[Problem<'_>],
        evaluate: &Evaluate<'_>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<TrialRecord>, StudyError> {
        let Self { study, store, parallel, stop, .. } = self;
        let mut course = Course::new(store.trials(&study.space)?, study, *parallel);
        let limit = study.search.trial_time_limit.map(|limit| 2 * limit + EPOCH_MAX);
        let (finished, results) = mpsc::channel();
        thread::scope(|scope| {
            let mut running: BTreeMap<usize, Instant> = BTreeMap::new();
            let (mut failure, mut stopping) = (None, false);
            loop {
                if !stopping && stop() {
                    stopping = true;
                    on_event(Event::Stopping(running.len()));
                }
                let workers =
                    if self.suspects(&course) { 1 } else { self.jobs.clamp(1, *parallel) };
                while running.len() < workers
                    && !stopping
                    && failure.is_none()
                    && course.may_suggest()
                {
                    let id = course.suggested.len();
                    if let Some(trial) = course.finished.get(&id) {
                        course.suggested.push((trial.configuration.clone(), trial.epochs));
                        continue;
                    }
                    match self.suggest(problems, &course, id) {
                        Ok((turn, suggestion)) => {
                            let hurdles = course.hurdles(turn);
                            let asked = (suggestion.configuration.clone(), suggestion.epochs);
                            course.suggested.push(asked);
                            running.insert(id, Instant::now());
                            on_event(Event::Begun(id));
                            let (finished, crashed) = (finished.clone(), self.crashed_twice(id));
                            scope.spawn(move || {
                                let ended = match crashed {
                                    Some(how) => Ok(crash(id, suggestion, how)),
                                    None => trial(evaluate, id, turn, suggestion, hurdles.as_ref()),
                                };
                                finished.send((id, ended)).expect("all trials are waited for");
                            });
                        }
                        Err(SearchError::Exhausted { .. }) => course.budget = id,
                        Err(error) => failure = Some(error.into()),
                    }
                }
                if running.is_empty() {
                    let finished = course.finished.into_values().collect();
                    return failure.map_or(Ok(finished), Err);
                }
                let Ok((id, ended)) = results.recv_timeout(STOP_SEEN_WITHIN) else {
                    let hangs =
                        |begun: &Instant| limit.is_some_and(|limit| begun.elapsed() > limit);
                    let hanging = running.iter().find(|(_, begun)| hangs(begun));
                    hanging.into_iter().for_each(|(&id, _)| on_event(Event::Hanging(id)));
                    continue;
                };
                running.remove(&id);
                let durable = ended.map_err(StudyError::from).and_then(|trial| {
                    store.add_trial(&study.space, &trial)?;
                    Ok(trial)
                });
                match durable {
                    Ok(trial) => {
                        on_event(Event::Finished(&trial));
                        course.finished.insert(trial.id, trial);
                    }
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
        })
    }
}

impl Search<'_> {
    /// Whether one of the trials that may have taken the process down is still to come.
    fn suspects(&self, course: &Course<'_>) -> bool {
        self.crashes.iter().any(|crash| !course.finished.contains_key(&crash.trial))
    }

    /// How a trial took the process down, if it did so twice.
    fn crashed_twice(&self, id: usize) -> Option<&str> {
        self.crashes.iter().filter(|crash| crash.trial == id).nth(1).map(|crash| crash.how.as_str())
    }

    /// The configuration for a trial, and the combination that it is suggested for.
    fn suggest(
        &self,
        problems: &[Problem<'_>],
        course: &Course<'_>,
        id: usize,
    ) -> Result<(usize, Suggestion), SearchError> {
        let mut exhausted = None;
        for later in 0..problems.len() {
            let turn = (id + later) % problems.len();
            let history = course.history(turn);
            let seed = self.study.search.seed;
            match self.searcher.suggest(&problems[turn], &history, id, seed) {
                Ok(suggestion) => return Ok((turn, suggestion)),
                Err(error @ SearchError::Exhausted { .. }) => exhausted = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(exhausted.expect("there is a combination"))
    }
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

/// What a suggestion comes to, unless another search has found it already.
fn evaluate(
    evaluators: &[&Evaluator<'_>],
    turn: usize,
    suggestion: &Suggestion,
    hurdles: Option<&Hurdles>,
) -> Result<(Vec<TrialOutcome>, f64), EvaluateError> {
    let Suggestion { configuration, epochs, .. } = suggestion;
    if let [evaluator] = evaluators
        && let Some((outcome, seconds)) = evaluator.remembered(configuration, *epochs)
    {
        return Ok((vec![outcome], seconds));
    }
    let start = Instant::now();
    let outcomes = evaluate_for(evaluators, turn, configuration, *epochs, hurdles)?;
    Ok((outcomes, start.elapsed().as_secs_f64()))
}

/// A trial that crashes or runs out of time is tried once more; if it does so again, that is what
/// became of it.
fn trial(
    evaluate: &Evaluate<'_>,
    id: usize,
    turn: usize,
    suggestion: Suggestion,
    hurdles: Option<&Hurdles>,
) -> Result<TrialRecord, EvaluateError> {
    let start = Instant::now();
    let attempt = || attempt(&|| evaluate(turn, &suggestion, hurdles));
    let (mut outcomes, seconds) = match attempt()? {
        Ok(found) => found,
        Err(_) => attempt()?.unwrap_or_else(|reason| {
            let outcome = TrialOutcome::refused(format!("{reason}, twice"), None);
            (vec![outcome], start.elapsed().as_secs_f64())
        }),
    };
    let outcome = outcomes.get(turn).unwrap_or(&outcomes[0]).clone();
    if outcomes.len() == 1 {
        outcomes.clear();
    }
    let Suggestion { configuration, phase, epochs, .. } = suggestion;
    Ok(TrialRecord { id, configuration, phase, epochs, outcome, combinations: outcomes, seconds })
}

/// A trial that has taken the process down twice.
fn crash(id: usize, suggestion: Suggestion, how: &str) -> TrialRecord {
    let Suggestion { configuration, phase, epochs, .. } = suggestion;
    let outcome = TrialOutcome::refused(format!("{how}, twice"), None);
    TrialRecord { id, configuration, phase, epochs, outcome, combinations: vec![], seconds: 0.0 }
}

type Evaluated = Result<(Vec<TrialOutcome>, f64), EvaluateError>;

/// The inner error: why it did not come to an end.
fn attempt(
    evaluate: &dyn Fn() -> Evaluated,
) -> Result<Result<(Vec<TrialOutcome>, f64), String>, EvaluateError> {
    match catch_unwind(AssertUnwindSafe(evaluate)) {
        Ok(Err(late @ EvaluateError::OutOfTime(_))) => Ok(Err(late.to_string())),
        Ok(found) => found.map(Ok),
        Err(panic) => Ok(Err(format!("crashed: {}", message(&*panic)))),
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// How far a study has come.
struct Course<'a> {
    study: &'a Study,
    parallel: usize,
    /// Trials to run in all.
    budget: usize,
    /// Configurations of trials 0, 1, 2 …, finished or running, and their epochs (None: a full training).
    suggested: Vec<(Configuration, Option<usize>)>,
    finished: BTreeMap<usize, TrialRecord>,
}

impl<'a> Course<'a> {
    fn new(trials: Vec<TrialRecord>, study: &'a Study, parallel: usize) -> Self {
        Self {
            study,
            parallel,
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
        (self.suggested.len() + 1).saturating_sub(self.parallel)
    }

    /// What the next trial may know of a combination.
    fn history(&self, turn: usize) -> History {
        let Study { combinations, search, .. } = self.study;
        let seen = |trial: &TrialRecord| {
            let outcome = outcome_for(trial, turn);
            evidence::outcome(outcome, &combinations[turn], search.evidence, search.goal)
        };
        let finished = self.finished.range(..self.known());
        let outcomes: BTreeMap<_, _> = finished.map(|(&id, trial)| (id, seen(trial))).collect();
        let trial =
            |(id, (configuration, epochs)): (usize, &(Configuration, Option<usize>))| Trial {
                id,
                configuration: configuration.clone(),
                epochs: *epochs,
                outcome: outcomes.get(&id).cloned(),
            };
        History(self.suggested.iter().enumerate().map(trial).collect())
    }

    /// What the next trial has to clear, by what it may know: the curves of networks that its combination can
    /// take.
    fn hurdles(&self, turn: usize) -> Option<Hurdles> {
        let stopping = self.study.search.early_stopping?;
        let earlier = self.finished.range(..self.known());
        let outcomes = earlier.map(|(_, trial)| outcome_for(trial, turn));
        let several = self.study.combinations.len() > 1;
        let rivals = outcomes.filter(|outcome| !several || outcome.verdict.deployable());
        let earlier: Vec<Earlier<'_>> = rivals
            .map(|outcome| Earlier {
                curve: &outcome.validation_curve,
                folds: outcome.fold_scores(),
                end: outcome.score(self.study.search.goal),
                deployable: outcome.verdict.deployable(),
            })
            .collect();
        Some(Hurdles::new(stopping, &earlier))
    }
}

/// What became of a trial for a combination.
fn outcome_for(trial: &TrialRecord, combination: usize) -> &TrialOutcome {
    trial.combinations.get(combination).unwrap_or(&trial.outcome)
}
