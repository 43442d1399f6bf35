//! What is known of a space before any training: which configurations cannot fit.
//!
//! Sizes of weights and activations follow by arithmetic. What a program takes beside them depends
//! only on the kernels it is made of, so with a cross compiler one program of each kind is linked,
//! and tells it for all others of that kind. Only what is sure is refused here; what is within a few
//! bytes of a limit is for the linker to decide, as a stage of its trial.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use autotinyml_deploy::{
    Accounting, Compression, Footprint, Limits, Overhead, Program, static_footprint,
};
use autotinyml_nn::Network;
use autotinyml_search::{Configuration, Goal, History, Problem, Random, Searcher, least_violating};

use crate::evaluate::{EvaluateError, Evaluator};
use crate::record::Deployable;
use crate::study_file::Check;

/// Hears how many programs are linked, and of how many.
pub type OnLink<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Beyond this many configurations, each is looked at only when a searcher comes to it.
const COUNTED_MAX: u128 = 1_000_000;

/// Knows which configurations of a study can fit.
pub struct Prescreen<'a> {
    evaluator: &'a Evaluator<'a>,
    counted: Option<Counted>,
    /// Of a space too large to count: the nearest to fitting, if none was found that fits.
    nearest: Option<Smallest>,
    /// Of a space too large to count: why no network can be built, if none was found that can.
    no_network: Option<String>,
}

/// Configurations drawn from a space too large to count, to tell how many of it make no network.
const DRAWN: usize = 1000;

/// What draws from a space too large to count tell of the networks that cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbuildable {
    /// Of so many drawn configurations, those of which no network can be made.
    pub count: usize,
    /// Why the first of those cannot be built.
    pub reason: String,
}

impl fmt::Display for Unbuildable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, reason } = self;
        let percent = 100.0 * *count as f64 / DRAWN as f64;
        write!(f, "about {percent:.1} % of the space make no network ({reason})")
    }
}

/// The configuration that comes nearest to the limits of a study.
#[derive(Clone, Debug)]
pub struct Smallest {
    /// Which one.
    pub configuration: Configuration,
    /// What it takes, by arithmetic.
    pub footprint: Footprint,
}

/// A finite space, looked at once.
struct Counted {
    accepted: HashSet<Configuration>,
    deployable: Deployable,
    smallest: Option<Smallest>,
    saved_share: f64,
}

impl Counted {
    fn of(look: Look) -> Self {
        let accepted: HashSet<Configuration> =
            look.candidates.into_iter().map(|(configuration, ..)| configuration).collect();
        let deployable = Deployable { within_limits: accepted.len(), ..look.deployable };
        let Look { smallest, saved_share, .. } = look;
        Self { accepted, deployable, smallest, saved_share }
    }
}

/// The size of a study's space, if it can be looked at as a whole.
fn countable(evaluator: &Evaluator<'_>) -> Option<usize> {
    let size = evaluator.study.space.size().filter(|&size| size <= COUNTED_MAX);
    size.map(|size| size as usize)
}

impl<'a> Prescreen<'a> {
    /// What arithmetic alone tells, without linking anything: some microseconds for each
    /// configuration of a finite space.
    ///
    /// # Errors
    /// None but defects.
    pub fn by_arithmetic(evaluator: &'a Evaluator<'a>) -> Result<Self, EvaluateError> {
        let mut prescreen = Self { evaluator, counted: None, nearest: None, no_network: None };
        match countable(evaluator) {
            Some(size) => prescreen.counted = Some(Counted::of(prescreen.candidates(size)?)),
            None => prescreen.look_for_one_that_fits(),
        }
        Ok(prescreen)
    }

    /// Links one program of each kind that comes near the chip's limits, too, `jobs` at a time;
    /// `on_link` hears how many of how many are linked, from 0 on. A study that checks after training needs none.
    ///
    /// # Errors
    /// The compiler or linker fails.
    pub fn new(
        evaluator: &'a Evaluator<'a>,
        jobs: usize,
        on_link: OnLink<'_>,
    ) -> Result<Self, EvaluateError> {
        let compiler = match (&evaluator.tools.cross_cc, evaluator.study.deploy.check) {
            (Some(compiler), Check::BeforeTraining) => compiler,
            _ => return Self::by_arithmetic(evaluator),
        };
        let mut prescreen = Self { evaluator, counted: None, nearest: None, no_network: None };
        if let Some(size) = countable(evaluator) {
            let mut look = prescreen.candidates(size)?;
            look.candidates =
                prescreen.without_too_large_programs(look.candidates, compiler, jobs, on_link)?;
            prescreen.counted = Some(Counted::of(look));
        }
        Ok(prescreen)
    }

    /// Whether a configuration can fit, as far as is known before its trial.
    pub fn accepts(&self, configuration: &Configuration) -> bool {
        match &self.counted {
            Some(counted) => counted.accepted.contains(configuration),
            None => self.evaluator.network(configuration).is_ok_and(|network| {
                self.fits(&static_footprint(&network, self.evaluator.study.deploy.compression))
            }),
        }
    }

