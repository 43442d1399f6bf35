//! Published constrained test functions, for tests and benchmarks of searchers: those on which SVM-CBO was
//! published (Candelieri, Journal of Global Optimization 79, 2021), with the domains and constraints of its
//! authors' program. Both are black boxes to a searcher, and infeasible points have no value. [`talk`] is an
//! example to look at.

pub mod talk;

use std::f64::consts::PI;

use crate::history::Outcome;
use crate::problem::{Constraint, Known};
use crate::space::{Configuration, Domain, Parameter, Setting, Space};

/// A function of two numbers to minimise under one constraint, with what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct TestFunction {
    /// Name in the literature.
    pub name: &'static str,
    /// Least and greatest number on each axis.
    pub domain: [[f64; 2]; 2],
    /// What is minimised.
    pub value: fn([f64; 2]) -> f64,
    /// What must not exceed [`Self::limit`]; never negative.
    pub constraint: fn([f64; 2]) -> f64,
    /// The greatest feasible value of the constraint.
    pub limit: f64,
    /// Least feasible value.
    pub optimum: f64,
}

/// All of them.
pub const FUNCTIONS: [TestFunction; 5] =
    [MISHRAS_BIRD, MICHALEWICZ, ROSENBROCK_DISK, BRANIN_ELLIPSES, ALPINE_2];

/// Mishra's bird in a disk.
pub const MISHRAS_BIRD: TestFunction = TestFunction {
    name: "mishras-bird",
    domain: [[-10.0, 0.0], [-6.5, 0.0]],
    value: |[x, y]| {
        y.sin() * (1.0 - x.cos()).powi(2).exp()
            + x.cos() * (1.0 - y.sin()).powi(2).exp()
            + (x - y).powi(2)
    },
    constraint: |[x, y]| (x + 5.0).powi(2) + (y + 5.0).powi(2),
    limit: 25.0,
    optimum: -106.764_536_7,
};

/// Michalewicz' function, m = 10, where x³ + y³ ≤ 15. Its authors' figure for the optimum, −1.80114, is the
/// value at the minimiser rounded to (2.20, 1.57).
pub const MICHALEWICZ: TestFunction = TestFunction {
    name: "michalewicz",
    domain: [[0.0, PI], [0.0, PI]],
    value: |[x, y]| {
        let valley = |z: f64, i: f64| z.sin() * (i * z * z / PI).sin().powi(20);
        -valley(x, 1.0) - valley(y, 2.0)
    },
    constraint: |[x, y]| x.powi(3) + y.powi(3),
    limit: 15.0,
    optimum: -1.801_303_4,
};

/// Rosenbrock's function in a disk. The minimiser, (1, 1), is on its edge.
pub const ROSENBROCK_DISK: TestFunction = TestFunction {
    name: "rosenbrock-disk",
    domain: [[-1.5, 1.5], [-0.5, 2.5]],
    value: |[x, y]| (x - 1.0).powi(2) + 100.0 * (y - x * x).powi(2),
    constraint: |[x, y]| x * x + y * y,
    limit: 2.0,
    optimum: 0.0,
};

/// Branin's function, rescaled to the unit square, mean 0 and variance 1 (Picheny, Wagner & Ginsbourger
/// 2013), in either of two ellipses.
pub const BRANIN_ELLIPSES: TestFunction = TestFunction {
    name: "branin-ellipses",
    domain: [[0.0, 1.0], [0.0, 1.0]],
    value: |[x, y]| {
        let (u, v) = (15.0 * x - 5.0, 15.0 * y);
        let parabola = v - 5.1 * u * u / (4.0 * PI * PI) + 5.0 * u / PI - 6.0;
        (parabola * parabola + (10.0 - 10.0 / (8.0 * PI)) * u.cos() - 44.81) / 51.95
    },
    constraint: |at| {
        let large = in_ellipse(at, [1.0 / 3.0, 0.25], [0.45, 0.27], PI / 4.0);
        let small = in_ellipse(at, [5.0 / 6.0, 0.875], [0.25, 0.1], 3.0 * PI / 4.0);
        large.min(small)
    },
    limit: 1.0,
    optimum: -1.047_393_8,
};

/// The second of Alpine's functions in a disk.
pub const ALPINE_2: TestFunction = TestFunction {
    name: "alpine-2",
    domain: [[0.0, 10.0], [0.0, 10.0]],
    value: |[x, y]| -(x.sqrt() * x.sin()) * (y.sqrt() * y.sin()),
    constraint: |[x, y]| (x - 5.0).powi(2) + (y - 5.0).powi(2),
    limit: 17.25,
    optimum: -7.885_600_7,
};

/// Squared distance from the centre of an ellipse in units of its radii: 1 on its edge. `angle` turns the
/// first radius away from the first axis.
fn in_ellipse(at: [f64; 2], centre: [f64; 2], radii: [f64; 2], angle: f64) -> f64 {
    let (x, y) = (at[0] - centre[0], at[1] - centre[1]);
    let along = (x * angle.cos() + y * angle.sin()) / radii[0];
    let across = (y * angle.cos() - x * angle.sin()) / radii[1];
    along * along + across * across
}

impl TestFunction {
    /// The domain, every number of it.
    pub fn space(&self) -> Space {
        self.space_of(|_| None)
    }

    /// The discretised form: `steps` even steps along each axis. The authors take 50 of Mishra's bird and
    /// 30 of the others.
    pub fn lattice(&self, steps: usize) -> Space {
        self.space_of(|[low, high]| Some((high - low) / steps as f64))
    }

