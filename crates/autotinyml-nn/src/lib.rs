//! Neural networks of microcontroller size: described, trained, evaluated.
//!
//! This crate knows no search and no board. A [`Network`] is a description; a [`Model`](model::Model)
//! is a network with weights; [`train`] turns the one into the other.

pub mod network;

pub use network::{Activation, BuildError, Layer, Network, Node, Padding, Shape};
