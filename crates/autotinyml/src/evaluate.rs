//! One trial: from a configuration to what became of it.
//!
//! The stages: build the network → sizes, of the program linked for the chip where there is a cross
//! compiler → refuse what does not fit (unless the study treats deployability as a black box) →
//! train a network on each fold → compress → accuracy as deployed, cross accuracy → verdict.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use autotinyml_deploy::{
    Accounting, Agreement, CrossAccuracy, DeployError, Estimate, Footprint, Program, SharedObjects,
    Subject, Tools, Verdict, compress, link, of_each_layer, static_footprint,
};
use autotinyml_nn::{
    BuildError, Confusion, Epoch, Layer, Metric, Network, Node, Source, TrainError, Training,
    train_and_validate,
};
use autotinyml_search::Configuration;

use crate::advice::{Choice, advice, costs_of_layers, falls_short};
use crate::early_stopping::Hurdles;
use crate::record::{Stopped, TrialOutcome, TrialRecord};
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

/// What training on the folds gave.
struct Trained {
    /// Of each fold, as deployed, on its validation part.
    confusions: Vec<Confusion>,
    learning_curve: Vec<f64>,
    /// Of the first fold. Empty if bad trials are not stopped.
    validation_curve: Vec<f64>,
    /// In the first fold, the only one then.
    stopped: Option<Stopped>,
    cross: CrossAccuracy,
    /// Of the fold that agrees least with its network, if too little: what each layer costs.
    layers: Vec<Agreement>,
}

impl Trained {
    fn of_folds(&self, metric: Metric) -> Vec<f64> {
        self.confusions.iter().map(|confusion| confusion.score(metric)).collect()
    }

    /// Mean over the folds.
    fn score(&self, metric: Metric) -> f64 {
        let scores = self.of_folds(metric);
        scores.iter().sum::<f64>() / scores.len() as f64
    }
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
        let Study { deploy, search, .. } = self.study;
        let limit = search.trial_time_limit.map(|limit| (Instant::now(), limit));
        let network = match self.network(configuration) {
            Ok(network) => network,
            Err(reason) => return Ok(TrialOutcome::refused(reason.to_string(), None)),
        };
        let footprint = self.sizes(&network)?;
        let verdict = self.verdict(&footprint);
        let advice = self.advice(configuration, &network, &footprint)?;
        if deploy.check == Check::BeforeTraining && !verdict.deployable() {
            let mut refused = TrialOutcome::refused(String::new(), Some(footprint));
            refused.verdict = verdict;
            refused.verdict.reasons.extend(advice);
            return Ok(refused);
        }
        let late = &|| limit.is_some_and(|(start, limit)| start.elapsed() > limit);
        match (self.train_folds(&network, configuration, epochs, hurdles, late), limit) {
            (_, Some((_, limit))) if late() => Err(EvaluateError::OutOfTime(limit)),
            (Ok(trained), _) => {
                let mut outcome = self.judge(&trained, footprint);
                outcome.verdict.reasons.extend(advice);
                if outcome.footprint.as_ref().is_some_and(|it| falls_short(&deploy.limits, it)) {
                    outcome.verdict.reasons.extend(costs_of_layers(&trained.layers));
                }
                Ok(outcome)
            }
            (Err(refused @ (TrainError::Diverged { .. } | TrainError::TooLarge { .. })), _) => {
                Ok(TrialOutcome::refused(refused.to_string(), Some(footprint)))
            }
            (Err(error), _) => Err(EvaluateError::Training(error)),
        }
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

    /// Mean accuracy and mean score by the study's goal over the folds after full training, as deployed.
    pub(crate) fn validate(
        &self,
        network: &Network,
        configuration: &Configuration,
    ) -> Result<(f64, f64), EvaluateError> {
        let trained = self
            .train_folds(network, configuration, None, None, &|| false)
            .map_err(EvaluateError::Training)?;
        Ok((trained.score(Metric::Accuracy), trained.score(self.study.search.goal)))
    }

