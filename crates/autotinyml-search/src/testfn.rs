//! Published constrained test functions, for tests and benchmarks of searchers.

/// A function to minimise on the unit square, with what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct TestFunction {
    /// Name in the literature.
    pub name: &'static str,
    /// Value at a point of the unit square.
    pub value: fn([f64; 2]) -> f64,
    /// Whether a point is feasible.
    pub feasible: fn([f64; 2]) -> bool,
    /// Least feasible value.
    pub optimum: f64,
}

/// Branin's function, rescaled to mean 0 and variance 1 (Picheny, Wagner & Ginsbourger 2013), feasible
/// inside two separate ellipses as in Candelieri (2021). The ellipses are ours: each holds one of the
/// three global minima, and together they take a fifth of the square.
pub const BRANIN_ELLIPSES: TestFunction = TestFunction {
    name: "branin-ellipses",
    value: branin,
    feasible: |x| {
        inside_ellipse(x, [0.20, 0.72], [0.13, 0.26])
            || inside_ellipse(x, [0.84, 0.22], [0.22, 0.14])
    },
    optimum: -1.047_393_8,
};

fn branin(x: [f64; 2]) -> f64 {
    use std::f64::consts::PI;
    let (u, v) = (15.0 * x[0] - 5.0, 15.0 * x[1]);
    let parabola = v - 5.1 * u * u / (4.0 * PI * PI) + 5.0 * u / PI - 6.0;
    (parabola * parabola + (10.0 - 10.0 / (8.0 * PI)) * u.cos() - 44.81) / 51.95
}

fn inside_ellipse(x: [f64; 2], centre: [f64; 2], radii: [f64; 2]) -> bool {
    (0..2).map(|axis| ((x[axis] - centre[axis]) / radii[axis]).powi(2)).sum::<f64>() <= 1.0
}
