//! A test in two processes: the outer half holds the desktop, the inner half is the same test run again with the desktop's variables,
//! which a process can take only when it starts. They talk in lines.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use xtask::desktop::Desktop;

const PART: &str = "BELFRY_TEST_INSIDE";
const MARK: &str = "inside> ";
const LIMIT: Duration = Duration::from_secs(40);

/// In the inner half: true.
pub(crate) fn is_inner() -> bool {
    std::env::var_os(PART).is_some()
}

/// In the inner half: tells the outer half a line.
pub(crate) fn tell(line: &str) {
    println!("\n{MARK}{}", line.replace('\n', " "));
    std::io::stdout().flush().unwrap();
}

/// In the inner half: waits until the outer half says to go on, and gives back its word.
pub(crate) fn wait_for_word() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// In the outer half: the inner half, running.
pub(crate) struct Inner {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
}

impl Inner {
    /// Runs the test of this path (`secrets::a_test`) on the desktop.
    pub(crate) fn start(desktop: &Desktop, test: &str) -> Self {
        let command = desktop.command(std::env::current_exe().unwrap());
        Self::of(command, test)
    }

    /// The same with a prepared command.
    pub(crate) fn of(mut command: Command, test: &str) -> Self {
        let mut child = command
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(PART, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let lines = listen(child.stdout.take().unwrap());
        Self { child, stdin, lines }
    }

    /// The next line that the inner half tells.
    pub(crate) fn hear(&mut self) -> String {
        self.lines.recv_timeout(LIMIT).expect("the inner half said nothing; its words stand above")
    }

    /// Whether this line comes within the limit. Other lines are passed over.
    pub(crate) fn hears(&mut self, line: &str, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while let Ok(told) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if told == line {
                return true;
            }
        }
        false
    }

    /// Lets the inner half go on.
    pub(crate) fn word(&mut self, word: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{word}").unwrap();
        stdin.flush().unwrap();
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn finish(mut self) {
        drop(self.stdin.take());
        // Its standard output closes when it ends.
        while self.lines.recv_timeout(LIMIT).is_ok() {}
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the inner half failed: {status}");
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Gone meanwhile is as good.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn listen(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::Builder::new()
        .spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                if let Some(told) = line.strip_prefix(MARK)
                    && sender.send(told.to_owned()).is_err()
                {
                    return;
                }
            }
        })
        .unwrap();
    lines
}
