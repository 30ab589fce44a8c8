//! A page that has gone wild: what its script may not do, it cannot. And hostile text is text.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use belfry_sandbox::Spec;
use serde_json::{Value, json};

use crate::page::row;
use crate::stage::{Stage, kill};

/// A web server outside; it counts who comes.
struct Outside {
    address: String,
    visits: Arc<Mutex<Vec<String>>>,
}

impl Outside {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let visits = Arc::new(Mutex::new(Vec::new()));
        let seen = visits.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let mut request = [0; 1024];
                let length = stream.read(&mut request).unwrap_or_default();
                let asked =
                    String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_owned();
                seen.lock().unwrap().push(asked);
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"));
            }
        });
        Self { address, visits }
    }

    /// Once the window and all that belongs to it have ended, nothing can be under way any more. A connection counts, even one over
    /// which nothing was asked: it tells an address.
    fn nobody_came(&self, stage: &Stage, but: usize) {
        stage.windows().into_iter().for_each(kill);
        stage.until("the window has ended", || stage.web_processes().is_empty().then_some(()));
        // Who comes is served in turn: after this one, all before it were counted.
        let mut last = TcpStream::connect(self.address.strip_prefix("http://").unwrap()).unwrap();
        last.write_all(b"GET /last HTTP/1.1\r\n\r\n").unwrap();
        last.read_to_end(&mut Vec::new()).unwrap();
        let came = self.visits();
        assert_eq!(came.len(), but + 1, "somebody came: {came:?}");
    }

    fn visits(&self) -> Vec<String> {
        self.visits.lock().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_are_not_allowed_are_refused() {
    let (stage, _resident) = Stage::live().await;
    let page = stage.open(&[]).await;
    page.find("nav-inbox").await;
    assert!(page.invoke("overview", json!({})).await.is_ok(), "an allowed one is answered");
    for (command, arguments) in [
        ("plugin:shell|open", json!({"path": "https://example.org"})),
        ("plugin:shell|execute", json!({"program": "sh"})),
        ("plugin:opener|open_url", json!({"url": "https://example.org"})),
        ("plugin:fs|read_text_file", json!({"path": "/etc/passwd"})),
        ("plugin:http|fetch", json!({"url": "https://example.org"})),
        (
            "plugin:webview|create_webview_window",
            json!({"options": {"label": "x", "url": "https://example.org"}}),
        ),
        ("plugin:window|create", json!({"options": {"label": "x"}})),
        ("plugin:window|close", json!({"label": "main"})),
        ("plugin:event|emit", json!({"event": "signal", "payload": {}})),
        ("plugin:app|version", json!({})),
        ("plugin:path|resolve_directory", json!({"directory": 1})),
        ("plugin:autostart|enable", json!({})),
        ("plugin:autostart|is_enabled", json!({})),
        ("kept_after", json!({"id": 0, "limit": 10})),
        ("newest", json!({})),
        ("run_sql", json!({"sql": "select 1"})),
    ] {
        let refused = page.invoke(command, arguments).await;
        assert!(refused.is_err(), "{command}: {refused:?}");
    }
    assert!(page.invoke("open", json!({"id": "https://example.org"})).await.is_err());
    assert!(page.invoke("inbox", json!({"wish": "all"})).await.is_err());
    assert!(stage.desktop.opened().unwrap().is_empty());
    assert!(!stage.desktop.home().join(".config/autostart").exists());
    assert_eq!(page.run("return '__TAURI__' in window;", vec![]).await, false);
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_loaded_from_elsewhere() {
    let (stage, _resident) = Stage::live().await;
    let outside = Outside::start();
    // The server does count.
    drop(TcpStream::connect(outside.address.strip_prefix("http://").unwrap()).unwrap());
    stage.until("the server counts", || (outside.visits().len() == 1).then_some(()));
    let page = stage.open(&[]).await;
    page.find("nav-inbox").await;
    let script = "const [base, done] = arguments;
        const results = {};
        const settled = (name, made) => new Promise((on) => {
            made.onload = () => { results[name] = 'loaded'; on(); };
            made.onerror = () => { results[name] = 'refused'; on(); };
            setTimeout(() => { results[name] ??= 'silent'; on(); }, 1500);
        });
        const put = (name, tag, set) => { const made = document.createElement(tag); set(made); const wait = settled(name, made); document.body.append(made); return wait; };
        Promise.all([
            fetch(base + '/fetch').then(() => { results.fetch = 'loaded'; }, () => { results.fetch = 'refused'; }),
            put('img', 'img', (e) => { e.src = base + '/img'; }),
            put('script', 'script', (e) => { e.src = base + '/script'; }),
            put('iframe', 'iframe', (e) => { e.src = base + '/iframe'; }),
            put('style', 'link', (e) => { e.rel = 'stylesheet'; e.href = base + '/style'; }),
            put('object', 'object', (e) => { e.data = base + '/object'; }),
            put('audio', 'audio', (e) => { e.src = base + '/audio'; }),
            put('form', 'form', (e) => { e.action = base + '/form'; e.method = 'post'; queueMicrotask(() => e.submit()); }),
            put('background', 'div', (e) => { e.style.backgroundImage = `url(${base}/background)`; e.textContent = 'x'; }),
            Promise.resolve().then(() => navigator.sendBeacon?.(base + '/beacon')).catch(() => {}),
            new Promise((on) => { try { const s = new WebSocket(base.replace('http', 'ws') + '/ws'); s.onopen = () => { results.ws = 'loaded'; on(); }; s.onerror = on; } catch { on(); } setTimeout(on, 1500); }),
            new Promise((on) => { try { const s = new EventSource(base + '/events'); s.onerror = on; } catch { on(); } setTimeout(on, 1500); }),
            new Promise((on) => { try { const w = new Worker(base + '/worker'); w.onerror = on; } catch { on(); } setTimeout(on, 1500); }),
        ]).then(() => done(results), (error) => done(String(error)));";
    let results = page.client.execute_async(script, vec![json!(outside.address)]).await.unwrap();
    for name in ["fetch", "img", "script"] {
        assert_eq!(results[name], "refused", "{results}");
    }
    page.find("nav-inbox").await;
    page.close().await;
    outside.nobody_came(&stage, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_script_but_our_own_runs_and_the_page_goes_nowhere() {
    let (stage, _resident) = Stage::live().await;
    let outside = Outside::start();
    let page = stage.open(&[]).await;
    page.find("nav-inbox").await;
    let home = page.client.current_url().await.unwrap();
    let script = "const [base] = arguments; window.ran = [];
        const inline = document.createElement('script'); inline.textContent = 'window.ran.push(\"inline\")'; document.body.append(inline);
        const box = document.createElement('div');
        box.innerHTML = '<img src=x onerror=\"window.ran.push(&quot;onerror&quot;)\"><svg onload=\"window.ran.push(&quot;svg&quot;)\"></svg><button onclick=\"window.ran.push(&quot;onclick&quot;)\">x</button><style>body{--wild:1}</style>';
        document.body.append(box); box.querySelector('button').click();
        const link = document.createElement('a'); link.href = 'javascript:window.ran.push(\"javascript\")'; link.textContent = 'x'; document.body.append(link); link.click();
        const data = document.createElement('script'); data.src = 'data:text/javascript,window.ran.push(\"data\")'; document.body.append(data);
        let blocked = [];
        try { setTimeout('window.ran.push(\"timeout\")', 0); } catch { blocked.push('timeout'); }
        const blob = document.createElement('script'); blob.src = URL.createObjectURL(new Blob(['window.ran.push(\"blob\")'])); document.body.append(blob);
        const opened = window.open(base + '/window');
        const away = document.createElement('a'); away.href = base + '/away'; away.target = '_blank'; document.body.append(away); away.click();
        const self = document.createElement('a'); self.href = base + '/self'; document.body.append(self); self.click();
        return { opened: opened !== null, wild: getComputedStyle(document.body).getPropertyValue('--wild') };";
    let seen = page.run(script, vec![json!(outside.address)]).await;
    assert_eq!(seen["opened"], false, "{seen}");
    assert_eq!(seen["wild"], "", "an inline style was taken: {seen}");
    page.run("location.href = arguments[0] + '/location';", vec![json!(outside.address)]).await;
    page.run("location.href = 'data:text/html,<script>1</script>';", vec![]).await;
    page.run("location.href = 'file:///etc/passwd';", vec![]).await;
    // Our page still answers, at its own address, and none of it ran.
    page.find("nav-inbox").await;
    assert!(page.invoke("overview", json!({})).await.is_ok());
    assert_eq!(page.client.current_url().await.unwrap(), home);
    assert_eq!(page.run("return window.ran;", vec![]).await, json!([]));
    assert_eq!(page.client.windows().await.unwrap().len(), 1);
    assert!(stage.desktop.opened().unwrap().is_empty());
    // The driver's own scripts come from outside the page's world of rules; one that the page itself makes does not run.
    let eval = "const [done] = arguments; const probe = document.createElement('button');
        probe.addEventListener('click', () => { try { done({ ran: (0, eval)('1 + 1') }); } catch (error) { done({ refused: error.name }); } });
        document.body.append(probe); setTimeout(() => probe.click(), 0);";
    let eval = page.client.execute_async(eval, vec![]).await.unwrap();
    assert_eq!(eval["refused"], "EvalError", "{eval}");
    let frozen =
        page.run("try { Object.prototype.wild = 1; } catch {} return ({}).wild ?? null;", vec![]).await;
    assert_eq!(frozen, Value::Null, "prototypes are frozen");
    page.close().await;
    outside.nobody_came(&stage, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_is_shown_as_text() {
    let (stage, _resident) = Stage::live().await;
    let outside = Outside::start();
    let text = format!(
        "<img src={0}/x onerror=window.ran=1><script>window.ran=1</script><a href=\"{0}\">click</a> {{@html 1}} &lt;b&gt;",
        outside.address
    );
    let (_, id) = stage.notify(Spec::comment(&text)).await;
    let page = stage.open(&[]).await;
    page.find_css(&row(id)).await.click().await.unwrap();
    page.until_says("detail-title", "<img src=").await;
    page.picture(&stage, "hostile-text").await;
    let made = page.run(
        "return document.querySelectorAll('main img[src^=http], main script, main a[href^=http]').length;",
        vec![],
    );
    assert_eq!(made.await, 0);
    assert_eq!(page.run("return window.ran ?? null;", vec![]).await, Value::Null);
    page.close().await;
    outside.nobody_came(&stage, 0);
}
