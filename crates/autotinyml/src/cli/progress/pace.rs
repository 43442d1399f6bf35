//! How fast trials finish, and how long the others will take.

use std::time::{Duration, Instant};

use indicatif::HumanDuration;

/// Trials from which nobody should conclude that the end is near.
const FEW: u32 = 3;

/// What is known of it. The clock is the caller's.
#[derive(Clone)]
pub struct Pace {
    begun: Instant,
    /// When the last trial finished.
    last: Instant,
    /// Finished since it was begun.
    finished: u32,
    left: usize,
}

impl Pace {
    /// Nothing has finished, and so many trials are to come.
    pub fn new(begun: Instant, left: usize) -> Self {
        Self { begun, last: begun, finished: 0, left }
    }

    /// One more.
    pub fn finished(&mut self, now: Instant) {
        self.last = now;
        self.finished += 1;
        self.left = self.left.saturating_sub(1);
    }

    /// Rate and time left behind commas; how long it has taken so far if no trial has finished here.
    pub fn told(&self, now: Instant) -> String {
        if self.finished == 0 {
            return match now - self.begun {
                passed if passed.as_secs() > 0 => format!(", {} so far", HumanDuration(passed)),
                _ => String::new(),
            };
        }
        let each = (self.last - self.begun) / self.finished;
        let rate = rate(each);
        match self.time_left(now) {
            _ if self.left == 0 => format!(", {rate}"),
            // The first trials may have been refused in no time.
            left if left.as_secs() == 0 && self.finished < FEW => format!(", {rate}"),
            left if left.as_secs() == 0 => format!(", {rate}, nearly done"),
            left => format!(", {rate}, {} left", HumanDuration(left)),
        }
    }

    /// As if each trial took as long as those before on average: the one that is running may take
    /// longer, but those behind it are still to come.
    fn time_left(&self, now: Instant) -> Duration {
        let each = (self.last - self.begun).as_secs_f64() / f64::from(self.finished);
        let due = each * self.left as f64 - (now - self.last).as_secs_f64();
        let behind = each * self.left.saturating_sub(1) as f64;
        Duration::from_secs_f64(due.max(behind))
    }
}

/// Trials in the unit of time of which there are some.
fn rate(each: Duration) -> String {
    let per_second = 1.0 / each.as_secs_f64().max(1e-9);
    let (number, unit) = match per_second {
        1.0.. => (per_second, "second"),
        rate if rate * 60.0 >= 1.0 => (60.0 * rate, "minute"),
        rate => (3600.0 * rate, "hour"),
    };
    format!("{number:.1} trials per {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_goes_down_between_trials_but_not_below_that_of_the_others() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut pace = Pace::new(begun, 4);
        assert_eq!(pace.told(begun), "");
        assert_eq!(pace.told(at(70)), ", 70 seconds so far");
        pace.finished(at(20));
        assert_eq!(pace.told(at(20)), ", 3.0 trials per minute, 60 seconds left");
        assert_eq!(pace.told(at(35)), ", 3.0 trials per minute, 45 seconds left");
        assert_eq!(pace.told(at(90)), ", 3.0 trials per minute, 40 seconds left");
        (0..2).for_each(|_| pace.finished(at(60)));
        assert_eq!(pace.told(at(65)), ", 3.0 trials per minute, 15 seconds left");
        assert_eq!(pace.told(at(85)), ", 3.0 trials per minute, nearly done");
        pace.finished(at(80));
        assert_eq!(pace.told(at(90)), ", 3.0 trials per minute");

        let mut refused = Pace::new(begun, 6);
        refused.finished(begun + Duration::from_millis(1));
        assert_eq!(refused.told(at(0)), ", 1000.0 trials per second");
    }

    #[test]
    fn rates_are_told_in_units_that_people_can_count() {
        let told = |seconds| rate(Duration::from_secs_f64(seconds));
        assert_eq!(told(0.25), "4.0 trials per second");
        assert_eq!(told(1.5), "40.0 trials per minute");
        assert_eq!(told(90.0), "40.0 trials per hour");
    }
}
