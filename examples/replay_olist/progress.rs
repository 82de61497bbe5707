//! How far it is, on standard error: a bar for people, a line per phase for everything else.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows phases one after the other.
pub struct Progress {
    terminal: bool,
}

/// A phase; it is taken off the screen when dropped.
pub struct Phase {
    bar: ProgressBar,
}

impl Progress {
    /// Bars when standard error is a terminal.
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal() }
    }

    /// Begins a phase of `steps` steps.
    pub fn phase(&self, name: &'static str, steps: usize) -> Phase {
        if !self.terminal {
            eprintln!("{name}: {steps}");
            return Phase { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::new(u64::try_from(steps).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{msg:10} {bar:40} {pos}/{len} {per_sec} eta {eta}") {
            bar.set_style(style);
        }
        bar.set_message(name);
        Phase { bar }
    }
}

impl Phase {
    /// One step is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