    /// How far a configuration is from fitting, by arithmetic: the sum of ln(figure / limit) over what is
    /// beyond its limit; infinite if it makes no network.
    pub fn violation(&self, configuration: &Configuration) -> f64 {
        self.evaluator.network(configuration).map_or(f64::INFINITY, |network| {
            self.excess(&static_footprint(&network, self.evaluator.study.deploy.compression))
        })
    }

    fn excess(&self, footprint: &Footprint) -> f64 {
        let deploy = &self.evaluator.study.deploy;
        let Limits { ram_bytes, rom_bytes, macc, accounting, .. } = &deploy.limits;
        let (ram, rom) = match accounting {
            Accounting::St => (Some(footprint.st_ram_bytes), Some(footprint.st_rom_bytes)),
            Accounting::Elf => (footprint.ram_bytes, footprint.flash_bytes),
        };
        let flash_bytes: usize = deploy.board.flash().map(|region| region.length_bytes).sum();
        let excess = |figure: Option<f64>, limit: Option<f64>| match (figure, limit) {
            (Some(figure), Some(limit)) => (figure / limit).ln().max(0.0),
            _ => 0.0,
        };
        let bytes = |bytes: Option<usize>| bytes.map(|bytes| bytes as f64);
        excess(bytes(ram), bytes(*ram_bytes))
            + excess(bytes(rom), bytes(*rom_bytes))
            + excess(bytes(Some(footprint.st_rom_bytes)), bytes(Some(flash_bytes)))
            + excess(Some(footprint.macc as f64), macc.map(|macc| macc as f64))
    }

    /// A guided search through a space too large to count.
    fn look_for_one_that_fits(&mut self) {
        let study = self.evaluator.study;
        let accepts = |configuration: &Configuration| self.accepts(configuration);
        let violation = |configuration: &Configuration| self.violation(configuration);
        let problem = Problem {
            prescreen: Some(&accepts),
            violation: Some(&violation),
            ..Problem::new(&study.space, Goal::Maximise, study.search.trials)
        };
        let found = least_violating(&problem, study.search.seed);
        let Some((configuration, _)) = found.filter(|(_, fits)| !fits) else { return };
        match self.evaluator.network(&configuration) {
            Ok(network) => {
                let footprint = static_footprint(&network, study.deploy.compression);
                self.nearest = Some(Smallest { configuration, footprint });
            }
            Err(reason) => self.no_network = Some(reason.to_string()),
        }
    }

    /// Of a space too large to count, how much of it makes no network, if draws meet any of that.
    pub fn unbuildable(&self) -> Option<Unbuildable> {
        let study = self.evaluator.study;
        if self.counted.is_some() {
            return None;
        }
        let (problem, none) =
            (Problem::new(&study.space, Goal::Maximise, DRAWN), History::default());
        let draw = |trial| Random.suggest(&problem, &none, trial, study.search.seed).ok();
        let drawn = (0..DRAWN).filter_map(draw);
        let failures = drawn.filter_map(|drawn| self.evaluator.network(&drawn.configuration).err());
        let mut reasons = failures.map(|reason| reason.to_string());
        let reason = reasons.next()?;
        Some(Unbuildable { count: 1 + reasons.count(), reason })
    }

    /// Why no network of the space can be built. `None` if one can.
    pub fn no_network(&self) -> Option<&str> {
        let Some(counted) = &self.counted else { return self.no_network.as_deref() };
        let Deployable { space, unbuildable, unbuildable_reason, .. } = &counted.deployable;
        unbuildable_reason.as_deref().filter(|_| unbuildable == space)
    }

    /// How much of the space can fit; None if it is infinite or too large to count.
    pub fn deployable(&self) -> Option<&Deployable> {
        self.counted.as_ref().map(|counted| &counted.deployable)
    }

    /// The most that the study's compression saves of the ROM of any network of a finite space, as a share;
    /// `None` if that is worth it.
    pub fn idle_compression(&self) -> Option<f64> {
        let is_asked = self.evaluator.study.deploy.compression != Compression::X1;
        let saved = self.counted.as_ref().filter(|_| is_asked)?.saved_share;
        Some(saved).filter(|&saved| saved < SAVING_WORTH_IT)
    }

    /// The nearest to fitting of the space, or of what a guided search of a space too large to count found.
    /// `None` if something fits, or no network can be built.
    pub fn nearest_of_none(&self) -> Option<&Smallest> {
        match &self.counted {
            Some(counted) => counted.smallest.as_ref().filter(|_| counted.accepted.is_empty()),
            None => self.nearest.as_ref(),
        }
    }

    /// What takes most of a configuration that does not fit, and what would.
    pub fn advice(&self, Smallest { configuration, footprint }: &Smallest) -> Vec<String> {
        let Ok(network) = self.evaluator.network(configuration) else { return vec![] };
        self.evaluator.advice(configuration, &network, footprint).unwrap_or_default()
    }

    fn fits(&self, footprint: &Footprint) -> bool {
        let deploy = &self.evaluator.study.deploy;
        let flash_bytes: usize = deploy.board.flash().map(|region| region.length_bytes).sum();
        footprint.st_rom_bytes <= flash_bytes && deploy.limits.judge(footprint).deployable()
    }

