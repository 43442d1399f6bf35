//! Which maps exist only in part.
//!
//! A choice of them cuts the kernels into cascades: whatever is streamed joins the kernel that writes it
//! to the next. What is live while a cascade runs follows from where it begins and ends: before it all
//! that a kernel of it or a later one reads, which is there as a whole; within it what is streamed; and
//! its output. So the choice of which the least is ever live at a time, and of those the one with the
//! fewest streamed maps, is found by dynamic programming over the kernels at which cascades end. No arena
//! of any choice is smaller than that. Mostly there are places for its buffers in just so much, and
//! that is the best plan. If not, there may be a better choice: of a few streamable maps all choices are
//! tried, of more those that differ in one map from the best so far.

use std::ops::Range;

use super::cascade::{Extents, least_extent};
use super::lead::Leads;
use super::places::rivals;
use super::{Buffer, Extent, Plan, smallest};
use crate::lower::Kernel;

/// If no more maps could be streamed, every choice of them is tried.
pub(super) const ALL_CHOICES_MAX: usize = 6;

/// What the search goes by.
pub(super) struct Choices<'a> {
    pub(super) kernels: &'a [Kernel],
    /// The least of each output that must exist at a time.
    pub(super) least: Extents,
    pub(super) leads: Leads<'a>,
    pub(super) border: Option<usize>,
}

impl<'a> Choices<'a> {
    pub(super) fn new(kernels: &'a [Kernel], border: Option<usize>) -> Self {
        let least = (0..kernels.len()).map(|k| least_extent(kernels, k)).collect();
        Self { kernels, least, leads: Leads::of(kernels), border }
    }

    /// The best plan that is found.
    pub(super) fn best(&self) -> Plan {
        let (live, extents) = self.least_live();
        let plan = smallest(self, &extents, usize::MAX).expect("it may be any size");
        if plan.arena_bytes <= live * super::FLOAT_BYTES {
            return plan;
        }
        let streamable: Vec<usize> =
            (0..self.kernels.len()).filter(|&k| self.least[k] != Extent::Whole).collect();
        if streamable.len() <= ALL_CHOICES_MAX {
            return self.best_of_all(plan, &streamable);
        }
        let streamed = self.improved(self.least.clone());
        let whole = self.improved(vec![Extent::Whole; self.kernels.len()]);
        [plan.clone(), self.improved(plan.extents()), streamed, whole]
            .into_iter()
            .min_by_key(cost)
            .expect("four")
    }

    /// Values live at a time, at the least, and the choice with which that is so.
    fn least_live(&self) -> (usize, Extents) {
        let count = self.kernels.len();
        // For the kernels before each end: what is live at the most, how many maps are streamed, and
        // where the last cascade begins.
        let mut best: Vec<(usize, usize, usize)> = vec![(0, 0, 0)];
        let mut live_of: Vec<Vec<(usize, usize)>> = vec![];
        for end in 1..=count {
            let cascades = (0..end)
                .rev()
                .take_while(|&start| start + 1 == end || self.least[start] != Extent::Whole);
            let cascades: Vec<(usize, usize)> =
                cascades.map(|start| (start, self.live(start..end))).collect();
            let live = cascades.iter().map(|&(start, live)| live.max(best[start].0)).min();
            best.push((live.expect("one kernel by itself"), 0, 0));
            live_of.push(cascades);
        }
        // With so much, as few as can be.
        let enough = best[count].0;
        for end in 1..=count {
            let cascades = live_of[end - 1]
                .iter()
                .filter(|(start, live)| *live <= enough && best[*start].0 <= enough);
            let fewest = cascades.map(|&(start, _)| (best[start].1 + end - start - 1, start)).min();
            if let Some((streamed, start)) = fewest {
                (best[end].1, best[end].2) = (streamed, start);
            }
        }
        let mut extents = vec![Extent::Whole; count];
        let mut end = count;
        while end > 0 {
            let start = best[end].2;
            extents[start..end - 1].clone_from_slice(&self.least[start..end - 1]);
            end = start;
        }
        (enough, extents)
    }

    /// The most values that are live at a time while a cascade runs.
    fn live(&self, cascade: Range<usize>) -> usize {
        let mut extents = vec![Extent::Whole; self.kernels.len()];
        let streamed = cascade.start..cascade.end - 1;
        extents[streamed.clone()].clone_from_slice(&self.least[streamed]);
        let lengths = super::lengths(self.kernels, &extents);
        let between = self.kernels.len() - 1;
        let rivals = rivals(self, &extents, &lengths, cascade.clone());
        super::places::least_size(&lengths[cascade.start..cascade.end.min(between)], &rivals)
    }

    /// The best plan of all choices, one of which is known.
    fn best_of_all(&self, mut plan: Plan, streamable: &[usize]) -> Plan {
        let mut extents = vec![Extent::Whole; self.kernels.len()];
        for choice in 0..1 << streamable.len() {
            for (bit, &k) in streamable.iter().enumerate() {
                extents[k] = if choice >> bit & 1 == 1 { self.least[k] } else { Extent::Whole };
            }
            if let Some(other) = smallest(self, &extents, plan.arena_bytes)
                && cost(&other) < cost(&plan)
            {
                plan = other;
            }
        }
        plan
    }

    /// The best plan that is found from these extents, by streaming one map more or one less at a time.
    fn improved(&self, mut extents: Extents) -> Plan {
        let mut plan = smallest(self, &extents, usize::MAX).expect("it may be any size");
        loop {
            let before = cost(&plan);
            for k in 0..self.kernels.len() {
                let old = extents[k];
                extents[k] = if old == Extent::Whole { self.least[k] } else { Extent::Whole };
                if extents[k] == old {
                    continue;
                }
                match smallest(self, &extents, plan.arena_bytes) {
                    Some(other) if cost(&other) < cost(&plan) => plan = other,
                    _ => extents[k] = old,
                }
            }
            if cost(&plan) == before {
                return plan;
            }
        }
    }
}

/// A smaller arena is better; of two alike, the one with fewer streamed maps.
pub(super) fn cost(plan: &Plan) -> (usize, usize) {
    let is_streamed = |buffer: &&Buffer| buffer.extent != Extent::Whole;
    (plan.arena_bytes, plan.buffers.iter().filter(is_streamed).count())
}
