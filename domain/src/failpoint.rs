//! Places at which a test ends the process, as a power cut would.
//!
//! Work that begins with a commit of its own has a scope ([`within`]): a job's kind, an operation
//! of the API, a round in the background. In it every step between two commits, or between a commit
//! and something outside, is a place ([`reach`]) with the name `scope:step`; what is reached again
//! in the same run is `scope:step@2`, and so on.
//!
//! Built with the feature `failpoints` and started with `SOUK_FAILPOINT=capture_payment:asked`, a
//! process aborts when it first gets there. `SOUK_FAILPOINT_TRACE` names a file to which each
//! place is added that is reached, so that a test knows all there are. Without the feature nothing
//! of this is there.

#[cfg(feature = "failpoints")]
pub use armed::{reach, within};

/// Runs `work` under the name of its scope.
#[cfg(not(feature = "failpoints"))]
pub fn within<W: Future>(_scope: impl std::fmt::Display, work: W) -> W {
    work
}

/// A step of the scope.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn reach(_step: &'static str) {}

#[cfg(feature = "failpoints")]
mod armed {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt::Display;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::sync::{Arc, LazyLock, Mutex, PoisonError};

    static FATAL: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("SOUK_FAILPOINT").ok());
    static TRACE: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("SOUK_FAILPOINT_TRACE").ok());
    static REACHED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    struct Scope {
        name: String,
        /// How often each step was reached.
        steps: Mutex<BTreeMap<&'static str, u32>>,
    }

    tokio::task_local! {
        static SCOPE: Arc<Scope>;
    }

    /// Runs `work` under the name of its scope.
    pub async fn within<W: Future>(scope: impl Display, work: W) -> W::Output {
        let scope = Scope { name: scope.to_string(), steps: Mutex::default() };
        SCOPE.scope(Arc::new(scope), work).await
    }

    /// A step of the scope; the end of the process, if it is the one that was asked for. Outside
    /// of any scope it is nothing.
    pub fn reach(step: &'static str) {
        let Ok(name) = SCOPE.try_with(|scope| {
            let mut steps = scope.steps.lock().unwrap_or_else(PoisonError::into_inner);
            let times = steps.entry(step).or_insert(0);
            *times += 1;
            match times {
                1 => format!("{}:{step}", scope.name),
                times => format!("{}:{step}@{times}", scope.name),
            }
        }) else {
            return;
        };
        if FATAL.as_deref() == Some(&name) {
            std::process::abort();
        }
        if let Some(file) = &*TRACE
            && REACHED.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone())
            && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file)
        {
            // Whoever reads the trace misses what could not be written.
            let _ = file.write_all(format!("{name}\n").as_bytes());
        }
    }
}
