//! Programs that are started for the time of the demo, in a temporary folder: PostgreSQL and Redis.
//!
//! None outlives this process, however it ends: a shell stands between, which reads from a pipe whose other end is held here. When that
//! closes, the shell stops the program and removes its folder. Who else uses this machine is kept out by a password.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};
use trading_platform::{reach_postgres, reach_redis};

/// How long a program may take until it can be used.
const START: Duration = Duration::from_secs(30);

/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(8);

/// The user without rights, on Linux and elsewhere: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

/// `sh -c SHELL sh FOLDER SIGNAL PROGRAM ARGUMENT…`
const SHELL: &str = r#"folder=$1 signal=$2
shift 2
"$@" >"$folder/log" 2>&1 &
read -r _
kill -s "$signal" $! 2>/dev/null
wait
rm -rf "$folder""#;

/// A program, with the folder that is its own.
pub(super) struct Program {
    shell: Child,
    /// Closes with this value, which stops it.
    stdin: Option<ChildStdin>,
    /// The shell removes it as well, when this process can't any more.
    folder: TempDir,
}

/// A program that can be used.
pub(super) struct Started {
    pub(super) url: String,
    pub(super) address: SocketAddr,
    pub(super) version: String,
    pub(super) program: Program,
}

/// Why a program does not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{package} is not installed")]
    NotInstalled { package: &'static str },
    #[error("{program} did not start: {source}")]
    Start { program: &'static str, source: std::io::Error },
    #[error("{program} did not start: {said}")]
    Said { program: &'static str, said: String },
}

/// Starts a PostgreSQL.
pub(super) async fn postgres() -> Result<Started, Error> {
    const INITDB: &str = "initdb";
    let not_started = |source| Error::Start { program: "postgres", source };
    let programs = postgres_programs().ok_or(Error::NotInstalled { package: "postgresql" })?;
    let (folder, password) = (folder().map_err(not_started)?, password().map_err(not_started)?);
    let (data, file) = (folder.path().join("data"), folder.path().join("password"));
    write(&file, &password).map_err(not_started)?;
    let mut initdb = Command::new(programs.join(INITDB));
    initdb.arg("-D").arg(&data).args(["-U", "tripod", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]);
    initdb.arg("--pwfile").arg(&file).current_dir(folder.path()).kill_on_drop(true).stdin(Stdio::null());
    let made = as_nobody(&mut initdb).output().await.map_err(|source| Error::Start { program: INITDB, source })?;
    if !made.status.success() {
        let said = last_line(&String::from_utf8_lossy(&made.stderr));
        return Err(Error::Said { program: INITDB, said });
    }
    let address = free_address().map_err(not_started)?;
    let mut arguments = vec![programs.join("postgres").into_os_string(), "-D".into(), data.into()];
    // Nothing here has to survive a crash.
    for argument in ["-h", "127.0.0.1", "-k", "", "-F", "-p", &address.port().to_string()] {
        arguments.push(argument.into());
    }
    let program = Program::start(folder, "INT", &arguments).map_err(not_started)?;
    let url = format!("postgres://tripod:{password}@{address}/postgres");
    let version = program.usable("postgres", || reach_postgres(&url)).await?;
    Ok(Started { url, address, version, program })
}

/// Starts a Redis.
pub(super) async fn redis() -> Result<Started, Error> {
    let not_started = |source| Error::Start { program: "redis-server", source };
    let server = in_path("redis-server").ok_or(Error::NotInstalled { package: "redis-server" })?;
    let (folder, password) = (folder().map_err(not_started)?, password().map_err(not_started)?);
    let address = free_address().map_err(not_started)?;
    let file = folder.path().join("redis.conf");
    let port = address.port();
    let config = format!("bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\nappendonly no\ndir ./\n");
    write(&file, &config).map_err(not_started)?;
    let program = Program::start(folder, "TERM", &[server.into(), file.into()]).map_err(not_started)?;
    let url = format!("redis://:{password}@{address}");
    let version = program.usable("redis-server", || reach_redis(&url)).await?;
    Ok(Started { url, address, version, program })
}

impl Program {
    fn start(folder: TempDir, signal: &str, arguments: &[std::ffi::OsString]) -> std::io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).arg(folder.path()).arg(signal).args(arguments).current_dir(folder.path());
        // A group of its own: Ctrl-C is for this process, which stops the services first.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = as_nobody(&mut command).spawn()?;
        let stdin = shell.stdin.take();
        Ok(Self { shell, stdin, folder })
    }

    /// Waits until it can be used; answers its version.
    async fn usable<F>(&self, program: &'static str, reach: impl Fn() -> F) -> Result<String, Error>
    where
        F: Future<Output = Result<String, trading_platform::Error>>,
    {
        let deadline = Instant::now() + START;
        loop {
            sleep(Duration::from_millis(100)).await;
            match reach().await {
                Ok(version) => return Ok(version),
                Err(error) if Instant::now() > deadline => {
                    let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                    let said = if log.is_empty() { error.to_string() } else { last_line(&log) };
                    return Err(Error::Said { program, said });
                }
                Err(_) => {}
            }
        }
    }

    pub(super) async fn stop(&mut self) {
        drop(self.stdin.take());
        if timeout(STOP, self.shell.wait()).await.is_err() {
            let _ = self.shell.kill().await;
        }
    }
}

/// A folder that only the program's user may look into.
fn folder() -> std::io::Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix("tripod-demo-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir()?;
    give_away(folder.path())?;
    Ok(folder)
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(file, text)?;
    give_away(file)
}

/// What this process makes is its user's.
fn is_root() -> bool {
    static IS_ROOT: LazyLock<bool> = LazyLock::new(|| {
        tempfile::tempfile().and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.uid() == 0)
    });
    *IS_ROOT
}

fn give_away(path: &Path) -> std::io::Result<()> {
    if is_root() { chown(path, Some(NOBODY), Some(NOBODY)) } else { Ok(()) }
}

fn as_nobody(command: &mut Command) -> &mut Command {
    if is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

/// A password that nobody guesses.
fn password() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim().to_owned()
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The folder with `initdb` and `postgres`: Debian keeps them out of `PATH`, a folder for each version.
fn postgres_programs() -> Option<PathBuf> {
    let has_both = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let of_path = in_path("initdb").and_then(|file| Some(file.parent()?.to_owned()));
    let version = |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    versions.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    of_path.into_iter().chain(versions.into_iter().map(|folder| folder.join("bin"))).find(has_both)
}
