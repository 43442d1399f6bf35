//! The arena and `network_run`: the calls in order.

use std::fmt::Write;
use std::ops::Range;

use autotinyml_nn::{Shape, Source};

use super::Project;
use super::network_c::{activation, function};
use crate::lower::Operation;
use crate::plan::{turn_pixels, writer};

/// Definitions of both.
pub fn run(project: &Project) -> String {
    let plan = &project.plan;
    let mut text = String::new();
    if plan.arena_bytes > 0 {
        let _ = writeln!(text, "/* {} bytes: see README.md. */", plan.arena_bytes);
        let pieces = plan.pieces().into_iter().zip(["arena", "arena_2"]);
        for (piece, name) in pieces.filter(|(piece, _)| *piece > 0) {
            let _ = writeln!(text, "static float {name}[{}];", piece / size_of::<f32>());
        }
        text.push('\n');
    }
    let cascades = plan.cascades();
    for cascade in cascades.iter().filter(|cascade| has_stages(project, cascade)) {
        text.push_str(&stages_table(project, maps(project, cascade)));
    }
    text.push_str("void network_run(const float *input, float *output)\n{\n");
    for cascade in cascades {
        if cascade.len() == 1 {
            let _ = writeln!(text, "    {}", call(project, cascade.start, None));
        } else {
            text.push_str(&turns(project, &cascade));
        }
    }
    text.push_str("}\n");
    text
}

/// Whether several kernels write maps by turns, so that it takes `cascade.c` to run them.
pub fn has_stages(project: &Project, cascade: &Range<usize>) -> bool {
    maps(project, cascade).len() > 1
}

/// The kernels of a cascade that write maps: all, but for a dense one at the end.
fn maps(project: &Project, cascade: &Range<usize>) -> Range<usize> {
    let into_dense = project.kernels[cascade.end - 1].operation == Operation::Dense;
    cascade.start..cascade.end - usize::from(into_dense)
}

/// What `cascade.c` has to know of the kernels. The last one writes where it is told to.
fn stages_table(project: &Project, maps: Range<usize>) -> String {
    let line = |k: usize| {
        let kernel = &project.kernels[k];
        let (function, name) = (function(project, kernel), &kernel.name);
        if k + 1 == maps.end {
            return format!("    {{autotinyml_{function}, &{name}, 0, 0, 0}},\n");
        }
        let turn = turn_pixels(&project.kernels, k);
        let kept = project.plan.buffers[k].extent.pixels(kernel.output);
        format!("    {{autotinyml_{function}, &{name}, {turn}, {kept}, {}}},\n", place(project, k))
    };
    let (name, lines) = (&project.kernels[maps.start].name, maps.clone().map(line));
    let count = maps.len();
    format!(
        "static const struct autotinyml_stage {name}_stages[{count}] = {{\n{}}};\n\n",
        lines.collect::<String>()
    )
}

/// A cascade: its last map, or what a dense layer adds to its sums, some pixels at a time.
fn turns(project: &Project, cascade: &Range<usize>) -> String {
    let maps = maps(project, cascade);
    let last = maps.end - 1;
    let Shape { height, width, channels } = project.kernels[last].output;
    let (total, turn) = (height * width, turn_pixels(&project.kernels, last));
    let mut text = String::new();
    let mut calls = vec![];
    if maps.len() > 1 {
        let name = &project.kernels[maps.start].name;
        let _ = writeln!(
            text,
            "    struct autotinyml_progress {name}_progress[{}] = {{{{0, 0}}}};",
            maps.len()
        );
        let is_whole = maps.end == cascade.end;
        let moved = if is_whole { format!(" + first * {channels}") } else { String::new() };
        calls.push(format!(
            "autotinyml_cascade({name}_stages, {name}_progress, {}, end, {}, {}{moved});",
            maps.len() - 1,
            source(project, project.kernels[maps.start].inputs[0]),
            place(project, last)
        ));
    } else {
        calls.push(call(project, last, Some("first, end")));
    }
    if maps.end < cascade.end {
        let values = format!("first * {channels}, end * {channels}");
        calls.push(call(project, maps.end, Some(&values)));
    }
    let calls = calls.join("\n        ");
    let _ = write!(
        text,
        "    for (int first = 0; first < {total}; first += {turn}) {{
        const int end = first + {turn} < {total} ? first + {turn} : {total};
        {calls}
    }}
"
    );
    text
}

/// The call of kernel k; `part` says which pixels it writes, or which values it reads, if not all.
fn call(project: &Project, k: usize, part: Option<&str>) -> String {
    let kernel = &project.kernels[k];
    let range = |all: usize| part.map_or_else(|| format!("0, {all}"), str::to_string);
    let mut arguments = match kernel.operation {
        Operation::Copy => vec![activation(kernel), kernel.output.len().to_string()],
        Operation::Add => vec![format!("&{}", kernel.name)],
        Operation::Dense => vec![format!("&{}", kernel.name), range(kernel.input.len())],
        Operation::Conv2d { .. }
        | Operation::DepthwiseConv2d(_)
        | Operation::MaxPool2d(_)
        | Operation::AveragePool2d(_) => {
            let pixels = range(kernel.output.height * kernel.output.width);
            vec![format!("&{}", kernel.name), pixels, "0".to_string()]
        }
    };
    arguments.extend(kernel.inputs.iter().map(|&input| source(project, input)));
    arguments.push(place(project, k));
    format!("autotinyml_{}({});", function(project, kernel), arguments.join(", "))
}

/// Where what a kernel reads begins.
fn source(project: &Project, source: Source) -> String {
    writer(&project.kernels, source).map_or_else(|| "input".to_string(), |k| place(project, k))
}

/// Where the output of kernel k begins.
fn place(project: &Project, k: usize) -> String {
    let Some(buffer) = project.plan.buffers.get(k) else { return "output".to_string() };
    let (piece, bytes) = match project.plan.border_bytes {
        Some(border) if buffer.offset_bytes >= border => ("arena_2", buffer.offset_bytes - border),
        _ => ("arena", buffer.offset_bytes),
    };
    match bytes / size_of::<f32>() {
        0 => piece.to_string(),
        offset => format!("{piece} + {offset}"),
    }
}
