//! One trial: from a configuration to what became of it.
//!
//! The stages: build the network → refuse what cannot fit (unless the study treats deployability as
//! a black box) → train a network on each fold → compress → accuracy as deployed, sizes, cross
//! accuracy → verdict.

use std::ops::ControlFlow;

use autotinyml_deploy::{
    Accounting, CrossAccuracy, DeployError, Footprint, Subject, Tools, check, compress,
    static_footprint,
};
use autotinyml_nn::{BuildError, Network, TrainError, train};
use autotinyml_search::Configuration;

use crate::record::{Deployable, TrialOutcome};
use crate::samples::Samples;
use crate::study_file::{Check, Study};

/// Evaluates the configurations of a study.
pub struct Evaluator<'a> {
    /// What is studied.
    pub study: &'a Study,
    /// On what.
    pub samples: &'a Samples,
    /// With what; only `accounting = "elf"` compiles during the search.
    pub tools: &'a Tools,
}

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
    /// A folder for the C project could not be made.
    #[error("cannot make a temporary folder: {0}")]
    Folder(std::io::Error),
}

/// What training on the folds gave.
struct Trained {
    fold_accuracies: Vec<f64>,
    learning_curve: Vec<f64>,
    cross: CrossAccuracy,
}

impl Trained {
    fn accuracy(&self) -> f64 {
        self.fold_accuracies.iter().sum::<f64>() / self.fold_accuracies.len() as f64
    }
}

