//! Random forest regression (Breiman, Random forests, Machine Learning 45, 2001) with the variance of
//! Hutter, Xu, Hoos & Leyton-Brown (Algorithm runtime prediction, Artificial Intelligence 206, 2014, §4.3.2):
//!
//! μ(x) = mean of μ_b(x),  σ²(x) = mean of σ_b²(x) + variance of μ_b(x)
//!
//! over the trees b, with μ_b and σ_b² mean and variance of the targets in the leaf that x falls into.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | X, y | encoded points, targets | n × d, n |
//! | sample | indices of the points that a node was grown from, repeats included | ≤ n |
//!
//! Every tree is grown on a bootstrap sample, by the splits that leave the least sum of squares. Numbers are
//! split midway between neighbours; an absent one lies below all others. Categories are split into those of
//! lesser and greater mean target, which holds the best of all divisions into two (Fisher 1958); an absent
//! one is a category of its own.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::space::Axis;

/// Trees of a forest, as the authors of SVM-CBO have.
const TREES: usize = 10;

/// Regression trees that vote.
#[derive(Clone, Debug)]
pub(crate) struct Forest {
    trees: Vec<Tree>,
    variance_min: f64,
}

impl Forest {
    /// Grows a forest on at least one point. `variance_min` is the least variance of a leaf: one of a single
    /// point shows none.
    pub(crate) fn fit(
        axes: &[Axis],
        points: &[Vec<f64>],
        targets: &[f64],
        variance_min: f64,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Self {
        let n = points.len();
        let tree = |_| {
            let mut sample: Vec<usize> = (0..n).map(|_| rng.random_range(0..n)).collect();
            Tree::grow(axes, points, targets, &mut sample, 1)
        };
        Self { trees: (0..TREES).map(tree).collect(), variance_min }
    }

    /// Mean and variance at `x`.
    pub(crate) fn predict(&self, x: &[f64]) -> (f64, f64) {
        let (mut sum, mut squares) = (0.0, 0.0);
        for tree in &self.trees {
            let leaf = tree.leaf(x);
            sum += leaf.mean;
            squares += leaf.mean * leaf.mean + leaf.variance.max(self.variance_min);
        }
        let count = self.trees.len() as f64;
        let mean = sum / count;
        (mean, (squares / count - mean * mean).max(0.0))
    }
}

#[derive(Clone, Debug)]
struct Tree {
    /// The first is the root.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Leaf),
    /// Points of which the rule holds go to one node, the others to the other.
    Split {
        rule: Rule,
        if_true: usize,
        if_false: usize,
    },
}

/// Mean and variance of the targets of a leaf.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    mean: f64,
    variance: f64,
}

/// What a split asks of a point.
#[derive(Clone, Debug)]
enum Rule {
    AtMost { axis: usize, threshold: f64 },
    OneOf { axis: usize, categories: Vec<f64> },
}

impl Rule {
    fn holds(&self, x: &[f64]) -> bool {
        match self {
            Self::AtMost { axis, threshold } => x[*axis] <= *threshold,
            Self::OneOf { axis, categories } => categories.contains(&x[*axis]),
        }
    }
}

impl Tree {
    /// Grows a tree on some of the points, with at least `leaf_min` of them in a leaf.
    fn grow(
        axes: &[Axis],
        points: &[Vec<f64>],
        targets: &[f64],
        sample: &mut [usize],
        leaf_min: usize,
    ) -> Self {
        let data = Data { axes, points, targets, leaf_min };
        let mut tree = Self { nodes: Vec::new() };
        tree.grow_node(&data, sample);
        tree
    }

    /// Index of the node grown from a sample, the nodes below it included.
    fn grow_node(&mut self, data: &Data, sample: &mut [usize]) -> usize {
        let index = self.nodes.len();
        self.nodes.push(Node::Leaf(data.leaf(sample)));
        if let Some(rule) = data.best_split(sample) {
            sample.sort_by_key(|&i| !rule.holds(&data.points[i]));
            let true_count = sample.partition_point(|&i| rule.holds(&data.points[i]));
            let (true_sample, false_sample) = sample.split_at_mut(true_count);
            let if_true = self.grow_node(data, true_sample);
            let if_false = self.grow_node(data, false_sample);
            self.nodes[index] = Node::Split { rule, if_true, if_false };
        }
        index
    }

    fn leaf(&self, x: &[f64]) -> Leaf {
        let mut index = 0;
        loop {
            match &self.nodes[index] {
                Node::Leaf(leaf) => return *leaf,
                Node::Split { rule, if_true, if_false } => {
                    index = if rule.holds(x) { *if_true } else { *if_false };
                }
            }
        }
    }
}

/// What a tree is grown on.
struct Data<'a> {
    axes: &'a [Axis],
    points: &'a [Vec<f64>],
    targets: &'a [f64],
    leaf_min: usize,
}

