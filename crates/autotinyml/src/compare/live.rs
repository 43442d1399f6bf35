//! Searchers on a live study: every repeat of each is a study of its own with its store, durable trial
//! by trial. What one searcher has trained, another that comes to the same configuration with the same
//! seed is told, since it would train it to the same bits.

use autotinyml_search::Searcher;

use super::{Repeat, Step, share};
use crate::evaluate::Evaluator;
use crate::prescreen::Prescreen;
use crate::record::{Stopped, TrialRecord};
use crate::store::Store;
use crate::study::{self, Combination, Event, Search, StudyError};

/// A searcher and where its trials are kept.
pub struct Contestant<'a> {
    /// Who searches.
    pub searcher: &'a dyn Searcher,
    /// Of this searcher with this seed.
    pub store: &'a Store,
    /// As in [`Search`].
    pub parallel: usize,
}

/// Lets a searcher run, with the evaluator's study and seed, from where its store stands to its last
/// trial.
///
/// # Errors
/// As [`study::run`].
pub fn repeat(
    evaluator: &Evaluator<'_>,
    prescreen: &Prescreen<'_>,
    contestant: &Contestant<'_>,
    jobs: usize,
    on_trial: &mut dyn FnMut(&TrialRecord),
) -> Result<Repeat, StudyError> {
    let Contestant { searcher, store, parallel } = *contestant;
    let on_event = &mut |event: Event<'_>| {
        if let Event::Finished(trial) = event {
            evaluator.remember(trial);
            on_trial(trial);
        }
    };
    let study = evaluator.study;
    let search = Search { study, searcher, store, parallel, jobs, stop: &|| false, crashes: &[] };
    let trials = study::run(&search, &[Combination { evaluator, prescreen }], on_event)?;
    let step = |trial: &TrialRecord| Step {
        configuration: trial.configuration.clone(),
        score: trial.outcome.score(study.search.goal),
        test_score: None,
        footprint: trial.outcome.footprint.clone(),
        deployable: trial.outcome.verdict.deployable(),
        share: match &trial.outcome.stopped {
            Some(Stopped { epochs, epochs_saved, .. }) => {
                *epochs as f64 / (epochs + epochs_saved) as f64
            }
            None => share(trial.epochs, study),
        },
        seconds: trial.seconds,
    };
    Ok(Repeat { seed: evaluator.study.search.seed, steps: trials.iter().map(step).collect() })
}