    /// One network for each fold; what comes out once it is `late` is of no use.
    fn train_folds(
        &self,
        network: &Network,
        configuration: &Configuration,
        epochs: Option<usize>,
        hurdles: Option<&Hurdles>,
        late: &dyn Fn() -> bool,
    ) -> Result<Trained, TrainError> {
        let Study { training, space, search, deploy, .. } = self.study;
        let full = training.fill(space, configuration, &self.samples.raw.classes);
        let training = Training { epochs: epochs.unwrap_or(full.epochs), ..full };
        let mut confusions = vec![];
        let mut curves = vec![];
        let (mut validation_curve, mut missed) = (vec![], None);
        let (mut answers, mut deployed_answers) = (vec![], vec![]);
        let (mut layers, mut least) = (vec![], deploy.limits.cross_accuracy.unwrap_or(0.0));
        for (number, fold) in self.samples.folds.iter().enumerate() {
            let data = &self.samples.raw.standardised(&fold.standardisation);
            // The same seed for every configuration: they differ by their merit, not by their luck.
            let seed = search.seed.wrapping_mul(1000).wrapping_add(number as u64);
            let hurdles = hurdles.filter(|_| number == 0);
            let (mut curve, train) = (vec![], &fold.train);
            let on_epoch = &mut |epoch: &Epoch| {
                curve.push(epoch.accuracy);
                if let Some(hurdles) = hurdles {
                    validation_curve.extend(epoch.validation_accuracy);
                    missed = hurdles.missed(&validation_curve);
                }
                if late() || missed.is_some() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let each_epoch = match hurdles {
                Some(_) if fold.stop.is_empty() => &fold.validation,
                _ => &fold.stop,
            };
            let model =
                train_and_validate(network, data, train, each_epoch, &training, seed, on_epoch)?;
            curves.push(curve);
            let stored = compress(&model, deploy.compression);
            let inputs = Samples::gather(data, &fold.validation);
            let (original, outputs) =
                (model.predict(&inputs), stored.decompressed().predict(&inputs));
            let agreeing = CrossAccuracy::between(&original, &outputs, data.classes.len()).accuracy;
            if agreeing < least {
                (least, layers) = (agreeing, of_each_layer(&model, &stored, &inputs));
            }
            answers.extend(original);
            let labels = fold.validation.iter().map(|&sample| data.labels[sample]);
            confusions.push(Confusion::of(&outputs, labels, data.classes.len()));
            deployed_answers.extend(outputs);
            if missed.is_some() {
                break;
            }
        }
        let cross =
            CrossAccuracy::between(&answers, &deployed_answers, self.samples.raw.classes.len());
        let stopped = missed.map(|missed| Stopped {
            reason: missed.to_string(),
            score: confusions[0].score(search.goal),
            epochs: missed.epoch,
            epochs_saved: training.epochs * self.samples.folds.len() - missed.epoch,
        });
        let learning_curve = mean_curve(&curves);
        Ok(Trained { confusions, learning_curve, validation_curve, stopped, cross, layers })
    }

    fn judge(&self, trained: &Trained, mut footprint: Footprint) -> TrialOutcome {
        if let Some(stopped) = &trained.stopped {
            return TrialOutcome {
                learning_curve: trained.learning_curve.clone(),
                validation_curve: trained.validation_curve.clone(),
                stopped: Some(stopped.clone()),
                verdict: self.verdict(&footprint),
                ..TrialOutcome::refused(String::new(), Some(footprint))
            };
        }
        footprint.cross_accuracy = Some(trained.cross.accuracy);
        let CrossAccuracy { rmse, mae, l2r, .. } = trained.cross;
        // Outputs that overflow have no distance.
        [footprint.rmse, footprint.mae, footprint.l2r] =
            [rmse, mae, l2r].map(|distance| distance.is_finite().then_some(distance));
        TrialOutcome {
            accuracy: Some(trained.score(Metric::Accuracy)),
            balanced_accuracy: Some(trained.score(Metric::BalancedAccuracy)),
            macro_f1: Some(trained.score(Metric::MacroF1)),
            fold_accuracies: trained.of_folds(Metric::Accuracy),
            learning_curve: trained.learning_curve.clone(),
            validation_curve: trained.validation_curve.clone(),
            stopped: None,
            verdict: self.verdict(&footprint),
            footprint: Some(footprint),
        }
    }
}

/// The mean after each epoch, of the curves that go so far.
fn mean_curve(curves: &[Vec<f64>]) -> Vec<f64> {
    let epochs = curves.iter().map(Vec::len).max().unwrap_or(0);
    let mean = |epoch| {
        let reached: Vec<f64> =
            curves.iter().filter_map(|curve| curve.get(epoch)).copied().collect();
        reached.iter().sum::<f64>() / reached.len() as f64
    };
    (0..epochs).map(mean).collect()
}
