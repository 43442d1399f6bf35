//! What there is to say about a study, whatever it is printed on.

use autotinyml_deploy::{Accounting, Agreement, CrossReport, Footprint, Limits};
use autotinyml_nn::{Confusion, Metric};

use crate::in_print::{class_sizes, counted, grouped, percent, setting};
use crate::record::{Deployable, Finalist, Summary, TrialOutcome, TrialRecord};

/// How many of the networks that nearly fit are told of when none does.
const MISSES: usize = 3;
/// How many kinds of mistakes are told.
const MISTAKES: usize = 3;

/// Study, searcher, board and compression in a line.
pub fn title(summary: &Summary) -> String {
    let compression = compression(summary);
    format!("{}: {} for {} at {compression}", summary.name, summary.searcher, summary.board)
}

/// Data, space and trials, each with its label.
pub fn overview(summary: &Summary) -> Vec<(String, String)> {
    let data = &summary.data;
    let (all, train, test) =
        (grouped(data.train + data.test), grouped(data.train), grouped(data.test));
    let parts =
        format!("{all} samples of {}: {train} for training, {test} for the test", data.shape);
    let mut lines = vec![parts];
    lines.extend(data.notes.iter().cloned());
    let mut overview = labelled("data", lines);
    overview.extend(labelled("split", vec![data.split.clone()]));
    overview.extend(labelled("classes", vec![class_sizes(&data.classes)]));
    if let Some(Deployable { space, within_limits, unbuildable, unbuildable_reason }) =
        &summary.deployable
    {
        let share = percent(*within_limits as f64 / (*space).max(1) as f64);
        let (within, space) = (grouped(*within_limits), grouped(*space));
        let mut lines =
            vec![format!("{within} of {space} configurations are within the limits ({share})")];
        if let Some(reason) = unbuildable_reason {
            lines.push(format!("{} cannot be built: {reason}", grouped(*unbuildable)));
        }
        overview.extend(labelled("space", lines));
    }
    let count =
        |holds: fn(&TrialRecord) -> bool| summary.trials.iter().filter(|t| holds(t)).count();
    let trained = count(|trial| trial.outcome.accuracy.is_some());
    let in_full = count(|trial| trial.outcome.accuracy.is_some() && trial.epochs.is_none());
    let trained = match trained == in_full {
        true => format!("{trained} trained"),
        false => format!("{trained} trained ({in_full} in full)"),
    };
    overview.push((
        "trials".to_owned(),
        format!(
            "{} of {}: {trained}, {} deployable, {} refused",
            summary.trials.len(),
            summary.budget,
            count(TrialRecord::is_deployable),
            count(TrialRecord::is_refused),
        ),
    ));
    overview.extend(stopped(summary).map(|text| ("stopped early".to_owned(), text)));
    overview
}

/// How many trials were stopped since others were better, and what that saved; `None` if none was.
pub fn stopped(summary: &Summary) -> Option<String> {
    let all: Vec<_> =
        summary.trials.iter().filter_map(|trial| trial.outcome.stopped.as_ref()).collect();
    let saved: usize = all.iter().map(|stopped| stopped.epochs_saved).sum();
    let of_trial = |TrialOutcome { learning_curve, fold_accuracies, .. }: &TrialOutcome| {
        learning_curve.len() * fold_accuracies.len().max(1)
    };
    let trained: usize = summary.trials.iter().map(|trial| of_trial(&trial.outcome)).sum();
    (!all.is_empty()).then(|| {
        let share = percent(saved as f64 / (saved + trained) as f64);
        format!("{}, which saved {share} of the epochs of all", counted(all.len(), "trial"))
    })
}

/// The label stands at the first line only.
fn labelled(label: &str, lines: Vec<String>) -> Vec<(String, String)> {
    let labels = [label].into_iter().chain(std::iter::repeat(""));
    labels.map(str::to_owned).zip(lines).collect()
}

