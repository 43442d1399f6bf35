//! From the search's best trials to a program on the chip: trained on the whole training part,
//! compressed, compiled, linked against the chip's memory, run over the test part.

use std::ops::ControlFlow;
use std::path::Path;

use autotinyml_deploy::{Footprint, Subject, check, compress};
use autotinyml_nn::{Dataset, Model, TrainError, train};
use autotinyml_search::Configuration;

use crate::evaluate::{EvaluateError, Evaluator};
use crate::record::{Finalist, TrialRecord};
use crate::samples::Samples;
use crate::saved_model::SavedModel;

/// Deployable trials, the most accurate first; of equals the one with less ROM, then the earlier.
pub fn ranking(trials: &[TrialRecord]) -> Vec<&TrialRecord> {
    let deployable = |trial: &&TrialRecord| {
        trial.outcome.verdict.deployable() && trial.outcome.accuracy.is_some()
    };
    let rom = |trial: &TrialRecord| {
        trial.outcome.footprint.as_ref().map_or(usize::MAX, |footprint| footprint.st_rom_bytes)
    };
    let mut ranking: Vec<&TrialRecord> = trials.iter().filter(deployable).collect();
    ranking.sort_by(|a, b| {
        let (better, worse) = (b.outcome.accuracy, a.outcome.accuracy);
        better.partial_cmp(&worse).expect("accuracies are numbers").then(rom(a).cmp(&rom(b)))
    });
    ranking
}

/// How a final ended.
pub enum Final {
    /// As a program.
    Ran(Box<Finalist>, SavedModel),
    /// Training on the whole training part went nowhere, though its folds did not.
    Diverged(String),
}

impl Evaluator<'_> {
    /// Trains a configuration on the whole training part and takes it to the chip. The C project is
    /// left in `firmware`.
    ///
    /// # Errors
    /// Machinery that failed, or a configuration that cannot be built or trained at all.
    pub fn finalist(
        &self,
        configuration: &Configuration,
        trial: Option<&TrialRecord>,
        firmware: &Path,
    ) -> Result<Final, EvaluateError> {
        let model = match self.train_whole(configuration) {
            Err(EvaluateError::Training(diverged @ TrainError::Diverged { .. })) => {
                return Ok(Final::Diverged(diverged.to_string()));
            }
            model => model?,
        };
        let footprint = self.deploy(&model, firmware)?;
        let validation_accuracy = match trial.and_then(|trial| trial.outcome.accuracy) {
            Some(accuracy) => accuracy,
            None => match self.validation_accuracy(&model.network, configuration) {
                Err(EvaluateError::Training(diverged @ TrainError::Diverged { .. })) => {
                    return Ok(Final::Diverged(diverged.to_string()));
                }
                accuracy => accuracy?,
            },
        };
        let deployed = compress(&model, self.study.deploy.compression).decompressed();
        let data = &self.samples.standardised;
        let settings = self.study.space.settings(configuration).into_iter();
        let finalist = Finalist {
            trial: trial.map(|trial| trial.id),
            settings: settings.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            validation_accuracy,
            test_accuracy: model.accuracy(data, &self.samples.test),
            deployed_accuracy: deployed.accuracy(data, &self.samples.test),
            confusion: confusion(&deployed, data, &self.samples.test),
            verdict: self.study.deploy.limits.judge(&footprint),
            footprint,
            emulator_missing: self.tools.emulator.is_none() || self.tools.cross_cc.is_none(),
        };
        let standardisation = Some(self.samples.standardisation.clone());
        Ok(Final::Ran(Box::new(finalist), SavedModel { model, standardisation }))
    }

    /// The network of a configuration, trained on the whole training part.
    fn train_whole(&self, configuration: &Configuration) -> Result<Model, EvaluateError> {
        let network = self.network(configuration).map_err(EvaluateError::Build)?;
        let training = self.study.training.fill(&self.study.space, configuration);
        let (data, seed) = (&self.samples.standardised, self.study.search.seed);
        train(&network, data, &self.samples.train, &training, seed, &mut |_| {
            ControlFlow::Continue(())
        })
        .map_err(EvaluateError::Training)
    }

    fn deploy(&self, model: &Model, firmware: &Path) -> Result<Footprint, EvaluateError> {
        let vectors = Samples::gather(&self.samples.raw, &self.samples.test);
        let subject = Subject {
            network: &model.network,
            model: Some(model),
            standardisation: Some(&self.samples.standardisation),
            classes: &self.samples.raw.classes,
            vectors: Some(&vectors),
            emulated: None,
        };
        let deploy = &self.study.deploy;
        Ok(check(&subject, deploy.compression, Some(deploy.board), self.tools, firmware)?.footprint)
    }
}

/// Rows: true class; columns: chosen class.
fn confusion(model: &Model, data: &Dataset, samples: &[usize]) -> Vec<Vec<usize>> {
    let classes = data.classes.len();
    let mut confusion = vec![vec![0; classes]; classes];
    let outputs = model.predict(&Samples::gather(data, samples));
    for (&sample, output) in samples.iter().zip(outputs.chunks(classes)) {
        let chosen = (0..classes).max_by(|&a, &b| output[a].total_cmp(&output[b]));
        confusion[data.labels[sample]][chosen.expect("there are classes")] += 1;
    }
    confusion
}
