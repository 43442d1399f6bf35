//! Which C function of `c/kernels` runs a kernel, and the file it is in.

use crate::compression::IndexBits;
use crate::lower::{Kernel, Operation, Window};

/// Name of the function without its prefix, and of its file without its ending, for weights that are
/// indices of so many `bits`, or floats.
pub fn c_function(kernel: &Kernel, bits: Option<IndexBits>) -> &'static str {
    match kernel.operation {
        Operation::Conv2d { pool: Some(_), .. } if bits.is_none() && pools_two_by_two(kernel) => {
            "conv2d_max_pool2x2"
        }
        Operation::Conv2d { pool: Some(_), .. } => "conv2d_max_pool2d",
        Operation::Conv2d { pool: None, .. } => "conv2d",
        Operation::DepthwiseConv2d(_) if bits.is_some() => "depthwise_conv2d_shared8",
        Operation::DepthwiseConv2d(_) => "depthwise_conv2d",
        Operation::MaxPool2d(_) => "max_pool2d",
        Operation::AveragePool2d(_) => "average_pool2d",
        Operation::GlobalAveragePool2d => "global_average_pool2d",
        Operation::Dense => match (bits, zeros_pay(kernel)) {
            (Some(IndexBits::Four), true) if pairs_pay(kernel) => "dense_pairs4_sparse",
            (Some(IndexBits::Four), _) if pairs_pay(kernel) => "dense_pairs4",
            (Some(IndexBits::Four), _) => "dense_shared4",
            (Some(IndexBits::Eight), true) => "dense_shared8_sparse",
            (Some(IndexBits::Eight), false) => "dense_shared8",
            (None, true) => "dense_sparse",
            (None, false) => "dense",
        },
        Operation::Add => "add",
        Operation::Copy => "activate",
    }
}

/// Weights of the smallest dense kernel whose 4-bit indices are looked up two at once. The table of pairs
/// takes 2,048 bytes: 3 % of the indices.
const PAIRS_WEIGHTS_MIN: usize = 1 << 17;

fn pairs_pay(dense: &Kernel) -> bool {
    dense.input.len() * dense.output.len() >= PAIRS_WEIGHTS_MIN
}

/// Whether these weights are pairs, looked up in a table of all that there are.
pub fn has_pairs(function: &str) -> bool {
    function.starts_with("dense_pairs4")
}

/// Whether the weights of inputs that are zero are passed over, which is only done for outputs by the
/// sixteen.
pub fn skips_zeros(function: &str) -> bool {
    function.ends_with("_sparse")
}

/// Weights and outputs of the smallest dense kernel that passes over inputs that are zero. Looking for
/// them takes seven instructions for each input, and code.
const ZEROS_WEIGHTS_MIN: usize = 1 << 15;
const ZEROS_OUTPUTS_MIN: usize = 32;

fn zeros_pay(dense: &Kernel) -> bool {
    let outputs = dense.output.len();
    dense.reads_zeros
        && outputs >= ZEROS_OUTPUTS_MIN
        && outputs.is_multiple_of(16)
        && dense.input.len() * outputs >= ZEROS_WEIGHTS_MIN
}

/// Whether a convolution with pooling is one that `conv2d_max_pool2x2.c` computes.
fn pools_two_by_two(kernel: &Kernel) -> bool {
    let Operation::Conv2d { window, pool: Some(pool) } = kernel.operation else { return false };
    let has_right_form =
        pool.size == [2, 2] && kernel.output.channels.is_multiple_of(4) && window.dilation[1] == 1;
    let (input, output) = (kernel.input, kernel.output);
    let lengths = [[input.height, output.height], [input.width, output.width]];
    let is_inside = |axis: usize| {
        let Window { size, stride, padding_before, dilation } = window;
        let [input, output] = lengths[axis];
        let last = ((output - 1) * pool.stride[axis] + 1) * stride[axis];
        padding_before[axis] == 0 && last + (size[axis] - 1) * dilation[axis] < input
    };
    has_right_form && is_inside(0) && is_inside(1)
}

/// Name and content of the file with this function. `None`: it is in `activation.c`.
pub fn c_file(function: &str) -> Option<(&'static str, &'static str)> {
    Some(match function {
        "conv2d_max_pool2x2" => {
            ("conv2d_max_pool2x2.c", include_str!("../c/kernels/conv2d_max_pool2x2.c"))
        }
        "conv2d_max_pool2d" => {
            ("conv2d_max_pool2d.c", include_str!("../c/kernels/conv2d_max_pool2d.c"))
        }
        "conv2d" => ("conv2d.c", include_str!("../c/kernels/conv2d.c")),
        "max_pool2d" => ("max_pool2d.c", include_str!("../c/kernels/max_pool2d.c")),
        "average_pool2d" => ("average_pool2d.c", include_str!("../c/kernels/average_pool2d.c")),
        "global_average_pool2d" => {
            ("global_average_pool2d.c", include_str!("../c/kernels/global_average_pool2d.c"))
        }
        "depthwise_conv2d" | "depthwise_conv2d_shared8" => {
            ("depthwise_conv2d.c", include_str!("../c/kernels/depthwise_conv2d.c"))
        }
        "add" => ("add.c", include_str!("../c/kernels/add.c")),
        "dense" => ("dense.c", include_str!("../c/kernels/dense.c")),
        "dense_sparse" => ("dense_sparse.c", include_str!("../c/kernels/dense_sparse.c")),
        "dense_pairs4_sparse" => {
            ("dense_pairs4_sparse.c", include_str!("../c/kernels/dense_pairs4_sparse.c"))
        }
        "dense_shared8_sparse" => {
            ("dense_shared8_sparse.c", include_str!("../c/kernels/dense_shared8_sparse.c"))
        }
        "dense_pairs4" => ("dense_pairs4.c", include_str!("../c/kernels/dense_pairs4.c")),
        "dense_shared4" => ("dense_shared4.c", include_str!("../c/kernels/dense_shared4.c")),
        "dense_shared8" => ("dense_shared8.c", include_str!("../c/kernels/dense_shared8.c")),
        _ => return None,
    })
}
