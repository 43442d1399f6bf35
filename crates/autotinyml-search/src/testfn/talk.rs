//! An example like the talk's: one hyperparameter. Accuracy is highest where models are too large for the
//! chip; where they fit, another peak is the best.

use crate::history::Outcome;
use crate::space::{Configuration, Domain, Parameter, Setting, Space};

/// Models fit between these.
pub const ENDS: [f64; 2] = [0.24, 0.78];

/// Where the most accurate of those that fit is.
pub const BEST: f64 = 0.605;

/// In percent.
pub fn accuracy(x: f64) -> f64 {
    let bump = |at: f64, width: f64| (-((x - at) / width).powi(2)).exp();
    60.0 + 25.0 * bump(BEST, 0.16) + 12.0 * bump(0.2, 0.12) + 35.0 * bump(0.95, 0.08)
}

/// Whether the model fits.
pub fn is_deployable(x: f64) -> bool {
    ENDS[0] < x && x < ENDS[1]
}

/// Every x from 0 to 1.
pub fn space() -> Space {
    let domain = Domain::Range { low: 0.0, high: 1.0, step: None, log: false };
    let x = Parameter { name: "x".to_owned(), domain, when: None };
    Space::new(vec![x]).expect("the range is sound")
}

/// The x of a configuration of [`space`].
pub fn x(space: &Space, configuration: &Configuration) -> f64 {
    match space.setting(configuration, "x") {
        Some(Setting::Number(x)) => x,
        _ => unreachable!("x is a number and always active"),
    }
}

/// What a trial shows: its accuracy, deployable or not.
pub fn evaluate(x: f64) -> Outcome {
    Outcome { score: Some(accuracy(x)), feasible: is_deployable(x), values: vec![None] }
}
