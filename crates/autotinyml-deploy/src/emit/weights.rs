//! Weights in the order in which the kernels in `c/` read them: one binary file, and assembly that
//! gives each array in it a name. Text would take a compiler seconds for a megabyte of weights.

use std::fmt::Write;

use crate::c_function::{c_function, has_pairs, skips_zeros};
use crate::compress::{StoredKernel, StoredWeights};
use crate::compression::IndexBits;
use crate::lower::{Kernel, Operation, Window};

/// Output channels that `conv2d_tile.h` computes at once: as many groups of the first width as
/// there are, then of the next.
const CONV2D_GROUPS: [usize; 2] = [4, 1];

/// Outputs that `dense.c` computes at once.
const DENSE_GROUPS: [usize; 2] = [8, 1];

/// Outputs that `dense_pairs4.c`, `dense_shared4.c` and `dense_shared8.c` compute at once.
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
        let function = c_function(kernel, weights.kernel.index_bits());
        let widths = match (kernel.operation, &weights.kernel) {
            (Operation::Conv2d { .. }, _) => &CONV2D_GROUPS[..],
            (Operation::DepthwiseConv2d(_), _) => &all,
            _ if skips_zeros(function) => &all,
            (_, StoredKernel::Float(_)) => &DENSE_GROUPS,
            (_, StoredKernel::Shared { .. }) => &DENSE_SHARED_GROUPS,
        };
        match &weights.kernel {
            StoredKernel::Float(values) => {
                let packed = grouped(values, outputs, widths).concat();
                self.push_floats(&weights_symbol(kernel), &packed);
            }
            StoredKernel::Shared { bits, codebook, indices } => {
                let entries = if has_pairs(function) { &pairs(codebook) } else { codebook };
                self.push_floats(&codebook_symbol(kernel), entries);
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
        text.push_str("\n    .balign 8\n");
        // Linux asks every object whether it needs an executable stack.
        text.push_str(
            "\n#ifdef __linux__\n    .section .note.GNU-stack, \"\", %progbits\n#endif\n",
        );
        text
    }
}

/// Bytes of flash that the arrays of a kernel take, for weights that are indices of so many `bits`, or
/// floats: each begins at a multiple of eight bytes.
pub fn flash_bytes(kernel: &Kernel, bits: Option<IndexBits>) -> usize {
    let rows = match kernel.operation {
        Operation::Conv2d { window: Window { size, .. }, .. } => {
            size[0] * size[1] * kernel.input.channels
        }
        Operation::DepthwiseConv2d(Window { size, .. }) => size[0] * size[1],
        Operation::Dense => kernel.input.len(),
        _ => return 0,
    };
    let is_dense = kernel.operation == Operation::Dense;
    let outputs = if is_dense { kernel.output.len() } else { kernel.output.channels };
    let Some(bits) = bits else {
        return [rows * outputs, outputs].map(|len| aligned(len * size_of::<f32>())).iter().sum();
    };
    let has_pairs = has_pairs(c_function(kernel, Some(bits)));
    let entries = if has_pairs { 512 } else { bits.codebook_len() };
    let indices = match (bits, kernel.operation) {
        (IndexBits::Eight, _) | (_, Operation::DepthwiseConv2d(_)) => rows * outputs,
        (_, Operation::Conv2d { .. }) => rows * (outputs / 4 * 2 + outputs % 4),
        _ => rows * (outputs / 8 * 4) + rows.div_ceil(2) * (outputs % 8),
    };
    let floats = [entries, outputs].map(|len| aligned(len * size_of::<f32>()));
    floats.iter().sum::<usize>() + aligned(indices)
}

fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(8)
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

/// All pairs of the entries: what the two indices in a byte stand for, byte by byte.
fn pairs(codebook: &[f32]) -> Vec<f32> {
    let entry = |index: usize| codebook.get(index).copied().unwrap_or(0.0);
    (0..256).flat_map(|byte| [entry(byte % 16), entry(byte / 16)]).collect()
}

/// Two indices a byte, the first in the low half.
fn nibbles(indices: &[u8]) -> Vec<u8> {
    indices.chunks(2).map(|pair| pair[0] | pair.get(1).unwrap_or(&0) << 4).collect()
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::{Layer, Model, Network, Padding, Shape};

    use super::*;
    use crate::compress::compress;
    use crate::compression::Compression;
    use crate::lower::lower;
    use crate::sharing::shared_kernels;

    /// Filters and units that leave some over from every group, odd numbers of weights.
    #[test]
    fn flash_bytes_are_those_of_the_arrays() {
        let [kernel, stride, dilation] = [[3, 3], [1, 1], [1, 1]];
        let padding = Padding::Same;
        let conv = |filters| Layer::Conv2d { filters, kernel, stride, dilation, padding };
        let depthwise = Layer::DepthwiseConv2d { kernel, stride, dilation, padding };
        let [large, small] = [149, 27].map(|units| Layer::Dense { units });
        let layers = [conv(39), depthwise, conv(7), Layer::Flatten, large, small, small];
        let network = Network::chain(Shape::new(9, 15, 3), &layers).unwrap();
        let kernels = lower(&network).unwrap();
        for compression in Compression::ALL {
            let stored = compress(&Model::initialise(network.clone(), 0), compression);
            let shared = shared_kernels(&network, compression);
            for kernel in kernels.iter().filter(|kernel| kernel.weights.is_some()) {
                let mut file = WeightsFile::default();
                file.add(kernel, stored.weights[kernel.weights.unwrap()].as_ref().unwrap());
                let bytes: usize = file.arrays.iter().map(|array| aligned(array.bytes)).sum();
                let shared = shared.iter().find(|shared| kernel.weights == Some(shared.node));
                let bits = shared.map(|shared| shared.bits);
                assert_eq!(flash_bytes(kernel, bits), bytes, "{compression}, {}", kernel.name);
            }
        }
        let functions = kernels.iter().map(|kernel| c_function(kernel, Some(IndexBits::Four)));
        assert!(functions.clone().any(|name| name == "dense_pairs4"));
        assert!(functions.clone().any(|name| name == "dense_shared4"));
    }

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
    fn a_byte_stands_for_the_entries_of_its_halves() {
        let codebook = [0.5, 1.5, 2.5];
        let [byte] = nibbles(&[2, 1])[..] else { panic!("one byte") };
        assert_eq!(pairs(&codebook)[2 * usize::from(byte)..][..2], [2.5, 1.5]);
        assert_eq!(pairs(&codebook).len(), 512);
    }

    #[test]
    fn an_odd_number_of_nibbles_ends_with_half_a_byte() {
        assert_eq!(nibbles(&[1, 2, 15]), [0x21, 0x0f]);
    }
}
