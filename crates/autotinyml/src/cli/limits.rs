//! `--limits`: what a user allows instead of what the study does.

use autotinyml_deploy::Limits;

use super::Failure;

/// A study's limits with what the user says instead.
///
/// # Errors
/// [`Failure::Usage`] with what was expected.
pub fn limits(mut limits: Limits, changes: &[String]) -> Result<Limits, Failure> {
    for change in changes {
        let wrong = |expected: &str| Failure::Usage {
            message: format!("--limits {change}: expected {expected}"),
            help: "for example --limits ram_kb=16,rom_kb=none,cross_accuracy=0.95".into(),
        };
        let (name, value) = change.split_once('=').ok_or_else(|| wrong("NAME=VALUE"))?;
        let positive = |expected: &str| match value {
            "none" => Ok(None),
            _ => match value.parse::<f64>() {
                Ok(number) if number > 0.0 && number.is_finite() => Ok(Some(number)),
                _ => Err(wrong(expected)),
            },
        };
        let bytes = |kilobytes: f64| (kilobytes * 1000.0).round() as usize;
        match name {
            "ram_kb" => limits.ram_bytes = positive("KB, more than 0")?.map(bytes),
            "rom_kb" => limits.rom_bytes = positive("KB, more than 0")?.map(bytes),
            "macc" => limits.macc = positive("a number, more than 0")?.map(|macc| macc as u64),
            "cross_accuracy" => {
                let share = positive("a share from 0 to 1")?;
                if share.is_some_and(|share| share > 1.0) {
                    return Err(wrong("a share from 0 to 1"));
                }
                limits.cross_accuracy = share;
            }
            _ => return Err(wrong("ram_kb, rom_kb, macc or cross_accuracy")),
        }
    }
    Ok(limits)
}
