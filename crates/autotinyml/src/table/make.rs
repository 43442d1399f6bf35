//! Making a table: pieces of some trainings each, written as they end, so that a table that was
//! interrupted at any moment goes on and loses at most the pieces at work.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;

use autotinyml_search::Configuration;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use super::sizes::Sizes;
use super::{Measured, Row, Table, measure};
use crate::evaluate::{EvaluateError, Evaluator};
use crate::prescreen::OnLink;

/// Trainings of a piece.
const PIECE: usize = 8;

/// Seeds of the configurations that show the noise: the study's own and those that follow it.
const NOISE_SEEDS: u64 = 5;

/// A table that could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// An infinite space, or one that nobody would train as a whole.
    #[error("a table needs a finite space of at most {SPACE_MAX} configurations")]
    TooLarge,
    /// The pieces, or rows, belong to something else.
    #[error("{} holds pieces of another table: {change}", folder.display())]
    Another {
        /// Where they are.
        folder: PathBuf,
        /// The first difference.
        change: &'static str,
    },
    /// Another process makes the same table.
    #[error("another process is working on {}", .0.display())]
    Busy(PathBuf),
    /// A training failed for reasons that have nothing to do with its configuration.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A piece cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Larger spaces are not tabulated.
pub const SPACE_MAX: u128 = 1_000_000;

/// What pieces must have in common.
#[derive(PartialEq, Serialize, Deserialize)]
struct Identity {
    study_text: String,
    data_digest: String,
    seed: u64,
    noise: usize,
    piece: usize,
}

/// One training of a piece.
#[derive(Serialize, Deserialize)]
struct Training {
    configuration: usize,
    seed: u64,
    measured: Measured,
}

/// How far a table is.
pub struct Progress {
    /// Trainings in all.
    pub total: usize,
    /// Trainings of earlier runs.
    pub before: usize,
    /// Trainings that ended so far, earlier runs included.
    pub done: usize,
}

/// Trains every configuration of a study, and `noise` of them, drawn by the study's seed, with four
/// more seeds. Pieces are kept in `folder`; `jobs` of them are at work at a time. `on_piece` hears of
/// each that is on the disk, `on_link` how many of the programs are linked at the end.
///
/// # Errors
/// See [`MakeError`]. Whatever happens, finished pieces stay.
pub fn make(
    evaluator: &Evaluator<'_>,
    noise: usize,
    folder: &Path,
    jobs: usize,
    on_piece: &mut dyn FnMut(&Progress),
    on_link: OnLink<'_>,
) -> Result<Table, MakeError> {
    let study = evaluator.study;
    if study.space.size().is_none_or(|size| size > SPACE_MAX) {
        return Err(MakeError::TooLarge);
    }
    let configurations: Vec<Configuration> = study.space.enumerate().collect();
    let _lock = claim(evaluator, noise, folder)?;
    let trainings = trainings(configurations.len(), noise, study.search.seed);
    let pieces: Vec<&[(usize, u64)]> = trainings.chunks(PIECE).collect();
    let path = |piece: usize| folder.join(format!("{piece:05}.json"));
    let missing: Vec<usize> = (0..pieces.len()).filter(|&piece| !path(piece).is_file()).collect();
    let left: usize = missing.iter().map(|&piece| pieces[piece].len()).sum();
    let before = trainings.len() - left;
    let mut progress = Progress { total: trainings.len(), before, done: before };
    on_piece(&progress);
    let train = |piece: usize| {
        let trained = train(evaluator, &configurations, pieces[piece])?;
        write(&path(piece), &trained)?;
        Ok(trained.len())
    };
    in_parallel(&missing, jobs, &train, &mut |trained| {
        progress.done += trained;
        on_piece(&progress);
    })?;
    assemble(evaluator, &configurations, (0..pieces.len()).map(path), jobs, on_link)
}

/// Runs all pieces, `jobs` at a time; `on_piece` hears of each that has ended. After a failure those at
/// work are ended, and no other is begun.
fn in_parallel(
    pieces: &[usize],
    jobs: usize,
    train: &(dyn Fn(usize) -> Result<usize, MakeError> + Sync),
    on_piece: &mut dyn FnMut(usize),
) -> Result<(), MakeError> {
    let queue = Mutex::new(pieces.iter());
    let (ended, results) = mpsc::channel();
    let work = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(&piece) = next else { return };
            // Nobody listens any more if another piece failed.
            if ended.send(train(piece)).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let results = results;
        for _ in 0..jobs.min(pieces.len()) {
            scope.spawn(work);
        }
        for _ in pieces {
            on_piece(results.recv().expect("a worker sends what becomes of each piece")?);
        }
        Ok(())
    })
}

