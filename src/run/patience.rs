//! How long a step is tried, and how long between tries: doubling with jitter, so that runs do not march in step.

use std::time::{Duration, Instant};

/// The first pause; later ones double up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One step's patience.
#[derive(Debug)]
pub(super) struct Patience {
    started: Instant,
    ends: Instant,
    deadline: Option<Instant>,
    pause: Duration,
}

impl Patience {
    /// Patience of this length, cut short by the run's deadline.
    pub(super) fn new(length: Duration, deadline: Option<Instant>) -> Self {
        let started = Instant::now();
        let ends = started + length;
        Self { started, ends: deadline.map_or(ends, |deadline| ends.min(deadline)), deadline, pause: FIRST_PAUSE }
    }

    /// Whether it is the run's deadline that ends it.
    pub(super) fn is_cut_short(&self) -> bool {
        self.deadline == Some(self.ends)
    }

    /// How long it has lasted.
    pub(super) fn waited(&self) -> Duration {
        self.started.elapsed()
    }

    /// The next pause, between half and one and a half of the nominal one; `None` when patience has ended.
    pub(super) fn pause(&mut self) -> Option<Duration> {
        let left = self.ends.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        let pause = self.pause.mul_f64(0.5 + fastrand::f64());
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(pause.min(left))
    }
}
