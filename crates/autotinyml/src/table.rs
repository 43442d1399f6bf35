//! Every configuration of a finite study, trained once: a searcher that asks the table instead of
//! training gets its answers in no time, and the best deployable network is known.

mod file;
pub mod growing;
pub mod make;
mod measure;
mod sizes;
#[cfg(test)]
mod tests;

use autotinyml_deploy::{Compression, Footprint};
use autotinyml_search::Configuration;

use crate::record::TrialOutcome;
use crate::study_file::Study;

pub use file::{TableError, read, write};
pub use measure::{Deployed, Measured, measure};

/// The compressions of a table, in the order of its columns.
pub const COMPRESSIONS: [Compression; 3] = [Compression::X1, Compression::X4, Compression::X8];

/// A study with what becomes of each of its configurations.
#[derive(Debug)]
pub struct Table {
    /// The study that was tabulated.
    pub study: Study,
    /// Every configuration with the study's own seed, in ascending order; then those that were trained
    /// with more seeds, in ascending order of configuration and seed.
    pub rows: Vec<Row>,
}

/// A configuration trained with a seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What was trained.
    pub configuration: Configuration,
    /// Decided weights, order of samples and dropout; the split is the same in all rows.
    pub seed: u64,
    /// What came of it.
    pub measured: Measured,
    /// At ×1, ×4 and ×8, with cross accuracies. None: the layers cannot be put together.
    pub footprints: Option<[Footprint; COMPRESSIONS.len()]>,
}

impl Table {
    /// Rows with the study's own seed: one for each configuration, in ascending order.
    pub fn first_seed(&self) -> &[Row] {
        let count = self.study.space.size().map_or(self.rows.len(), |size| size as usize);
        &self.rows[..count]
    }
}

impl Row {
    /// What the network takes at the compression of a study. None: there is no network.
    pub fn footprint(&self, study: &Study) -> Option<&Footprint> {
        self.footprints.as_ref().map(|footprints| &footprints[column(study)])
    }

    /// On the test part, at the compression of a study, 0 to 1.
    pub fn test_accuracy(&self, study: &Study) -> Option<f64> {
        Some(self.measured.deployed.as_ref()?[column(study)].test_accuracy)
    }

    /// The row as a trial of a study with other limits or another compression.
    pub fn outcome(&self, study: &Study) -> TrialOutcome {
        let footprint = self.footprint(study).cloned();
        match (&self.measured.deployed, footprint) {
            (Some(deployed), Some(footprint)) => {
                let accuracy = deployed[column(study)].validation_accuracy;
                TrialOutcome {
                    balanced_accuracy: None,
                    macro_f1: None,
                    accuracy: Some(accuracy),
                    fold_scores: vec![],
                    fold_accuracies: vec![accuracy],
                    learning_curve: vec![],
                    validation_curve: self.measured.curve.clone(),
                    stopped: None,
                    verdict: study.deploy.limits.judge(&footprint),
                    footprint: Some(footprint),
                }
            }
            (_, footprint) => {
                let reason = self.measured.failure.clone().unwrap_or_default();
                TrialOutcome::refused(reason, footprint)
            }
        }
    }
}

fn column(study: &Study) -> usize {
    let compression = study.deploy.compression;
    COMPRESSIONS.iter().position(|c| *c == compression).expect("a table has every compression")
}
