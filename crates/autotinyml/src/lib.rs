//! The most accurate network that really fits the microcontroller.

pub mod data;
