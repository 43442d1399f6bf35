//! Every configuration of a finite space, counted like an odometer whose last parameter turns fastest.

use super::{Configuration, Space};

pub(super) struct Enumerate<'a> {
    space: &'a Space,
    /// Per parameter; 0 never occurs, since a domain has at least one level.
    level_counts: Vec<u64>,
    next: Option<Configuration>,
}

impl<'a> Enumerate<'a> {
    pub(super) fn new(space: &'a Space) -> Self {
        let level_counts: Option<Vec<u64>> =
            space.parameters.iter().map(|p| p.domain.levels()).collect();
        let next = level_counts.is_some().then(|| space.complete(|_, _| 0));
        Self { space, level_counts: level_counts.unwrap_or_default(), next }
    }

    fn successor(&self, Configuration(levels): &Configuration) -> Option<Configuration> {
        let can_turn = |&index: &usize| {
            levels[index] != Configuration::INACTIVE && levels[index] + 1 < self.level_counts[index]
        };
        let turned = (0..levels.len()).rev().find(can_turn)?;
        Some(self.space.complete(|index, _| match index.cmp(&turned) {
            std::cmp::Ordering::Less => levels[index],
            std::cmp::Ordering::Equal => levels[index] + 1,
            std::cmp::Ordering::Greater => 0,
        }))
    }
}

impl Iterator for Enumerate<'_> {
    type Item = Configuration;

    fn next(&mut self) -> Option<Configuration> {
        let current = self.next.take()?;
        self.next = self.successor(&current);
        Some(current)
    }
}
