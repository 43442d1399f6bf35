//! What the programs of a table take: by ST accounting, and of the linked program as far as one
//! program of each kind tells it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use autotinyml_deploy::{
    Compression, Footprint, Overhead, Program, Subject, link, static_footprint,
};
use autotinyml_nn::Network;
use autotinyml_search::Configuration;

use super::COMPRESSIONS;
use crate::evaluate::{EvaluateError, Evaluator};
use crate::prescreen::OnLink;

/// What the programs of each kind take beside weights and arena.
pub struct Sizes<'a> {
    evaluator: &'a Evaluator<'a>,
    overheads: BTreeMap<(usize, String), Overhead>,
}

impl<'a> Sizes<'a> {
    /// Links the smallest program of every kind, `jobs` at a time; `on_link` hears how many of how
    /// many are linked, from 0 on. Without a cross compiler nothing is linked.
    ///
    /// # Errors
    /// The compiler or linker fails.
    pub fn new(
        evaluator: &'a Evaluator<'a>,
        jobs: usize,
        on_link: OnLink<'_>,
    ) -> Result<Self, EvaluateError> {
        let Some(compiler) = &evaluator.tools.cross_cc else {
            return Ok(Self { evaluator, overheads: BTreeMap::new() });
        };
        let mut kinds: BTreeMap<(usize, String), (Network, Program)> = BTreeMap::new();
        for configuration in evaluator.study.space.enumerate() {
            let Ok(network) = evaluator.network(&configuration) else { continue };
            for (column, compression) in COMPRESSIONS.into_iter().enumerate() {
                let program = Program::of(&network, compression, &evaluator.study.deploy.board)?;
                let smallest = kinds.get(&(column, program.kind.clone()));
                if smallest.is_none_or(|(_, least)| program.weights_bytes < least.weights_bytes) {
                    kinds.insert((column, program.kind.clone()), (network.clone(), program));
                }
            }
        }
        let (all, linked_so_far) = (kinds.len(), AtomicUsize::new(0));
        on_link(0, all);
        let queue = Mutex::new(kinds.into_iter());
        let work = || -> Result<Vec<_>, EvaluateError> {
            let mut found = vec![];
            loop {
                let next = queue.lock().expect("no thread panicked with it").next();
                let Some((kind, (network, program))) = next else { return Ok(found) };
                let linked = linked(evaluator, &network, COMPRESSIONS[kind.0], compiler)?;
                on_link(1 + linked_so_far.fetch_add(1, Relaxed), all);
                let board = &evaluator.study.deploy.board;
                found.push((kind, Overhead::of(&program, &linked, board)));
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            let mut overheads = BTreeMap::new();
            for worker in workers {
                overheads.extend(worker.join().expect("a worker panicked")?);
            }
            Ok(Self { evaluator, overheads })
        })
    }

    /// Footprints at ×1, ×4 and ×8, without cross accuracy. None: the layers cannot be put together.
    ///
    /// # Errors
    /// None but defects.
    pub fn of(
        &self,
        configuration: &Configuration,
    ) -> Result<Option<[Footprint; COMPRESSIONS.len()]>, EvaluateError> {
        let Ok(network) = self.evaluator.network(configuration) else { return Ok(None) };
        let mut footprints =
            COMPRESSIONS.map(|compression| static_footprint(&network, compression));
        for (column, footprint) in footprints.iter_mut().enumerate() {
            let board = &self.evaluator.study.deploy.board;
            let program = Program::of(&network, COMPRESSIONS[column], board)?;
            if let Some(overhead) = self.overheads.get(&(column, program.kind.clone())) {
                overhead.estimate(&program, board, footprint);
                // A table knows sizes, not chips.
                footprint.regions.clear();
            }
        }
        Ok(Some(footprints))
    }
}

/// Footprint of the linked program of a network.
fn linked(
    evaluator: &Evaluator<'_>,
    network: &Network,
    compression: Compression,
    compiler: &Path,
) -> Result<Footprint, EvaluateError> {
    let folder = tempfile::tempdir().map_err(EvaluateError::Folder)?;
    let subject = Subject {
        network,
        model: None,
        standardisation: Some(&evaluator.samples.standardisation),
        classes: &evaluator.samples.raw.classes,
        vectors: None,
        emulated: None,
    };
    Ok(link(&subject, compression, &evaluator.study.deploy.board, compiler, folder.path())?)
}
