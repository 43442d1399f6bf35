//! The most accurate network that really fits the microcontroller.
//!
//! A study file (`study_file`) says what is searched, on which data and for which board. A searcher
//! suggests configurations that `prescreen` does not refuse; `evaluate` trains and judges each; `study`
//! is the loop of the two;
//! `store` keeps every trial; `finalist` takes the best to the chip; `report` tells people.

pub mod advice;
mod cautions;
pub mod cli;
pub mod compare;
pub mod contact_sheet;
pub mod data;
pub mod early_stopping;
pub mod evaluate;
pub mod evidence;
pub mod finalist;
mod in_print;
pub mod judge;
pub mod new_study;
pub mod prescreen;
pub mod record;
pub mod report;
pub mod samples;
pub mod saved_model;
pub mod store;
pub mod study;
pub mod study_file;
pub mod table;
pub mod task;
pub mod warm_start;
