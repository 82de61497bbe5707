//! A souk of one's own on the embedded default, started beside this program and stopped at the end.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The server says where it listens within this time.
const START: Duration = Duration::from_secs(60);
/// It ends within this time when asked to: running jobs get 20 seconds.
const STOP: Duration = Duration::from_secs(40);
/// Work that is still under way after the last order ends within this time.
const SETTLE: Duration = Duration::from_secs(30);

/// The `souk` binary of the build that this program is from.
///
/// # Errors
/// A sentence that says what to run, when it is not there.
pub fn binary() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
    // .../target/release/examples/replay_olist and .../target/release/souk
    let folder = own.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let souk = folder.join(format!("souk{}", std::env::consts::EXE_SUFFIX));
    if souk.is_file() {
        return Ok(souk);
    }
    let build = if cfg!(debug_assertions) { "cargo build" } else { "cargo build --release" };
    Err(format!("{} is not there; run `{build}` first", souk.display()))
}

/// A running souk; killed when dropped without [`Server::stop`].
pub struct Server {
    child: Child,
    binary: PathBuf,
    data_dir: PathBuf,
    /// Where its API is.
    pub url: String,
}

impl Server {
    /// Starts it on `data_dir` and a free port, with an administrator.
    ///
    /// # Errors
    /// A sentence, with the end of its log.
    pub fn start(data_dir: &Path, email: &str, password: &str) -> Result<Self, String> {
        let binary = binary()?;
        let log_path = data_dir.join("souk.log");
        let log = File::create(&log_path).map_err(|error| format!("{}: {error}", log_path.display()))?;
        let mut child = command(&binary, data_dir)
            .arg("serve")
            .env("SOUK_BIND", "127.0.0.1:0")
            // All shoppers and sellers of the data come from this one address.
            .env("SOUK_RATE_LIMITS", "off")
            .env("SOUK_ADMIN_EMAIL", email)
            .env("SOUK_ADMIN_PASSWORD", password)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let (tell, told) = std::sync::mpsc::channel();
        if let Some(output) = child.stdout.take() {
            // Read to the end, so that the server never waits for a reader.
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if let Some(rest) = line.strip_prefix("souk listens on ") {
                        let _ = tell.send(rest.split_whitespace().next().unwrap_or_default().to_owned());
                    }
                }
            });
        }
        let mut server = Self { child, binary, data_dir: data_dir.to_owned(), url: String::new() };
        match told.recv_timeout(START) {
            Ok(url) => {
                server.url = url;
                Ok(server)
            }
            Err(_) => {
                let log = std::fs::read_to_string(&log_path).unwrap_or_default();
                Err(format!("souk does not start; its log ends with:\n{}", tail(&log)))
            }
        }
    }

    /// Runs `souk verify` on its database; what is still under way gets some time to end.
    ///
    /// # Errors
    /// A sentence, when it cannot be run.
    pub fn verify(&self) -> Result<bool, String> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let mut verify = command(&self.binary, &self.data_dir);
            let told = verify.args(["verify", "--quiet"]).output().map_err(|error| format!("souk verify: {error}"))?;
            if told.status.success() || Instant::now() > deadline {
                print!("{}", String::from_utf8_lossy(&told.stdout));
                eprint!("{}", String::from_utf8_lossy(&told.stderr));
                return Ok(told.status.success());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// A sentence, when it does not end or does not end well.
    pub fn stop(mut self) -> Result<(), String> {
        terminate(&mut self.child).map_err(|error| format!("souk cannot be asked to stop: {error}"))?;
        let deadline = Instant::now() + STOP;
        loop {
            match self.child.try_wait().map_err(|error| format!("waiting for souk: {error}"))? {
                Some(status) => return ended(status),
                None if Instant::now() > deadline => return Err("souk does not stop; it is killed".to_owned()),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ended(status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("souk ended with {status}")) }
}

/// A command of souk with the defaults, whatever the environment says.
fn command(binary: &Path, data_dir: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    command.env("SOUK_DATA_DIR", data_dir).env("SOUK_LOG", "warn");
    command
}

fn is_setting(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("SOUK_") || name == "DATABASE_URL" || name == "REDIS_URL"
}

#[cfg(unix)]
fn terminate(child: &mut Child) -> std::io::Result<()> {
    // The standard library can only kill; every Unix shell can ask.
    let status = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other(format!("kill ended with {status}"))) }
}

#[cfg(not(unix))]
fn terminate(child: &mut Child) -> std::io::Result<()> {
    child.kill()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Runs `souk verify` on the database of the environment's DATABASE_URL; `None` without one.
///
/// # Errors
/// A sentence, when it cannot be run.
pub fn verify_environment() -> Result<Option<bool>, String> {
    if std::env::var_os("DATABASE_URL").is_none() {
        return Ok(None);
    }
    // Others may use that installation, so what holds only when all is quiet is not asked for.
    let status = Command::new(binary()?).arg("verify").status().map_err(|error| format!("souk verify: {error}"))?;
    Ok(Some(status.success()))
}
