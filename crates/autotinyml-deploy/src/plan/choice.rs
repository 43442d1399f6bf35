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
use super::places::{least_size, rivals};
use super::{Buffer, Extent, FLOAT_BYTES, Plan, lengths, smallest};
use crate::lower::Kernel;

/// If no more maps could be streamed, every choice of them is tried.
pub(super) const ALL_CHOICES_MAX: usize = 6;

/// A cascade, and the most values that are live while it runs.
type Live = (Range<usize>, usize);

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

    /// The best plan that is found of those that take so many bytes at the most.
    pub(super) fn best(&self, bytes_max: usize) -> Option<Plan> {
        let (live, extents) = self.least_live();
        if live > bytes_max / FLOAT_BYTES {
            return None;
        }
        let plan = smallest(self, &extents, bytes_max);
        if plan.as_ref().is_some_and(|plan| plan.arena_bytes <= live * FLOAT_BYTES) {
            return plan;
        }
        let streamable: Vec<usize> =
            (0..self.kernels.len()).filter(|&k| self.least[k] != Extent::Whole).collect();
        if streamable.len() <= ALL_CHOICES_MAX {
            return self.best_of_all(plan, &streamable, bytes_max);
        }
        let whole = vec![Extent::Whole; self.kernels.len()];
        let starts = [extents, self.least.clone(), whole];
        let found = starts.into_iter().filter_map(|start| self.improved(start, bytes_max));
        found.min_by_key(cost)
    }

    /// Values live at a time, at the least, and the choice with which that is so.
    fn least_live(&self) -> (usize, Extents) {
        let count = self.kernels.len();
        let cascades = |end: usize| {
            let is_joined =
                move |start: &usize| *start + 1 == end || self.least[*start] != Extent::Whole;
            (0..end).rev().take_while(is_joined).map(move |start| start..end)
        };
        // What a cascade's lead is takes long to find out: only where it may decide.
        let bounds: Vec<Vec<(Range<usize>, [usize; 2])>> = (1..=count)
            .map(|end| {
                let bounds = |cascade: Range<usize>| {
                    let leads = [0, NO_OVERLAP].map(|lead| self.live(&cascade, &|_| lead));
                    (cascade, leads)
                };
                cascades(end).map(bounds).collect()
            })
            .collect();
        let [floor, ceiling] = [0, 1].map(|bound| {
            let live = |(cascade, bounds): &(Range<usize>, [usize; 2])| -> Live {
                (cascade.clone(), bounds[bound])
            };
            least_of_most(bounds.iter().map(|cascades| cascades.iter().map(live).collect()))
        });
        let live = |(cascade, [low, high]): (Range<usize>, [usize; 2])| -> Live {
            let decides = high > floor && low < ceiling && low < high;
            let leads = |cascade: &Range<usize>| self.leads.lead(cascade);
            let live = if decides { self.live(&cascade, &leads) } else { high };
            (cascade, live)
        };
        let cascades: Vec<Vec<Live>> =
            bounds.into_iter().map(|cascades| cascades.into_iter().map(live).collect()).collect();
        let enough = least_of_most(cascades.iter().cloned());
        (enough, self.fewest_streamed(&cascades, enough))
    }

    /// Of the choices with so much live at a time, or less, the one with the fewest streamed maps. `cascades`:
    /// those that end behind each kernel, and what is live.
    fn fewest_streamed(&self, cascades: &[Vec<Live>], enough: usize) -> Extents {
        // For the kernels before each end: how many, and the last cascade.
        let mut fewest: Vec<Option<(usize, Range<usize>)>> = vec![Some((0, 0..0))];
        for cascades in cascades {
            let streamed = |(cascade, live): &Live| {
                let before = fewest[cascade.start].as_ref().filter(|_| *live <= enough)?.0;
                Some((before + cascade.len() - 1, cascade.clone()))
            };
            let least = cascades.iter().filter_map(streamed).min_by_key(|(streamed, _)| *streamed);
            fewest.push(least);
        }
        let mut extents = vec![Extent::Whole; self.kernels.len()];
        let mut end = self.kernels.len();
        while let Some((_, cascade)) = fewest[end].as_ref().filter(|_| end > 0) {
            let streamed = cascade.start..cascade.end - 1;
            extents[streamed.clone()].clone_from_slice(&self.least[streamed]);
            end = cascade.start;
        }
        extents
    }

    /// The most values that are live at a time while a cascade runs, if leads are these.
    fn live(&self, cascade: &Range<usize>, lead: &dyn Fn(&Range<usize>) -> usize) -> usize {
        let mut extents = vec![Extent::Whole; self.kernels.len()];
        let streamed = cascade.start..cascade.end - 1;
        extents[streamed.clone()].clone_from_slice(&self.least[streamed]);
        let lengths = lengths(self.kernels, &extents);
        let rivals = rivals(self, &extents, &lengths, cascade.clone(), lead);
        let between = cascade.end.min(self.kernels.len() - 1);
        least_size(&lengths[cascade.start..between], &rivals)
    }

    /// The best plan of all choices; one may be known.
    fn best_of_all(
        &self,
        mut plan: Option<Plan>,
        streamable: &[usize],
        bytes_max: usize,
    ) -> Option<Plan> {
        let mut extents = vec![Extent::Whole; self.kernels.len()];
        for choice in 0..1 << streamable.len() {
            for (bit, &k) in streamable.iter().enumerate() {
                extents[k] = if choice >> bit & 1 == 1 { self.least[k] } else { Extent::Whole };
            }
            self.replace(&mut plan, &extents, bytes_max);
        }
        plan
    }

    /// The best plan that is found from these extents, by streaming one map more or one less at a time.
    fn improved(&self, mut extents: Extents, bytes_max: usize) -> Option<Plan> {
        let mut plan = smallest(self, &extents, bytes_max);
        loop {
            let mut is_better = false;
            for k in (0..self.kernels.len()).filter(|&k| self.least[k] != Extent::Whole) {
                let old = extents[k];
                extents[k] = if old == Extent::Whole { self.least[k] } else { Extent::Whole };
                if self.replace(&mut plan, &extents, bytes_max) {
                    is_better = true;
                } else {
                    extents[k] = old;
                }
            }
            if !is_better {
                return plan;
            }
        }
    }

    /// Replaces a plan by that for these extents if that is better.
    fn replace(&self, plan: &mut Option<Plan>, extents: &Extents, bytes_max: usize) -> bool {
        let bytes_max = plan.as_ref().map_or(bytes_max, |plan| plan.arena_bytes);
        let other = smallest(self, extents, bytes_max)
            .filter(|other| plan.as_ref().is_none_or(|plan| cost(other) < cost(plan)));
        let is_better = other.is_some();
        *plan = other.or(plan.take());
        is_better
    }
}

/// A lead with which an output lies behind what dies, if not before it.
const NO_OVERLAP: usize = usize::MAX / 2;

/// The least that can be live at the most, if for each end of a cascade those with all beginnings are
/// given.
fn least_of_most(cascades: impl Iterator<Item = Vec<Live>>) -> usize {
    let mut least = vec![0];
    for ending in cascades {
        let most = ending.iter().map(|(cascade, live)| least[cascade.start].max(*live));
        least.push(most.min().expect("one kernel by itself"));
    }
    least.pop().unwrap_or(0)
}

/// A smaller arena is better; of two alike, the one with fewer streamed maps.
fn cost(plan: &Plan) -> (usize, usize) {
    let is_streamed = |buffer: &&Buffer| buffer.extent != Extent::Whole;
    (plan.arena_bytes, plan.buffers.iter().filter(is_streamed).count())
}
