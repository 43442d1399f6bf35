//! Peers: searchers in Python, each in a process of its own. `peers/protocol.py` says what is spoken.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use autotinyml_search::{Configuration, Domain, History, Outcome, Problem, Setting, Space};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::{folders, python};

/// Name of every peer, and its program with arguments.
pub const PEERS: [(&str, &[&str]); 4] = [
    ("optuna-tpe", &["optuna_sampler.py", "tpe"]),
    ("optuna-gp", &["optuna_sampler.py", "gp"]),
    ("smac", &["smac_penalty.py"]),
    ("egobox", &["egobox_egor.py"]),
];

/// A peer that runs. It ends when its input is closed.
pub struct Peer {
    name: &'static str,
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Trials of the present run that it was told.
    told: usize,
}

#[derive(Deserialize)]
struct Answer {
    point: Vec<f64>,
    seconds: f64,
}

impl Peer {
    /// Starts the peer of a name in [`PEERS`] on one core, and installs all of them first if need be.
    ///
    /// # Errors
    /// If there is none of that name, or Python or its packages cannot be had.
    pub fn start(name: &str) -> Result<Self, Failure> {
        let found = PEERS.iter().find(|(known, _)| *known == name);
        let (name, program) = found.ok_or_else(|| Failure::Unknown {
            kind: "peer",
            name: name.to_owned(),
            known: PEERS.map(|(name, _)| name).join(", "),
        })?;
        let folder = folders::sources().join("peers");
        let python = python::interpreter("peers-venv", &folder.join("requirements.txt"))?;
        let mut command = Command::new(python);
        command.current_dir(folder).args(*program).stdin(Stdio::piped()).stdout(Stdio::piped());
        for library in ["OMP", "OPENBLAS", "MKL", "RAYON"] {
            command.env(format!("{library}_NUM_THREADS"), "1");
        }
        // OpenBLAS is to choose the kernels of this processor.
        command.env_remove("OPENBLAS_CORETYPE").env_remove("OPENBLAS_L2_SIZE");
        let mut process = command.spawn().map_err(|error| Failure::Program {
            program: (*name).to_owned(),
            reason: error.to_string(),
        })?;
        let requests = process.stdin.take();
        let Some(answers) = process.stdout.take().map(BufReader::new) else {
            unreachable!("its output was asked for")
        };
        Ok(Self { name, process, requests, answers, told: 0 })
    }

    /// Begins a new run.
    ///
    /// # Errors
    /// If the peer has ended.
    pub fn begin(&mut self, problem: &Problem, seed: u64) -> Result<(), Failure> {
        self.told = 0;
        let parameters: Vec<Value> =
            problem.space.parameters().iter().map(|p| described(&p.domain)).collect();
        let constraints = problem.constraints.len();
        self.send(&json!({"begin": {
            "parameters": parameters, "constraints": constraints, "seed": seed,
        }}))
    }

    /// Tells what is new in the history, all of it completed, and asks for the next configuration.
    /// Returns it with the processor's seconds that choosing it took.
    ///
    /// # Errors
    /// If the peer has ended or its answer is not in the space.
    pub fn suggest(
        &mut self,
        problem: &Problem,
        history: &History,
    ) -> Result<(Configuration, f64), Failure> {
        for (trial, outcome) in history.completed().skip(self.told) {
            let point = point(problem.space, &trial.configuration);
            let excess = excess(problem, outcome);
            self.send(&json!({"tell": {
                "point": point, "loss": outcome.score, "excess": excess,
            }}))?;
        }
        self.told = history.0.len();
        self.send(&json!({"ask": true}))?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| self.failed(&error.to_string()))?;
        let answer: Answer = serde_json::from_str(&line)
            .map_err(|error| self.failed(&format!("answered `{}`: {error}", line.trim_end())))?;
        let configuration = configuration(problem.space, &answer.point)
            .map_err(|error| self.failed(&format!("answered `{}`: {error}", line.trim_end())))?;
        Ok((configuration, answer.seconds))
    }

    fn send(&mut self, request: &Value) -> Result<(), Failure> {
        let sent = match &mut self.requests {
            Some(requests) => writeln!(requests, "{request}").and_then(|()| requests.flush()),
            None => unreachable!("only dropping closes it"),
        };
        sent.map_err(|error| self.failed(&error.to_string()))
    }

    fn failed(&self, reason: &str) -> Failure {
        Failure::Program { program: self.name.to_owned(), reason: reason.to_owned() }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.requests = None;
        // One that fails has said so itself.
        let _ = self.process.wait();
    }
}

fn described(domain: &Domain) -> Value {
    match domain {
        Domain::Ordered(numbers) => json!({"levels": numbers.len(), "ordered": true}),
        Domain::Unordered(categories) => json!({"levels": categories.len(), "ordered": false}),
        Domain::Range { low, high, log, .. } => json!({"low": low, "high": high, "log": log}),
    }
}

/// Per parameter the index of its level, or its number.
fn point(space: &Space, configuration: &Configuration) -> Vec<f64> {
    let settings = space.settings(configuration);
    space
        .parameters()
        .iter()
        .zip(settings)
        .map(|(parameter, (_, setting))| match (&parameter.domain, setting) {
            (Domain::Ordered(numbers), Setting::Number(number)) => {
                numbers.iter().position(|known| *known == number).map_or(f64::NAN, |i| i as f64)
            }
            (Domain::Unordered(categories), Setting::Text(text)) => {
                categories.iter().position(|known| *known == text).map_or(f64::NAN, |i| i as f64)
            }
            (_, Setting::Number(number)) => number,
            (_, Setting::Text(_)) => f64::NAN,
        })
        .collect()
}

fn configuration(
    space: &Space,
    point: &[f64],
) -> Result<Configuration, autotinyml_search::SpaceError> {
    let settings = space.parameters().iter().zip(point).map(|(parameter, &number)| {
        let index = number as usize;
        let setting = match &parameter.domain {
            Domain::Ordered(numbers) => {
                Setting::Number(numbers.get(index).copied().unwrap_or(f64::NAN))
            }
            Domain::Unordered(categories) => {
                Setting::Text(categories.get(index).cloned().unwrap_or_default())
            }
            Domain::Range { low, high, .. } => Setting::Number(number.clamp(*low, *high)),
        };
        (parameter.name.clone(), setting)
    });
    space.configuration(&settings.collect::<Vec<_>>())
}

/// At most 0 where a constraint holds: ln(value / limit), or a label for all constraints together.
fn excess(problem: &Problem, outcome: &Outcome) -> Vec<f64> {
    let label = if outcome.feasible { -1.0 } else { 1.0 };
    let values = problem.constraints.iter().zip(&outcome.values);
    values
        .map(|(constraint, value)| match (constraint.limit, value) {
            (Some(limit), Some(value)) => (value / limit).ln(),
            _ => label,
        })
        .collect()
}
