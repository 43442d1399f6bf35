//! What `autotinyml compare` writes, read again, and what it comes to.

use std::collections::HashMap;

/// A line of a CSV file without quoted fields, by the names of its columns.
pub type Row<'a> = HashMap<&'a str, &'a str>;

/// All lines but the first.
pub fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    lines.map(move |line| header.iter().copied().zip(line.split(',')).collect())
}

/// Some fields of a line.
pub fn fields<'a>(row: &Row<'a>, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| row.get(name).copied().unwrap_or_default()).collect()
}

fn number(row: &Row<'_>, name: &str) -> Option<f64> {
    row.get(name)?.parse().ok()
}

/// The best network of a repeat, or a training of the baseline.
pub struct Winner {
    /// `baseline`, or the searcher.
    pub searcher: String,
    /// Whether it is the best of those that are deployable, or of all.
    pub among_deployable: bool,
    /// Whether it meets all limits.
    pub deployable: bool,
    /// Of each [`Measure`].
    figures: [Option<f64>; Measure::ALL.len()],
}

/// A figure of a network.
#[derive(Clone, Copy, PartialEq)]
pub enum Measure {
    Validation,
    Test,
    RamBytes,
    RomBytes,
    CrossAccuracy,
    Macc,
}

impl Measure {
    pub const ALL: [Self; 6] = [
        Self::Validation,
        Self::Test,
        Self::RamBytes,
        Self::RomBytes,
        Self::CrossAccuracy,
        Self::Macc,
    ];

    fn column(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Test => "test",
            Self::RamBytes => "st_ram_bytes",
            Self::RomBytes => "st_rom_bytes",
            Self::CrossAccuracy => "cross_accuracy",
            Self::Macc => "macc",
        }
    }

    /// Head of a column in print.
    pub fn title(self) -> &'static str {
        match self {
            Self::Validation => "accuracy (validation), %",
            Self::Test => "accuracy (test), %",
            Self::RamBytes => "RAM, KB",
            Self::RomBytes => "ROM, KB",
            Self::CrossAccuracy => "X-CROSS, %",
            Self::Macc => "MACC",
        }
    }

    /// Mean and standard deviation in print: shares as percents, bytes as KB (1000 bytes).
    pub fn print(self, Spread { mean, deviation, count }: Spread) -> String {
        let (factor, digits) = match self {
            Self::Validation | Self::Test | Self::CrossAccuracy => (100.0, 2),
            Self::RamBytes | Self::RomBytes => (1e-3, 2),
            Self::Macc => (1.0, 0),
        };
        let mean = format!("{:.digits$}", mean * factor);
        match count {
            1 => mean,
            _ => format!("{mean} ± {:.digits$}", deviation * factor),
        }
    }
}

impl Winner {
    /// A line of `winners.csv`.
    pub fn of(row: &Row<'_>) -> Self {
        Self {
            searcher: row["searcher"].to_owned(),
            among_deployable: row["among"] == "deployable",
            deployable: row["deployable"] == "true",
            figures: Measure::ALL.map(|measure| number(row, measure.column())),
        }
    }

    /// None: not measured.
    pub fn figure(&self, measure: Measure) -> Option<f64> {
        let place = Measure::ALL.iter().position(|known| *known == measure);
        place.and_then(|place| self.figures[place])
    }
}

/// Mean and standard deviation (with n − 1).
#[derive(Clone, Copy)]
pub struct Spread {
    pub mean: f64,
    pub deviation: f64,
    pub count: usize,
}

impl Spread {
    /// None of nothing.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 };
        (count > 0).then_some(Self { mean, deviation, count })
    }

    /// Of one figure of some networks.
    pub fn of_winners<'a>(
        winners: impl Iterator<Item = &'a Winner>,
        measure: Measure,
    ) -> Option<Self> {
        Self::of(&winners.filter_map(|winner| winner.figure(measure)).collect::<Vec<_>>())
    }
}

