//! AutoTinyML deploy.
