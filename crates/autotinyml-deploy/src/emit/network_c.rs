//! `network.h` and `network.c`: the interface, the layers, the arena, and the calls in order.

use std::fmt::Write;

use autotinyml_nn::{Activation, Shape, Standardisation};

use super::weights::{Array, bias_symbol, codebook_symbol, indices_symbol, weights_symbol};
use super::{Project, run_c};
use crate::c_function::c_function;
use crate::compression::IndexBits;
use crate::lower::{Kernel, Operation, Window};

/// Content of `network.h`.
pub fn header(project: &Project) -> String {
    let (input, output) = (project.input(), project.output());
    let prepare = match project.standardisation {
        Some(_) => {
            "Standardises NETWORK_INPUT_LENGTH values of the sensor in place, once: subtracts the mean of
 * their channel over the training data and divides by its deviation. They are in the units of that
 * data."
        }
        None => "Does nothing: this network takes the values of the sensor as they are.",
    };
    let outputs = match project.kernels.last().and_then(|kernel| kernel.activation) {
        Some(Activation::Softmax) => "A probability for each class, 0 to 1, their sum 1",
        _ => "A number for each class, the largest for the one that is chosen",
    };
    format!(
        "/* A trained network. Everything is single precision; a map is stored row by row, its
 * channels last. Nothing here is safe to call from two threads at once. */
#ifndef NETWORK_H
#define NETWORK_H

/* {input_rows} rows, {input_columns} columns, {input_channels} channels: the value of channel k in column j of row i is
 * input[(i * {input_columns} + j) * {input_channels} + k]. */
#define NETWORK_INPUT_LENGTH {input_length}
/* {outputs}. */
#define NETWORK_OUTPUT_LENGTH {output_length}

#ifdef __cplusplus
extern \"C\" {{
#endif

/* What each value of the output stands for. */
extern const char *const network_classes[NETWORK_OUTPUT_LENGTH];

/* {prepare} */
void network_prepare(float *input);

/* Reads NETWORK_INPUT_LENGTH prepared values and writes NETWORK_OUTPUT_LENGTH; the two must not
 * overlap. Takes {arena} bytes of static memory for what lies between. */
void network_run(const float *input, float *output);

#ifdef __cplusplus
}}
#endif

#endif
",
        input_rows = input.height,
        input_columns = input.width,
        input_channels = input.channels,
        input_length = input.len(),
        output_length = output.len(),
        arena = project.plan.arena_bytes,
    )
}

/// Content of `network.c`.
pub fn source(project: &Project, arrays: &[Array]) -> String {
    let mut text = String::from(
        "#include \"network.h\"\n\n#include \"autotinyml.h\"\n\n/* In weights.bin. */\n",
    );
    for Array { symbol, element, length, .. } in arrays {
        let _ = writeln!(text, "extern const {element} {symbol}[{length}];");
    }
    text.push('\n');
    for kernel in &project.kernels {
        text.push_str(&layer(project, kernel));
    }
    text.push_str(&classes(project.classes, project.output().len()));
    text.push_str(&prepare(project.standardisation));
    text.push_str(&run_c::run(project));
    text
}

/// Declaration of what a kernel reads besides its input, and of an activation that has a setting.
fn layer(project: &Project, kernel: &Kernel) -> String {
    let mut text = String::new();
    if let Some(Activation::LeakyRelu { negative_slope }) = kernel.activation {
        let _ = writeln!(
            text,
            "static void {}(float *values, int count)\n{{\n    \
             autotinyml_leaky_relu(values, count, {negative_slope:?}F);\n}}\n",
            activation(kernel)
        );
    }
    if kernel.operation != Operation::Copy {
        text.push_str(&structure(project, kernel));
    }
    text
}

