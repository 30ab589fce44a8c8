//! Programs that live as long as the one who started them, and not a moment longer.
//!
//! Comes in: commands; goes out: nothing but their end. Each runs in a process group of its own and is ended by
//! that group's id. A small shell, the keeper, reads those ids from a pipe and ends the groups when the pipe closes,
//! so that nothing stays behind when the starter is itself killed or interrupted.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::packages;

const KEEPER: &str = r#"
trap '' INT TERM HUP
groups=
while read -r word group; do
  case $word in
    add) groups="$groups $group" ;;
    gone) left=; for g in $groups; do [ "$g" = "$group" ] || left="$left $g"; done; groups=$left ;;
  esac
done
[ -n "$groups" ] || exit 0
for g in $groups; do kill -TERM "$g" 2>/dev/null; done
sleep 2
for g in $groups; do kill -KILL "$g" 2>/dev/null; done
rm -rf "$1"
"#;

/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(3);

/// The programs, in the order they were started. Dropping it ends them in the reverse order.
#[derive(Debug)]
pub struct Crew {
    folder: PathBuf,
    running: Vec<Running>,
    keeper: Child,
    pipe: Option<ChildStdin>,
}

/// How far the end of a program reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What it started ends with it.
    WithChildren,
    /// What it started lives on.
    Alone,
}

#[derive(Debug)]
struct Running {
    name: String,
    child: Child,
    reach: Reach,
}

impl Crew {
    /// Logs go to `folder`, which the keeper removes if the starter dies without having ended its programs.
    pub fn new(folder: &Path) -> Result<Self> {
        let mut keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start /bin/sh")?;
        let pipe = keeper.stdin.take();
        Ok(Self { folder: folder.to_owned(), running: Vec::new(), keeper, pipe })
    }

    /// Starts a program under a name of its own. Its stdout goes to a file that [`Crew::said`] reads, its stderr to
    /// `NAME.log`.
    pub fn start(&mut self, name: &str, command: &mut Command) -> Result<()> {
        self.start_within(name, command, Reach::WithChildren)
    }

    /// As [`Crew::start`], with a say in whether the program's own children end with it.
    pub fn start_within(&mut self, name: &str, command: &mut Command, reach: Reach) -> Result<()> {
        let out = self.file(name, "out");
        command.stdout(File::create(&out).with_context(|| format!("cannot write {}", out.display()))?);
        self.launch(name, command, reach).map(drop)
    }

    /// As [`Crew::start`], with a pipe that carries the program's stdout.
    pub fn start_with_output(&mut self, name: &str, command: &mut Command) -> Result<ChildStdout> {
        let running = self.launch(name, command.stdout(Stdio::piped()), Reach::WithChildren)?;
        running.child.stdout.take().context("the program has no stdout")
    }

    fn launch(&mut self, name: &str, command: &mut Command, reach: Reach) -> Result<&mut Running> {
        if self.running.iter().any(|other| other.name == name) {
            bail!("{name} is running already");
        }
        let log = self.file(name, "log");
        let errors = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|error| not_started(&command.get_program().to_string_lossy(), error))?;
        self.tell("add", reach, child.id())?;
        self.running.push(Running { name: name.to_owned(), child, reach });
        self.running.last_mut().context("the program just started is gone")
    }

    /// What a program started with [`Crew::start`] has written to its stdout so far.
    pub fn said(&self, name: &str) -> Result<String> {
        let out = self.file(name, "out");
        let said = std::fs::read(&out).with_context(|| format!("cannot read {}", out.display()))?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    /// The process id of a program.
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.running.iter().find(|running| running.name == name).map(|running| running.child.id())
    }

    /// Fails with the end of its log when a program is no longer running.
    pub fn check(&mut self, name: &str) -> Result<()> {
        let Some(running) = self.running.iter_mut().find(|running| running.name == name) else {
            bail!("{name} was not started");
        };
        if !has_ended(&running.child)? {
            return Ok(());
        }
        let words = last_words(&self.file(name, "log"));
        bail!("{name} ended by itself; its last words: {words}")
    }

    /// Asks a program to end, then makes it. Fine if it is not running.
    pub fn stop(&mut self, name: &str) -> Result<()> {
        self.end(name, Signal::TERM)
    }

    /// Ends a program without asking: the way of a crash.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        self.end(name, Signal::KILL)
    }

    fn end(&mut self, name: &str, signal: Signal) -> Result<()> {
        let Some(at) = self.running.iter().position(|running| running.name == name) else {
            return Ok(());
        };
        let running = self.running.remove(at);
        let (reach, id) = (running.reach, running.child.id());
        let ended = end(running.child, reach, signal);
        self.tell("gone", reach, id)?;
        ended.with_context(|| format!("cannot end {name}"))
    }

    fn tell(&mut self, word: &str, reach: Reach, id: u32) -> Result<()> {
        let pipe = self.pipe.as_mut().context("the keeper is gone")?;
        // `kill` takes a group as a negative number.
        let sign = if reach == Reach::WithChildren { "-" } else { "" };
        writeln!(pipe, "{word} {sign}{id}").context("the keeper does not listen")
    }

    fn file(&self, name: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{name}.{kind}"))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for running in std::mem::take(&mut self.running).into_iter().rev() {
            let (reach, id) = (running.reach, running.child.id());
            if let Err(error) = end(running.child, reach, Signal::TERM) {
                eprintln!("cannot end {} (process {id}): {error:#}", running.name);
            } else if let Err(error) = self.tell("gone", reach, id) {
                eprintln!("{error:#}");
            }
        }
        drop(self.pipe.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("cannot wait for the keeper: {error}");
        }
    }
}

