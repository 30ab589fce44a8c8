//! The page in the real window, through WebKitWebDriver: what a person sees and does, and what a hostile script would try.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use xtask::wait;

use crate::stage::{LIMIT, Running, Stage};

pub struct Page {
    pub client: Client,
    driver: Running,
}

impl Page {
    pub async fn open(stage: &Stage, program: &Path, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut driver = stage.desktop.command("WebKitWebDriver");
        driver.args(["--host=127.0.0.1", &format!("--port={port}")]).env("TAURI_WEBVIEW_AUTOMATION", "true");
        for name in ["BELFRY_SECRETS", "BELFRY_HOME", "BELFRY_LOG"] {
            driver.env_remove(name);
        }
        let driver = driver.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let driver = Running(
            driver.expect("WebKitWebDriver is missing: install the Debian package webkit2gtk-driver"),
        );
        stage.until("the driver listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        let options = json!({"webkitgtk:browserOptions": {"binary": program, "args": arguments}});
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(options.as_object().unwrap().clone());
        let address = format!("http://127.0.0.1:{port}");
        let client = tokio::time::timeout(LIMIT, builder.connect(&address)).await;
        let client = client.expect("the window did not open").unwrap();
        Self { client, driver }
    }

    /// The first element of this test id, once it is there.
    pub async fn find(&self, id: &str) -> Element {
        self.find_css(&by_id(id)).await
    }

    pub async fn find_css(&self, css: &str) -> Element {
        match self.client.wait().at_most(LIMIT).for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("no {css} on the page ({error}); it says: {}", self.words().await),
        }
    }

    pub async fn click(&self, id: &str) {
        self.find(id).await.click().await.unwrap();
    }

    /// Types into an empty field.
    pub async fn fill(&self, id: &str, text: &str) {
        self.find(id).await.send_keys(text).await.unwrap();
    }

    /// Gives a field a value as its picker does.
    pub async fn set(&self, id: &str, value: &str) {
        self.find(id).await;
        let script =
            "const [css, value] = arguments; const field = document.querySelector(css); field.value = value;
            for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, { bubbles: true }));";
        self.run(script, vec![json!(by_id(id)), json!(value)]).await;
    }

    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    /// Waits until an expression is true on the page.
    pub async fn until(&self, what: &str, expression: &str) -> Value {
        let script = format!("return ({expression});");
        let began = Instant::now();
        loop {
            let value = self.run(&script, vec![]).await;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            assert!(began.elapsed() < LIMIT, "not so: {what}; the page says: {}", self.words().await);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until an element of this test id says this.
    pub async fn until_says(&self, id: &str, words: &str) {
        let (css, text) = (json!(by_id(id)), json!(words));
        let all = format!("[...document.querySelectorAll({css})]");
        self.until(
            &format!("{id} says {words}"),
            &format!("{all}.some((e) => e.textContent.includes({text}))"),
        )
        .await;
    }

    /// Calls a command as a script on the page would: what it answers, or how it was refused.
    pub async fn invoke(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        let script = "const [command, given, done] = arguments;
            window.__TAURI_INTERNALS__.invoke(command, given)
                .then((value) => done({ ok: value ?? null }), (error) => done({ refused: error ?? 'refused' }));";
        let answer = self.client.execute_async(script, vec![json!(command), arguments]).await.unwrap();
        match answer.get("refused") {
            Some(why) => Err(why.clone()),
            None => Ok(answer["ok"].clone()),
        }
    }

    /// A picture of the whole screen, once the page is drawn as it is now.
    pub async fn picture(&self, stage: &Stage, name: &str) {
        let drawn = "const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)));";
        self.client.execute_async(drawn, vec![]).await.unwrap();
        stage.picture(name);
    }

    /// All that stands on the page.
    pub async fn words(&self) -> String {
        let said = self.client.execute("return document.body ? document.body.innerText : '';", vec![]).await;
        said.map_or_else(|error| error.to_string(), |said| said.as_str().unwrap_or_default().to_owned())
    }

    /// All that is in the page, what its fields hold as well: a value that was typed or set is in no attribute.
    pub async fn everything(&self) -> String {
        let script =
            "const fields = [...document.querySelectorAll('input, textarea')].map((field) => field.value);
            return [document.documentElement.outerHTML, ...fields].join('\\n');";
        self.run(script, vec![]).await.as_str().unwrap().to_owned()
    }

    /// Ends the session, and with it the window's program: the driver ends what it started, and only then is it ended itself.
    pub async fn close(self) {
        // The session ends with the window, and the window may be gone already.
        drop(self.client.close().await);
        let driver = self.driver.pid();
        let children = move || std::fs::read_to_string(format!("/proc/{driver}/task/{driver}/children"));
        let ended = || Ok(children()?.trim().is_empty().then_some(()));
        tokio::task::block_in_place(|| wait::until("the driver to end the window", LIMIT, ended).unwrap());
    }
}

pub fn by_id(id: &str) -> String {
    format!("[data-testid=\"{id}\"]")
}

/// The row of a notification.
pub fn row(id: i64) -> String {
    format!("[data-testid=\"row\"][data-id=\"{id}\"]")
}

/// The driver takes no port of the system's choosing.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
