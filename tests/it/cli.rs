//! The command line as a person or script meets it: the built program, its exit codes, what it prints where.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Runs `belfry` in a home of its own, with this on standard input.
fn belfry_in(home: &TempDir, arguments: &[&str], input: &str, environment: &[(&str, &str)]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_belfry"))
        .args(arguments)
        .env("BELFRY_HOME", home.path())
        .env("BELFRY_SECRETS", "memory")
        .env_remove("BELFRY_LOG")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that rejects its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn belfry(arguments: &[&str], input: &str) -> Output {
    belfry_in(&tempfile::tempdir().unwrap(), arguments, input, &[])
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn version_and_help_are_no_trouble() {
    let version = belfry(&["--version"], "");
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(version.stdout, format!("belfry {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
    for arguments in
        [&["--help"][..], &["account", "add", "podio", "--help"], &["run", "--help"], &["doctor", "--help"]]
    {
        let help = belfry(arguments, "");
        assert_eq!(help.status.code(), Some(0), "{arguments:?}");
        assert!(help.stdout.len() > 100, "{arguments:?}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2_and_leaves_standard_output_empty() {
    let cases: &[&[&str]] = &[
        &[],
        &["dance"],
        &["run", "--toast", "loud"],
        &["show"],
        &["show", "zero"],
        &["show", "0"],
        &["read"],
        &["read", "1", "--all"],
        &["read", "--account", "podio"],
        &["settings", "--quiet", "22:00"],
        &["settings", "--quiet", "22:00-07:00", "--quiet-off"],
        &["inbox", "--limit", "0"],
        &["inbox", "--account", "Not A Name"],
        &["pause"],
        &["pause", "--for", "1h", "--end"],
        &["pause", "--for", "soon"],
        &["account", "add"],
        &["account", "add", "pigeon"],
        &["account", "add", "podio", "--api-url", "ftp://x"],
        &["account", "add", "podio", "--client-secret", "in-the-open"],
        &["account", "add", "podio", "--password", "in-the-open"],
        &["account", "add", "podio", "--password-stdin"],
        &["account", "add", "podio", "--push-transport", "pigeon"],
        &["account", "remove"],
    ];
    for arguments in cases {
        let output = belfry(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", errors(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_secret_that_is_missing_without_a_terminal_is_named() {
    let cases: &[(&[&str], &str, &str)] = &[
        (&["--client-id", "key"], "", "--client-secret-stdin"),
        (&["--client-id", "key", "--client-secret-stdin"], "", "--client-secret-stdin"),
        (
            &["--client-id", "key", "--client-secret-stdin", "--username", "me"],
            "secret\n",
            "--password-stdin",
        ),
        (
            &["--client-id", "key", "--client-secret-stdin", "--username", "me", "--password-stdin"],
            "secret\n",
            "--password-stdin",
        ),
    ];
    for (flags, input, named) in cases {
        let output = belfry(&[&["account", "add", "podio"], *flags].concat(), input);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", errors(&output));
        assert!(errors(&output).contains(named), "{flags:?}: {}", errors(&output));
    }
}

#[test]
fn wrong_words_in_the_environment_are_wrong_usage() {
    for variable in [("BELFRY_SECRETS", "under-the-mattress"), ("BELFRY_LOG", "belfry=shouting")] {
        let output = belfry_in(&tempfile::tempdir().unwrap(), &["inbox"], "", &[variable]);
        assert_eq!(output.status.code(), Some(2), "{variable:?}: {}", errors(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn with_json_trouble_is_json_on_standard_error() {
    let variable = [("BELFRY_SECRETS", "under-the-mattress")];
    let output = belfry_in(&tempfile::tempdir().unwrap(), &["inbox", "--json"], "", &variable);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let report: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(report["error"]["kind"], "usage");
    assert!(!report["error"]["message"].as_str().unwrap().is_empty());
}

#[test]
fn a_home_that_cannot_be_made_is_one_clear_sentence() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = belfry_in(&home, &["inbox"], "", &[("BELFRY_HOME", file.to_str().unwrap())]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(errors(&output).lines().count(), 1, "{}", errors(&output));
}

#[cfg(unix)]
#[test]
fn a_running_belfry_of_another_version_is_told_apart() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let paths = belfry::env::Paths::under(home.path());
    let socket = paths.socket();
    let folder = socket.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700)).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let resident = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"protocol\":7,\"version\":\"7.1\"}}\n")
            .unwrap();
        stream
    });
    let output = belfry_in(&home, &["status"], "", &[]);
    resident.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("another version (7.1"), "{}", errors(&output));
}

#[test]
fn settings_are_changed_one_by_one_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let json = |arguments: &[&str]| -> Value {
        let output = belfry_in(&home, &[&["settings", "--json"], arguments].concat(), "", &[]);
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(json(&[])["quiet"]["on"], false);
    json(&["--shown", "count-only"]);
    let quiet = json(&["--quiet", "21:30-06:15", "--quiet-days", "sun,mon"]);
    assert_eq!(
        quiet["quiet"],
        serde_json::json!({"on": true, "days": ["mon", "sun"], "from": "21:30", "until": "06:15"})
    );
    let last = json(&["--quiet-off", "--click", "window"]);
    assert_eq!((&last["shown"], &last["click"]), (&"count-only".into(), &"window".into()));
    assert_eq!(
        last["quiet"],
        serde_json::json!({"on": false, "days": ["mon", "sun"], "from": "21:30", "until": "06:15"})
    );
    let words = belfry_in(&home, &["settings"], "", &[]);
    assert!(String::from_utf8_lossy(&words.stdout).contains("A toast shows  a count only"));
    let all = belfry_in(&home, &["read", "--all"], "", &[]);
    assert_eq!(all.stdout, b"0 marked as read.\n");
    assert_eq!(belfry_in(&home, &["read", "--all", "--account", "none"], "", &[]).status.code(), Some(2));
}
