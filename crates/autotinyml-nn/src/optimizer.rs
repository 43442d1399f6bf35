//! How a gradient changes the parameters: Keras 3's definitions and defaults.
//!
//! Notation: `w` a parameter, `g` its gradient, `η` the learning rate, `t` the step, from 1.

use std::mem;

use crate::vectors::{Loop, widest};

/// A method of gradient descent with its learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Kingma & Ba 2015. β₁ = 0.9, β₂ = 0.999, ε = 1e-7.
    Adam {
        /// η, 1e-3 by default.
        learning_rate: f32,
    },
    /// Gradient descent; with a momentum μ > 0, `v ← μ v − η g`, `w ← w + v`.
    Sgd {
        /// η, 0.01 by default.
        learning_rate: f32,
        /// μ, 0 by default.
        momentum: f32,
    },
    /// Tieleman & Hinton 2012. ρ = 0.9, ε = 1e-7.
    RmsProp {
        /// η, 1e-3 by default.
        learning_rate: f32,
    },
    /// Duchi et al. 2011. Accumulators start at 0.1, ε = 1e-7.
    Adagrad {
        /// η, 1e-3 by default.
        learning_rate: f32,
    },
    /// Zeiler 2012. ρ = 0.95, ε = 1e-7.
    Adadelta {
        /// η, 1e-3 by default: a thousandth of the paper's 1, as Keras has it.
        learning_rate: f32,
    },
    /// Kingma & Ba 2015, section 7.1. β₁ = 0.9, β₂ = 0.999, ε = 1e-7.
    Adamax {
        /// η, 1e-3 by default.
        learning_rate: f32,
    },
}

const EPSILON: f32 = 1e-7;
/// Adam's and Adamax' decay of the gradient's mean.
const BETA_1: f64 = 0.9;
/// Adam's decay of the squared gradient's mean, Adamax' of the gradient's norm.
const BETA_2: f64 = 0.999;
const RMSPROP_RHO: f64 = 0.9;
const ADADELTA_RHO: f64 = 0.95;
const ADAGRAD_INITIAL_ACCUMULATOR: f32 = 0.1;

impl Optimizer {
    /// Names of all optimizers, as in a study file.
    pub const NAMES: [&'static str; 6] =
        ["adam", "sgd", "rmsprop", "adagrad", "adadelta", "adamax"];

    /// The optimizer of this name with Keras' defaults.
    pub fn from_name(name: &str) -> Option<Self> {
        let learning_rate = 1e-3;
        Some(match name {
            "adam" => Self::Adam { learning_rate },
            "sgd" => Self::Sgd { learning_rate: 0.01, momentum: 0.0 },
            "rmsprop" => Self::RmsProp { learning_rate },
            "adagrad" => Self::Adagrad { learning_rate },
            "adadelta" => Self::Adadelta { learning_rate },
            "adamax" => Self::Adamax { learning_rate },
            _ => return None,
        })
    }

    /// Name, as in a study file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Adam { .. } => "adam",
            Self::Sgd { .. } => "sgd",
            Self::RmsProp { .. } => "rmsprop",
            Self::Adagrad { .. } => "adagrad",
            Self::Adadelta { .. } => "adadelta",
            Self::Adamax { .. } => "adamax",
        }
    }

    /// The same optimizer with another learning rate.
    pub fn with_learning_rate(self, learning_rate: f32) -> Self {
        match self {
            Self::Adam { .. } => Self::Adam { learning_rate },
            Self::Sgd { momentum, .. } => Self::Sgd { learning_rate, momentum },
            Self::RmsProp { .. } => Self::RmsProp { learning_rate },
            Self::Adagrad { .. } => Self::Adagrad { learning_rate },
            Self::Adadelta { .. } => Self::Adadelta { learning_rate },
            Self::Adamax { .. } => Self::Adamax { learning_rate },
        }
    }

    /// η
    pub fn learning_rate(&self) -> f32 {
        match *self {
            Self::Adam { learning_rate }
            | Self::Sgd { learning_rate, .. }
            | Self::RmsProp { learning_rate }
            | Self::Adagrad { learning_rate }
            | Self::Adadelta { learning_rate }
            | Self::Adamax { learning_rate } => learning_rate,
        }
    }

    /// What step `t` (from 1) does to each parameter.
    pub(crate) fn step(self, t: u64) -> Step {
        // Keras takes powers of β as a float32, which matters in the first steps.
        let remaining = |beta: f64| 1.0 - f64::from(beta as f32).powf(t as f64);
        match self {
            Self::Adam { learning_rate } => {
                let rate = f64::from(learning_rate) * remaining(BETA_2).sqrt() / remaining(BETA_1);
                Step { optimizer: self, rate: rate as f32 }
            }
            Self::Adamax { learning_rate } => {
                let rate = f64::from(learning_rate) / remaining(BETA_1);
                Step { optimizer: self, rate: rate as f32 }
            }
            Self::Sgd { learning_rate, .. }
            | Self::RmsProp { learning_rate }
            | Self::Adagrad { learning_rate }
            | Self::Adadelta { learning_rate } => Step { optimizer: self, rate: learning_rate },
        }
    }
}

