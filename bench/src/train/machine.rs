//! What one core can do at most: multiply-adds in registers, and passes over memory.

use std::hint::black_box;
use std::time::Instant;

/// Floating-point operations per second of fused multiply-adds that never leave the registers.
pub fn peak_operations() -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has just said that it has these instructions.
            return rate(|rounds| unsafe { x86::with_avx512(rounds) }, 16);
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: as above.
            return rate(|rounds| unsafe { x86::with_avx2(rounds) }, 8);
        }
    }
    rate(portable, LANES)
}

/// Sums that grow side by side, to hide how long one multiply-add takes.
const CHAINS: usize = 16;
/// Values per sum where the width of vectors is the compiler's to choose.
const LANES: usize = 4;
const ROUNDS: usize = 4_000_000;

fn rate(work: impl Fn(usize), lanes: usize) -> f64 {
    let once = || {
        let start = Instant::now();
        work(ROUNDS);
        (2 * lanes * CHAINS * ROUNDS) as f64 / start.elapsed().as_secs_f64()
    };
    (0..5).map(|_| once()).fold(0.0, f64::max)
}

fn portable(rounds: usize) {
    let (factor, term) = (black_box([0.5f32; LANES]), black_box([1f32; LANES]));
    let mut sums = [[0f32; LANES]; CHAINS];
    for _ in 0..rounds {
        for sum in sums.as_flattened_mut().chunks_exact_mut(LANES) {
            for ((sum, factor), term) in sum.iter_mut().zip(factor).zip(term) {
                *sum = *sum * factor + term;
            }
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps, _mm512_fmadd_ps, _mm512_set1_ps};
    use std::hint::black_box;

    use super::CHAINS;

    #[target_feature(enable = "avx512f")]
    pub fn with_avx512(rounds: usize) {
        let (factor, term) = (_mm512_set1_ps(black_box(0.5)), _mm512_set1_ps(black_box(1.0)));
        let mut sums = [term; CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, factor, term);
            }
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn with_avx2(rounds: usize) {
        let (factor, term) = (_mm256_set1_ps(black_box(0.5)), _mm256_set1_ps(black_box(1.0)));
        let mut sums = [term; CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, factor, term);
            }
        }
        black_box(sums);
    }
}

/// Bytes read plus bytes written per second when `bytes` of memory are changed in place, pass after
/// pass: of the cache that holds so many, or of the memory.
pub fn bandwidth(bytes: usize) -> f64 {
    let mut values = vec![1u64; (bytes / size_of::<u64>()).max(1)];
    let passes = (64_000_000 / bytes.max(1)).max(2);
    let mut once = || {
        let start = Instant::now();
        for pass in 0..passes as u64 {
            values.iter_mut().for_each(|value| *value ^= pass);
            black_box(&mut values);
        }
        (2 * passes * bytes) as f64 / start.elapsed().as_secs_f64()
    };
    (0..5).map(|_| once()).fold(0.0, f64::max)
}