/// Why a network was refused, what could not be checked, and what came near if nothing was found.
pub fn remarks(summary: &Summary) -> Vec<(String, String)> {
    let mut remarks = vec![];
    let mut unchecked: Vec<String> = vec![];
    for (name, finalist) in [("best", &summary.best), ("baseline", &summary.baseline)] {
        let Some(finalist) = finalist else { continue };
        remarks.extend(labelled(&format!("{name} refused"), finalist.verdict.reasons.clone()));
        for line in &finalist.verdict.unchecked {
            if !unchecked.contains(line) {
                unchecked.push(line.clone());
            }
        }
    }
    let cautions = summary.data.cautions.iter().cloned();
    remarks.extend(cautions.map(|line| ("caution".to_owned(), line)));
    if let Some(best) = summary.best.as_ref().filter(|best| is_unsteady(best)) {
        let line = format!(
            "the test accuracy {} is far below the validation accuracy {}: training may be unsteady \
             with these settings (a lower learning rate?), or the test part differs",
            percent(best.test_accuracy),
            percent(best.validation_accuracy)
        );
        remarks.push(("caution".to_string(), line));
    }
    if let Some(best) = &summary.best {
        let told = no_better_than_a_guess(best, &summary.data.classes);
        remarks.extend(told.map(|line| ("caution".to_owned(), line)));
        let mistakes = confused(best, &summary.data.classes);
        let line = (!mistakes.is_empty()).then(|| mistakes.join(", "));
        remarks.extend(labelled("confused", line.into_iter().collect()));
        let line = best.cross.as_ref().and_then(differing_classes);
        remarks.extend(labelled("X-CROSS", line.into_iter().collect()));
    }
    remarks.extend(labelled("not checked", unchecked));
    if summary.best.is_none() {
        let misses = nearest_misses(summary).into_iter().map(|trial| miss(summary, trial));
        remarks.extend(labelled("nearest misses", misses.collect()));
    }
    remarks
}

/// What to say of a network that knows no more than which class is the most frequent.
fn no_better_than_a_guess(finalist: &Finalist, classes: &[(String, usize)]) -> Option<String> {
    let Confusion { counts, undecided } = finalist.test_confusion()?;
    let sizes = counts.iter().zip(&undecided).map(|(row, none)| row.iter().sum::<usize>() + none);
    let sizes: Vec<usize> = sizes.collect();
    let (most, class) = sizes.iter().zip(classes).max_by_key(|(size, _)| **size)?;
    let guess = *most as f64 / sizes.iter().sum::<usize>().max(1) as f64;
    (finalist.deployed_accuracy <= guess).then(|| {
        format!(
            "always answering {} would be right on {} of the test samples, too: the network has learned \
             little; try more epochs, more trials, other settings, more data",
            class.0,
            percent(guess)
        )
    })
}

/// The classes of the test part that are most often taken for another one, or for none.
fn confused(finalist: &Finalist, classes: &[(String, usize)]) -> Vec<String> {
    let Some(Confusion { counts, undecided }) = finalist.test_confusion() else { return vec![] };
    // Samples, their class, the one chosen for them.
    let mut mistakes: Vec<(usize, usize, Option<usize>)> = vec![];
    for (right, (row, &undecided)) in counts.iter().zip(&undecided).enumerate() {
        let chosen = row.iter().enumerate().map(|(chosen, &count)| (count, right, Some(chosen)));
        mistakes.extend(chosen.filter(|&(_, right, chosen)| chosen != Some(right)));
        mistakes.push((undecided, right, None));
    }
    mistakes.retain(|&(count, ..)| count > 0);
    mistakes.sort_by_key(|&(count, ..)| std::cmp::Reverse(count));
    let line = |&(count, right, chosen): &(usize, usize, Option<usize>)| {
        let all = counts[right].iter().sum::<usize>() + undecided[right];
        let taken =
            chosen.map_or("no class, as outputs are not numbers", |chosen| &classes[chosen].0);
        format!("{} taken for {taken} ({count} of {all})", classes[right].0)
    };
    mistakes.iter().take(MISTAKES).map(line).collect()
}

/// The classes on which the C program differs from the network.
fn differing_classes(cross: &CrossReport) -> Option<String> {
    let differing = cross.classes.iter().filter(|class| class.accuracy < 1.0);
    let line = |class: &Agreement| {
        format!("{} {} of {}", class.name, percent(class.accuracy), class.inputs)
    };
    let lines: Vec<String> = differing.map(line).collect();
    (!lines.is_empty())
        .then(|| format!("the program agrees on all but these classes: {}", lines.join(", ")))
}

/// Whether a network lost a tenth or more from validation to test.
fn is_unsteady(finalist: &Finalist) -> bool {
    finalist.test_accuracy + 0.1 < finalist.validation_accuracy
}

fn miss(summary: &Summary, trial: &TrialRecord) -> String {
    let settings: Vec<String> = (summary.space.settings(&trial.configuration).into_iter())
        .map(|(name, value)| format!("{name} {}", setting(&value)))
        .collect();
    let reasons = trial.outcome.verdict.reasons.join("; ");
    format!("trial {} ({}): {reasons}", trial.id, settings.join(", "))
}

