//! The training of a trial: a network on each fold, stored at each compression that is asked for, and what
//! became of it.

use std::ops::ControlFlow;

use autotinyml_deploy::{
    Agreement, Compression, CrossAccuracy, Footprint, compress, of_each_layer,
};
use autotinyml_nn::{
    Confusion, Epoch, Metric, Model, Network, TrainError, Training, train_and_validate,
};
use autotinyml_search::Configuration;

use super::{EvaluateError, Evaluator};
use crate::advice::{costs_of_layers, falls_short};
use crate::early_stopping::{Hurdles, Missed, Place};
use crate::record::{Stopped, TrialOutcome};
use crate::samples::Samples;
use crate::study_file::{DeployPlan, Study};

/// What training on the folds gave.
pub(super) struct Trained {
    learning_curve: Vec<f64>,
    /// Of the first fold. Empty if bad trials are not stopped.
    validation_curve: Vec<f64>,
    /// In the last fold there is, or behind it.
    missed: Option<Missed>,
    /// Epochs of all folds, if nothing ends them early.
    epochs: usize,
    /// Epochs that there were.
    epochs_done: usize,
    /// At each compression that was asked for.
    deployed: Vec<Deployed>,
}

/// The trained networks at one compression.
struct Deployed {
    compression: Compression,
    /// Of each fold, on its validation part.
    confusions: Vec<Confusion>,
    /// What the networks as trained and as deployed answer, for all folds.
    answers: [Vec<f32>; 2],
    /// Of the fold that agrees least with its network, if less than this: what each layer costs.
    layers: Vec<Agreement>,
    least: f64,
}

impl Deployed {
    fn of_folds(&self, metric: Metric) -> Vec<f64> {
        self.confusions.iter().map(|confusion| confusion.score(metric)).collect()
    }

    /// Mean over the folds.
    fn score(&self, metric: Metric) -> f64 {
        let scores = self.of_folds(metric);
        scores.iter().sum::<f64>() / scores.len() as f64
    }

    /// Takes in a fold.
    fn add(&mut self, model: &Model, inputs: &[f32], labels: &[usize]) {
        let stored = compress(model, self.compression);
        let (original, outputs) = (model.predict(inputs), stored.decompressed().predict(inputs));
        let classes = model.network.output().len();
        let agreeing = CrossAccuracy::between(&original, &outputs, classes).accuracy;
        if agreeing < self.least {
            (self.least, self.layers) = (agreeing, of_each_layer(model, &stored, inputs));
        }
        self.confusions.push(Confusion::of(&outputs, labels.iter().copied(), classes));
        self.answers[0].extend(original);
        self.answers[1].extend(outputs);
    }
}

