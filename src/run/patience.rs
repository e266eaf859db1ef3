//! How long a step is tried, and how long between tries: doubling with jitter, so that runs do not march in step.

use std::time::{Duration, Instant};

/// The pause between two looks at who is in the way: a twentieth of the time waited, within these limits.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
/// The pause after the first try; later ones double up to [`LONGEST_PAUSE`].
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

    /// Work that makes nobody wait does not use it up.
    pub(super) fn outlast(&mut self, work: Duration) {
        let ends = self.ends + work;
        self.ends = self.deadline.map_or(ends, |deadline| ends.min(deadline));
    }

    /// How long it has lasted.
    pub(super) fn waited(&self) -> Duration {
        self.started.elapsed()
    }

    /// The pause before looking again who is in the way, which makes nobody wait; `None` when patience has ended.
    pub(super) fn until_next_look(&self) -> Option<Duration> {
        self.cut((self.waited() / 20).clamp(LOOK_AGAIN.0, LOOK_AGAIN.1))
    }

    /// The pause before the next try, longer from try to try; `None` when patience has ended.
    pub(super) fn until_next_try(&mut self) -> Option<Duration> {
        let pause = self.cut(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        pause
    }

    /// Between half and one and a half of the nominal pause, and no longer than patience lasts.
    fn cut(&self, pause: Duration) -> Option<Duration> {
        let left = self.ends.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some(pause.mul_f64(0.5 + fastrand::f64()).min(left))
    }
}
