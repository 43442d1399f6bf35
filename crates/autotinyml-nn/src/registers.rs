//! Registers of numbers: loops written for any width of them, compiled for the widest of the processor
//! at hand.

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
use crate::vectors::has_avx512;

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
    /// Does it, in registers `V`, or in `W`, which have [`LANES_MAX`] lanes on every machine. To be
    /// marked `#[inline(always)]`, like all functions that it calls.
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

/// Runs work in registers of 256 bits, also where there are wider ones; `false` if there are none.
#[cfg(test)]
pub(crate) fn registers_of_256_bits(work: impl RegisterLoop) -> bool {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has just said that it has these instructions.
        unsafe { x86::in_256_bits(work) };
        return true;
    }
    false
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
