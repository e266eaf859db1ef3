//! SIGINT and SIGTERM: heard once, told to everybody, and the running statement is cancelled.

use tokio::sync::watch;

use crate::failure::FailureKind;

/// Which signal ended the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// Ctrl-C.
    Interrupt,
    /// What systemd and Kubernetes send first.
    Terminate,
}

impl StopSignal {
    /// How the run ends: 130 or 143.
    pub fn failure(self) -> FailureKind {
        match self {
            Self::Interrupt => FailureKind::Interrupted,
            Self::Terminate => FailureKind::Terminated,
        }
    }
}

/// Tells whether the run shall stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<StopSignal>>);

impl Stop {
    /// Listens to the process's signals from now on.
    ///
    /// # Errors
    /// When the operating system refuses a signal handler.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (tell, told) = watch::channel(None);
        tokio::spawn(async move {
            let signal = tokio::select! {
                _ = interrupt.recv() => StopSignal::Interrupt,
                _ = terminate.recv() => StopSignal::Terminate,
            };
            // Nobody listens any more when the run has just ended by itself.
            let _ = tell.send(Some(signal));
            tell.closed().await;
        });
        Ok(Self(told))
    }

    /// One that is deaf: for the little that is done after a signal.
    pub(super) fn never() -> Self {
        Self(watch::channel(None).1)
    }

    /// The signal, if one came.
    pub fn signal(&self) -> Option<StopSignal> {
        *self.0.borrow()
    }

    /// Returns when a signal comes; never, when none does.
    pub async fn requested(&mut self) -> StopSignal {
        loop {
            if let Some(signal) = self.signal() {
                return signal;
            }
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
