//! README.md of the firmware folder.

use std::fmt::Write;

use super::Project;
use super::linker_script::STACK_BYTES;

/// Content of `README.md`; `weights_bytes` is the size of `weights.bin`.
pub fn readme(project: &Project, weights_bytes: usize) -> String {
    let (input, output) = (project.input(), project.output());
    let mut text = format!(
        "# A neural network in C

| | bytes |
| --- | ---: |
| weights (flash) | {weights_bytes} |
| arena: what lies between layers (RAM) | {arena} |
| input: {input_length} floats (RAM, the caller's) | {input_bytes} |
| output: {output_length} floats (RAM, the caller's) | {output_bytes} |
| stack set aside (RAM) | {STACK_BYTES} |

Code and the C library come on top: `make size` says how much.

",
        arena = project.plan.arena_bytes,
        input_length = input.len(),
        input_bytes = input.len() * size_of::<f32>(),
        output_length = output.len(),
        output_bytes = output.len() * size_of::<f32>(),
    );
    if let Some(board) = project.board {
        let _ = write!(text, "Board: {}, {} MHz.\n\n", board.title, board.clock_hz / 1_000_000);
        text.push_str("| memory | address | bytes |\n| --- | --- | ---: |\n");
        for region in &board.regions {
            let (name, origin, length) = (&region.name, region.origin, region.length_bytes);
            let _ = writeln!(text, "| {name} | {origin:#010x} | {length} |");
        }
        text.push('\n');
        if let Some(flashing) = &board.flashing {
            let _ = write!(text, "To flash it: {flashing}\n\n");
        }
    }
    let _ = write!(
        text,
        "## Build

    make            # firmware.elf, linked for the board's memory
    make size       # what it takes
    make run        # main.c under the emulator (qemu-system-arm)
    make selftest   # the inputs of inputs.bin under the emulator: X-CROSS accuracy
    make flash      # main.c onto the chip; its answer comes back through the debug probe

It needs `gcc-arm-none-eabi`, `libnewlib-arm-none-eabi`, and `qemu-system-arm` for the emulator. The
same with CMake:

    cmake -B build -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake
    cmake --build build                    # or --target run, selftest, size, flash

`make flash` takes [probe-rs](https://probe.rs), or OpenOCD with `DEBUGGER=openocd`; `CHIP=` and
`OPENOCD=` say what each calls the chip. `IMAGE=probed-selftest.elf` runs the selftest there;
`IMAGE=firmware.elf` is the program that needs no probe.

## Use

`network.h` is the whole interface, with the shapes; `main.c` shows one inference. In a project of
your own take `network.c`, `network.h`, `weights.S`, `weights.bin` and `autotinyml/`, or, with CMake,
`add_subdirectory` this folder and link to `network`. `host.c` and `selftest.c` run the network on
files of inputs, on this computer and under the emulator.

## Memory map of the arena

The buffer between two layers lies over one that is no longer read. Of a map that only the next layer
reads, just those pixels may exist that are still to be read: the two layers then run by turns.

```
{}
```
",
        project.plan
    );
    text
}
