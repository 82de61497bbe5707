//! Processes of the real binary.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a process may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(30);

/// What can be sent to a process.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Please end.
    Terminate,
    /// Freeze.
    Stop,
    /// Go on.
    Continue,
    /// Read the configuration again.
    Hangup,
}

/// A running `souk`; killed when dropped.
pub struct Process {
    child: Child,
}

/// A command line of souk, untouched by the configuration of whoever runs the tests.
pub fn souk(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_souk"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("SOUK_") || text == "DATABASE_URL" || text == "REDIS_URL" {
            command.env_remove(&name);
        }
    }
    command.args(arguments);
    command
}

/// What the processes of the directory have logged.
pub fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("log")).unwrap_or_default()
}

impl Process {
    /// Starts a process and waits for a line that begins with `sign`; returns what follows there. One
    /// that is to end at some place may do so before it says anything.
    pub fn start(mut command: Command, sign: &str, directory: &Path) -> (Self, String) {
        let log: File = OpenOptions::new().create(true).append(true).open(directory.join("log")).expect("a log");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut process = Self { child };
        let found = lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix(sign).map(str::to_owned));
        let Some(rest) = found else {
            let to_end = command.get_envs().any(|(name, value)| name == "SOUK_FAILPOINT" && value.is_some());
            let status = process.child.wait().expect("the process can be waited for");
            assert!(to_end && status.signal().is_some(), "{command:?} ended:\n{}", self::log(directory));
            return (process, String::new());
        };
        // Read on, so that the process never waits for a full pipe.
        let told = OpenOptions::new().create(true).append(true).open(directory.join("told"));
        let mut told = told.expect("a file for what is told");
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                writeln!(told, "{line}").expect("what is told can be kept");
            }
        });
        (process, rest)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Terminate => "-TERM",
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
            Signal::Hangup => "-HUP",
        };
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "kill {name}");
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process can be waited for")
    }

    /// Asks it to end, and expects it to end well.
    pub fn stop(mut self) {
        self.signal(Signal::Terminate);
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                assert!(status.success(), "after SIGTERM: {status}");
                return;
            }
            assert!(begin.elapsed() < STOP, "it did not stop");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
