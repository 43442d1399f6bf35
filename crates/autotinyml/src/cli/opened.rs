//! The store of a study that is about to run: a new one, or one to go on with.

use std::fs;

use autotinyml_deploy::{Tool, Tools};

use super::Failure;
use super::job::Job;
use crate::record::Identity;
use crate::samples::Samples;
use crate::store::{Fact, Store};
use crate::study_file::Study;

/// A study's store, and what was settled when its first run began.
pub struct Opened {
    /// Open to write.
    pub store: Store,
    /// Whether sizes of linked programs guide the search.
    pub links: bool,
    /// As in [`Search`].
    pub parallel: usize,
}

impl Job {
    /// Opens the store; if it holds trials, they must be of this study.
    pub fn open(&self, samples: &Samples, tools: &Tools) -> Result<Opened, Failure> {
        let Study { data, search, source, space, .. } = &self.study;
        let store = Store::open(&self.folder)?;
        let begun = store.count_trials()? > 0;
        let mut identity = Identity {
            study_text: source.text.clone(),
            study_path: source.name.clone(),
            data_path: data
                .reader
                .path()
                .map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())),
            data_digest: samples.digest.clone(),
            seed: search.seed,
            trials: search.trials,
            links: tools.cross_cc.is_some(),
            parallel: search.parallel.unwrap_or(self.jobs),
            board: Some(self.study.deploy.board.clone()),
            boards: self.study.combinations[1..].iter().map(|it| it.board.clone()).collect(),
        };
        let stored: Option<Identity> = store.fact(Fact::Identity)?;
        match stored.as_ref().map(|stored| (stored, changed(stored, &identity))) {
            Some((_, Some(change))) if begun => {
                return Err(Failure::Usage {
                    message: format!("{} holds another study: {change}", self.folder.display()),
                    help: "put it back as it was to resume, or give this study another folder by \
                           --out"
                        .into(),
                });
            }
            // Settled when it began, even if it was stopped before its first trial.
            Some((stored, None)) => {
                identity.parallel = search.parallel.unwrap_or(stored.parallel);
                identity.links = if begun { stored.links } else { identity.links };
            }
            _ => {}
        }
        let Identity { links, parallel, .. } = identity;
        if links && tools.cross_cc.is_none() && store.trials(space)?.len() < search.trials {
            return Err(Failure::Usage {
                message: "this study was begun with a cross compiler, which is not here".into(),
                help: format!("{}, or --out for a new study", Tool::CrossCompiler.install_hint()),
            });
        }
        store.set_fact(Fact::Identity, &identity)?;
        Ok(Opened { store, links, parallel })
    }
}

/// The first difference that matters between a stored study and the one to resume.
fn changed(stored: &Identity, now: &Identity) -> Option<&'static str> {
    // A study from before boards were kept has none.
    let of_now = now.board.iter().chain(&now.boards);
    let mut boards = stored.board.iter().chain(&stored.boards).zip(of_now);
    let same_boards = boards.all(|(stored, now)| stored.is_same_hardware(now));
    [
        (
            meaning(&stored.study_text) != meaning(&now.study_text),
            "its study file says something else",
        ),
        (stored.data_digest != now.data_digest, "its data is different"),
        (!same_boards, "its board is another"),
        (stored.seed != now.seed, "its seed is different"),
        (stored.trials > now.trials, "it has more trials"),
    ]
    .into_iter()
    .find_map(|(differs, what)| differs.then_some(what))
}

/// A study file without comments and layout, and without what may change while a study goes on.
fn meaning(text: &str) -> Option<toml::Table> {
    let mut meaning: toml::Table = text.parse().ok()?;
    if let Some(toml::Value::Table(search)) = meaning.get_mut("search") {
        search.remove("trials");
        search.remove("trial_time_limit");
    }
    Some(meaning)
}
