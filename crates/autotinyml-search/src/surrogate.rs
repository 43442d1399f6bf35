//! Models of the score: mean and variance at configurations that were not tried.

pub(crate) mod gp;
