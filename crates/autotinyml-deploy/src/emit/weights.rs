//! Weights in the order in which the kernels in `c/` read them: one binary file, and assembly that
//! gives each array in it a name. Text would take a compiler seconds for a megabyte of weights.

use std::fmt::Write;

use crate::compress::{StoredKernel, StoredWeights};
use crate::compression::IndexBits;
use crate::lower::{Kernel, Operation};

/// Output channels that `conv2d_tile.h` computes at once: as many groups of the first width as
/// there are, then of the next.
const CONV2D_GROUPS: [usize; 2] = [4, 1];

/// Outputs that `dense.c` computes at once.
const DENSE_GROUPS: [usize; 2] = [8, 1];

/// Outputs that `dense_shared4.c` and `dense_shared8.c` compute at once.
const DENSE_SHARED_GROUPS: [usize; 3] = [16, 8, 1];

/// The bytes of all weights, and which array of C begins where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightsFile {
    /// Content of `weights.bin`: arrays one after the other, each at a multiple of four bytes.
    pub bytes: Vec<u8>,
    /// In the order of the file.
    pub arrays: Vec<Array>,
}

/// An array of C in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Name in C.
    pub symbol: String,
    /// Type of an element in C.
    pub element: &'static str,
    /// Number of elements.
    pub length: usize,
    /// First byte in the file.
    pub offset: usize,
    /// Bytes in the file.
    pub bytes: usize,
}

impl WeightsFile {
    /// Adds what `kernel` reads.
    pub fn add(&mut self, kernel: &Kernel, weights: &StoredWeights) {
        let outputs = weights.bias.len();
        let all = [outputs];
        let widths = match (kernel.operation, &weights.kernel) {
            (Operation::Conv2d { .. }, _) => &CONV2D_GROUPS[..],
            (Operation::DepthwiseConv2d(_), _) => &all,
            (_, StoredKernel::Float(_)) => &DENSE_GROUPS,
            (_, StoredKernel::Shared { .. }) => &DENSE_SHARED_GROUPS,
        };
        match &weights.kernel {
            StoredKernel::Float(values) => {
                let packed = grouped(values, outputs, widths).concat();
                self.push_floats(&weights_symbol(kernel), &packed);
            }
            StoredKernel::Shared { bits, codebook, indices } => {
                self.push_floats(&codebook_symbol(kernel), codebook);
                let groups = grouped(indices, outputs, widths);
                let four_channels = outputs / CONV2D_GROUPS[0];
                let packed = match (bits, kernel.operation) {
                    (IndexBits::Eight, _) | (_, Operation::DepthwiseConv2d(_)) => groups.concat(),
                    (IndexBits::Four, Operation::Conv2d { .. }) => {
                        let (fours, singles) = groups.split_at(four_channels);
                        [nibbles(&fours.concat()), singles.concat()].concat()
                    }
                    (IndexBits::Four, _) => {
                        groups.iter().flat_map(|group| nibbles(group)).collect()
                    }
                };
                self.push(indices_symbol(kernel), "uint8_t", packed.len(), &packed);
            }
        }
        self.push_floats(&bias_symbol(kernel), &weights.bias);
    }

    fn push_floats(&mut self, symbol: &str, values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.push(symbol.to_string(), "float", values.len(), &bytes);
    }

    fn push(&mut self, symbol: String, element: &'static str, length: usize, bytes: &[u8]) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.arrays.push(Array { symbol, element, length, offset, bytes: bytes.len() });
    }

    /// Content of `weights.S`.
    pub fn assembly(&self) -> String {
        let mut text = String::from(
            "/* Names for the arrays in weights.bin, among the constants. */\n    .section .rodata.network_weights, \"a\", %progbits\n",
        );
        for Array { symbol, offset, bytes, .. } in &self.arrays {
            let _ = write!(
                text,
                "\n    .balign 8\n    .global {symbol}\n    .type {symbol}, %object\n    \
                 .size {symbol}, {bytes}\n{symbol}:\n    .incbin \"weights.bin\", {offset}, {bytes}\n"
            );
        }
        // Linux asks every object whether it needs an executable stack.
        text.push_str(
            "\n#ifdef __linux__\n    .section .note.GNU-stack, \"\", %progbits\n#endif\n",
        );
        text
    }
}

/// Name in C of a kernel's float weights.
pub fn weights_symbol(kernel: &Kernel) -> String {
    format!("network_{}_weights", kernel.name)
}

/// Name in C of a kernel's codebook.
pub fn codebook_symbol(kernel: &Kernel) -> String {
    format!("network_{}_codebook", kernel.name)
}

/// Name in C of a kernel's indices.
pub fn indices_symbol(kernel: &Kernel) -> String {
    format!("network_{}_indices", kernel.name)
}

/// Name in C of a kernel's biases.
pub fn bias_symbol(kernel: &Kernel) -> String {
    format!("network_{}_bias", kernel.name)
}

/// Splits `[row][output]` into `[group of outputs][row][output of the group]`. Groups have the first
/// of `widths` (descending, the last is 1 or all) that the outputs left over fill.
fn grouped<T: Copy>(values: &[T], outputs: usize, widths: &[usize]) -> Vec<Vec<T>> {
    let mut groups = vec![];
    let mut start = 0;
    for &width in widths {
        while start + width <= outputs {
            let rows = values.chunks_exact(outputs);
            groups.push(rows.flat_map(|row| &row[start..start + width]).copied().collect());
            start += width;
        }
    }
    groups
}

/// Two indices a byte, the first in the low half.
fn nibbles(indices: &[u8]) -> Vec<u8> {
    indices.chunks(2).map(|pair| pair[0] | pair.get(1).unwrap_or(&0) << 4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_grouped_and_the_rest_is_single() {
        // Two rows of five outputs.
        let values = [10, 11, 12, 13, 14, 20, 21, 22, 23, 24];
        assert_eq!(
            grouped(&values, 5, &[2, 1]),
            [vec![10, 11, 20, 21], vec![12, 13, 22, 23], vec![14, 24]]
        );
    }

    #[test]
    fn an_odd_number_of_nibbles_ends_with_half_a_byte() {
        assert_eq!(nibbles(&[1, 2, 15]), [0x21, 0x0f]);
    }
}