    /// The configurations that fit by arithmetic.
    fn candidates(&self, size: usize) -> Result<Look, EvaluateError> {
        let study = self.evaluator.study;
        let mut look = Look {
            deployable: Deployable {
                space: size,
                within_limits: 0,
                unbuildable: 0,
                unbuildable_reason: None,
            },
            smallest: None,
            saved_share: 0.0,
            candidates: vec![],
        };
        let mut least_excess = f64::INFINITY;
        for configuration in study.space.enumerate() {
            let network = match self.evaluator.network(&configuration) {
                Ok(network) => network,
                Err(reason) => {
                    look.deployable.unbuildable += 1;
                    look.deployable.unbuildable_reason.get_or_insert_with(|| reason.to_string());
                    continue;
                }
            };
            let footprint = static_footprint(&network, study.deploy.compression);
            if look.saved_share < SAVING_WORTH_IT {
                let saved = saved_share(&network, study.deploy.compression);
                look.saved_share = look.saved_share.max(saved);
            }
            let excess = self.excess(&footprint);
            if excess < least_excess {
                least_excess = excess;
                let (configuration, footprint) = (configuration.clone(), footprint.clone());
                look.smallest = Some(Smallest { configuration, footprint });
            }
            if self.fits(&footprint) {
                let program = Program::of(&network, study.deploy.compression, &study.deploy.board)?;
                look.candidates.push((configuration, program, footprint));
            }
        }
        Ok(look)
    }

    /// Drops the candidates of which the least that their kind of program can take is too much.
    fn without_too_large_programs(
        &self,
        mut candidates: Vec<Candidate>,
        compiler: &Path,
        jobs: usize,
        on_link: OnLink<'_>,
    ) -> Result<Vec<Candidate>, EvaluateError> {
        let board = &self.evaluator.study.deploy.board;
        let mut kinds: BTreeMap<String, Kind<'_>> = BTreeMap::new();
        for candidate in &candidates {
            let kind = kinds
                .entry(candidate.1.kind.clone())
                .or_insert(Kind { smallest: candidate, to_link: false });
            kind.to_link |= self.evaluator.must_link(&candidate.1);
            if candidate.1.weights_bytes < kind.smallest.1.weights_bytes {
                kind.smallest = candidate;
            }
        }
        let to_link: Vec<&Candidate> =
            kinds.values().filter(|kind| kind.to_link).map(|kind| kind.smallest).collect();
        let overheads = self.overheads(&to_link, compiler, jobs, on_link)?;
        candidates.retain_mut(|(_, program, footprint)| {
            let Some(overhead) = overheads.get(&program.kind) else { return true };
            overhead.at_least(program, board, footprint);
            self.fits(footprint)
        });
        Ok(candidates)
    }

    /// Links one program of each kind.
    fn overheads(
        &self,
        to_link: &[&Candidate],
        compiler: &Path,
        jobs: usize,
        on_link: OnLink<'_>,
    ) -> Result<BTreeMap<String, Overhead>, EvaluateError> {
        let board = &self.evaluator.study.deploy.board;
        let linked_so_far = AtomicUsize::new(0);
        if !to_link.is_empty() {
            on_link(0, to_link.len());
        }
        let queue = Mutex::new(to_link.iter());
        let work = || {
            let mut overheads = vec![];
            loop {
                let next = queue.lock().expect("no thread panicked with it").next();
                let Some((configuration, program, _)) = next else { return Ok(overheads) };
                let network =
                    self.evaluator.network(configuration).map_err(EvaluateError::Build)?;
                let linked = self.evaluator.link(&network, compiler)?;
                on_link(1 + linked_so_far.fetch_add(1, Relaxed), to_link.len());
                overheads.push((program.kind.clone(), Overhead::of(program, &linked, board)));
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            let mut overheads = BTreeMap::new();
            for worker in workers {
                let found: Result<_, EvaluateError> = worker.join().expect("a worker panicked");
                overheads.extend(found?);
            }
            Ok(overheads)
        })
    }
}

/// Of the ROM that a network takes as floats, the share that a compression saves.
pub fn saved_share(network: &Network, compression: Compression) -> f64 {
    let rom_bytes = |compression| static_footprint(network, compression).st_rom_bytes as f64;
    let floats = rom_bytes(Compression::X1).max(1.0);
    (floats - rom_bytes(compression)) / floats
}

/// A compression that saves less of the ROM is hardly what was meant.
pub const SAVING_WORTH_IT: f64 = 0.1;

/// What a look at a whole space gave.
struct Look {
    deployable: Deployable,
    smallest: Option<Smallest>,
    /// Of the ROM, by the study's compression, at most; not looked for once it is worth it.
    saved_share: f64,
    candidates: Vec<Candidate>,
}

/// A configuration that can fit so far, what its program is, and what it takes.
type Candidate = (Configuration, Program, Footprint);

/// Candidates whose programs are made of the same kernels.
struct Kind<'a> {
    smallest: &'a Candidate,
    to_link: bool,
}
