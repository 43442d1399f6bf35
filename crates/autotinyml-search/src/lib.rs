//! Search under black-box constraints: a space of configurations, a history of trials, and searchers
//! that suggest what to try next.
//!
//! Pure computation: no input or output, no clock, no threads, and nothing about what is searched for.
//!
//! ```
//! use autotinyml_search::{Domain, Goal, History, Outcome, Parameter, Problem, SearcherOptions, Setting};
//! use autotinyml_search::{Space, Trial, by_name};
//!
//! let units = Domain::Ordered(vec![8.0, 16.0, 32.0, 64.0]);
//! let space = Space::new(vec![Parameter { name: "units".to_owned(), domain: units, when: None }])?;
//! let problem = Problem::new(&space, Goal::Maximise, 4);
//! let searcher = by_name("random", &SearcherOptions::default()).expect("it is in the catalogue");
//! let mut history = History::default();
//! for id in 0..problem.budget {
//!     let configuration = searcher.suggest(&problem, &history, id, 0)?.configuration;
//!     let score = match space.setting(&configuration, "units") {
//!         Some(Setting::Number(units)) => -(units - 30.0).abs(),
//!         _ => unreachable!("units is a number and always active"),
//!     };
//!     let outcome = Outcome { score: Some(score), feasible: true, values: vec![] };
//!     history.0.push(Trial::full(id, configuration, Some(outcome)));
//! }
//! assert_eq!(history.best(problem.goal).map(|(_, score)| score), Some(-2.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod acquisition;
mod cholesky;
pub mod compare;
mod draw;
mod exponential;
mod feasibility;
mod guided_sampling;
mod history;
mod initial_design;
mod kernel;
mod landscape;
mod maximise;
mod normal;
mod parzen;
mod problem;
mod searcher;
mod space;
mod surrogate;
pub mod testfn;
mod vectors;

pub use draw::least_violating;
pub use history::{History, Outcome, Trial};
pub use landscape::{Importance, Landscape, Place};
pub use normal::quantile as normal_quantile;
pub use problem::{Constraint, Goal, Known, Problem};
pub use searcher::{
    Bayes, Belief, Bohb, CATALOGUE, CTpe, Cbo, Grid, Hyperband, Phase, Random, SearchError,
    Searcher, SearcherOptions, Suggestion, SvmCbo, Tpe, Variant, by_name,
};
pub use space::{Condition, Configuration, Domain, Parameter, Setting, Space, SpaceError};
pub use surrogate::Surrogate;
