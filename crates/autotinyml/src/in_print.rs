//! Numbers in print. KB are 1000 bytes.

use autotinyml_search::Setting;

/// "1 trial", "2 trials", "3 classes": plural for all but one.
pub fn counted(number: usize, what: &str) -> String {
    let ending = match (number, what.ends_with('s')) {
        (1, _) => "",
        (_, false) => "s",
        (_, true) => "es",
    };
    format!("{} {what}{ending}", grouped(number))
}

/// 34560 as `34,560`.
pub fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// 0.9213 as `92.13 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// As [`percent`], but rounded down, so that no shortfall prints as its limit. What is within 1e-9
/// of a hundredth of a percent counts as that: 0.95 is not a binary fraction.
pub fn percent_at_least(share: f64) -> String {
    format!("{:.2} %", (share * 1e4 + 1e-5).floor() / 100.0)
}

/// 24576 bytes as `24.58 KB`; below one KB, bytes, so that little does not print as nothing.
pub fn kilobytes(bytes: f64) -> String {
    match bytes.round() as u64 {
        bytes @ 0..1000 => format!("{bytes} B"),
        _ => {
            let hundredths = (bytes / 10.0).round() as u64;
            format!("{}.{:02} KB", grouped(hundredths / 100), hundredths % 100)
        }
    }
}

/// Keeps numbers and their units on one line.
pub fn unbroken(text: &str) -> String {
    [" %", " KB", " B"]
        .iter()
        .fold(text.to_owned(), |text, unit| text.replace(unit, &unit.replace(' ', "\u{a0}")))
}

/// Four significant digits of a number that has more; text as it is.
pub fn setting(setting: &Setting) -> String {
    let exact = setting.to_string();
    match setting {
        Setting::Number(number) if number.fract() != 0.0 && exact.len() > 7 => {
            let decimals = (3 - number.abs().log10().floor() as i32).max(0);
            format!("{number:.*}", decimals as usize)
        }
        _ => exact,
    }
}

/// Each class with its size, kept on one line each; of many classes the first, and how large they are.
pub fn class_sizes(classes: &[(String, usize)]) -> String {
    const LISTED_MAX: usize = 40;
    let sizes: Vec<String> = classes
        .iter()
        .take(LISTED_MAX)
        .map(|(class, size)| format!("{class}:\u{a0}{}", grouped(*size)))
        .collect();
    let sizes_of_all = || classes.iter().map(|(_, size)| *size);
    let more = match (sizes_of_all().min(), sizes_of_all().max()) {
        (Some(least), Some(most)) if classes.len() > LISTED_MAX => {
            format!(", … (of {least} to {most} samples)")
        }
        _ => String::new(),
    };
    sizes.join(", ") + &more
}

/// 41.2 as `41 s`, 100 as `1 min 40 s`, 5400 as `1 h 30 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let printed = [0_u64, 999, 1000, 34_560, 20_863_612].map(grouped);
        assert_eq!(printed, ["0", "999", "1,000", "34,560", "20,863,612"]);
    }

    #[test]
    fn one_is_no_plural() {
        let printed = [0, 1, 2, 4000].map(|number| counted(number, "row"));
        assert_eq!(printed, ["0 rows", "1 row", "2 rows", "4,000 rows"]);
        assert_eq!([1, 2].map(|number| counted(number, "class")), ["1 class", "2 classes"]);
    }

    #[test]
    fn kilobytes_have_a_thousand_bytes() {
        let printed = [0.0, 312.0, 999.6, 24_576.0, 2_955_800.0, 17_773_138.0].map(kilobytes);
        assert_eq!(printed, ["0 B", "312 B", "1.00 KB", "24.58 KB", "2,955.80 KB", "17,773.14 KB"]);
    }

    #[test]
    fn a_shortfall_never_prints_as_its_limit() {
        assert_eq!(
            [0.95, 0.949_999, 1.0].map(percent_at_least),
            ["95.00 %", "94.99 %", "100.00 %"]
        );
        assert_eq!(percent(0.949_999), "95.00 %");
    }

    #[test]
    fn settings_keep_four_digits() {
        let numbers = [0.1, 256.0, 123_456_789.0, 0.001_089_203_816, 12.345_678_9];
        let printed = numbers.map(|number| setting(&Setting::Number(number)));
        assert_eq!(printed, ["0.1", "256", "123456789", "0.001089", "12.35"]);
        assert_eq!(setting(&Setting::Text("sigmoid-like".into())), "sigmoid-like");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let printed = [3.21, 41.2, 100.0, 5400.0].map(duration);
        assert_eq!(printed, ["3.2 s", "41 s", "1 min 40 s", "1 h 30 min"]);
    }
}