/// The goal's figure of a trial that counts: trained in full and deployable.
pub fn deployable_score(trial: &TrialRecord, goal: Metric) -> Option<f64> {
    let counts = trial.epochs.is_none() && trial.outcome.verdict.deployable();
    trial.outcome.score(goal).filter(|_| counts)
}

/// The verdict in a sentence or two.
pub fn headline(summary: &Summary) -> String {
    let compression = compression(summary);
    if !summary.finished {
        let goal = summary.goal;
        let scores = summary.trials.iter().filter_map(|trial| deployable_score(trial, goal));
        let best = match scores.reduce(f64::max) {
            Some(best) => {
                format!("the best has a validation {} of {}", goal.title(), percent(best))
            }
            None => "none is deployable".to_string(),
        };
        return format!(
            "Not finished: {} of {} trials so far, {best}; none has been taken to the chip for good.",
            summary.trials.len(),
            summary.budget
        );
    }
    let Some(best) = &summary.best else {
        let nothing = format!(
            "Nothing deployable on the {} at {compression} was found in {}",
            summary.board,
            counted(summary.trials.len(), "trial")
        );
        return match deployable_when_short(summary) {
            0 => format!("{nothing}."),
            count => format!(
                "{nothing}: {count} were deployable after a short training, but none of these was \
                 trained in full. More trials (`trials` in [search], or --trials) train some \
                 of these in full."
            ),
        };
    };
    let mut text = format!(
        "The best network {} the {} at {compression}; as deployed it is right on {} of the test \
         samples.",
        fits(best),
        summary.board,
        percent(best.deployed_accuracy)
    );
    if let Some(baseline) = &summary.baseline {
        let accuracy = percent(baseline.deployed_accuracy);
        text.push_str(&format!(" The baseline {} it and reaches {accuracy}.", fits(baseline)));
    }
    text
}

/// Trials that were deployable after fewer epochs, if none was after all of them.
fn deployable_when_short(summary: &Summary) -> usize {
    let deployable = |trial: &&TrialRecord| {
        trial.outcome.accuracy.is_some() && trial.outcome.verdict.deployable()
    };
    let (short, full): (Vec<_>, Vec<_>) =
        summary.trials.iter().filter(deployable).partition(|trial| trial.epochs.is_some());
    if full.is_empty() { short.len() } else { 0 }
}

fn fits(finalist: &Finalist) -> &'static str {
    match (finalist.verdict.deployable(), finalist.verdict.links_on_chip) {
        (false, _) => "does not fit",
        (true, Some(_)) => "fits",
        (true, None) => "meets, as far as was checked here, the limits set for",
    }
}

/// The talk's sign for a compression: `x4` as `×4`.
pub fn compression(summary: &Summary) -> String {
    summary.compression.replace('x', "×")
}

/// The trials that came nearest to a deployable network without being one, the nearest first.
fn nearest_misses(summary: &Summary) -> Vec<&TrialRecord> {
    let excess = |trial: &TrialRecord| {
        trial.outcome.footprint.as_ref().map_or(f64::INFINITY, |f| excess(&summary.limits, f))
    };
    let missed = |trial: &&TrialRecord| !trial.outcome.verdict.deployable();
    let mut misses: Vec<&TrialRecord> = summary.trials.iter().filter(missed).collect();
    misses.sort_by(|a, b| excess(a).total_cmp(&excess(b)));
    misses.truncate(MISSES);
    misses
}

/// How many times over the limit the worst figure is.
fn excess(limits: &Limits, footprint: &Footprint) -> f64 {
    let (ram, rom) = memory(limits.accounting, footprint);
    let over = |figure: Option<usize>, limit: Option<usize>| Some(figure? as f64 / limit? as f64);
    let ratios = [
        over(ram, limits.ram_bytes),
        over(rom, limits.rom_bytes),
        limits.macc.map(|limit| footprint.macc as f64 / limit as f64),
        footprint.cross_accuracy.and_then(|share| Some(limits.cross_accuracy? / share)),
    ];
    let regions = footprint.regions.iter().map(|r| r.used_bytes as f64 / r.length_bytes as f64);
    ratios.into_iter().flatten().chain(regions).fold(0.0, f64::max)
}

/// RAM and ROM bytes as the limits count them.
pub fn memory(accounting: Accounting, footprint: &Footprint) -> (Option<usize>, Option<usize>) {
    match accounting {
        Accounting::St => (Some(footprint.st_ram_bytes), Some(footprint.st_rom_bytes)),
        Accounting::Elf => (footprint.ram_bytes, footprint.flash_bytes),
    }
}