/// What to say when a program does not start: which package to install, when it is simply missing.
pub fn not_started(program: &str, error: std::io::Error) -> anyhow::Error {
    let name = program.rsplit('/').next().unwrap_or(program);
    match packages::provider(name) {
        Some(package) if error.kind() == std::io::ErrorKind::NotFound => {
            anyhow!(
                "{name} is missing: install the Debian package {package} (`cargo xtask test desktop` does it)"
            )
        }
        _ => anyhow!("cannot start {program}: {error}"),
    }
}

fn last_words(log: &Path) -> String {
    let Ok(log) = std::fs::read(log) else {
        return "none".to_owned();
    };
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join(" | ")
}

/// The leader stays unreaped until its whole group is gone, so that the group's id cannot come to mean another one.
fn end(mut child: Child, reach: Reach, signal: Signal) -> Result<()> {
    let id = Pid::from_child(&child);
    let send = |signal| match reach {
        Reach::WithChildren => kill_process_group(id, signal),
        Reach::Alone => kill_process(id, signal),
    };
    let asked = Instant::now();
    if !has_ended(&child)? {
        send(signal)?;
        while !has_ended(&child)? && asked.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    match send(Signal::KILL) {
        Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    child.wait()?;
    Ok(())
}

fn has_ended(child: &Child) -> Result<bool> {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(Pid::from_child(child)), look)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait;

    fn alive(pid: u32) -> bool {
        // A zombie still has a folder in /proc. (Its command line is no sign: that of a program just starting is empty for a moment, too.)
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| !rest.starts_with(['Z', 'X'])))
    }

    #[test]
    fn a_dropped_crew_leaves_no_process_behind_not_even_a_grandchild() {
        let folder = tempfile::tempdir().unwrap();
        let mut crew = Crew::new(folder.path()).unwrap();
        let mut shell = Command::new("sh");
        crew.start("shell", shell.args(["-c", "sleep 600 & echo $!; wait"])).unwrap();
        let grandchild = wait::until("the grandchild's id", wait::LIMIT, || {
            Ok(crew.said("shell")?.trim().parse::<u32>().ok())
        })
        .unwrap();
        let shell = crew.pid("shell").unwrap();
        assert!(alive(shell) && alive(grandchild));
        drop(crew);
        assert!(!alive(shell) && !alive(grandchild));
    }

    #[test]
    fn what_a_program_started_lives_on_when_only_the_program_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut crew = Crew::new(folder.path()).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo $!; wait"]);
        crew.start_within("shell", &mut shell, Reach::Alone).unwrap();
        let grandchild = wait::until("the grandchild's id", wait::LIMIT, || {
            Ok(crew.said("shell")?.trim().parse::<u32>().ok())
        })
        .unwrap();
        drop(crew);
        assert!(alive(grandchild));
        let id = Pid::from_raw(i32::try_from(grandchild).unwrap()).unwrap();
        kill_process(id, Signal::KILL).unwrap();
    }

    #[test]
    fn a_program_that_ignores_the_request_is_made_to_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut crew = Crew::new(folder.path()).unwrap();
        let mut stubborn = Command::new("sh");
        crew.start("stubborn", stubborn.args(["-c", "trap '' TERM; echo up; while :; do sleep 1; done"]))
            .unwrap();
        wait::until("its trap", wait::LIMIT, || Ok((crew.said("stubborn")? == "up\n").then_some(())))
            .unwrap();
        let pid = crew.pid("stubborn").unwrap();
        crew.stop("stubborn").unwrap();
        assert!(!alive(pid));
        crew.stop("stubborn").unwrap();
    }

    #[test]
    fn a_starter_that_dies_takes_its_programs_along() {
        let folder = tempfile::tempdir().unwrap();
        let mut crew = Crew::new(folder.path()).unwrap();
        crew.start("sleep", Command::new("sleep").arg("600")).unwrap();
        let pid = crew.pid("sleep").unwrap();
        drop(crew.pipe.take()); // what the kernel does when the starter dies
        wait::until("the keeper", wait::LIMIT, || Ok(has_ended(&crew.running[0].child)?.then_some(())))
            .unwrap();
        assert!(!alive(pid));
        crew.keeper.wait().unwrap();
        assert!(!folder.path().exists());
        crew.running.clear();
    }

    #[test]
    fn a_program_that_ended_by_itself_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut crew = Crew::new(folder.path()).unwrap();
        crew.start("short", Command::new("sh").args(["-c", "echo no display >&2"])).unwrap();
        let complaint = wait::until("its end", wait::LIMIT, || Ok(crew.check("short").err())).unwrap();
        assert!(complaint.to_string().contains("no display"), "{complaint}");
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert!(not_started("/usr/bin/dunst", missing).to_string().contains("package dunst"));
    }
}
