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
fn has_avx512() -> bool {
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

/// A register of numbers.
pub(crate) trait Register: Copy {
    /// Numbers in it.
    const LANES: usize;
    /// How many of its kind the processor has.
    const REGISTERS: usize;
    /// A register of half as many numbers; a single number has no half but itself.
    type Half: Register;
    /// The same number in all lanes.
    fn splat(value: f32) -> Self;
    /// The first numbers of at least `LANES`.
    fn load(values: &[f32]) -> Self;
    /// Overwrites the first numbers of at least `LANES`.
    fn store(self, values: &mut [f32]);
    /// `self · factor + sum`, rounded once.
    fn mul_add(self, factor: Self, sum: Self) -> Self;
    /// The sum of the lanes: the upper half is added to the lower, and so on down to one.
    fn sum(self) -> f32;
}

/// The most numbers in any register.
pub(crate) const LANES_MAX: usize = 16;

/// Work that is written for registers of any width.
pub(crate) trait RegisterLoop {
    /// Does it, in registers `V`, or in `W`, which have [`LANES_MAX`] lanes on every machine. To be marked `#[inline(always)]`, like all functions that it calls.
    fn run<V: Register, W: Register>(self);
}

/// Runs work in the widest registers of the processor.
pub(crate) fn widest_registers(work: impl RegisterLoop) {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the processor has just said that it has these instructions.
            return unsafe { x86::in_512_bits(work) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has just said that it has these instructions.
            return unsafe { x86::in_256_bits(work) };
        }
    }
    work.run::<[f32; 8], [[f32; 8]; 2]>();
}

impl Register for f32 {
    const LANES: usize = 1;
    const REGISTERS: usize = 16;
    type Half = Self;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Self {
        values[0]
    }

    #[inline(always)]
    fn store(self, values: &mut [f32]) {
        values[0] = self;
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, sum: Self) -> Self {
        f32::mul_add(self, factor, sum)
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        self
    }
}

/// Two registers as one.
impl<V: Register> Register for [V; 2] {
    const LANES: usize = 2 * V::LANES;
    const REGISTERS: usize = V::REGISTERS / 2;
    type Half = V;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        [V::splat(value); 2]
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Self {
        [V::load(values), V::load(&values[V::LANES..])]
    }

    #[inline(always)]
    fn store(self, values: &mut [f32]) {
        self[0].store(values);
        self[1].store(&mut values[V::LANES..]);
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, sum: Self) -> Self {
        [self[0].mul_add(factor[0], sum[0]), self[1].mul_add(factor[1], sum[1])]
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        // Times one: added with one rounding.
        self[1].mul_add(V::splat(1.0), self[0]).sum()
    }
}

/// For the compiler to make of it what the processor has.
impl Register for [f32; 8] {
    const LANES: usize = 8;
    const REGISTERS: usize = 16;
    type Half = f32;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        [value; 8]
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Self {
        *values.first_chunk().expect("at least LANES")
    }

    #[inline(always)]
    fn store(self, values: &mut [f32]) {
        *values.first_chunk_mut().expect("at least LANES") = self;
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, sum: Self) -> Self {
        std::array::from_fn(|lane| self[lane].mul_add(factor[lane], sum[lane]))
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        let [a, b, c, d, e, f, g, h] = self;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
}

/// The registers of x86-64.
///
/// Their functions use instructions that not every processor has; the compiler would translate them on
/// their own, too, but they are only reached through `in_512_bits` and `in_256_bits`, and so after the
/// processor was asked.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Register, RegisterLoop};

    #[target_feature(enable = "avx512f,avx512vl,fma")]
    pub(super) fn in_512_bits(work: impl RegisterLoop) {
        work.run::<__m512, __m512>();
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn in_256_bits(work: impl RegisterLoop) {
        work.run::<__m256, [__m256; 2]>();
    }

    /// A `Register` of the processor: its lanes, count and half, and its instructions.
    macro_rules! register {
        ($register:ty, $lanes:literal, $registers:literal, $half:ty,
         $splat:ident, $load:ident, $store:ident, $mul_add:ident, $sum:ident) => {
            impl Register for $register {
                const LANES: usize = $lanes;
                const REGISTERS: usize = $registers;
                type Half = $half;

                #[inline(always)]
                fn splat(value: f32) -> Self {
                    // SAFETY: only runs where the processor has the instruction, see the module.
                    unsafe { $splat(value) }
                }

                #[inline(always)]
                fn load(values: &[f32]) -> Self {
                    let values: &[f32; $lanes] = values.first_chunk().expect("at least LANES");
                    // SAFETY: as above; as many values are there as it reads, aligned or not.
                    unsafe { $load(values.as_ptr()) }
                }

                #[inline(always)]
                fn store(self, values: &mut [f32]) {
                    let values: &mut [f32; $lanes] =
                        values.first_chunk_mut().expect("at least LANES");
                    // SAFETY: as above; there is room for as many values as it writes.
                    unsafe { $store(values.as_mut_ptr(), self) }
                }

                #[inline(always)]
                fn mul_add(self, factor: Self, sum: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $mul_add(self, factor, sum) }
                }

                #[inline(always)]
                fn sum(self) -> f32 {
                    // SAFETY: as above.
                    unsafe { $sum(self) }
                }
            }
        };
    }

    register!(
        __m512,
        16,
        32,
        __m256,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps,
        sum_of_16
    );
    register!(
        __m256,
        8,
        16,
        __m128,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps,
        sum_of_8
    );
    register!(__m128, 4, 16, f32, _mm_set1_ps, _mm_loadu_ps, _mm_storeu_ps, _mm_fmadd_ps, sum_of_4);

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn sum_of_16(x: __m512) -> f32 {
        let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(x)));
        sum_of_8(_mm256_add_ps(_mm512_castps512_ps256(x), upper))
    }

    #[target_feature(enable = "avx")]
    #[inline]
    fn sum_of_8(x: __m256) -> f32 {
        sum_of_4(_mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x)))
    }

    #[target_feature(enable = "sse")]
    #[inline]
    fn sum_of_4(x: __m128) -> f32 {
        let halves = _mm_add_ps(x, _mm_movehl_ps(x, x));
        _mm_cvtss_f32(_mm_add_ss(halves, _mm_shuffle_ps::<1>(halves, halves)))
    }
}
