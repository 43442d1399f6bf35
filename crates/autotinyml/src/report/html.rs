//! The page: one file that needs nothing but itself, readable on a phone and on a wide screen, in the
//! reader's light or dark scheme.

use autotinyml_deploy::MemoryMap;
use autotinyml_search::{History, Landscape, Outcome, Trial};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::findings;
use super::plot::{self, Mark, Memory};
use super::side_by_side::{self, Figure, Row};
use crate::in_print::{
    counted, duration, grouped, kilobytes, percent, percent_at_least, setting, unbroken,
};
use crate::record::{Finalist, Summary, TrialRecord};

/// The page as text.
pub fn page(summary: &Summary) -> String {
    let history = history(summary);
    let landscape = Landscape::fit(&summary.space, &history);
    let body = html! {
        (head(summary))
        main {
            (result(summary))
            (search(summary))
            (best(summary))
            (hyperparameters(summary, landscape.as_ref()))
            (around_the_best(summary, landscape.as_ref()))
            (trials(summary))
            section { h2 { "Study file" } pre { (summary.study_text) } }
        }
        footer { "AutoTinyML " (env!("CARGO_PKG_VERSION")) ". KB are 1000 bytes." }
        script { (PreEscaped(include_str!("page.js"))) }
    };
    document(&summary.name, &body)
}

