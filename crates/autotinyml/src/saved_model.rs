//! The folder `model/`: a trained network with the standardisation that its inputs need.

use std::fs;
use std::path::Path;

use autotinyml_nn::{Model, ModelError, Standardisation};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A trained network as it is kept.
#[derive(Clone, Debug)]
pub struct SavedModel {
    /// Network and weights.
    pub model: Model,
    /// From raw inputs to what the network reads; None: it reads raw inputs.
    pub standardisation: Option<Standardisation>,
}

/// A model's folder that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SavedModelError {
    /// Network or weights.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The standardisation.
    #[error("{path}: {problem}")]
    Standardisation {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

const STANDARDISATION: &str = "standardisation.json";

impl SavedModel {
    /// Writes the folder, making it if need be.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), SavedModelError> {
        self.model.save(folder)?;
        let path = folder.join(STANDARDISATION);
        let text = serde_json::to_string_pretty(&self.standardisation).expect("plain numbers");
        fs::write(&path, text).map_err(|error| problem(&path, error))
    }

    /// Reads the folder; without a standardisation, inputs are taken as they are.
    ///
    /// # Errors
    /// A file that is missing or wrong.
    pub fn load(folder: &Path) -> Result<Self, SavedModelError> {
        let model = Model::load(folder)?;
        let path = folder.join(STANDARDISATION);
        if !path.exists() {
            return Ok(Self { model, standardisation: None });
        }
        let text = fs::read_to_string(&path).map_err(|error| problem(&path, error))?;
        let standardisation = serde_json::from_str(&text).map_err(|error| problem(&path, error))?;
        Ok(Self { model, standardisation })
    }

    /// Raw inputs that look to the network like noise of mean 0 and deviation 1.
    pub fn random_inputs(&self, samples: usize) -> Vec<f32> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
        // The sum of twelve uniform numbers is close to normal, with a variance of 1.
        let mut normal = || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
        let mut inputs: Vec<f32> =
            (0..samples * self.model.network.input.len()).map(|_| normal()).collect();
        if let Some(Standardisation { mean, deviation }) = &self.standardisation {
            for (index, input) in inputs.iter_mut().enumerate() {
                *input = *input * deviation[index % mean.len()] + mean[index % mean.len()];
            }
        }
        inputs
    }
}

fn problem(path: &Path, error: impl ToString) -> SavedModelError {
    SavedModelError::Standardisation {
        path: path.display().to_string(),
        problem: error.to_string(),
    }
}
