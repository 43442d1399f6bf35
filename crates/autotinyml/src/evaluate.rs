//! One trial: from a configuration to what became of it.
//!
//! The stages: build the network → sizes, of the program linked for the chip where there is a cross
//! compiler → refuse what does not fit (unless the study treats deployability as a black box) →
//! train a network on each fold → compress → accuracy as deployed, cross accuracy → verdict.

mod folds;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use autotinyml_deploy::{
    Accounting, Compression, DeployError, Estimate, Footprint, Program, SharedObjects, Subject,
    Tools, Verdict, link, static_footprint,
};
use autotinyml_nn::{BuildError, Layer, Network, Node, Source, TrainError};
use autotinyml_search::Configuration;

use crate::advice::{Choice, advice};
use crate::early_stopping::Hurdles;
use crate::record::{TrialOutcome, TrialRecord};
use crate::samples::Samples;
use crate::study_file::{Check, DeployPlan, Study};

/// Evaluates the configurations of a study.
pub struct Evaluator<'a> {
    /// What is studied.
    pub study: &'a Study,
    /// On what.
    pub samples: &'a Samples,
    /// With what.
    pub tools: &'a Tools,
    /// What several trials' programs share is compiled once.
    _objects: Option<Arc<SharedObjects>>,
    /// Sizes of the programs linked so far.
    linked: Mutex<HashMap<String, Footprint>>,
    /// Trials of other searches with the same study and seed, by their configuration and epochs, and the
    /// seconds they took.
    remembered: Mutex<HashMap<Asked, (TrialOutcome, f64)>>,
}

/// What a trial trains, and its epochs (None: a full training).
type Asked = (Configuration, Option<usize>);

/// A trial that could not be finished: nothing that a searcher may learn from.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// A study that cannot be trained, such as a network without softmax at its end.
    #[error("the network cannot be trained: {0}")]
    Training(TrainError),
    /// Asked for by name, but its layers cannot be put together.
    #[error("this configuration makes no network: {0}")]
    Build(BuildError),
    /// The compiler or emulator failed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// `search.trial_time_limit` is over.
    #[error("no result within the time limit of {} s", .0.as_secs_f64())]
    OutOfTime(Duration),
    /// A folder for the C project could not be made.
    #[error("cannot make a temporary folder: {0}")]
    Folder(std::io::Error),
}

/// Networks that only differ in how they are trained make the same program.
fn program_key(network: &Network) -> String {
    let mut key = String::new();
    // What each node reads, counted without dropouts.
    let (mut places, mut count) = (vec![], 0);
    for Node { layer, inputs, output, .. } in &network.nodes {
        let place = |source: &Source| match *source {
            Source::Input => Source::Input,
            Source::Node(node) => places[node],
        };
        let inputs: Vec<Source> = inputs.iter().map(place).collect();
        if let Layer::Dropout { .. } = layer {
            places.push(inputs[0]);
            continue;
        }
        places.push(Source::Node(count));
        count += 1;
        key += &format!("{layer:?} of {inputs:?} → {output}; ");
    }
    key
}

impl<'a> Evaluator<'a> {
    /// An evaluator that has linked nothing yet.
    pub fn new(study: &'a Study, samples: &'a Samples, tools: &'a Tools) -> Self {
        let (_objects, linked, remembered) =
            (SharedObjects::keep().ok(), Mutex::default(), Mutex::default());
        Self { study, samples, tools, _objects, linked, remembered }
    }

    /// Takes what a trial found for any further search with the same study and seed, unless it might have
    /// been stopped elsewhere there.
    pub fn remember(&self, trial: &TrialRecord) {
        if self.study.search.early_stopping.is_some() {
            return;
        }
        let found = (trial.outcome.clone(), trial.seconds);
        let mut remembered = self.remembered.lock().expect("no thread panicked with it");
        remembered.entry((trial.configuration.clone(), trial.epochs)).or_insert(found);
    }

    /// What an earlier search found, and the seconds it took.
    pub fn remembered(
        &self,
        configuration: &Configuration,
        epochs: Option<usize>,
    ) -> Option<(TrialOutcome, f64)> {
        let remembered = self.remembered.lock().expect("no thread panicked with it");
        remembered.get(&(configuration.clone(), epochs)).cloned()
    }

    /// The network of a configuration, or why its layers cannot be put together.
    pub fn network(&self, configuration: &Configuration) -> Result<Network, BuildError> {
        let data = &self.samples.raw;
        let Study { template, space, .. } = self.study;
        let network = template.network(space, configuration, data.shape, data.classes.len());
        network.map_err(|unbuildable| unbuildable.reason)
    }

    /// Runs the stages of one trial, whose networks train for `epochs` (None: in full). They train
    /// from the start, also where an earlier trial trained the same networks for fewer epochs: the same seed
    /// takes them through the same weights, and no trial's weights have to be kept. A trial that misses one
    /// of the `hurdles` is stopped there.
    ///
    /// # Errors
    /// Machinery that failed; more time than a trial may take, as is seen after each epoch. A network that
    /// does not fit is an outcome.
    pub fn evaluate(
        &self,
        configuration: &Configuration,
        epochs: Option<usize>,
        hurdles: Option<&Hurdles>,
    ) -> Result<TrialOutcome, EvaluateError> {
        let mut outcomes = evaluate_for(&[self], 0, configuration, epochs, hurdles)?;
        Ok(outcomes.remove(0))
    }