impl Evaluator<'_> {
    /// The network of a configuration, or why its layers cannot be put together.
    pub fn network(&self, configuration: &Configuration) -> Result<Network, BuildError> {
        let data = &self.samples.raw;
        let Study { template, space, .. } = self.study;
        template.network(space, configuration, data.shape, data.classes.len())
    }

    /// Whether a configuration meets every limit that can be judged by arithmetic alone.
    pub fn prescreen(&self, configuration: &Configuration) -> bool {
        self.network(configuration).is_ok_and(|network| {
            let footprint = static_footprint(&network, self.study.deploy.compression);
            self.study.deploy.limits.judge(&footprint).meets_limits
        })
    }

    /// How much of the space can be deployed; None if the space is infinite or too large to count.
    pub fn deployable(&self) -> Option<Deployable> {
        const COUNTED_MAX: u128 = 2_000_000;
        let space = self.study.space.size().filter(|size| *size <= COUNTED_MAX)? as usize;
        let mut deployable =
            Deployable { space, within_limits: 0, unbuildable: 0, unbuildable_reason: None };
        let Study { deploy, space, .. } = self.study;
        for configuration in space.enumerate() {
            match self.network(&configuration) {
                Ok(network) => {
                    let footprint = static_footprint(&network, deploy.compression);
                    deployable.within_limits +=
                        usize::from(deploy.limits.judge(&footprint).meets_limits);
                }
                Err(reason) => {
                    deployable.unbuildable += 1;
                    deployable.unbuildable_reason.get_or_insert_with(|| reason.to_string());
                }
            }
        }
        Some(deployable)
    }

    /// The smallest RAM and ROM of the space (not of the same network, as a rule), in bytes.
    pub fn smallest(&self) -> Option<(usize, usize)> {
        let sizes = self.study.space.enumerate().filter_map(|configuration| {
            let network = self.network(&configuration).ok()?;
            let footprint = static_footprint(&network, self.study.deploy.compression);
            Some((footprint.st_ram_bytes, footprint.st_rom_bytes))
        });
        sizes.reduce(|a, b| (a.0.min(b.0), a.1.min(b.1)))
    }

    /// Runs the stages of one trial.
    ///
    /// # Errors
    /// Machinery that failed. A network that does not fit is an outcome.
    pub fn evaluate(&self, configuration: &Configuration) -> Result<TrialOutcome, EvaluateError> {
        let deploy = &self.study.deploy;
        let network = match self.network(configuration) {
            Ok(network) => network,
            Err(reason) => return Ok(TrialOutcome::refused(reason.to_string(), None)),
        };
        let footprint = self.sizes(&network)?;
        let verdict = deploy.limits.judge(&footprint);
        if deploy.check == Check::BeforeTraining && !verdict.deployable() {
            return Ok(TrialOutcome {
                verdict,
                ..TrialOutcome::refused(String::new(), Some(footprint))
            });
        }
        match self.train_folds(&network, configuration) {
            Ok(trained) => Ok(self.judge(trained, footprint)),
            Err(diverged @ TrainError::Diverged { .. }) => {
                Ok(TrialOutcome::refused(diverged.to_string(), Some(footprint)))
            }
            Err(error) => Err(EvaluateError::Training(error)),
        }
    }

    /// What a network takes before its weights are known: by arithmetic, or of the linked program.
    fn sizes(&self, network: &Network) -> Result<Footprint, EvaluateError> {
        let deploy = &self.study.deploy;
        if deploy.limits.accounting == Accounting::St || self.tools.cross_cc.is_none() {
            return Ok(static_footprint(network, deploy.compression));
        }
        let folder = tempfile::tempdir().map_err(EvaluateError::Folder)?;
        let subject = Subject {
            network,
            model: None,
            standardisation: Some(&self.samples.standardisation),
            classes: &self.samples.raw.classes,
            vectors: None,
            emulated: None,
        };
        Ok(check(&subject, deploy.compression, Some(deploy.board), self.tools, folder.path())?)
    }

    /// Mean accuracy over the folds, as deployed.
    pub(crate) fn validation_accuracy(
        &self,
        network: &Network,
        configuration: &Configuration,
    ) -> Result<f64, EvaluateError> {
        let trained = self.train_folds(network, configuration).map_err(EvaluateError::Training)?;
        Ok(trained.accuracy())
    }

    fn train_folds(
        &self,
        network: &Network,
        configuration: &Configuration,
    ) -> Result<Trained, TrainError> {
        let Study { training, space, search, deploy, .. } = self.study;
        let training = training.fill(space, configuration);
        let data = &self.samples.standardised;
        let mut fold_accuracies = vec![];
        let mut learning_curve = vec![0.0; training.epochs];
        let (mut answers, mut deployed_answers) = (vec![], vec![]);
        for (number, fold) in self.samples.folds.iter().enumerate() {
            // The same seed for every configuration: they differ by their merit, not by their luck.
            let seed = search.seed.wrapping_mul(1000).wrapping_add(number as u64);
            let model = train(network, data, &fold.train, &training, seed, &mut |epoch| {
                learning_curve[epoch.epoch - 1] += epoch.accuracy / self.samples.folds.len() as f64;
                ControlFlow::Continue(())
            })?;
            let deployed = compress(&model, deploy.compression).decompressed();
            let inputs = Samples::gather(data, &fold.validation);
            answers.extend(model.predict(&inputs));
            deployed_answers.extend(deployed.predict(&inputs));
            fold_accuracies.push(deployed.accuracy(data, &fold.validation));
        }
        let cross = CrossAccuracy::between(&answers, &deployed_answers, data.classes.len());
        Ok(Trained { fold_accuracies, learning_curve, cross })
    }

    fn judge(&self, trained: Trained, mut footprint: Footprint) -> TrialOutcome {
        footprint.cross_accuracy = Some(trained.cross.accuracy);
        footprint.rmse = Some(trained.cross.rmse);
        footprint.mae = Some(trained.cross.mae);
        footprint.l2r = Some(trained.cross.l2r);
        TrialOutcome {
            accuracy: Some(trained.accuracy()),
            fold_accuracies: trained.fold_accuracies,
            learning_curve: trained.learning_curve,
            verdict: self.study.deploy.limits.judge(&footprint),
            footprint: Some(footprint),
        }
    }
}
