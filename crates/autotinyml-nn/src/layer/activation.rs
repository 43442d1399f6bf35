//! Functions of each value by itself. Their derivatives follow from their outputs.

use crate::exponential::{exp, exp_minus_1};
use crate::vectors::{Loop, widest};

/// An activation that looks at one value at a time and whose derivative its output tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Elementwise {
    Relu,
    Relu6,
    LeakyRelu { negative_slope: f32 },
    Sigmoid,
    Selu,
    Tanh,
}

/// Scale and α of SELU (Klambauer et al. 2017), with the digits that Keras has.
const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;

impl Elementwise {
    /// `y = f(x)` in place.
    pub(crate) fn forward(self, values: &mut [f32]) {
        widest(Forward { function: self, values });
    }

    /// `dx = f′(x) dy` in place, with f′ from `y = f(x)`.
    pub(crate) fn backward(self, output: &[f32], gradient: &mut [f32]) {
        widest(Backward { function: self, output, gradient });
    }
}

struct Forward<'a> {
    function: Elementwise,
    values: &'a mut [f32],
}

impl Loop for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        match self.function {
            // Not `max`, which would hide a NaN.
            Elementwise::Relu => each(self.values, |x| if x < 0.0 { 0.0 } else { x }),
            Elementwise::Relu6 => each(self.values, |x| {
                let above = if x < 0.0 { 0.0 } else { x };
                if above > 6.0 { 6.0 } else { above }
            }),
            Elementwise::LeakyRelu { negative_slope } => {
                each(self.values, |x| if x < 0.0 { negative_slope * x } else { x });
            }
            Elementwise::Sigmoid => each(self.values, |x| 1.0 / (1.0 + exp(-x))),
            Elementwise::Selu => each(self.values, |x| {
                let below = SELU_ALPHA * exp_minus_1(x);
                SELU_SCALE * if x > 0.0 { x } else { below }
            }),
            Elementwise::Tanh => each(self.values, |x| {
                // Beyond ±20 it is ±1.
                let t = exp_minus_1(2.0 * x.clamp(-20.0, 20.0));
                t / (t + 2.0)
            }),
        }
    }
}

struct Backward<'a> {
    function: Elementwise,
    output: &'a [f32],
    gradient: &'a mut [f32],
}

impl Loop for Backward<'_> {
    #[inline(always)]
    fn run(self) {
        let pairs = self.gradient.iter_mut().zip(self.output);
        match self.function {
            Elementwise::Relu => pairs.for_each(|(g, &y)| *g = if y > 0.0 { *g } else { 0.0 }),
            Elementwise::Relu6 => {
                pairs.for_each(|(g, &y)| *g = if y > 0.0 && y < 6.0 { *g } else { 0.0 });
            }
            Elementwise::LeakyRelu { negative_slope } => {
                pairs.for_each(|(g, &y)| *g *= if y > 0.0 { 1.0 } else { negative_slope });
            }
            Elementwise::Sigmoid => pairs.for_each(|(g, &y)| *g *= y * (1.0 - y)),
            Elementwise::Selu => pairs.for_each(|(g, &y)| {
                *g *= if y > 0.0 { SELU_SCALE } else { y + SELU_SCALE * SELU_ALPHA };
            }),
            Elementwise::Tanh => pairs.for_each(|(g, &y)| *g *= 1.0 - y * y),
        }
    }
}

#[inline(always)]
fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    for value in values {
        *value = function(*value);
    }
}
