//! The linker script of a board: its true memory regions, and what goes where.

use crate::board::{Board, Region, RegionKind};
use crate::placement::Regions;

/// Stack that the linker sets aside. The check measures what a network takes of it (some hundred
/// bytes); the rest is for interrupts and for the program around it.
pub const STACK_BYTES: usize = 2048;

/// Content of `chip.ld`: code and weights in the largest flash region, arena, input and output where
/// `placed` says, other variables in the largest RAM region, the stack where the board's description
/// puts it. The stack comes first in its region, so that one too deep leaves the memory and faults
/// instead of overwriting.
pub fn linker_script(board: &Board, placed: &Regions) -> String {
    let [flash, largest] = [RegionKind::Flash, RegionKind::Ram].map(|kind| board.largest(kind));
    let memory: String = board.regions.iter().map(memory_line).collect();
    // The largest comes last: it takes what no other has asked for.
    let others = board.ram().filter(|region| region.name != largest.name);
    let others = others.map(|region| Variables::of_buffers(&region.name, placed));
    let mut parts: Vec<Variables> = others.flatten().collect();
    parts.push(Variables::all_others(&largest.name));
    let sections: String = parts.iter().map(|part| part.sections(&flash.name)).collect();
    let copied: String = parts.iter().map(Variables::copied).collect();
    let cleared: String = parts.iter().map(Variables::cleared).collect();
    format!(
        "/* {title} */
ENTRY(Reset_Handler)

MEMORY
{{
{memory}}}

SECTIONS
{{
    .text : {{ KEEP(*(.vectors)) *(.text .text.*) *(.rodata .rodata.*) }} > {flash}
    .ARM.exidx : {{ *(.ARM.exidx .ARM.exidx.*) }} > {flash}

    .stack (NOLOAD) : ALIGN(8)
    {{
        memory_stack_bottom = .;
        . += {STACK_BYTES};
        memory_stack_top = .;
    }} > {stack}

{sections}    /* For Reset_Handler: first byte, end and stored bytes; first byte and end. */
    .startup : ALIGN(4)
    {{
        memory_copied = .;
{copied}        memory_copied_end = .;
        memory_cleared = .;
{cleared}        memory_cleared_end = .;
    }} > {flash}

    /DISCARD/ : {{ *(.ARM.attributes) *(.comment) }}
}}
",
        title = board.title,
        flash = flash.name,
        stack = board.stack,
    )
}

/// Variables in a region.
struct Variables<'b> {
    region: &'b str,
    /// Input sections of those with values at the start, and of those that are zero.
    data: String,
    bss: String,
}

impl<'b> Variables<'b> {
    /// Buffers that are placed here by name. None: there are none.
    fn of_buffers(region: &'b str, placed: &Regions) -> Option<Self> {
        let pieces = placed.arena.iter().zip(["arena", "arena_2"]);
        let buffers = pieces.chain([(&placed.input, "input"), (&placed.output, "output")]);
        let here = buffers.filter(|(name, _)| *name == region);
        let names: Vec<&str> = here.map(|(_, variable)| variable).collect();
        // Static variables of functions have a number behind their name.
        let sections = |kind: &str| {
            let pattern = |name: &&str| format!("{kind}.{name} {kind}.{name}.*");
            names.iter().map(pattern).collect::<Vec<_>>().join(" ")
        };
        let (data, bss) = (sections(".data"), sections(".bss"));
        (!names.is_empty()).then_some(Self { region, data, bss })
    }

    fn all_others(region: &'b str) -> Self {
        Self { region, data: ".data .data.*".into(), bss: ".bss .bss.* COMMON".into() }
    }

    fn sections(&self, flash: &str) -> String {
        let Self { region, data, bss } = self;
        format!(
            "    .data_{region} : ALIGN(8) {{ *({data}) . = ALIGN(8); }} > {region} AT > {flash}
    .bss_{region} (NOLOAD) : ALIGN(8) {{ *({bss}) . = ALIGN(8); }} > {region}

"
        )
    }

    fn copied(&self) -> String {
        let data = format!(".data_{}", self.region);
        format!(
            "        LONG(ADDR({data})) LONG(ADDR({data}) + SIZEOF({data})) LONG(LOADADDR({data}))\n"
        )
    }

    fn cleared(&self) -> String {
        let bss = format!(".bss_{}", self.region);
        format!("        LONG(ADDR({bss})) LONG(ADDR({bss}) + SIZEOF({bss}))\n")
    }
}

fn memory_line(region: &Region) -> String {
    let access = match region.kind {
        RegionKind::Flash => "rx",
        RegionKind::Ram => "rwx",
    };
    let Region { name, origin, length_bytes, .. } = region;
    format!("    {name} ({access}) : ORIGIN = {origin:#010x}, LENGTH = {length_bytes}\n")
}
