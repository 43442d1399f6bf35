//! The linker script of a board: its true memory regions, and what goes where.

use crate::board::{Board, Region, RegionKind};

/// Stack that the linker sets aside. The check measures what a network takes of it (some hundred
/// bytes); the rest is for interrupts and for the program around it.
pub const STACK_BYTES: usize = 2048;

/// Content of `chip.ld`: code and weights in the largest flash region, variables and the arena in
/// the largest RAM region, the stack where the board's description puts it. The stack comes first
/// in its region, so that one too deep leaves the memory and faults instead of overwriting.
pub fn linker_script(board: &Board) -> String {
    let [flash, ram] = [RegionKind::Flash, RegionKind::Ram].map(|kind| &board.largest(kind).name);
    let regions: String = board.regions.iter().map(memory_line).collect();
    format!(
        "/* {title} */
ENTRY(Reset_Handler)

MEMORY
{{
{regions}}}

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

    .data : ALIGN(8)
    {{
        memory_data_start = .;
        *(.data .data.*)
        . = ALIGN(8);
        memory_data_end = .;
    }} > {ram} AT > {flash}
    memory_data_stored = LOADADDR(.data);

    .bss (NOLOAD) : ALIGN(8)
    {{
        memory_zero_start = .;
        *(.bss .bss.* COMMON)
        . = ALIGN(8);
        memory_zero_end = .;
    }} > {ram}

    /DISCARD/ : {{ *(.ARM.attributes) *(.comment) }}
}}
",
        title = board.title,
        stack = board.stack,
    )
}

fn memory_line(region: &Region) -> String {
    let access = match region.kind {
        RegionKind::Flash => "rx",
        RegionKind::Ram => "rwx",
    };
    let Region { name, origin, length_bytes, .. } = region;
    format!("    {name} ({access}) : ORIGIN = {origin:#010x}, LENGTH = {length_bytes}\n")
}
