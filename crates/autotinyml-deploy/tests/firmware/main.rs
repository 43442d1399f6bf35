//! The firmware that we write: built by real compilers and run, here and under the emulator.

mod boards;
mod check;
mod emulator;
mod fuzz;
mod host;
mod overhead;
mod prediction;
mod support;