impl Evaluator<'_> {
    /// Mean accuracy and mean score by the study's goal over the folds after full training, as deployed.
    pub(crate) fn validate(
        &self,
        network: &Network,
        configuration: &Configuration,
    ) -> Result<(f64, f64), EvaluateError> {
        let compression = &[self.study.deploy.compression];
        let trained = self
            .train_folds(network, configuration, compression, None, None, &|| false)
            .map_err(EvaluateError::Training)?;
        let deployed = &trained.deployed[0];
        Ok((deployed.score(Metric::Accuracy), deployed.score(self.study.search.goal)))
    }

    /// One network for each fold; what comes out once it is `late` is of no use.
    pub(super) fn train_folds(
        &self,
        network: &Network,
        configuration: &Configuration,
        compressions: &[Compression],
        epochs: Option<usize>,
        all_hurdles: Option<&Hurdles>,
        late: &dyn Fn() -> bool,
    ) -> Result<Trained, TrainError> {
        let Study { training, space, search, deploy, .. } = self.study;
        let full = training.fill(space, configuration, &self.samples.raw.classes);
        let training = Training { epochs: epochs.unwrap_or(full.epochs), ..full };
        let least = deploy.limits.cross_accuracy.unwrap_or(0.0);
        let nothing = |&compression: &Compression| Deployed {
            compression,
            confusions: vec![],
            answers: [vec![], vec![]],
            layers: vec![],
            least,
        };
        let mut deployed: Vec<Deployed> = compressions.iter().map(nothing).collect();
        let (mut curves, mut validation_curve, mut missed) = (vec![], vec![], None);
        for (number, fold) in self.samples.folds.iter().enumerate() {
            let data = &self.samples.raw.standardised(&fold.standardisation);
            // The same seed for every configuration: they differ by their merit, not by their luck.
            let seed = search.seed.wrapping_mul(1000).wrapping_add(number as u64);
            let hurdles = all_hurdles.filter(|_| number == 0);
            let (mut curve, train) = (vec![], &fold.train);
            let on_epoch = &mut |epoch: &Epoch| {
                curve.push(epoch.accuracy);
                if let Some(hurdles) = hurdles {
                    validation_curve.extend(epoch.validation_score(search.goal));
                    missed = hurdles.missed(&validation_curve);
                }
                let stops = late() || missed.is_some();
                if stops { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let each_epoch = match hurdles {
                Some(_) if fold.stop.is_empty() => &fold.validation,
                _ => &fold.stop,
            };
            let model =
                train_and_validate(network, data, train, each_epoch, &training, seed, on_epoch)?;
            curves.push(curve);
            let inputs = Samples::gather(data, &fold.validation);
            let labels: Vec<usize> =
                fold.validation.iter().map(|&sample| data.labels[sample]).collect();
            deployed.iter_mut().for_each(|deployed| deployed.add(&model, &inputs, &labels));
            let own = (deployed.iter())
                .find(|deployed| deployed.compression == deploy.compression)
                .expect("every compression was asked for");
            if missed.is_none() && number + 1 < self.samples.folds.len() {
                let folds = own.of_folds(search.goal);
                missed = all_hurdles.and_then(|hurdles| hurdles.missed_after(&folds));
            }
            if missed.is_some() {
                break;
            }
        }
        let epochs = training.epochs * self.samples.folds.len();
        let epochs_done = curves.iter().map(Vec::len).sum();
        let learning_curve = mean_curve(&curves);
        Ok(Trained { epochs_done, learning_curve, validation_curve, missed, epochs, deployed })
    }

    /// What became of a trained network, at this study's compression on its board.
    pub(super) fn outcome(
        &self,
        trained: &Trained,
        mut footprint: Footprint,
        advice: Vec<String>,
    ) -> TrialOutcome {
        let DeployPlan { compression, limits, .. } = &self.study.deploy;
        let found = trained.deployed.iter().find(|deployed| deployed.compression == *compression);
        let deployed = found.expect("every compression was asked for");
        let goal = self.study.search.goal;
        let whole_folds =
            trained.missed.is_none_or(|missed| matches!(missed.place, Place::Fold(_)));
        let of_folds = |metric| if whole_folds { deployed.of_folds(metric) } else { vec![] };
        let curves = TrialOutcome {
            fold_accuracies: of_folds(Metric::Accuracy),
            fold_scores: if goal == Metric::Accuracy { vec![] } else { of_folds(goal) },
            learning_curve: trained.learning_curve.clone(),
            validation_curve: trained.validation_curve.clone(),
            ..TrialOutcome::refused(String::new(), None)
        };
        if let Some(missed) = &trained.missed {
            let mut verdict = self.verdict(&footprint);
            verdict.reasons.extend(advice);
            let stopped = Some(Stopped {
                reason: missed.to_string(),
                score: deployed.score(goal),
                epochs: trained.epochs_done,
                epochs_saved: trained.epochs - trained.epochs_done,
            });
            return TrialOutcome { stopped, verdict, footprint: Some(footprint), ..curves };
        }
        let classes = self.samples.raw.classes.len();
        let CrossAccuracy { accuracy, rmse, mae, l2r, .. } =
            CrossAccuracy::between(&deployed.answers[0], &deployed.answers[1], classes);
        footprint.cross_accuracy = Some(accuracy);
        // Outputs that overflow have no distance.
        [footprint.rmse, footprint.mae, footprint.l2r] =
            [rmse, mae, l2r].map(|distance| distance.is_finite().then_some(distance));
        let mut verdict = self.verdict(&footprint);
        verdict.reasons.extend(advice);
        if falls_short(limits, &footprint) {
            verdict.reasons.extend(costs_of_layers(&deployed.layers));
        }
        TrialOutcome {
            accuracy: Some(deployed.score(Metric::Accuracy)),
            balanced_accuracy: Some(deployed.score(Metric::BalancedAccuracy)),
            macro_f1: Some(deployed.score(Metric::MacroF1)),
            verdict,
            footprint: Some(footprint),
            ..curves
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