/// Makes the folder this table's own, for as long as the file lives.
fn claim(evaluator: &Evaluator<'_>, noise: usize, folder: &Path) -> Result<File, MakeError> {
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |error| MakeError::File { path, error }
    };
    fs::create_dir_all(folder).map_err(file_error(folder))?;
    let lock_path = folder.join("lock");
    let lock = File::create(&lock_path).map_err(file_error(&lock_path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(MakeError::Busy(folder.to_owned())),
        Err(TryLockError::Error(error)) => return Err(file_error(&lock_path)(error)),
    }
    let identity = Identity {
        study_text: evaluator.study.source.text.clone(),
        data_digest: evaluator.samples.digest.clone(),
        seed: evaluator.study.search.seed,
        noise,
        piece: PIECE,
    };
    let path = folder.join("identity.json");
    if !path.exists() {
        write(&path, &identity)?;
        return Ok(lock);
    }
    let stored: Identity = read(&path)?;
    let changes = [
        (stored.study_text != identity.study_text, "its study file is another"),
        (stored.data_digest != identity.data_digest, "its data is different"),
        (stored.seed != identity.seed, "its seed is different"),
        (stored.noise != identity.noise, "its --noise is different"),
        (stored.piece != identity.piece, "another version of autotinyml made them"),
    ];
    match changes.into_iter().find(|(differs, _)| *differs) {
        Some((_, change)) => Err(MakeError::Another { folder: folder.to_owned(), change }),
        None => Ok(lock),
    }
}

/// Configuration and seed of every training: all configurations in random order, so that each piece
/// has its share of large networks; then the first of them with the other seeds.
fn trainings(configurations: usize, noise: usize, seed: u64) -> Vec<(usize, u64)> {
    let mut order: Vec<usize> = (0..configurations).collect();
    order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
    let noisy: Vec<usize> = order.iter().copied().take(noise).collect();
    let others = noisy
        .into_iter()
        .flat_map(|configuration| (1..NOISE_SEEDS).map(move |later| (configuration, seed + later)));
    order.iter().map(|&configuration| (configuration, seed)).chain(others).collect()
}

fn train(
    evaluator: &Evaluator<'_>,
    configurations: &[Configuration],
    piece: &[(usize, u64)],
) -> Result<Vec<Training>, MakeError> {
    let training = |&(configuration, seed): &(usize, u64)| {
        let measured = measure(evaluator, &configurations[configuration], seed)?;
        Ok(Training { configuration, seed, measured })
    };
    piece.iter().map(training).collect()
}

/// The table of finished pieces.
fn assemble(
    evaluator: &Evaluator<'_>,
    configurations: &[Configuration],
    pieces: impl Iterator<Item = PathBuf>,
    jobs: usize,
    on_link: OnLink<'_>,
) -> Result<Table, MakeError> {
    let own_seed = evaluator.study.search.seed;
    let mut trainings: Vec<Training> = vec![];
    for piece in pieces {
        trainings.append(&mut read(&piece)?);
    }
    trainings
        .sort_by_key(|training| (training.seed != own_seed, training.configuration, training.seed));
    let sizes = Sizes::new(evaluator, jobs, on_link)?;
    let row = |Training { configuration, seed, measured }| {
        let configuration = configurations[configuration].clone();
        let mut footprints = sizes.of(&configuration)?;
        let deployed = measured.deployed.iter().flatten();
        for (footprint, deployed) in footprints.iter_mut().flatten().zip(deployed) {
            footprint.cross_accuracy = Some(deployed.cross_accuracy);
        }
        Ok(Row { configuration, seed, measured, footprints })
    };
    let rows = trainings.into_iter().map(row).collect::<Result<_, MakeError>>()?;
    Ok(Table { study: evaluator.study.clone(), rows })
}

/// Writes a file: whole and durable, or not at all.
fn write(path: &Path, content: &impl Serialize) -> Result<(), MakeError> {
    let partial = path.with_extension("partial");
    let text = serde_json::to_string(content).expect("plain data with finite numbers");
    let written = File::create(&partial).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, path)
    });
    written.map_err(|error| MakeError::File { path: path.to_owned(), error })
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, MakeError> {
    let text = fs::read_to_string(path);
    text.and_then(|text| serde_json::from_str(&text).map_err(io::Error::other))
        .map_err(|error| MakeError::File { path: path.to_owned(), error })
}
