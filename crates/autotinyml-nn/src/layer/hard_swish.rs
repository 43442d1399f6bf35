//! `y = x · min(max(x + 3, 0), 6) / 6` of each value by itself. Two x can have the same y, so that the
//! derivative is kept from the forward pass.

use crate::vectors::{Loop, widest};

/// Hard-swish with its derivatives at the last inputs.
pub(crate) struct HardSwish {
    /// `f′(x)` of each value of a batch. Empty unless training.
    derivatives: Vec<f32>,
}

impl HardSwish {
    pub(crate) fn new(length: usize, training: bool) -> Self {
        Self { derivatives: vec![0.0; if training { length } else { 0 }] }
    }

    /// `y = f(x)` in place.
    pub(crate) fn forward(&mut self, values: &mut [f32]) {
        widest(Forward { values, derivatives: &mut self.derivatives });
    }

    /// `dx = f′(x) dy` in place.
    pub(crate) fn backward(&self, gradient: &mut [f32]) {
        gradient.iter_mut().zip(&self.derivatives).for_each(|(g, derivative)| *g *= derivative);
    }
}

struct Forward<'a> {
    values: &'a mut [f32],
    derivatives: &'a mut [f32],
}

impl Loop for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        for (derivative, &x) in self.derivatives.iter_mut().zip(&*self.values) {
            let between = (2.0 * x + 3.0) / 6.0;
            let above = if x < -3.0 { 0.0 } else { between };
            *derivative = if x > 3.0 { 1.0 } else { above };
        }
        for x in self.values {
            let above = if *x < -3.0 { 0.0 } else { *x + 3.0 };
            *x *= if above > 6.0 { 6.0 } else { above } / 6.0;
        }
    }
}