/// What the repeats of a searcher come to.
pub struct Figures {
    pub name: String,
    pub repeats: usize,
    /// Median of the best after a quarter, half and all of the trainings, with its quartiles at the end.
    pub best: [f64; 3],
    pub quartiles: [f64; 2],
    /// Full trainings spent when the first deployable network was there.
    pub first_deployable: f64,
    /// Repeats without any.
    pub without: usize,
    /// Trainings whose network was not deployable.
    pub wasted: f64,
    pub rank: f64,
    /// Against the one with the best mean rank; None: it is that one.
    pub p_value: Option<f64>,
}

impl Figures {
    /// A line of `comparison.csv`.
    pub fn of(row: &Row<'_>, trainings: usize) -> Self {
        let figure = |name: &str| number(row, name).unwrap_or(0.0);
        let best = |after: usize, quartile: &str| figure(&format!("best_after_{after}_{quartile}"));
        Self {
            name: row["searcher"].to_owned(),
            repeats: figure("repeats") as usize,
            best: [trainings.div_ceil(4), trainings.div_ceil(2), trainings]
                .map(|after| best(after, "median")),
            quartiles: ["lower", "upper"].map(|quartile| best(trainings, quartile)),
            first_deployable: figure("first_deployable_median"),
            without: figure("without_deployable") as usize,
            wasted: figure("wasted_median"),
            rank: figure("mean_rank"),
            p_value: number(row, "p_value"),
        }
    }
}

/// Two searchers, repeat by repeat.
pub struct Pair {
    pub names: [String; 2],
    pub mean_difference: f64,
    pub wins_ties_losses: [usize; 3],
    pub p_value: f64,
}

impl Pair {
    /// A line of `pairs.csv`.
    pub fn of(row: &Row<'_>) -> Self {
        let figure = |name: &str| number(row, name).unwrap_or(0.0);
        Self {
            names: [row["searcher"].to_owned(), row["other"].to_owned()],
            mean_difference: figure("mean_difference"),
            wins_ties_losses: ["wins", "ties", "losses"].map(|name| figure(name) as usize),
            p_value: number(row, "p_value").unwrap_or(1.0),
        }
    }

    /// Of two searchers in this order, if both are there.
    pub fn find(pairs: Vec<Self>, one: &str, other: &str) -> Option<Self> {
        pairs.into_iter().find_map(|pair| match [&pair.names[0][..], &pair.names[1]] {
            names if names == [one, other] => Some(pair),
            names if names == [other, one] => Some(pair.turned()),
            _ => None,
        })
    }

    fn turned(self) -> Self {
        let ([one, other], [wins, ties, losses]) = (self.names, self.wins_ties_losses);
        Self {
            names: [other, one],
            mean_difference: -self.mean_difference,
            wins_ties_losses: [losses, ties, wins],
            p_value: self.p_value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_worked_by_hand() {
        let Spread { mean, deviation, count } = Spread::of(&[1.0, 2.0, 6.0]).unwrap();
        assert_eq!((mean, count), (3.0, 3));
        // Squares 4, 1 and 9.
        assert!((deviation - 7_f64.sqrt()).abs() < 1e-12);
        assert!(Spread::of(&[]).is_none());
        let print = |values: &[f64]| Measure::Test.print(Spread::of(values).unwrap());
        assert_eq!(print(&[0.5, 0.7]), "60.00 ± 14.14");
        assert_eq!(print(&[0.5]), "50.00");
    }

    #[test]
    fn a_pair_is_found_in_either_order() {
        let text = "searcher,other,mean_difference,wins,ties,losses,p_value\na,b,0.25,3,1,0,0.5\n";
        let pairs = || rows(text).map(|row| Pair::of(&row)).collect::<Vec<_>>();
        let turned = Pair::find(pairs(), "b", "a").unwrap();
        assert_eq!((turned.mean_difference, turned.wins_ties_losses), (-0.25, [0, 1, 3]));
        assert_eq!(Pair::find(pairs(), "a", "b").unwrap().wins_ties_losses, [3, 1, 0]);
        assert!(Pair::find(pairs(), "a", "c").is_none());
    }
}
