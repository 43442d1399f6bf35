//! Whoever suggests: a searcher of ours or a peer.

use autotinyml_search::{
    CATALOGUE, Configuration, History, Problem, Searcher, SearcherOptions, Surrogate, SvmCbo,
    Variant, by_name,
};
use rustix::time::{ClockId, clock_gettime};

use crate::failure::Failure;
use crate::peer::{PEERS, Peer};

/// A searcher of ours, or a peer in its process.
pub enum Contestant {
    /// From the catalogue.
    Ours(Box<dyn Searcher>),
    /// In Python.
    Peer(Peer),
}

impl Contestant {
    /// The searcher or peer of a name.
    ///
    /// # Errors
    /// If there is none, or a peer cannot be started.
    pub fn of_name(name: &str) -> Result<Self, Failure> {
        match ours(name) {
            Some(searcher) => Ok(Self::Ours(searcher)),
            None if PEERS.iter().any(|(peer, _)| *peer == name) => {
                Ok(Self::Peer(Peer::start(name)?))
            }
            None => {
                let ours = CATALOGUE.iter().map(|(name, _)| *name);
                let ours = ours.chain(SVM_CBO_VARIANTS.map(|(name, ..)| name));
                let peers = PEERS.iter().map(|(name, _)| *name);
                let known = ours.chain(peers).collect::<Vec<_>>().join(", ");
                Err(Failure::Unknown { kind: "searcher", name: name.to_owned(), known })
            }
        }
    }

    /// Tells a peer that a new run begins.
    ///
    /// # Errors
    /// If the peer has ended.
    pub fn begin(&mut self, problem: &Problem, seed: u64) -> Result<(), Failure> {
        match self {
            Self::Ours(_) => Ok(()),
            Self::Peer(peer) => peer.begin(problem, seed),
        }
    }

    /// The configuration for the next trial, and the seconds of one processor that it took to choose it:
    /// what else the machine does is not counted.
    ///
    /// # Errors
    /// If a searcher finds nothing, or a peer fails.
    pub fn suggest(
        &mut self,
        problem: &Problem,
        history: &History,
        seed: u64,
    ) -> Result<(Configuration, f64), Failure> {
        match self {
            Self::Ours(searcher) => {
                let start = processor_seconds();
                let suggestion = searcher.suggest(problem, history, history.0.len(), seed);
                let seconds = processor_seconds() - start;
                let suggestion = suggestion.map_err(|source| Failure::Searcher {
                    searcher: searcher.name().to_owned(),
                    seed,
                    source,
                })?;
                Ok((suggestion.configuration, seconds))
            }
            Self::Peer(peer) => peer.suggest(problem, history),
        }
    }
}

/// SVM-CBO with other options than its default's.
const SVM_CBO_VARIANTS: [(&str, Variant, Surrogate); 3] = [
    ("svm-cbo-forest", Variant::Repaired, Surrogate::Forest),
    ("svm-cbo-published", Variant::Published, Surrogate::Gp),
    ("svm-cbo-published-forest", Variant::Published, Surrogate::Forest),
];

fn ours(name: &str) -> Option<Box<dyn Searcher>> {
    let is_asked = |(known, ..): &&(&str, Variant, Surrogate)| *known == name;
    match SVM_CBO_VARIANTS.iter().find(is_asked) {
        Some(&(_, variant, surrogate)) => {
            Some(Box::new(SvmCbo { variant, surrogate, ..SvmCbo::default() }))
        }
        None => by_name(name, &SearcherOptions::default()),
    }
}

/// Time that this thread has spent on a processor.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}
