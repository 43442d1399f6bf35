//! `y = x₁ + x₂`, and the gradient of a value that several layers read: the sum of what each of them
//! says.

use crate::vectors::{Loop, widest};

/// `y += x`
pub(crate) fn add(x: &[f32], y: &mut [f32]) {
    widest(Add { x, y });
}

struct Add<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Loop for Add<'_> {
    #[inline(always)]
    fn run(self) {
        self.y.iter_mut().zip(self.x).for_each(|(y, x)| *y += x);
    }
}
