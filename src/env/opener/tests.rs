//! The judgement as a table, and real children that stand for browsers.

use super::*;

fn urls(texts: &[&str]) -> Vec<Url> {
    texts.iter().map(|text| Url::parse(text).unwrap()).collect()
}

fn checked(address: &str, own: &[&str]) -> Result<String, OpenError> {
    let own = urls(own);
    check(address, &own.iter().collect::<Vec<_>>()).map(String::from)
}

const PODIO: &[&str] = &["https://api.podio.com", "https://push.podio.com/faye"];

#[test]
fn links_to_the_accounts_service_are_opened_as_parsed() {
    let cases = [
        ("https://podio.com/a/b?c=d#e", "https://podio.com/a/b?c=d#e"),
        ("https://api.podio.com/", "https://api.podio.com/"),
        ("HTTPS://Files.PODIO.com/x y", "https://files.podio.com/x%20y"),
        ("http://podio.com/x", "https://podio.com/x"),
        ("http://podio.com:80/x", "https://podio.com/x"),
        ("https://podio.com:443/x", "https://podio.com/x"),
        ("https://podio.com/ü\u{202e}", "https://podio.com/%C3%BC%E2%80%AE"),
        ("https://podio.com/?next=https://evil.example", "https://podio.com/?next=https://evil.example"),
        ("https:podio.com/x", "https://podio.com/x"),
        // The same name, written to its end.
        ("https://podio.com./x", "https://podio.com./x"),
    ];
    for (address, opened) in cases {
        assert_eq!(checked(address, PODIO).as_deref(), Ok(opened), "{address}");
    }
}

#[test]
fn a_configured_host_may_be_plain_and_on_any_port() {
    let own = &["http://127.0.0.1:8080", "https://intranet:8443/podium"];
    let cases = [
        ("http://127.0.0.1:8080/item/1", "http://127.0.0.1:8080/item/1"),
        ("http://127.0.0.1:3000/item/1", "http://127.0.0.1:3000/item/1"),
        ("https://intranet:8443/x", "https://intranet:8443/x"),
        ("https://intranet/x", "https://intranet/x"),
        // Configured as https only.
        ("http://intranet/x", "https://intranet/x"),
    ];
    for (address, opened) in cases {
        assert_eq!(checked(address, own).as_deref(), Ok(opened), "{address}");
    }
}

#[test]
fn links_elsewhere_are_asked_about_by_their_real_host() {
    let cases = [
        ("https://example.com/", PODIO, "example.com"),
        ("http://example.com/", PODIO, "example.com"),
        ("https://podio.com.evil.example/", PODIO, "podio.com.evil.example"),
        ("https://notpodio.com/", PODIO, "notpodio.com"),
        ("https://pödio.com/", PODIO, "xn--pdio-5qa.com"),
        ("https://127.0.0.1/", PODIO, "127.0.0.1"),
        ("https://127.1/", PODIO, "127.0.0.1"),
        ("https://[::1]/", PODIO, "[::1]"),
        // Neighbours under a name that anyone may register.
        ("https://other.co.uk/", &["https://mine.co.uk"], "other.co.uk"),
        ("https://other.github.io/", &["https://mine.github.io"], "other.github.io"),
        // An address has no family.
        ("https://10.0.0.2/", &["https://10.0.0.1"], "10.0.0.2"),
        ("https://x.localhost/", &["https://y.localhost"], "x.localhost"),
        ("https://podio.com/", &[], "podio.com"),
    ];
    for (address, own, host) in cases {
        let expected = Err(OpenError::Foreign { host: host.to_owned() });
        assert_eq!(checked(address, own), expected, "{address}");
    }
}

#[test]
fn everything_else_is_refused() {
    let long = format!("https://podio.com/{}", "a".repeat(LONGEST));
    let grows = format!("https://podio.com/{}", "ü".repeat(900));
    let cases = [
        "",
        "podio.com",
        "/etc/passwd",
        "//podio.com/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "ms-settings:x",
        "search-ms:x",
        "smb://podio.com/share",
        "ftp://podio.com/",
        "mailto:a@podio.com",
        "view-source:https://podio.com/",
        "blob:https://podio.com/x",
        "\\\\podio.com\\share",
        "https:\\\\podio.com/x",
        "https://podio.com\\@evil.example/",
        "https://podio.com@evil.example/",
        "https://user:pass@podio.com/",
        "https://:pass@podio.com/",
        "https://podio.com:8443/",
        "http://podio.com:8080/",
        "https://evil.example:22/",
        "https://podio.com/\n--option",
        "https://podio.com/\tx",
        "java\nscript:alert(1)",
        "https://podio.com/\0",
        "https://podio.com/\u{85}",
        "-https://podio.com/",
        "--help",
        "https://",
        "https://pod io.com/",
        "https://podio%2ecom%2f@x/",
        &long,
        &grows,
    ];
    for address in cases {
        let told = checked(address, PODIO);
        assert!(matches!(told, Err(OpenError::Refused(_))), "{address:?} gave {told:?}");
    }
}

