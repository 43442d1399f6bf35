//! Axes: the range that a plot shows, and the round numbers on it.

/// One axis of a plot.
#[derive(Clone)]
pub struct Axis {
    /// What is measured, with its unit.
    pub label: String,
    /// Values with their text, in ascending order.
    pub ticks: Vec<(f64, String)>,
    low: f64,
    high: f64,
    scale: Scale,
}

#[derive(Clone, Copy)]
enum Scale {
    Linear,
    Log,
    /// By the logarithm of what is missing to 1.
    LogError,
}

/// At most about as many ticks as an axis has room for.
const TICKS: f64 = 6.0;

/// Where the errors of the networks shown differ by a larger factor, a linear axis would press the
/// good ones together.
const ERRORS_RATIO: f64 = 8.0;

/// Smaller errors are drawn at this one: a test part without any would have none on a log scale.
const ERROR_MIN: f64 = 1e-3;

impl Axis {
    /// From the least to the greatest of the values, with a little room around them.
    pub fn linear(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        let room = if high > low { 0.05 * (high - low) } else { 0.5 * high.abs().max(0.01) };
        let (low, high) = (low - room, high + room);
        let step = round_step((high - low) / TICKS);
        let first = (low / step).ceil() as i64;
        let ticks = (first..).map(|i| i as f64 * step).take_while(|&tick| tick <= high);
        Self { label: label.to_owned(), ticks: print(ticks), low, high, scale: Scale::Linear }
    }

    /// From half before the least to half behind the greatest of things that are counted.
    pub fn count(label: &str, numbers: impl IntoIterator<Item = usize>) -> Self {
        let (low, high) = range(numbers.into_iter().map(|n| n as f64)).unwrap_or((0.0, 1.0));
        let (low, high) = (low - 0.5, high + 0.5);
        let step = round_step((high - low) / TICKS).max(1.0);
        let first = (low / step).ceil() as i64;
        let ticks = (first..).map(|i| i as f64 * step).take_while(|&tick| tick <= high);
        Self { label: label.to_owned(), ticks: print(ticks), low, high, scale: Scale::Linear }
    }

    /// For accuracies from 0 to 1, printed in percent: linear, or by the logarithm of the errors.
    pub fn accuracy(label: &str, shares: impl IntoIterator<Item = f64>) -> Self {
        let shares: Vec<f64> = shares.into_iter().collect();
        let errors = range(shares.iter().map(|&share| error(share)));
        if let Some((low, high)) = errors.filter(|(low, high)| high / low > ERRORS_RATIO) {
            let axis = Self::log(&format!("{label} (log scale of errors)"), [low, high]);
            let high = axis.high.min(1.0);
            let ticks = [1.0, 0.1, 0.01, 0.001].into_iter().flat_map(|d| [d, d * 0.5, d * 0.2]);
            let ticks = ticks.filter(|tick| (axis.low..=high).contains(tick));
            let ticks = ticks.map(|error| (1.0 - error, round(100.0 * (1.0 - error)))).collect();
            return Self { ticks, high, scale: Scale::LogError, ..axis };
        }
        Self::percent(label, shares)
    }

    /// As [`linear`](Self::linear), for shares from 0 to 1, printed in percent.
    pub fn percent(label: &str, shares: impl IntoIterator<Item = f64>) -> Self {
        let axis = Self::linear(label, shares.into_iter().map(|share| share * 100.0));
        let ticks = axis.ticks.into_iter().filter(|(tick, _)| (0.0..=100.0).contains(tick));
        let ticks = ticks.map(|(tick, text)| (tick / 100.0, text)).collect();
        Self { ticks, low: axis.low / 100.0, high: axis.high / 100.0, ..axis }
    }

    /// As [`linear`](Self::linear), by the logarithm. The values are positive.
    pub fn log(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values).unwrap_or((1.0, 10.0));
        let room = (high / low).powf(0.05).max(1.1);
        let (low, high) = (low / room, high * room);
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let digits: &[f64] = match high / low {
            ratio if ratio < 50.0 => &[1.0, 2.0, 5.0],
            ratio if ratio < 1000.0 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let ticks = decades.flat_map(|decade| digits.iter().map(move |d| d * 10_f64.powi(decade)));
        let ticks = ticks.filter(|tick| (low..=high).contains(tick));
        Self { label: label.to_owned(), ticks: print(ticks), low, high, scale: Scale::Log }
    }

    /// One place for each name, at 0, 1, 2 …
    pub fn names(label: &str, names: Vec<String>) -> Self {
        let high = names.len() as f64 - 0.5;
        let ticks =
            names.into_iter().enumerate().map(|(place, name)| (place as f64, name)).collect();
        Self { label: label.to_owned(), ticks, low: -0.5, high, scale: Scale::Linear }
    }

    /// Where a value lies between the ends of the axis: 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        let log = |value: f64| (value / self.low).ln() / (self.high / self.low).ln();
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => log(value),
            Scale::LogError => 1.0 - log(error(value)),
        }
    }
}

fn error(share: f64) -> f64 {
    (1.0 - share).max(ERROR_MIN)
}

fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// The least of 1, 2, 5, 10, 20 … (and tenths of them) that is not below `least`.
fn round_step(least: f64) -> f64 {
    let decade = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade);
    steps.into_iter().find(|&step| step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * decade)
}

fn print(ticks: impl Iterator<Item = f64>) -> Vec<(f64, String)> {
    ticks.map(|tick| (tick, round(tick))).collect()
}

fn round(tick: f64) -> String {
    let digits = format!("{tick:.6}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        assert_eq!(texts(&Axis::linear("", [0.0, 99.0])), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(texts(&Axis::linear("", [0.1, 0.3])), ["0.1", "0.15", "0.2", "0.25", "0.3"]);
        assert_eq!(texts(&Axis::accuracy("", [0.62, 0.9])), ["70", "80", "90"]);
        assert_eq!(texts(&Axis::log("", [3.0, 60.0])), ["5", "10", "20", "50"]);
        assert_eq!(texts(&Axis::log("", [1.0, 1e4])), ["1", "10", "100", "1000", "10000"]);
        assert_eq!(texts(&Axis::linear("", [7.0])), ["4", "6", "8", "10"]);
        assert_eq!(texts(&Axis::count("", [7])), ["7"]);
        assert_eq!(texts(&Axis::count("", 1..=4)), ["1", "2", "3", "4"]);
        assert_eq!(texts(&Axis::count("", 0..100)), ["0", "20", "40", "60", "80"]);
    }

    #[test]
    fn accuracies_near_one_are_told_apart() {
        let axis = Axis::accuracy("", [0.1, 0.97, 1.0]);
        assert_eq!(texts(&axis), ["0", "50", "80", "90", "95", "98", "99", "99.5", "99.8", "99.9"]);
        let halved = axis.share(0.99) - axis.share(0.98);
        assert!((axis.share(0.9) - axis.share(0.8) - halved).abs() < 1e-12);
        let ends = [0.0, 0.1, 1.0].map(|share| axis.share(share));
        assert!(ends.iter().all(|share| (0.0..=1.0).contains(share)), "{ends:?}");
    }

    #[test]
    fn a_logarithmic_axis_spaces_factors_evenly() {
        let axis = Axis::log("", [1.0, 100.0]);
        let step = axis.share(10.0) - axis.share(1.0);
        assert!((axis.share(100.0) - axis.share(10.0) - step).abs() < 1e-12);
        assert!(axis.share(1.0) > 0.0 && axis.share(100.0) < 1.0);
    }
}
