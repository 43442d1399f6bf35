//! How many parameters of a family stand at each category, as further coordinates: what a network takes depends more
//! on how many of its layers are of a kind than on which of them are.
//!
//! | symbol | meaning |
//! | --- | --- |
//! | f, c | family of three categorical parameters or more; one of its categories |
//! | n_fc | how many members of f stand at c |

use std::borrow::Cow;

use crate::problem::Problem;
use crate::space::Family;

/// Members from which on a family is counted. Of two, the trend that they share says as much.
const MEMBERS_MIN: usize = 3;

/// Change of a coordinate with one member: from one category to another is then a distance of 1 in all, as along the
/// member's own axis.
const PER_MEMBER: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// The families that are counted.
pub(super) struct Counts(Vec<(Vec<usize>, usize)>);

impl Counts {
    pub(super) fn of(problem: &Problem) -> Self {
        let counted = |Family { members, categories }: Family| {
            categories
                .filter(|_| members.len() >= MEMBERS_MIN)
                .map(|categories| (members, categories))
        };
        Self(problem.space.families().into_iter().filter_map(counted).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As [`Self::beside`], of many points.
    pub(super) fn beside_each<'a>(&self, points: &'a [Vec<f64>]) -> Cow<'a, [Vec<f64>]> {
        if self.is_empty() {
            return Cow::Borrowed(points);
        }
        points.iter().map(|point| self.beside(point)).collect()
    }

    /// A point's own coordinates, then n_fc of all f and c.
    pub(super) fn beside(&self, point: &[f64]) -> Vec<f64> {
        let mut coordinates = point.to_vec();
        for (members, categories) in &self.0 {
            let counts = (0..*categories).map(|category| {
                let stands = |&&member: &&usize| point[member] == category as f64;
                PER_MEMBER * members.iter().filter(stands).count() as f64
            });
            coordinates.extend(counts);
        }
        coordinates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Goal;
    use crate::space::{ABSENT, Domain, Parameter, Space};

    #[test]
    fn members_are_counted_wherever_they_stand() {
        let parameter = |name: &str, categories: &[&str]| Parameter {
            name: name.to_owned(),
            domain: Domain::Unordered(categories.iter().map(|&c| c.to_owned()).collect()),
            when: None,
        };
        let operations = ["conv", "pool", "skip"];
        let space = Space::new(vec![
            parameter("first", &operations),
            parameter("optimizer", &["adam", "sgd"]),
            parameter("second", &operations),
            parameter("third", &operations),
        ]);
        let space = space.unwrap();
        let counts = Counts::of(&Problem::new(&space, Goal::Maximise, 10));
        let a = PER_MEMBER;
        assert_eq!(counts.beside(&[0.0, 1.0, 2.0, 0.0])[4..], [2.0 * a, 0.0, a]);
        assert_eq!(counts.beside(&[2.0, 0.0, 0.0, 0.0])[4..], [2.0 * a, 0.0, a]);
        assert_eq!(counts.beside(&[1.0, 1.0, ABSENT, ABSENT])[4..], [0.0, a, 0.0]);
    }
}