#[test]
fn what_was_accepted_is_accepted_unchanged_again() {
    for address in ["http://podio.com/a b", "https://PODIO.com/ü?q=\"<>", "https:podio.com"] {
        let once = checked(address, PODIO).unwrap();
        assert_eq!(checked(&once, PODIO).as_deref(), Ok(once.as_str()));
    }
}

#[cfg(target_os = "linux")]
mod children {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// A browser that is a shell script. Written by a child, so that no other test's child holds it open for writing.
    fn browser(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("browser");
        fs::write(folder.join("text"), format!("#!/bin/sh\n{script}\n")).unwrap();
        let copied = Command::new("cp").arg(folder.join("text")).arg(&path).status().unwrap();
        assert!(copied.success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    async fn until<T>(mut question: impl FnMut() -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(answer) = question() {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LIMIT, waiting).await.expect("the state was never reached")
    }

    #[tokio::test]
    async fn the_browser_gets_the_parsed_address_and_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let said = folder.path().join("said");
        let script = format!(
            "echo \"$#|$1|$XDG_ACTIVATION_TOKEN|$DESKTOP_STARTUP_ID\" > {0}.new; mv {0}.new {0}",
            said.display()
        );
        let opener = Opener::with_program(browser(folder.path(), &script));
        let own = Url::parse("https://api.podio.com").unwrap();
        let opened =
            opener.open("http://podio.com/$(id)'\";x y", &[&own], false, Some("tok-1")).await.unwrap();
        let said = until(|| fs::read_to_string(&said).ok()).await;
        assert_eq!(said, format!("1|{opened}|tok-1|tok-1\n"));
        assert_eq!(opened.as_str(), "https://podio.com/$(id)'%22;x%20y");
    }

    #[tokio::test]
    async fn a_foreign_link_is_opened_only_when_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let said = folder.path().join("said");
        let opener =
            Opener::with_program(browser(folder.path(), &format!("echo \"$1\" >> {}", said.display())));
        let asked = opener.open("https://example.com/", &[], false, None).await;
        assert_eq!(asked, Err(OpenError::Foreign { host: "example.com".into() }));
        opener.open("https://example.com/x", &[], true, None).await.unwrap();
        assert_eq!(fs::read_to_string(&said).unwrap(), "https://example.com/x\n");
        let refused = opener.open("file:///etc/passwd", &[], true, None).await;
        assert!(matches!(refused, Err(OpenError::Refused(_))));
    }

    #[tokio::test]
    async fn a_browser_that_runs_on_is_not_waited_for_and_leaves_no_zombie() {
        let folder = tempfile::tempdir().unwrap();
        let (pid, go) = (folder.path().join("pid"), folder.path().join("go"));
        // It may end only after it was let go.
        let script = format!(
            "echo $$ > {0}.new; mv {0}.new {0}; while [ ! -e {1} ]; do sleep 0.02; done",
            pid.display(),
            go.display()
        );
        let mut opener = Opener::with_program(browser(folder.path(), &script));
        opener.handed_over = Duration::from_millis(100);
        opener.open("https://example.com/", &[], true, None).await.unwrap();
        let pid = until(|| fs::read_to_string(&pid).ok()).await;
        let process = Path::new("/proc").join(pid.trim());
        assert!(process.exists());
        fs::write(&go, "").unwrap();
        until(|| (!process.exists()).then_some(())).await;
    }

    #[tokio::test]
    async fn a_browser_that_fails_or_is_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        for program in [browser(folder.path(), "exit 3"), folder.path().join("missing")] {
            let told = Opener::with_program(&program).open("https://example.com/", &[], true, None).await;
            let Err(OpenError::NoBrowser(words)) = told else { panic!("{told:?}") };
            assert!(words.contains(&program.display().to_string()), "{words}");
        }
    }

    #[test]
    fn nothing_of_an_appimage_reaches_the_browser() {
        let variables: Vec<(OsString, OsString)> = [
            ("APPDIR", "/tmp/.mount_b"),
            ("APPIMAGE", "/home/p/Belfry.AppImage"),
            ("LD_LIBRARY_PATH", "/tmp/.mount_b/usr/lib"),
            ("PATH", "/tmp/.mount_b/usr/bin:/usr/bin:/bin"),
            ("XDG_DATA_DIRS", "/usr/share:/tmp/.mount_b/usr/share"),
            ("GDK_PIXBUF_MODULE_FILE", "/tmp/.mount_b/loaders.cache"),
            ("NEIGHBOUR", "/tmp/.mount_bc/lib"),
            ("HOME", "/home/p"),
            ("LANG", "C.UTF-8"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec();
        let told = linux::outside_appimage(&variables);
        let expected: Vec<(OsString, Option<OsString>)> = [
            ("APPDIR", None),
            ("APPIMAGE", None),
            ("LD_LIBRARY_PATH", None),
            ("PATH", Some("/usr/bin:/bin")),
            ("XDG_DATA_DIRS", Some("/usr/share")),
            ("GDK_PIXBUF_MODULE_FILE", None),
        ]
        .map(|(name, value)| (name.into(), value.map(OsString::from)))
        .to_vec();
        assert_eq!(told, expected);
        assert_eq!(linux::outside_appimage(&variables[2..]), []);
    }
}