    /// What takes most of a network that does not fit, and the nearest change with which it would.
    ///
    /// # Errors
    /// A defect of the planner.
    pub fn advice(
        &self,
        configuration: &Configuration,
        network: &Network,
        footprint: &Footprint,
    ) -> Result<Vec<String>, EvaluateError> {
        let DeployPlan { limits, compression, ref board, .. } = self.study.deploy;
        let estimate = Estimate::like(network, footprint, &limits, compression, Some(board))?;
        let other_network = |other: &Configuration| self.network(other).ok();
        let choice = Choice { space: &self.study.space, configuration, network: &other_network };
        Ok(advice(network, footprint, &estimate, Some(&choice))?)
    }

    /// What could not be checked is told once, of the finalists, not of every trial.
    fn verdict(&self, footprint: &Footprint) -> Verdict {
        Verdict { unchecked: vec![], ..self.study.deploy.limits.judge(footprint) }
    }

    /// Whether only the linker can tell that a program fits.
    pub fn must_link(&self, program: &Program) -> bool {
        let DeployPlan { limits, board, .. } = &self.study.deploy;
        limits.accounting == Accounting::Elf || program.near_a_limit(board)
    }

    /// What a network takes before its weights are known: by arithmetic, and of the linked program
    /// where that decides and there is a cross compiler.
    fn sizes(&self, network: &Network) -> Result<Footprint, EvaluateError> {
        let DeployPlan { compression, ref board, .. } = self.study.deploy;
        let compiler = match &self.tools.cross_cc {
            Some(compiler) if self.must_link(&Program::of(network, compression, board)?) => {
                compiler
            }
            _ => return Ok(static_footprint(network, compression)),
        };
        let key = program_key(network);
        if let Some(linked) = self.linked.lock().expect("no thread panicked with it").get(&key) {
            return Ok(linked.clone());
        }
        let footprint = self.link(network, compiler)?;
        self.linked.lock().expect("no thread panicked with it").insert(key, footprint.clone());
        Ok(footprint)
    }

    /// Links a network's program for the chip.
    ///
    /// # Errors
    /// The compiler or linker fails, other than for want of memory.
    pub fn link(&self, network: &Network, compiler: &Path) -> Result<Footprint, EvaluateError> {
        let DeployPlan { compression, ref board, .. } = self.study.deploy;
        let folder = tempfile::tempdir().map_err(EvaluateError::Folder)?;
        let subject = Subject {
            network,
            model: None,
            standardisation: Some(&self.samples.standardisation),
            classes: &self.samples.raw.classes,
            vectors: None,
            emulated: None,
        };
        Ok(link(&subject, compression, board, compiler, folder.path())?)
    }
}

/// Runs the stages of one trial for several combinations of a study, each with its evaluator: one training,
/// an outcome for each. Whether there is a training at all decides the one whose `turn` it is.
///
/// # Errors
/// As [`Evaluator::evaluate`].
pub fn evaluate_for(
    evaluators: &[&Evaluator<'_>],
    turn: usize,
    configuration: &Configuration,
    epochs: Option<usize>,
    hurdles: Option<&Hurdles>,
) -> Result<Vec<TrialOutcome>, EvaluateError> {
    let own = evaluators[turn];
    let limit = own.study.search.trial_time_limit.map(|limit| (Instant::now(), limit));
    let refused = |reason: String| vec![TrialOutcome::refused(reason, None); evaluators.len()];
    let network = match own.network(configuration) {
        Ok(network) => network,
        Err(reason) => return Ok(refused(reason.to_string())),
    };
    let sized = |evaluator: &&Evaluator<'_>| {
        let footprint = evaluator.sizes(&network)?;
        let advice = evaluator.advice(configuration, &network, &footprint)?;
        Ok((footprint, advice))
    };
    let sizes: Vec<(Footprint, Vec<String>)> =
        evaluators.iter().map(sized).collect::<Result<_, EvaluateError>>()?;
    let untrained = |reason: &str| {
        let outcome = |(evaluator, (footprint, advice)): (&&Evaluator<'_>, &(_, Vec<String>))| {
            let mut outcome =
                TrialOutcome::refused(reason.to_owned(), Some(Footprint::clone(footprint)));
            let verdict = evaluator.verdict(footprint);
            if !verdict.deployable() {
                outcome.verdict = verdict;
                outcome.verdict.reasons.extend(advice.iter().cloned());
            }
            outcome
        };
        evaluators.iter().zip(&sizes).map(outcome).collect::<Vec<_>>()
    };
    let fits = own.verdict(&sizes[turn].0).deployable();
    if own.study.deploy.check == Check::BeforeTraining && !fits {
        return Ok(untrained("not trained: it does not fit what it was tried for"));
    }
    let mut compressions: Vec<Compression> = vec![];
    for Evaluator { study, .. } in evaluators {
        if !compressions.contains(&study.deploy.compression) {
            compressions.push(study.deploy.compression);
        }
    }
    let late = &|| limit.is_some_and(|(start, limit)| start.elapsed() > limit);
    let trained = own.train_folds(&network, configuration, &compressions, epochs, hurdles, late);
    match (trained, limit) {
        (_, Some((_, limit))) if late() => Err(EvaluateError::OutOfTime(limit)),
        (Ok(trained), _) => {
            let all = evaluators.iter().zip(sizes);
            Ok(all
                .map(|(it, (footprint, advice))| it.outcome(&trained, footprint, advice))
                .collect())
        }
        (Err(failed @ (TrainError::Diverged { .. } | TrainError::TooLarge { .. })), _) => {
            let outcome = |(footprint, _): (Footprint, _)| {
                TrialOutcome::refused(failed.to_string(), Some(footprint))
            };
            Ok(sizes.into_iter().map(outcome).collect())
        }
        (Err(error), _) => Err(EvaluateError::Training(error)),
    }
}