impl Data<'_> {
    fn leaf(&self, sample: &[usize]) -> Leaf {
        let count = sample.len() as f64;
        let mean = sample.iter().map(|&i| self.targets[i]).sum::<f64>() / count;
        let squares = sample.iter().map(|&i| (self.targets[i] - mean).powi(2)).sum::<f64>();
        Leaf { mean, variance: squares / count }
    }

    /// The rule that leaves the least sum of squares; `None` if none leaves less than there is.
    fn best_split(&self, sample: &[usize]) -> Option<Rule> {
        let Leaf { mean, variance } = self.leaf(sample);
        // What is left of the squares to rounding is no gain.
        let mut greatest_gain = 1e-9 * variance * sample.len() as f64;
        let mut best = None;
        for axis in 0..self.axes.len() {
            let line = self.line(sample, axis);
            if let Some((gain, position)) = self.best_position(&line, mean)
                && gain > greatest_gain
            {
                greatest_gain = gain;
                best = Some((axis, line, position));
            }
        }
        best.map(|(axis, line, position)| self.rule(axis, &line, position))
    }

    /// The sample along one axis: numbers ascending, categories by their mean target.
    fn line(&self, sample: &[usize], axis: usize) -> Vec<Place> {
        let mut line: Vec<Place> = sample
            .iter()
            .map(|&i| Place {
                order: self.points[i][axis],
                coordinate: self.points[i][axis],
                target: self.targets[i],
            })
            .collect();
        let sort = |line: &mut Vec<Place>| {
            line.sort_by(|a, b| {
                a.order.total_cmp(&b.order).then(a.coordinate.total_cmp(&b.coordinate))
            });
        };
        sort(&mut line);
        if self.axes[axis] == Axis::Categorical {
            for category in line.chunk_by_mut(|a, b| a.coordinate == b.coordinate) {
                let mean =
                    category.iter().map(|place| place.target).sum::<f64>() / category.len() as f64;
                category.iter_mut().for_each(|place| place.order = mean);
            }
            sort(&mut line);
        }
        line
    }

    /// The greatest decrease of the sum of squares by a cut of the line, and how many places are before it.
    /// Of equals the first. `mean` is that of all targets.
    fn best_position(&self, line: &[Place], mean: f64) -> Option<(f64, usize)> {
        let count = line.len();
        let mut before = 0.0;
        let mut best: Option<(f64, usize)> = None;
        for position in 1..count {
            before += line[position - 1].target - mean;
            if line[position - 1].coordinate == line[position].coordinate
                || position < self.leaf_min
                || count - position < self.leaf_min
            {
                continue;
            }
            // Targets around their mean add up to nothing: the sum after the cut is −before.
            let gain = before * before * (1.0 / position as f64 + 1.0 / (count - position) as f64);
            if best.is_none_or(|(greatest, _)| gain > greatest) {
                best = Some((gain, position));
            }
        }
        best
    }

    /// The rule that holds of what is before a position.
    fn rule(&self, axis: usize, line: &[Place], position: usize) -> Rule {
        if self.axes[axis] == Axis::Categorical {
            let mut categories: Vec<f64> =
                line[..position].iter().map(|place| place.coordinate).collect();
            categories.dedup();
            return Rule::OneOf { axis, categories };
        }
        let (below, above) = (line[position - 1].coordinate, line[position].coordinate);
        let middle = below + (above - below) / 2.0;
        Rule::AtMost { axis, threshold: if middle < above { middle } else { below } }
    }
}

/// A point of the sample, seen along one axis.
struct Place {
    order: f64,
    coordinate: f64,
    target: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::draw::stream;
    use crate::space::ABSENT;

    const MIXED: [Axis; 3] = [Axis::Numeric, Axis::Categorical, Axis::Numeric];

    /// What scikit-learn's DecisionTreeRegressor computes: tests/reference/dump.py.
    #[derive(Deserialize)]
    struct Reference {
        points: Vec<Vec<f64>>,
        targets: Vec<f64>,
        leaf_min: usize,
        splits: Vec<(usize, f64)>,
        at: Vec<Vec<f64>>,
        mean: Vec<f64>,
        variance: Vec<f64>,
    }

    #[test]
    fn a_tree_grows_as_scikit_learns() {
        let r: Reference =
            serde_json::from_str(include_str!("../../tests/reference/tree.json")).unwrap();
        let axes = vec![Axis::Numeric; r.points[0].len()];
        let mut sample: Vec<usize> = (0..r.points.len()).collect();
        let tree = Tree::grow(&axes, &r.points, &r.targets, &mut sample, r.leaf_min);
        let splits: Vec<(usize, f64)> = (tree.nodes.iter())
            .filter_map(|node| match node {
                Node::Split { rule: Rule::AtMost { axis, threshold }, .. } => {
                    Some((*axis, *threshold))
                }
                _ => None,
            })
            .collect();
        assert_eq!(splits.len(), r.splits.len());
        for ((axis, threshold), (expected_axis, expected)) in splits.iter().zip(&r.splits) {
            assert!(axis == expected_axis && (threshold - expected).abs() < 1e-12, "{splits:?}");
        }
        for ((x, mean), variance) in r.at.iter().zip(&r.mean).zip(&r.variance) {
            let leaf = tree.leaf(x);
            assert!((leaf.mean - mean).abs() < 1e-12 && (leaf.variance - variance).abs() < 1e-12);
        }
    }