fn structure(project: &Project, kernel: &Kernel) -> String {
    let mut text = String::new();
    let mut line = |field: &str, value: String| {
        let _ = writeln!(text, "    .{field} = {value},");
    };
    match kernel.operation {
        Operation::Copy => {}
        Operation::Conv2d { window, pool } => {
            line("input", shape(kernel.input));
            line("output", shape(kernel.output));
            line("window", window_value(window));
            line("pool", window_value(pool.unwrap_or(Window::SINGLE)));
            if function(project, kernel) != "conv2d_max_pool2x2" {
                line("products", format!("autotinyml_{}_products", storage(project, kernel)));
            }
        }
        Operation::DepthwiseConv2d(window)
        | Operation::MaxPool2d(window)
        | Operation::AveragePool2d(window) => {
            line("input", shape(kernel.input));
            line("output", shape(kernel.output));
            line("window", window_value(window));
            line("pool", window_value(Window::SINGLE));
        }
        Operation::GlobalAveragePool2d => {
            line("inputs", kernel.input.len().to_string());
            line("channels", kernel.output.channels.to_string());
        }
        Operation::Dense => {
            line("inputs", kernel.input.len().to_string());
            line("outputs", kernel.output.len().to_string());
        }
        Operation::Add => line("length", kernel.output.len().to_string()),
    }
    if project.weights_of(kernel).is_some() {
        if project.index_bits(kernel).is_some() {
            line("codebook", codebook_symbol(kernel));
            line("indices", indices_symbol(kernel));
        } else {
            line("weights", weights_symbol(kernel));
        }
        line("bias", bias_symbol(kernel));
    }
    line("activation", activation(kernel));
    let structure = match kernel.operation {
        Operation::Conv2d { .. }
        | Operation::DepthwiseConv2d(_)
        | Operation::MaxPool2d(_)
        | Operation::AveragePool2d(_) => "map",
        Operation::GlobalAveragePool2d => "global_average_pool2d",
        Operation::Dense if project.index_bits(kernel).is_some() => "dense_shared",
        Operation::Dense | Operation::Copy => "dense",
        Operation::Add => "add",
    };
    format!("static const struct autotinyml_{structure} {} = {{\n{text}}};\n\n", kernel.name)
}

/// Name of the kernel's function in C without its prefix.
pub fn function(project: &Project, kernel: &Kernel) -> &'static str {
    c_function(kernel, project.index_bits(kernel))
}

/// How the weights of a kernel are stored, as names in C say it.
fn storage(project: &Project, kernel: &Kernel) -> &'static str {
    match project.index_bits(kernel) {
        None => "float",
        Some(IndexBits::Four) => "shared4",
        Some(IndexBits::Eight) => "shared8",
    }
}

fn prepare(standardisation: Option<&Standardisation>) -> String {
    let Some(Standardisation { mean, deviation }) = standardisation else {
        return "void network_prepare(float *input)\n{\n    (void)input;\n}\n\n".to_string();
    };
    let period = mean.len();
    format!(
        "/* Of each channel, over the samples the network was trained on. */
static const float mean[{period}] = {};
static const float deviation[{period}] = {};

void network_prepare(float *input)
{{
    for (int i = 0; i < NETWORK_INPUT_LENGTH; i++) {{
        input[i] = (input[i] - mean[i % {period}]) / deviation[i % {period}];
    }}
}}

",
        floats(mean),
        floats(deviation)
    )
}

fn classes(classes: &[String], outputs: usize) -> String {
    let name = |output: usize| classes.get(output).cloned().unwrap_or_else(|| output.to_string());
    let names: Vec<String> = (0..outputs).map(|i| format!("    {}", quoted(&name(i)))).collect();
    format!(
        "const char *const network_classes[NETWORK_OUTPUT_LENGTH] = {{\n{},\n}};\n\n",
        names.join(",\n")
    )
}

/// A string of C. Control characters are written in octal, of three digits so that no digit behind
/// them joins in.
fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' | '?' => format!("\\{c}"),
        c if c.is_ascii_control() => format!("\\{:03o}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

/// An initialiser of floats: the shortest decimals that give the same bits again.
pub fn floats(values: &[f32]) -> String {
    let lines: Vec<String> = values
        .chunks(8)
        .map(|line| line.iter().map(|value| format!("{value:?}F")).collect::<Vec<_>>().join(", "))
        .collect();
    format!("{{{}}}", lines.join(",\n    "))
}

fn shape(shape: Shape) -> String {
    format!("{{{}, {}, {}}}", shape.height, shape.width, shape.channels)
}

fn window_value(window: Window) -> String {
    let Window { size, stride, padding_before, dilation } = window;
    let values: Vec<String> =
        [size, stride, padding_before, dilation].concat().iter().map(usize::to_string).collect();
    format!("{{{}}}", values.join(", "))
}

/// Name of the function that a kernel applies to what it wrote.
pub fn activation(kernel: &Kernel) -> String {
    match kernel.activation {
        None => "autotinyml_linear".to_string(),
        Some(Activation::LeakyRelu { .. }) => format!("{}_activation", kernel.name),
        Some(activation) => format!("autotinyml_{}", activation.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_become_strings_of_c() {
        assert_eq!(quoted("going \"up\"\n2?"), r#""going \"up\"\0122\?""#);
        assert_eq!(quoted("Füße"), "\"Füße\"");
    }

    #[test]
    fn floats_keep_their_bits() {
        let values = [0.1_f32, -1e-30, 3.0, f32::MIN_POSITIVE];
        assert_eq!(floats(&values), "{0.1F, -1e-30F, 3.0F, 1.1754944e-38F}");
    }
}
