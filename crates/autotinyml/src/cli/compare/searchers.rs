//! The searchers of a comparison by their names.

use autotinyml_search::{
    CATALOGUE, History, Problem, SearchError, Searcher, SearcherOptions, Suggestion, Surrogate,
    SvmCbo, Variant, by_name,
};

use crate::cli::Failure;
use crate::study_file::section::nearest;
use crate::study_file::{SearchPlan, decides_epochs};

/// SVM-CBO with another variant or surrogate than the study's.
const SVM_CBO: [(&str, Variant, Surrogate); 3] = [
    ("svm-cbo-forest", Variant::Repaired, Surrogate::Forest),
    ("svm-cbo-published", Variant::Published, Surrogate::Gp),
    ("svm-cbo-published-forest", Variant::Published, Surrogate::Forest),
];

/// A searcher under another name than its own.
struct Renamed {
    name: &'static str,
    searcher: SvmCbo,
}

impl Searcher for Renamed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn suggest(
        &self,
        problem: &Problem<'_>,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError> {
        self.searcher.suggest(problem, history, trial, seed)
    }
}

/// The searchers of these names, with a study's options.
///
/// # Errors
/// [`Failure::Usage`] for a name that is unknown or there twice, or a searcher that decides by itself how
/// long trials are trained where the study stops them early.
pub fn named(names: &[String], plan: &SearchPlan) -> Result<Vec<Box<dyn Searcher>>, Failure> {
    let mut searchers: Vec<Box<dyn Searcher>> = vec![];
    for name in names {
        let usage = |message: String, help: String| Failure::Usage { message, help };
        if searchers.iter().any(|searcher| searcher.name() == name) {
            return Err(usage(format!("{name} is there twice"), "keep one of them".into()));
        }
        if plan.early_stopping.is_some() && decides_epochs(name) {
            return Err(usage(
                format!("{name} itself decides which trials are trained for how many epochs"),
                "take early_stopping out of [search], or leave this searcher out".into(),
            ));
        }
        searchers.push(searcher(name, &plan.options).ok_or_else(|| {
            let known: Vec<&str> = known().collect();
            let guess = nearest(name, known.iter().copied());
            let guess = guess.map_or(String::new(), |guess| format!("did you mean \"{guess}\"? "));
            let help = format!("{guess}known: {}", known.join(", "));
            usage(format!("\"{name}\" is not a searcher"), help)
        })?);
    }
    Ok(searchers)
}

fn known() -> impl Iterator<Item = &'static str> {
    CATALOGUE.iter().map(|(name, _)| *name).chain(SVM_CBO.iter().map(|(name, ..)| *name))
}

fn searcher(name: &str, options: &SearcherOptions) -> Option<Box<dyn Searcher>> {
    match SVM_CBO.iter().find(|(known, ..)| *known == name) {
        Some(&(name, variant, surrogate)) => {
            let searcher = SvmCbo { variant, surrogate, ..options.svm_cbo.clone() };
            Some(Box::new(Renamed { name, searcher }))
        }
        None => by_name(name, options),
    }
}
