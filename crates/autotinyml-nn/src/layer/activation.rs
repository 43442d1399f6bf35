//! Functions of each value by itself. Their derivatives follow from their outputs.

use crate::Activation;

/// An activation that looks at one value at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elementwise {
    Relu,
    Sigmoid,
    Selu,
    Tanh,
}

/// Scale and α of SELU (Klambauer et al. 2017), with the digits that Keras has.
const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;

impl Elementwise {
    /// `None` for softmax, which looks at whole vectors.
    pub(crate) fn new(activation: Activation) -> Option<Self> {
        match activation {
            Activation::Relu => Some(Self::Relu),
            Activation::Sigmoid => Some(Self::Sigmoid),
            Activation::Selu => Some(Self::Selu),
            Activation::Tanh => Some(Self::Tanh),
            Activation::Softmax => None,
        }
    }

    /// `y = f(x)` in place.
    pub(crate) fn forward(self, values: &mut [f32]) {
        match self {
            // Not `max`, which would hide a NaN.
            Self::Relu => values.iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x }),
            Self::Sigmoid => values.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp())),
            Self::Selu => values.iter_mut().for_each(|x| {
                *x = SELU_SCALE * if *x > 0.0 { *x } else { SELU_ALPHA * x.exp_m1() };
            }),
            Self::Tanh => values.iter_mut().for_each(|x| *x = x.tanh()),
        }
    }

    /// `dx = f′(x) dy` in place, with f′ from `y = f(x)`.
    pub(crate) fn backward(self, output: &[f32], gradient: &mut [f32]) {
        let pairs = gradient.iter_mut().zip(output);
        match self {
            Self::Relu => pairs.for_each(|(g, &y)| *g = if y > 0.0 { *g } else { 0.0 }),
            Self::Sigmoid => pairs.for_each(|(g, &y)| *g *= y * (1.0 - y)),
            Self::Selu => pairs.for_each(|(g, &y)| {
                *g *= if y > 0.0 { SELU_SCALE } else { y + SELU_SCALE * SELU_ALPHA };
            }),
            Self::Tanh => pairs.for_each(|(g, &y)| *g *= 1.0 - y * y),
        }
    }
}
