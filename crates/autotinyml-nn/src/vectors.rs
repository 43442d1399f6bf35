//! Loops compiled for the widest vectors of the processor at hand.
//!
//! The crate is built for any x86-64, whose vectors hold four numbers; most processors have eight or
//! sixteen. Only the width differs: every value is computed by the same operations in the same
//! order, and so to the same bits.

/// Work that is compiled once for each width of vectors.
pub(crate) trait Loop {
    /// Does it. To be marked `#[inline(always)]`, like all functions that it calls in its inner
    /// loops: only what is inlined is compiled for each width.
    fn run(self);
}

/// Runs a loop compiled for AVX-512 or AVX2 where the processor has it.
pub(crate) fn widest(work: impl Loop) {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the processor has just said that it has these instructions.
            return unsafe { with_avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just said that it has these instructions.
            return unsafe { with_avx2(work) };
        }
    }
    work.run();
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,fma")]
fn with_avx512(work: impl Loop) {
    work.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(work: impl Loop) {
    work.run();
}