/// Parameters and what the optimizer remembers of each: up to two numbers.
#[derive(Clone)]
pub(crate) struct Parameters {
    pub(crate) values: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    /// λ of `λ Σ w²` in the loss.
    l2: f32,
    /// The gradient of each, where it has to be known as a whole before a step; otherwise empty.
    gradient: Vec<f32>,
}

impl Parameters {
    /// Parameters before the first step.
    pub(crate) fn new(values: Vec<f32>, optimizer: Optimizer) -> Self {
        let (first, second) = match optimizer {
            Optimizer::Adam { .. } | Optimizer::Adadelta { .. } | Optimizer::Adamax { .. } => {
                (Some(0.0), Some(0.0))
            }
            Optimizer::Sgd { momentum: 0.0, .. } => (None, None),
            Optimizer::Sgd { .. } | Optimizer::RmsProp { .. } => (Some(0.0), None),
            Optimizer::Adagrad { .. } => (Some(ADAGRAD_INITIAL_ACCUMULATOR), None),
        };
        let memory = |initial: Option<f32>| initial.map_or(vec![], |x| vec![x; values.len()]);
        Self { first: memory(first), second: memory(second), values, l2: 0.0, gradient: vec![] }
    }

    /// The same with `λ Σ w²` in the loss.
    pub(crate) fn with_l2(self, l2: f32) -> Self {
        Self { l2, ..self }
    }

    /// The same, to be moved by [`Step::apply_clipped`] only.
    pub(crate) fn keeping_gradient(self) -> Self {
        Self { gradient: vec![0.0; self.values.len()], ..self }
    }

    /// What they add to the loss.
    pub(crate) fn penalty(&self) -> f64 {
        if self.l2 == 0.0 {
            return 0.0;
        }
        let square = |w: &f32| f64::from(*w) * f64::from(*w);
        f64::from(self.l2) * self.values.iter().map(square).sum::<f64>()
    }
}

/// One step of an optimizer, the same for all parameters.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    optimizer: Optimizer,
    /// The learning rate with the step's bias correction.
    rate: f32,
}

/// Values of a gradient that a penalty is added to at a time.
const PENALISED_MAX: usize = 1024;

impl Step {
    /// Takes the gradient of the parameters from `start` on: moves them at once, unless their gradients
    /// are kept.
    pub(crate) fn apply(&self, parameters: &mut Parameters, start: usize, gradient: &[f32]) {
        if parameters.l2 == 0.0 && parameters.gradient.is_empty() {
            return self.update(parameters, start, gradient);
        }
        let mut penalised = [0.0; PENALISED_MAX];
        for (index, gradient) in gradient.chunks(PENALISED_MAX).enumerate() {
            let start = start + index * PENALISED_MAX;
            let penalised = &mut penalised[..gradient.len()];
            for ((sum, g), w) in penalised.iter_mut().zip(gradient).zip(&parameters.values[start..])
            {
                *sum = g + 2.0 * parameters.l2 * w;
            }
            match parameters.gradient.get_mut(start..start + gradient.len()) {
                Some(kept) => kept.copy_from_slice(penalised),
                None => self.update(parameters, start, penalised),
            }
        }
    }

    /// Moves parameters by their kept gradients, all of which are scaled down to a norm of `norm_max`
    /// together.
    pub(crate) fn apply_clipped(&self, all: &mut [&mut Parameters], norm_max: f32) {
        let squares = all.iter().flat_map(|parameters| &parameters.gradient);
        let norm = squares.map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
        let scale = (f64::from(norm_max) / norm).min(1.0) as f32;
        for parameters in all {
            let mut gradient = mem::take(&mut parameters.gradient);
            gradient.iter_mut().for_each(|g| *g *= scale);
            self.update(parameters, 0, &gradient);
            parameters.gradient = gradient;
        }
    }

    /// Moves the parameters from `start` on, one for each gradient.
    fn update(&self, parameters: &mut Parameters, start: usize, gradient: &[f32]) {
        let range = start..start + gradient.len();
        widest(Update {
            step: self,
            values: &mut parameters.values[range.clone()],
            first: parameters.first.get_mut(range.clone()).unwrap_or_default(),
            second: parameters.second.get_mut(range).unwrap_or_default(),
            gradient,
        });
    }
}

/// A step of some parameters; `first` and `second` are empty where the optimizer has none.
struct Update<'a> {
    step: &'a Step,
    values: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
}

