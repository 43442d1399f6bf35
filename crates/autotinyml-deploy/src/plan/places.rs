//! Offsets for the buffers between kernels in an arena of a given size.
//!
//! The *rivals* of a buffer are the earlier ones that are live when it is written. It keeps away from
//! each of them in one of two ways:
//!
//! - *above*: it begins where the rival ends, or later;
//! - *below*: it ends where the rival begins, or earlier; over a rival that dies with the cascade that
//!   writes it begins the cascade's lead before it, or earlier.
//!
//! One walk over the kernels follows all *layouts*, a layout being the offsets of the buffers that are
//! still live: each is continued by the lowest and by the highest offset that is free for the next
//! buffer. Of layouts that differ in the newest buffer only, those with its lowest and its highest
//! offset are kept, for these matter to what follows: the higher it is, the more room is below it, and
//! the lower, the more above. In an arena of two pieces, each in a memory region of its own, that goes for
//! each piece, and no buffer lies across the *border* between them. In a chain of whole maps, where only
//! neighbours are ever live together, this misses nothing: there is room if and only if the walk finds it.
//! Around shortcuts and streamed maps it may miss some, though none of 20,000 small networks with
//! shortcuts, in one piece or two, for which an exhaustive search found room.
//!
//! A second walk, from the last buffer back, picks the offsets.

use std::ops::Range;

use super::cascade::cascades;
use super::choice::Choices;
use super::{Extent, last_needed};

/// A buffer that is live when a later one is written.
pub(super) struct Rival {
    /// Index of its kernel.
    buffer: usize,
    /// Its values.
    length: usize,
    /// How many values before it the later one has to begin, if not behind it.
    distance: usize,
}

#[cfg(test)]
impl Rival {
    /// Whether a later buffer at this offset keeps away from it, where buffers are `placed`.
    pub(super) fn keeps_away(&self, offset: usize, placed: &[usize]) -> bool {
        let place = placed[self.buffer];
        offset >= place + self.length || offset + self.distance <= place
    }
}

/// Offsets of the rivals of the next buffer, in their order; the newest is the last.
type Layout = Vec<usize>;

/// Layouts that are followed at a time.
const LAYOUTS_MAX: usize = 64;

/// The rivals of the outputs of some `kernels`, of which these `lengths` exist at a time, in the order of the
/// kernels, if these are the leads of cascades: the output of the kernel before is always the last of them.
pub(super) fn rivals(
    choices: &Choices,
    extents: &[Extent],
    lengths: &[usize],
    kernels: Range<usize>,
    lead: &dyn Fn(&Range<usize>) -> usize,
) -> Vec<Vec<Rival>> {
    let last_needed = last_needed(choices.kernels, extents);
    let cascades = cascades(extents);
    let of = |k: usize| {
        let cascade = &cascades[k];
        // What the cascade reads and no later one.
        let dies = |&buffer: &usize| last_needed[buffer] == k && buffer < cascade.start;
        let rivals = || (0..k).filter(|&buffer| last_needed[buffer] >= k);
        let lead = rivals().find(dies).map(|_| lead(cascade));
        let rival = |buffer: usize| Rival {
            buffer,
            length: lengths[buffer],
            distance: lead.filter(|_| dies(&buffer)).unwrap_or(lengths[k]),
        };
        rivals().map(rival).collect()
    };
    kernels.map(of).collect()
}

/// No arena is smaller: what is live when a buffer is written, which may lie over what then dies, as far
/// as its lead allows.
pub(super) fn least_size(lengths: &[usize], rivals: &[Vec<Rival>]) -> usize {
    let live = |(&length, rivals): (&usize, &Vec<Rival>)| {
        let stays = |rival: &&Rival| rival.distance == length;
        let all: usize = rivals.iter().map(|rival| rival.length).sum();
        let staying: usize = rivals.iter().filter(stays).map(|rival| rival.length).sum();
        let with = |dying: &Rival| {
            let below = length.max(dying.distance + dying.length);
            below.min(length + dying.length)
        };
        let dying = rivals.iter().filter(|rival| !stays(rival)).map(with).max();
        all.max(staying + dying.unwrap_or(length))
    };
    lengths.iter().zip(rivals).map(live).max().unwrap_or(0)
}

