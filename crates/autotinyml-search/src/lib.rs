//! AutoTinyML search.
