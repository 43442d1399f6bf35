//! From the search's best trials to a program on the chip: trained on the whole training part,
//! compressed, compiled, linked against the chip's memory, run over the test part.

use std::ops::ControlFlow;
use std::path::Path;

use autotinyml_deploy::{Checked, Subject, check, compress};
use autotinyml_nn::{Confusion, Metric, Model, TrainError, train_and_validate};
use autotinyml_search::Configuration;

use crate::advice::{costs_of_layers, falls_short};
use crate::evaluate::{EvaluateError, Evaluator};
use crate::record::{Finalist, TrialRecord};
use crate::samples::Samples;
use crate::saved_model::SavedModel;
use crate::study_file::Study;

/// Deployable trials that were trained in full, the best by the goal first; of equals the one with less ROM,
/// then the earlier.
pub fn ranking<'a>(
    trials: impl IntoIterator<Item = &'a TrialRecord>,
    goal: Metric,
) -> Vec<&'a TrialRecord> {
    let score = |trial: &TrialRecord| trial.outcome.score(goal);
    let deployable = |trial: &&TrialRecord| {
        trial.epochs.is_none() && trial.outcome.verdict.deployable() && score(trial).is_some()
    };
    let rom = |trial: &TrialRecord| {
        trial.outcome.footprint.as_ref().map_or(usize::MAX, |footprint| footprint.st_rom_bytes)
    };
    let mut ranking: Vec<&TrialRecord> = trials.into_iter().filter(deployable).collect();
    ranking.sort_by(|a, b| {
        let (better, worse) = (score(b), score(a));
        let by_score = better.partial_cmp(&worse).expect("scores are numbers");
        by_score.then(rom(a).cmp(&rom(b))).then(a.id.cmp(&b.id))
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
            Err(EvaluateError::Training(
                refused @ (TrainError::Diverged { .. } | TrainError::TooLarge { .. }),
            )) => {
                return Ok(Final::Diverged(refused.to_string()));
            }
            model => model?,
        };
        let Checked { footprint, outputs, cross } = self.deploy(&model, firmware)?;
        let goal = self.study.search.goal;
        let validated = trial.and_then(|trial| {
            let TrialRecord { outcome, .. } = trial;
            Some((outcome.accuracy?, outcome.score(goal)?))
        });
        let (validation_accuracy, score) = match validated {
            Some(scores) => scores,
            None => match self.validate(&model.network, configuration) {
                Err(EvaluateError::Training(
                    refused @ (TrainError::Diverged { .. } | TrainError::TooLarge { .. }),
                )) => {
                    return Ok(Final::Diverged(refused.to_string()));
                }
                scores => scores?,
            },
        };
        // What the C program answered; without any compiler, what it would.
        let Samples { raw, standardisation, test, .. } = self.samples;
        let data = &raw.standardised(standardisation);
        let outputs = outputs.unwrap_or_else(|| {
            let stored = compress(&model, self.study.deploy.compression);
            stored.decompressed().predict(&Samples::gather(data, test))
        });
        let labels = test.iter().map(|&sample| data.labels[sample]);
        let confusion = Confusion::of(&outputs, labels, data.classes.len());
        let settings = self.study.space.settings(configuration).into_iter();
        let mut verdict = self.study.deploy.limits.judge(&footprint);
        verdict.reasons.extend(self.advice(configuration, &model.network, &footprint)?);
        if falls_short(&self.study.deploy.limits, &footprint) {
            verdict
                .reasons
                .extend(costs_of_layers(cross.as_ref().map_or(&[], |cross| &cross.layers)));
        }
        let finalist = Finalist {
            trial: trial.map(|trial| trial.id),
            settings: settings.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            validation_accuracy,
            validation_goal: (goal != Metric::Accuracy).then_some(score),
            test_accuracy: model.accuracy(data, test),
            deployed_accuracy: confusion.score(Metric::Accuracy),
            confusion: confusion.counts,
            undecided: confusion.undecided,
            verdict,
            footprint,
            cross,
        };
        let standardisation = Some(standardisation.clone());
        Ok(Final::Ran(Box::new(finalist), SavedModel { model, standardisation }))
    }

    /// The network of a configuration, trained on the whole training part.
    fn train_whole(&self, configuration: &Configuration) -> Result<Model, EvaluateError> {
        let network = self.network(configuration).map_err(EvaluateError::Build)?;
        let Study { training, space, search, .. } = self.study;
        let Samples { raw, standardisation, train, stop, .. } = self.samples;
        let data = &raw.standardised(standardisation);
        let training = training.fill(space, configuration, &data.classes);
        train_and_validate(&network, data, train, stop, &training, search.seed, &mut |_| {
            ControlFlow::Continue(())
        })
        .map_err(EvaluateError::Training)
    }

    fn deploy(&self, model: &Model, firmware: &Path) -> Result<Checked, EvaluateError> {
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
        Ok(check(&subject, deploy.compression, Some(&deploy.board), self.tools, firmware)?)
    }
}

#[cfg(test)]
mod tests {
    use autotinyml_deploy::{Footprint, Verdict};
    use autotinyml_search::{Phase, Space};

    use super::*;
    use crate::record::TrialOutcome;

    #[test]
    fn of_equal_scores_less_rom_wins_and_then_the_earlier_trial() {
        let trial = |(id, accuracy, st_rom_bytes)| {
            let footprint = Footprint { st_rom_bytes, ..Footprint::default() };
            let outcome = TrialOutcome::refused(String::new(), Some(footprint));
            TrialRecord {
                id,
                configuration: Space::new(vec![]).unwrap().configuration(&[]).unwrap(),
                phase: Phase::Initial,
                epochs: None,
                outcome: TrialOutcome {
                    accuracy: Some(accuracy),
                    verdict: Verdict { meets_limits: true, ..outcome.verdict.clone() },
                    ..outcome
                },
                combinations: vec![],
                seconds: 1.0,
            }
        };
        let trials =
            [(4, 0.9, 50), (0, 0.8, 10), (3, 0.9, 40), (2, 0.9, 50), (1, 0.7, 1)].map(trial);
        let order: Vec<usize> =
            ranking(&trials, Metric::Accuracy).iter().map(|trial| trial.id).collect();
        assert_eq!(order, [3, 2, 4, 0, 1]);
    }
}
