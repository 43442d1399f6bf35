//! The registers of x86-64.
//!
//! Their functions use instructions that not every processor has. Only this file can name the types, and
//! its only ways in, `in_512_bits` and `in_256_bits`, are for processors that have them.

use std::arch::x86_64::*;

use super::{Register, RegisterLoop};

#[target_feature(enable = "avx512f,avx512vl,fma")]
pub(super) fn in_512_bits(work: impl RegisterLoop) {
    work.run::<Of16, Of16>();
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn in_256_bits(work: impl RegisterLoop) {
    work.run::<Of8, [Of8; 2]>();
}

/// A `Register` of the processor: its lanes, count and half, and its instructions.
macro_rules! register {
    ($name:ident($register:ty), $lanes:literal, $registers:literal, $half:ty,
     $splat:ident, $load:ident, $store:ident, $mul_add:ident, $sum:ident) => {
        #[derive(Clone, Copy)]
        struct $name($register);

        impl Register for $name {
            const LANES: usize = $lanes;
            const REGISTERS: usize = $registers;
            type Half = $half;

            #[inline(always)]
            fn splat(value: f32) -> Self {
                // SAFETY: only runs where the processor has the instruction, see the module.
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn load(values: &[f32]) -> Self {
                let values: &[f32; $lanes] = values.first_chunk().expect("at least LANES");
                // SAFETY: as above; as many values are there as it reads, aligned or not.
                Self(unsafe { $load(values.as_ptr()) })
            }

            #[inline(always)]
            fn store(self, values: &mut [f32]) {
                let values: &mut [f32; $lanes] = values.first_chunk_mut().expect("at least LANES");
                // SAFETY: as above; there is room for as many values as it writes.
                unsafe { $store(values.as_mut_ptr(), self.0) }
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, sum: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $mul_add(self.0, factor.0, sum.0) })
            }

            #[inline(always)]
            fn sum(self) -> f32 {
                // SAFETY: as above.
                unsafe { $sum(self.0) }
            }
        }
    };
}

register!(
    Of16(__m512),
    16,
    32,
    Of8,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps,
    sum_of_16
);
register!(
    Of8(__m256),
    8,
    16,
    Of4,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps,
    sum_of_8
);
register!(
    Of4(__m128),
    4,
    16,
    f32,
    _mm_set1_ps,
    _mm_loadu_ps,
    _mm_storeu_ps,
    _mm_fmadd_ps,
    sum_of_4
);

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
