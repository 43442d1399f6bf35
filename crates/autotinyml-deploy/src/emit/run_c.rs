//! The arena and `network_run`: the calls in order.
//!
//! The numbers in it come from a table that the compiler may not look into. So the code is the same for
//! all networks of the same kernels, and what a program takes follows from one that was linked: see
//! [`crate::overhead`].

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
    let mut table = Table::default();
    let mut body = String::new();
    for cascade in cascades {
        if cascade.len() == 1 {
            let _ = writeln!(body, "    {}", call(project, cascade.start, None, &mut table));
        } else {
            body.push_str(&turns(project, &cascade, &mut table));
        }
    }
    let (definition, pointer) = table.in_c();
    let _ = write!(
        text,
        "{definition}void network_run(const float *input, float *output)\n{{\n{pointer}{body}}}\n"
    );
    text
}

/// Numbers and addresses that `network_run` reads: type, name and value in C.
#[derive(Default)]
struct Table {
    fields: Vec<(&'static str, String, String)>,
}

impl Table {
    /// How `network_run` reads a number.
    fn number(&mut self, name: String, value: usize) -> String {
        self.field("int ", name, value.to_string())
    }

    fn field(&mut self, of_type: &'static str, name: String, value: String) -> String {
        let read = format!("plan->{name}");
        if self.fields.iter().all(|(_, other, _)| *other != name) {
            self.fields.push((of_type, name, value));
        }
        read
    }

    /// Its definition, and the lines of `network_run` that hide it from the compiler.
    fn in_c(&self) -> (String, &'static str) {
        if self.fields.is_empty() {
            return (String::new(), "");
        }
        let fields = self.fields.iter().map(|(of_type, name, _)| format!("    {of_type}{name};\n"));
        let values = self.fields.iter().map(|(_, name, value)| format!("    .{name} = {value},\n"));
        let definition = format!(
            "struct plan {{\n{}}};\n\nstatic const struct plan numbers = {{\n{}}};\n\n",
            fields.collect::<String>(),
            values.collect::<String>()
        );
        let pointer = "    const struct plan *plan = &numbers;\n    \
                       /* Hidden from the compiler, so that the code is the same whatever the numbers. */\n    \
                       __asm__(\"\" : \"+r\"(plan));\n";
        (definition, pointer)
    }
}

/// Whether several kernels write maps by turns, so that it takes `cascade.c` to run them.
pub fn has_stages(project: &Project, cascade: &Range<usize>) -> bool {
    maps(project, cascade).len() > 1
}

/// The kernels of a cascade that write maps: all, but for one at the end that adds up what comes.
fn maps(project: &Project, cascade: &Range<usize>) -> Range<usize> {
    let into_sums = project.kernels[cascade.end - 1].operation.adds_up();
    cascade.start..cascade.end - usize::from(into_sums)
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
        format!(
            "    {{autotinyml_{function}, &{name}, {turn}, {kept}, {}}},\n",
            address(project, k)
        )
    };
    let (name, lines) = (&project.kernels[maps.start].name, maps.clone().map(line));
    let count = maps.len();
    format!(
        "static const struct autotinyml_stage {name}_stages[{count}] = {{\n{}}};\n\n",
        lines.collect::<String>()
    )
}

/// A cascade: its last map, or what is added to sums, some pixels at a time.
fn turns(project: &Project, cascade: &Range<usize>, table: &mut Table) -> String {
    let maps = maps(project, cascade);
    let last = maps.end - 1;
    let Shape { height, width, channels } = project.kernels[last].output;
    let name = &project.kernels[last].name;
    let total = table.number(format!("{name}_pixels"), height * width);
    let turn = table.number(format!("{name}_turn"), turn_pixels(&project.kernels, last));
    let mut text = String::new();
    let mut calls = vec![];
    let is_whole = maps.end == cascade.end;
    if maps.len() > 1 {
        let channels = || table.number(format!("{name}_channels"), channels);
        let moved = is_whole.then(channels).map(|channels| format!(" + first * {channels}"));
        let moved = moved.unwrap_or_default();
        let name = &project.kernels[maps.start].name;
        let _ = writeln!(
            text,
            "    struct autotinyml_progress {name}_progress[{}] = {{{{0, 0}}}};",
            maps.len()
        );
        calls.push(format!(
            "autotinyml_cascade({name}_stages, {name}_progress, {}, end, {}, {}{moved});",
            maps.len() - 1,
            source(project, project.kernels[maps.start].inputs[0], table),
            place(project, last, table)
        ));
    } else {
        calls.push(call(project, last, Some("first, end"), table));
    }
    if !is_whole {
        let channels = table.number(format!("{name}_channels"), channels);
        let values = format!("first * {channels}, end * {channels}");
        calls.push(call(project, maps.end, Some(&values), table));
    }
    let calls = calls.join("\n        ");
    let _ = write!(
        text,
        "    for (int first = 0; first < {total}; first += {turn}) {{
        const int next = first + {turn};
        const int end = next < {total} ? next : {total};
        {calls}
    }}
"
    );
    text
}

/// The call of kernel k; `part` says which pixels it writes, or which values it reads, if not all.
fn call(project: &Project, k: usize, part: Option<&str>, table: &mut Table) -> String {
    let kernel = &project.kernels[k];
    let mut number = |what: &str, value| table.number(format!("{}_{what}", kernel.name), value);
    let mut range = |what: &str, all: usize| match part {
        Some(part) => part.to_string(),
        None => format!("0, {}", number(what, all)),
    };
    let mut arguments = match kernel.operation {
        Operation::Copy => vec![activation(kernel), number("length", kernel.output.len())],
        Operation::Add => vec![format!("&{}", kernel.name)],
        Operation::Dense | Operation::GlobalAveragePool2d => {
            vec![format!("&{}", kernel.name), range("inputs", kernel.input.len())]
        }
        Operation::Conv2d { .. }
        | Operation::DepthwiseConv2d(_)
        | Operation::MaxPool2d(_)
        | Operation::AveragePool2d(_) => {
            let pixels = range("pixels", kernel.output.height * kernel.output.width);
            vec![format!("&{}", kernel.name), pixels, "0".to_string()]
        }
    };
    arguments.extend(kernel.inputs.iter().map(|&input| source(project, input, table)));
    arguments.push(place(project, k, table));
    format!("autotinyml_{}({});", function(project, kernel), arguments.join(", "))
}

/// Where what a kernel reads begins.
fn source(project: &Project, source: Source, table: &mut Table) -> String {
    let writer = writer(&project.kernels, source);
    writer.map_or_else(|| "input".to_string(), |k| place(project, k, table))
}

/// Where the output of kernel k begins, as `network_run` reads it.
fn place(project: &Project, k: usize, table: &mut Table) -> String {
    if project.plan.buffers.get(k).is_none() {
        return "output".to_string();
    }
    table.field("float *", format!("{}_output", project.kernels[k].name), address(project, k))
}

/// Where the output of kernel k, which is in the arena, begins.
fn address(project: &Project, k: usize) -> String {
    let offset_bytes = project.plan.buffers[k].offset_bytes;
    let (piece, bytes) = match project.plan.border_bytes {
        Some(border) if offset_bytes >= border => ("arena_2", offset_bytes - border),
        _ => ("arena", offset_bytes),
    };
    match bytes / size_of::<f32>() {
        0 => piece.to_string(),
        offset => format!("{piece} + {offset}"),
    }
}