/// A whole page about something of this name.
pub fn document(name: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (name) " – AutoTinyML" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

fn head(summary: &Summary) -> Markup {
    let deployable = summary.best.as_ref().is_some_and(|best| best.verdict.deployable());
    html! {
        header {
            p.title { (findings::title(summary)) }
            h1.(if deployable { "found" } else { "missed" }) { (unbroken(&findings::headline(summary))) }
        }
    }
}

fn result(summary: &Summary) -> Markup {
    let remarks = findings::remarks(summary);
    html! {
        section.columns {
            @if summary.best.is_some() || summary.baseline.is_some() {
                div { h2 { "Result" } (comparison(summary)) }
            }
            div {
                @if !remarks.is_empty() { h2 { "Remarks" } (definitions(&remarks)) }
                h2 { "Study" }
                (definitions(&findings::overview(summary)))
            }
        }
    }
}

fn comparison(summary: &Summary) -> Markup {
    html! {
        div.scroll {
            table.comparison {
                thead {
                    tr {
                        th {}
                        @if summary.best.is_some() { th { "found" } }
                        th { "limit" }
                        @if summary.baseline.is_some() { th { "baseline" } }
                    }
                }
                @for part in side_by_side::comparison(summary) {
                    tbody {
                        @for Row { label, found, limit, baseline } in &part {
                            tr {
                                th scope="row" { (label) }
                                @if summary.best.is_some() { (figure("found", found)) }
                                td { (limit.as_deref().unwrap_or_default()) }
                                @if summary.baseline.is_some() { (figure("other", baseline)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn figure(column: &str, figure: &Figure) -> Markup {
    let text = figure.text.as_deref().unwrap_or("–");
    let (verdict, sign) = match figure.within_limit {
        Some(true) => ("within", "✓ "),
        Some(false) => ("beyond", "✗ "),
        None => ("", ""),
    };
    html! { td.(column).(verdict) { (sign) (text) } }
}

/// Lines without a label belong to the last that has one.
pub(super) fn definitions(lines: &[(String, String)]) -> Markup {
    html! {
        dl {
            @for (label, text) in lines {
                @if !label.is_empty() { dt { (label) } }
                dd { (unbroken(text)) }
            }
        }
    }
}

fn search(summary: &Summary) -> Markup {
    let marks = [Mark::Deployable, Mark::Refused];
    let finalists = [(&summary.best, Mark::Best), (&summary.baseline, Mark::Baseline)];
    let shown =
        finalists.into_iter().filter(|(finalist, _)| finalist.is_some()).map(|(_, mark)| mark);
    let all: Vec<Mark> = marks.into_iter().chain(shown).collect();
    let goal = summary.goal.title();
    html! {
        section {
            h2 { "Search" }
            div.pictures {
                figure {
                    figcaption { "Best deployable network so far" }
                    (plot::legend(&marks)) (plot::progress(summary))
                }
                figure {
                    figcaption { "Validation " (goal) " and RAM" }
                    (plot::legend(&all)) (plot::tradeoff(summary, Memory::Ram))
                }
                figure {
                    figcaption { "Validation " (goal) " and ROM" }
                    (plot::legend(&all)) (plot::tradeoff(summary, Memory::Rom))
                }
            }
            p.note {
                "Marks in the strip at the bottom are trials that were never trained"
                @if findings::stopped(summary).is_some() { ", or stopped early" } "."
            }
        }
    }
}

fn best(summary: &Summary) -> Markup {
    let Some(best) = &summary.best else { return html! {} };
    let trial = summary.trials.iter().find(|trial| Some(trial.id) == best.trial);
    let learning = trial.and_then(plot::learning);
    let watched = trial.is_some_and(|trial| !trial.outcome.validation_curve.is_empty());
    html! {
        section {
            h2 { "Best network" }
            div.pictures.few {
                @if let Some(picture) = learning {
                    figure {
                        figcaption { "Learning" }
                        p.legend {
                            span.trained-line { "training, mean of the folds" }
                            @if watched { span.watched-line { "validation, first fold" } }
                            @if let Some(validation) = trial.and_then(|trial| trial.outcome.accuracy) {
                                span.validation-line { "validation at the end, mean of the folds: " (percent(validation)) }
                            }
                        }
                        (picture)
                    }
                }
                (confusion(summary, best))
                @if let Some(map) = &summary.best_memory { (memory_map(map)) }
            }
        }
    }
}

fn confusion(summary: &Summary, best: &Finalist) -> Markup {
    let classes: Vec<&str> = summary.data.classes.iter().map(|(class, _)| class.as_str()).collect();
    html! {
        figure {
            figcaption { "Classes of the test part, as deployed" }
            (plot::confusion(&classes, &best.confusion))
        }
    }
}

fn memory_map(map: &MemoryMap) -> Markup {
    let held = map.areas.iter().flat_map(|area| area.held.iter().map(move |held| (area, held)));
    html! {
        figure.whole {
            figcaption { "Memory during an inference" }
            div.scroll { (plot::memory_map(map)) }
            p.note {
                "What lies where, in bytes, while which part of the network runs. Where two overlap, the \
                 second takes the place of values that have already been read for the last time."
                @if map.cascades.iter().any(|cascade| cascade.len() > 1) {
                    " Parts that run by turns keep only as much of the maps between them as is still to be read."
                }
            }
            details {
                summary { "As a table" }
                div.scroll {
                    table.memory {
                        thead { tr { th { "what" } th { "where" } th { "offset, B" } th { "bytes" } th { "from" } th { "to" } } }
                        tbody {
                            @for (area, held) in held {
                                tr {
                                    td { (held.name) } td { (area.name) }
                                    td { (grouped(held.bytes.start)) } td { (grouped(held.bytes.len())) }
                                    td { (map.kernels[held.kernels.start]) } td { (map.kernels[held.kernels.end - 1]) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What happened, as searchers see it.
pub(super) fn history(summary: &Summary) -> History {
    let trial = |record: &TrialRecord| {
        let TrialRecord { id, configuration, epochs, outcome, .. } = record;
        let stopped = outcome.stopped.as_ref().map(|stopped| stopped.score);
        let score = outcome.score(summary.goal).or(stopped);
        let outcome = Outcome { score, feasible: outcome.verdict.deployable(), values: vec![] };
        let (configuration, outcome) = (configuration.clone(), Some(outcome));
        Trial { id: *id, configuration, epochs: *epochs, outcome }
    };
    History(summary.trials.iter().map(trial).collect())
}

fn hyperparameters(summary: &Summary, landscape: Option<&Landscape<'_>>) -> Markup {
    let effects = plot::effects(summary);
    if effects.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Hyperparameters" }
            div.pictures.few {
                @if let Some(landscape) = landscape { (importance(summary, landscape)) }
                figure.whole {
                    figcaption { "All settings" }
                    p.legend {
                        span.strong-line { "best tenth" } span.kept-line { "deployable" } span.lost-line { "refused" }
                    }
                    div.scroll { (plot::parallel(summary)) }
                }
            }
            p.note.above {
                "Validation " (summary.goal.title())
                " of every trial that was trained in full by its setting; the bar is their mean."
            }
            (plot::legend(&[Mark::Deployable, Mark::Refused]))
            div.pictures {
                @for (name, picture) in effects { figure { figcaption { (name) } (picture) } }
            }
        }
    }
}

/// Of fewer trials an importance is little more than a guess.
const FEW_TRIALS: usize = 30;

fn importance(summary: &Summary, landscape: &Landscape<'_>) -> Markup {
    let trials = summary.trials.len();
    let importance = landscape.importance();
    let told = importance.iter().any(|importance| importance.feasible.is_some());
    html! {
        figure {
            figcaption { "Importance" }
            p.legend {
                span.score-bar { "validation " (summary.goal.title()) }
                @if told { span.deployability-bar { "deployability" } }
            }
            (plot::importance(&importance))
            p.note {
                "How much of the differences over the whole space is left if all other hyperparameters are \
                 given (total effects); estimated from "
                (counted(trials, "trial"))
                @if trials < FEW_TRIALS { ", which are few: a hint, no more" }
                "."
            }
        }
    }
}

fn around_the_best(summary: &Summary, landscape: Option<&Landscape<'_>>) -> Markup {
    let slices = landscape.map(|landscape| plot::slices(summary, landscape)).unwrap_or_default();
    if slices.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Around the best network" }
            div.pictures {
                @for (name, picture) in slices { figure { figcaption { (name) } (picture) } }
            }
            p.note {
                "What the trials suggest if one hyperparameter is changed and the others stay: the expected \
                 validation " (summary.goal.title()) ", and two standard deviations around it. The strip at \
                 the floor is the fuller the likelier a network there is deployable; the ring is the best \
                 network."
            }
        }
    }
}

/// Whether some trials were given fewer epochs than others.
fn epochs_differ(summary: &Summary) -> bool {
    summary.trials.iter().any(|trial| trial.epochs.is_some() || trial.outcome.stopped.is_some())
}

fn trials(summary: &Summary) -> Markup {
    html! {
        section {
            h2 { "All trials" }
            div.scroll.tall tabindex="0" {
                table.trials {
                    thead {
                        tr {
                            th { "trial" } th { "phase" }
                            @if epochs_differ(summary) { th { "epochs" } }
                            th {} th { (summary.goal.title()) }
                            th { "RAM" } th { "ROM" } th { "MACC" } th { "X-CROSS" }
                            @for parameter in summary.space.parameters() { th { (parameter.name) } }
                            th { "time" } th.reasons { "refused or stopped because" }
                        }
                    }
                    tbody { @for trial in &summary.trials { (trial_row(summary, trial)) } }
                }
            }
        }
    }
}

fn trial_row(summary: &Summary, trial: &TrialRecord) -> Markup {
    let outcome = &trial.outcome;
    let footprint = outcome.footprint.as_ref();
    let memory = footprint.map(|footprint| findings::memory(summary.limits.accounting, footprint));
    let (ram, rom) = memory.unwrap_or_default();
    let size = |bytes: Option<usize>| cell(bytes.map(|bytes| kilobytes(bytes as f64)));
    let best = summary.best.as_ref().is_some_and(|best| best.trial == Some(trial.id));
    html! {
        tr.best[best] {
            td { (trial.id) } td { (trial.phase.name()) }
            @if epochs_differ(summary) {
                (cell(Some(outcome.learning_curve.len()).filter(|&epochs| epochs > 0)))
            }
            @if trial.is_deployable() { td.within { "✓" } }
            @else if trial.is_refused() { td.beyond { "✗" } }
            @else { td { "–" } }
            (cell(outcome.score(summary.goal).map(percent)))
            (size(ram)) (size(rom))
            (cell(footprint.map(|footprint| grouped(footprint.macc))))
            (cell(footprint.and_then(|footprint| footprint.cross_accuracy).map(percent_at_least)))
            @for parameter in summary.space.parameters() {
                (cell(summary.space.setting(&trial.configuration, &parameter.name).as_ref().map(setting)))
            }
            td { (duration(trial.seconds)) }
            td.reasons { (outcome.reasons()) }
        }
    }
}

fn cell(value: Option<impl ToString>) -> Markup {
    html! { td { (value.map_or_else(|| "–".to_owned(), |value| value.to_string())) } }
}
