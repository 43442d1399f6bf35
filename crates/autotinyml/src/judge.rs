//! Trials judged again, by other limits or for another board. Nothing is trained: judging is pure, and
//! stores hold what was measured.

use autotinyml_deploy::{Board, Footprint, Limits, Verdict};

use crate::record::{TrialOutcome, TrialRecord};

/// What is judged by.
pub struct Judge<'a> {
    /// By which the trials were judged so far.
    pub before: &'a Limits,
    /// By which they are to be judged.
    pub limits: &'a Limits,
    /// The board, if it is another than that of the trials: what was linked for theirs tells nothing of it.
    pub board: Option<&'a Board>,
}

impl Judge<'_> {
    /// The trials with the verdicts that they would have.
    pub fn judge(&self, trials: &[TrialRecord]) -> Vec<TrialRecord> {
        let judged = |trial: &TrialRecord| TrialRecord {
            outcome: self.outcome(&trial.outcome),
            combinations: vec![],
            ..trial.clone()
        };
        trials.iter().map(judged).collect()
    }

    /// What a trial would have come to, if its training was the same.
    pub fn outcome(&self, outcome: &TrialOutcome) -> TrialOutcome {
        let Some(footprint) = &outcome.footprint else { return outcome.clone() };
        // Its training failed: no limit refused it.
        let untrained = outcome.accuracy.is_none() && outcome.stopped.is_none();
        if untrained && self.before.judge(footprint).deployable() {
            return outcome.clone();
        }
        let footprint = match self.board {
            Some(_) => without_board(footprint),
            None => footprint.clone(),
        };
        TrialOutcome {
            verdict: self.verdict(&footprint),
            footprint: Some(footprint),
            ..outcome.clone()
        }
    }

    /// What could not be checked is told of the study, not of every trial.
    fn verdict(&self, footprint: &Footprint) -> Verdict {
        let mut verdict = Verdict { unchecked: vec![], ..self.limits.judge(footprint) };
        if let Some(board) = self.board {
            let flash_bytes: usize = board.flash().map(|region| region.length_bytes).sum();
            if footprint.st_rom_bytes > flash_bytes {
                verdict.meets_limits = false;
                verdict.reasons.push(format!(
                    "{} bytes of weights are more than the board's flash of {flash_bytes}",
                    footprint.st_rom_bytes
                ));
            }
        }
        verdict
    }
}

/// What holds on any board.
fn without_board(footprint: &Footprint) -> Footprint {
    let Footprint { parameters, macc, st_ram_bytes, st_rom_bytes, .. } = *footprint;
    let Footprint { cross_accuracy, rmse, mae, l2r, .. } = *footprint;
    Footprint {
        parameters,
        macc,
        st_ram_bytes,
        st_rom_bytes,
        cross_accuracy,
        rmse,
        mae,
        l2r,
        ..Footprint::default()
    }
}

/// Whether a trial might be deployed, but was never trained, as its study's own limits refused it.
pub fn is_untried(trial: &TrialRecord) -> bool {
    let TrialOutcome { accuracy, stopped, verdict, .. } = &trial.outcome;
    accuracy.is_none() && stopped.is_none() && verdict.deployable()
}
