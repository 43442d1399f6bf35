//! The proof: `cargo xtask bench search` lets searchers and their peers run on tables of real trainings,
//! `functions` on test functions; `suggest` times them. `train` times trainers,
//! `accuracy` holds what they reach side by side; `c` measures the generated C.
//!
//! What is measured and why is in `docs/search.md`, `docs/training.md` and `docs/firmware.md`.

mod accuracy;
mod c;
mod contestant;
mod cycles;
mod failure;
mod folders;
mod functions;
mod method;
mod peer;
mod problem;
mod python;
mod results;
mod run;
mod search;
mod suggest;
mod summary;
mod table;
mod train;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask bench", about = "Searchers and the trainer against their peers")]
enum Bench {
    /// Regret on tables of real trainings.
    Search(search::Options),
    /// Gap on the functions on which SVM-CBO was published.
    Functions(functions::Options),
    /// The method in pictures, from what the searchers believe.
    Method(method::Options),
    /// Milliseconds per suggestion.
    Suggest(suggest::Options),
    /// Instructions, code and memory of the generated C, beside others' programs.
    C(c::Options),
    /// Seconds per epoch of our trainer, Keras and PyTorch.
    Train(train::Options),
    /// Test accuracies of our trainer and of Keras.
    Accuracy(accuracy::Options),
    /// One training, timed, as a process of its own.
    #[command(hide = true)]
    Trainer(train::ours::Options),
}

fn main() -> ExitCode {
    let done = match Bench::parse() {
        Bench::Search(options) => search::search(&options),
        Bench::Functions(options) => functions::functions(&options),
        Bench::Method(options) => method::method(&options),
        Bench::Suggest(options) => suggest::suggest(&options),
        Bench::C(options) => c::c(&options),
        Bench::Train(options) => train::train(&options),
        Bench::Accuracy(options) => accuracy::accuracy(&options),
        Bench::Trainer(options) => train::ours::trainer(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}