    fn space_of(&self, step: impl Fn([f64; 2]) -> Option<f64>) -> Space {
        let parameter = |(name, [low, high]): (&str, [f64; 2])| Parameter {
            name: name.to_owned(),
            domain: Domain::Range { low, high, step: step([low, high]), log: false },
            when: None,
        };
        let axes = ["x", "y"].into_iter().zip(self.domain);
        Space::new(axes.map(parameter).collect()).expect("two ranges of different names")
    }

    /// The constraint as a searcher sees it: a black box, its value with a limit.
    pub fn constraints(&self) -> Vec<Constraint> {
        let name = "constraint".to_owned();
        vec![Constraint { name, limit: Some(self.limit), known: Known::Measured }]
    }

    /// Where a configuration of [`Self::space`] or [`Self::lattice`] lies.
    ///
    /// # Panics
    /// If the configuration is of another space.
    pub fn at(&self, space: &Space, configuration: &Configuration) -> [f64; 2] {
        ["x", "y"].map(|name| match space.setting(configuration, name) {
            Some(Setting::Number(number)) => number,
            other => panic!("{name} of a test function is {other:?}"),
        })
    }

    /// Whether a point of the domain meets the constraint.
    pub fn is_feasible(&self, at: [f64; 2]) -> bool {
        (self.constraint)(at) <= self.limit
    }

    /// What a trial shows: the value where it is feasible, and the constraint's value.
    ///
    /// # Panics
    /// As [`Self::at`].
    pub fn evaluate(&self, space: &Space, configuration: &Configuration) -> Outcome {
        let at = self.at(space, configuration);
        let feasible = self.is_feasible(at);
        let score = feasible.then(|| (self.value)(at));
        Outcome { score, feasible, values: vec![Some((self.constraint)(at))] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least feasible value of a grid, and of ever finer grids around the ten best points.
    fn fine_search(function: &TestFunction) -> f64 {
        let grid = |centre: [f64; 2], reach: [f64; 2], steps: i32| {
            let axis = move |i: usize, step: i32| {
                let offset = f64::from(step) / f64::from(steps) * reach[i];
                (centre[i] + offset).clamp(function.domain[i][0], function.domain[i][1])
            };
            (-steps..=steps)
                .flat_map(move |x| (-steps..=steps).map(move |y| [axis(0, x), axis(1, y)]))
                .filter(|at| function.is_feasible(*at))
                .map(|at| ((function.value)(at), at))
        };
        let centre = function.domain.map(|[low, high]| (low + high) / 2.0);
        let reach = function.domain.map(|[low, high]| (high - low) / 2.0);
        let mut coarse: Vec<_> = grid(centre, reach, 250).collect();
        coarse.sort_by(|a, b| a.0.total_cmp(&b.0));
        let refined = coarse.into_iter().take(10).map(|found| {
            (0..30).fold(found, |(value, at), halvings| {
                let reach = reach.map(|reach| 0.02 * reach * 0.5_f64.powi(halvings));
                grid(at, reach, 10).fold((value, at), |a, b| if b.0 < a.0 { b } else { a })
            })
        });
        refined.map(|(value, _)| value).fold(f64::INFINITY, f64::min)
    }

    /// As printed in the literature and in the authors' program.
    #[test]
    fn the_optima_are_the_published_ones() {
        let published = [-106.7645, -1.8013, 0.0, -1.04739, -7.88560];
        for (function, published) in FUNCTIONS.iter().zip(published) {
            let found = fine_search(function);
            assert!((function.optimum - published).abs() < 6e-5, "{}", function.name);
            assert!((found - function.optimum).abs() < 1e-6, "{}: {found}", function.name);
        }
        let rounded = [2.20, 1.57];
        assert!(((MICHALEWICZ.value)(rounded) + 1.801_140_718_473_825).abs() < 1e-12);
    }

    /// Shares of the domains, by areas: two of the disks are cut by an edge of the domain.
    #[test]
    fn feasible_shares_are_those_of_the_areas() {
        let share = |function: &TestFunction| {
            let lattice = function.lattice(200);
            let feasible = lattice.enumerate().filter(|c| function.evaluate(&lattice, c).feasible);
            feasible.count() as f64 / lattice.enumerate().count() as f64
        };
        assert!((share(&ALPINE_2) - 17.25 * PI / 100.0).abs() < 0.01);
        let segment = |radius: f64, from_centre: f64| {
            radius * radius * (from_centre / radius).acos()
                - from_centre * (radius * radius - from_centre * from_centre).sqrt()
        };
        let bird = 25.0 * PI - segment(5.0, 1.5);
        assert!((share(&MISHRAS_BIRD) - bird / 65.0).abs() < 0.01);
        let disk = 2.0 * PI - segment(2.0_f64.sqrt(), 0.5);
        assert!((share(&ROSENBROCK_DISK) - disk / 9.0).abs() < 0.01);
    }

    #[test]
    fn a_lattice_holds_no_better_point_than_the_domain() {
        for function in FUNCTIONS {
            for steps in [30, 50] {
                let lattice = function.lattice(steps);
                assert_eq!(lattice.size(), Some((steps as u128 + 1).pow(2)));
                let points = lattice.enumerate().map(|point| function.at(&lattice, &point));
                let feasible = points.filter(|at| function.is_feasible(*at));
                assert!(feasible.map(function.value).all(|it| it >= function.optimum - 1e-7));
            }
        }
    }
}