/// Offsets of buffers of these lengths in an arena of `size` values, if room is found. `rivals` has an
/// entry more, for the output of the last kernel.
pub(super) fn places(
    lengths: &[usize],
    rivals: &[Vec<Rival>],
    size: usize,
    border: Option<usize>,
) -> Option<Vec<usize>> {
    // Before each buffer is placed, and at the end.
    let mut reachable: Vec<Vec<Layout>> = vec![vec![vec![]]];
    let border = border.unwrap_or(0).min(size);
    for (k, &length) in lengths.iter().enumerate() {
        let mut layouts: Vec<Layout> = vec![];
        for layout in &reachable[k] {
            for piece in [0..border, border..size] {
                let lowest = lowest_free(&rivals[k], layout, &piece, length);
                let highest = highest_free(&rivals[k], layout, &piece, length);
                let continued = |offset| continued(rivals, k, layout, offset);
                layouts.extend(lowest.into_iter().chain(highest).map(continued));
            }
        }
        let layouts = extremes(layouts, border);
        if layouts.is_empty() {
            return None;
        }
        reachable.push(layouts);
    }
    Some(pick(rivals, &reachable))
}

/// The lowest offset in a piece of the arena at which so many values keep away from all rivals.
fn lowest_free(
    rivals: &[Rival],
    layout: &Layout,
    piece: &Range<usize>,
    length: usize,
) -> Option<usize> {
    let mut offset = piece.start;
    while let Some((rival, place)) = in_the_way(rivals, layout, offset) {
        offset = place + rival.length;
    }
    (offset + length <= piece.end).then_some(offset)
}

/// The highest.
fn highest_free(
    rivals: &[Rival],
    layout: &Layout,
    piece: &Range<usize>,
    length: usize,
) -> Option<usize> {
    let mut offset = piece.end.checked_sub(length)?;
    while let Some((rival, place)) = in_the_way(rivals, layout, offset) {
        offset = place.checked_sub(rival.distance)?;
    }
    (offset >= piece.start).then_some(offset)
}

/// A rival, and its place, from which a buffer at this offset would not keep away.
fn in_the_way<'r>(
    rivals: &'r [Rival],
    layout: &Layout,
    offset: usize,
) -> Option<(&'r Rival, usize)> {
    let mut places = rivals.iter().zip(layout.iter().copied());
    places.find(|(rival, place)| offset + rival.distance > *place && offset < place + rival.length)
}

/// The layout behind buffer k, at this offset.
fn continued(rivals: &[Vec<Rival>], k: usize, layout: &Layout, offset: usize) -> Layout {
    let stays = |rival: &Rival| rivals[k + 1].iter().any(|next| next.buffer == rival.buffer);
    let staying = rivals[k].iter().zip(layout).filter(|(rival, _)| stays(rival));
    staying.map(|(_, &place)| place).chain([offset]).collect()
}

/// Of layouts that differ in the newest buffer only, those where it is lowest and highest in its piece.
fn extremes(mut layouts: Vec<Layout>, border: usize) -> Vec<Layout> {
    layouts.sort_unstable();
    layouts.dedup();
    let newest = |layout: &Layout| layout.len() - 1;
    let are_alike = |a: &Layout, b: &Layout| {
        let (a, b) = (a.split_at(newest(a)), b.split_at(newest(b)));
        a.0 == b.0 && (a.1[0] < border) == (b.1[0] < border)
    };
    let alike = layouts.chunk_by(are_alike);
    let ends = alike.flat_map(|group| match group {
        [first, .., last] => vec![first.clone(), last.clone()],
        only => only.to_vec(),
    });
    ends.take(LAYOUTS_MAX).collect()
}

/// The last buffer as low as can be; before it the highest place that leaves room below, or else the
/// lowest.
fn pick(rivals: &[Vec<Rival>], reachable: &[Vec<Layout>]) -> Vec<usize> {
    let newest = |layout: &&Layout| layout.last().copied();
    let mut chosen = reachable.last().and_then(|layouts| layouts.iter().min_by_key(newest));
    let mut offsets = vec![];
    for (k, layouts) in reachable.iter().enumerate().rev().skip(1) {
        let Some((layout, offset)) = chosen.zip(chosen.as_ref().and_then(newest)) else { break };
        offsets.push(offset);
        let leads_here = |before: &&Layout| {
            in_the_way(&rivals[k], before, offset).is_none()
                && continued(rivals, k, before, offset) == *layout
        };
        let is_above = |before: &&Layout| {
            let rival = rivals[k].last().zip(newest(before));
            rival.is_some_and(|(rival, place)| offset + rival.distance <= place)
        };
        let layouts = || layouts.iter().filter(leads_here);
        let above = layouts().filter(is_above).max_by_key(newest);
        chosen = above.or_else(|| layouts().min_by_key(newest));
    }
    offsets.reverse();
    offsets
}