    fn any_point() -> impl Strategy<Value = Vec<f64>> {
        let number = || prop_oneof![Just(ABSENT), Just(0.25), 0.0..1.0];
        let category = prop_oneof![Just(ABSENT), (0..4).prop_map(f64::from)];
        (number(), category, number()).prop_map(|(a, b, c)| vec![a, b, c])
    }

    proptest! {
        /// No rule on a category divides better than the one found: all subsets are tried.
        #[test]
        fn categories_are_divided_as_well_as_can_be(
            sample in prop::collection::vec((0..5, -1.0..1.0), 2..30),
        ) {
            let points: Vec<Vec<f64>> = sample.iter().map(|(c, _)| vec![f64::from(*c)]).collect();
            let targets: Vec<f64> = sample.iter().map(|(_, target)| *target).collect();
            let data = Data { axes: &[Axis::Categorical], points: &points, targets: &targets, leaf_min: 1 };
            let left_over = |holds: &dyn Fn(usize) -> bool| -> f64 {
                [true, false].iter().map(|side| {
                    let part: Vec<usize> = (0..points.len()).filter(|&i| holds(i) == *side).collect();
                    if part.is_empty() { 0.0 } else { data.leaf(&part).variance * part.len() as f64 }
                }).sum()
            };
            let all: Vec<usize> = (0..points.len()).collect();
            let found = data.best_split(&all)
                .map_or_else(|| left_over(&|_| true), |rule| left_over(&|i| rule.holds(&points[i])));
            for subset in 0..32 {
                prop_assert!(found <= left_over(&|i| (subset >> sample[i].0) & 1 == 1) + 1e-6);
            }
        }

        /// σ² is that of the mixture of the trees' leaves, and no mean lies outside the targets.
        #[test]
        fn mean_and_variance_are_those_of_the_mixture(
            points in prop::collection::vec((any_point(), -3.0..3.0), 1..40),
            at in any_point(),
            seed: u64,
        ) {
            let (points, targets): (Vec<_>, Vec<f64>) = points.into_iter().unzip();
            let forest = Forest::fit(&MIXED, &points, &targets, 0.01, &mut stream(seed, 0));
            let leaves: Vec<Leaf> = forest.trees.iter().map(|tree| tree.leaf(&at)).collect();
            let count = leaves.len() as f64;
            let mean = leaves.iter().map(|leaf| leaf.mean).sum::<f64>() / count;
            let within = leaves.iter().map(|leaf| leaf.variance.max(0.01)).sum::<f64>() / count;
            let between = leaves.iter().map(|leaf| (leaf.mean - mean).powi(2)).sum::<f64>() / count;
            let (found, variance) = forest.predict(&at);
            prop_assert!((found - mean).abs() < 1e-9);
            prop_assert!((variance - within - between).abs() < 1e-9);
            let (least, greatest) = (targets.iter().copied().fold(f64::INFINITY, f64::min),
                targets.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            prop_assert!((least - 1e-9..=greatest + 1e-9).contains(&mean));
        }

        /// A fully grown tree on different points knows each of them.
        #[test]
        fn a_tree_reproduces_what_it_was_grown_on(
            points in prop::collection::btree_map(0..1000_u32, -3.0..3.0_f64, 1..60),
        ) {
            let (points, targets): (Vec<_>, Vec<f64>) =
                points.into_iter().map(|(x, y)| (vec![f64::from(x % 10), f64::from(x / 10)], y)).unzip();
            let mut sample: Vec<usize> = (0..points.len()).collect();
            let axes = [Axis::Categorical, Axis::Numeric];
            let tree = Tree::grow(&axes, &points, &targets, &mut sample, 1);
            for (x, y) in points.iter().zip(&targets) {
                prop_assert!((tree.leaf(x).mean - y).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn variance_is_greater_where_trees_disagree() {
        let points: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i) / 39.0]).collect();
        let targets: Vec<f64> = points
            .iter()
            .map(|x| if x[0] < 0.5 { 0.0 } else { 10.0 * (x[0] * 40.0).sin() })
            .collect();
        let forest = Forest::fit(&[Axis::Numeric], &points, &targets, 0.0, &mut stream(0, 0));
        let variance = |from: f64| {
            let at = (0..20).map(|i| from + 0.4 * f64::from(i) / 20.0);
            at.map(|x| forest.predict(&[x]).1).sum::<f64>() / 20.0
        };
        assert!(variance(0.55) > 10.0 * variance(0.02), "{} {}", variance(0.55), variance(0.02));
    }
}