impl Loop for Update<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { step: Step { optimizer, rate }, values, first, second, gradient } = self;
        match *optimizer {
            Optimizer::Adam { .. } => adam(*rate, values, first, second, gradient),
            Optimizer::Sgd { momentum: 0.0, .. } => descend(*rate, values, gradient),
            Optimizer::Sgd { momentum, .. } => {
                descend_with_momentum(*rate, momentum, values, first, gradient);
            }
            Optimizer::RmsProp { .. } => rmsprop(*rate, values, first, gradient),
            Optimizer::Adagrad { .. } => adagrad(*rate, values, first, gradient),
            Optimizer::Adadelta { .. } => adadelta(*rate, values, first, second, gradient),
            Optimizer::Adamax { .. } => adamax(*rate, values, first, second, gradient),
        }
    }
}

/// `m ← m + (1 − β₁)(g − m)`, `v ← v + (1 − β₂)(g² − v)`, `w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)`
#[inline(always)]
fn adam(rate: f32, values: &mut [f32], mean: &mut [f32], square: &mut [f32], gradient: &[f32]) {
    const GAIN_1: f32 = (1.0 - BETA_1) as f32;
    const GAIN_2: f32 = (1.0 - BETA_2) as f32;
    for (((w, m), v), &g) in values.iter_mut().zip(mean).zip(square).zip(gradient) {
        *m += GAIN_1 * (g - *m);
        *v += GAIN_2 * (g * g - *v);
        *w -= rate * *m / (v.sqrt() + EPSILON);
    }
}

/// `w ← w − η g`
#[inline(always)]
fn descend(rate: f32, values: &mut [f32], gradient: &[f32]) {
    for (w, &g) in values.iter_mut().zip(gradient) {
        *w -= rate * g;
    }
}

/// `v ← μ v − η g`, `w ← w + v`
#[inline(always)]
fn descend_with_momentum(
    rate: f32,
    momentum: f32,
    values: &mut [f32],
    velocity: &mut [f32],
    gradient: &[f32],
) {
    for ((w, v), &g) in values.iter_mut().zip(velocity).zip(gradient) {
        *v = momentum * *v - rate * g;
        *w += *v;
    }
}

/// `v ← ρ v + (1 − ρ) g²`, `w ← w − η g / √(v + ε)`
#[inline(always)]
fn rmsprop(rate: f32, values: &mut [f32], square: &mut [f32], gradient: &[f32]) {
    const KEPT: f32 = RMSPROP_RHO as f32;
    const GAIN: f32 = (1.0 - RMSPROP_RHO) as f32;
    for ((w, v), &g) in values.iter_mut().zip(square).zip(gradient) {
        *v = KEPT * *v + GAIN * (g * g);
        *w -= rate * g / (*v + EPSILON).sqrt();
    }
}

/// `a ← a + g²`, `w ← w − η g / √(a + ε)`
#[inline(always)]
fn adagrad(rate: f32, values: &mut [f32], accumulator: &mut [f32], gradient: &[f32]) {
    for ((w, a), &g) in values.iter_mut().zip(accumulator).zip(gradient) {
        *a += g * g;
        *w -= rate * g / (*a + EPSILON).sqrt();
    }
}

/// `a ← ρ a + (1 − ρ) g²`, `Δ = −√(d + ε) / √(a + ε) · g`, `d ← ρ d + (1 − ρ) Δ²`, `w ← w + η Δ`
#[inline(always)]
fn adadelta(
    rate: f32,
    values: &mut [f32],
    square: &mut [f32],
    delta: &mut [f32],
    gradient: &[f32],
) {
    const KEPT: f32 = ADADELTA_RHO as f32;
    const GAIN: f32 = (1.0 - ADADELTA_RHO) as f32;
    for (((w, a), d), &g) in values.iter_mut().zip(square).zip(delta).zip(gradient) {
        *a = KEPT * *a + GAIN * (g * g);
        let change = -((*d + EPSILON).sqrt() / (*a + EPSILON).sqrt()) * g;
        *d = KEPT * *d + GAIN * (change * change);
        *w += rate * change;
    }
}

/// `m ← m + (1 − β₁)(g − m)`, `u ← max(β₂ u, |g|)`, `w ← w − η / (1 − β₁ᵗ) · m / (u + ε)`
#[inline(always)]
fn adamax(rate: f32, values: &mut [f32], mean: &mut [f32], norm: &mut [f32], gradient: &[f32]) {
    const GAIN: f32 = (1.0 - BETA_1) as f32;
    const KEPT: f32 = BETA_2 as f32;
    for (((w, m), u), &g) in values.iter_mut().zip(mean).zip(norm).zip(gradient) {
        *m += GAIN * (g - *m);
        *u = (KEPT * *u).max(g.abs());
        *w -= rate * *m / (*u + EPSILON);
    }
}
