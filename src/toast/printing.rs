//! Toasts as lines of text, for `--toast print`: works without any desktop.
//!
//! In: toasts. Out: one line each, or nothing where the caller prints its own form.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use crate::env::Tasks;

use super::{Outcome, Toast, ToastKey, ToastService, Toaster};

type Page = Arc<Mutex<Box<dyn Write + Send>>>;

/// Writes `title — body`, one line per toast.
pub struct Printing {
    to: Option<Page>,
}

impl Printing {
    /// One line per toast to `to`.
    pub fn to(to: Box<dyn Write + Send>) -> Self {
        Self { to: Some(Arc::new(Mutex::new(to))) }
    }

    /// Writes nothing: for `--json`, where the caller prints each toast as an object.
    pub fn silent() -> Self {
        Self { to: None }
    }

    /// On a thread of its own: a reader that is slow must not hold up anything else.
    async fn print(&self, toast: &Toast) -> std::io::Result<()> {
        let Some(to) = self.to.clone() else { return Ok(()) };
        let (title, body) = (toast.title.clone(), toast.body.replace('\n', " "));
        let written = Tasks::blocking("print", move || {
            let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
            if body.is_empty() {
                writeln!(to, "{title}")?
            } else {
                writeln!(to, "{title} — {body}")?
            }
            to.flush()
        });
        written.await.unwrap_or_else(|| Err(std::io::ErrorKind::Other.into()))
    }
}

impl std::fmt::Debug for Printing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printing").field("silent", &self.to.is_none()).finish()
    }
}

impl Toaster for Printing {
    fn show<'a>(&'a self, toast: &'a Toast) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.print(toast).await {
                Ok(()) => Outcome::Shown,
                Err(error) => Outcome::Failed { reason: format!("The toast could not be printed: {error}.") },
            }
        })
    }

    fn withdraw<'a>(&'a self, _key: &'a ToastKey) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn service(&self) -> BoxFuture<'_, ToastService> {
        Box::pin(std::future::ready(ToastService {
            name: None,
            capabilities: Vec::new(),
            words: "Toasts are printed, as --toast print asks.".into(),
            works: true,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::Icon;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn toast(body: &str) -> Toast {
        Toast {
            key: ToastKey("k".into()),
            title: "Ana commented".into(),
            body: body.into(),
            account: "Podio".into(),
            icon: Icon::Comment,
            silent: false,
            urgency: Default::default(),
            button: None,
        }
    }

    #[tokio::test]
    async fn a_toast_is_one_line() {
        let page = Page::default();
        let printing = Printing::to(Box::new(page.clone()));
        assert_eq!(printing.show(&toast("one\ntwo")).await, Outcome::Shown);
        assert_eq!(printing.show(&toast("")).await, Outcome::Shown);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "Ana commented — one two\nAna commented\n");
    }

    #[tokio::test]
    async fn a_closed_pipe_is_a_failure_and_not_a_toast() {
        let outcome = Printing::to(Box::new(Closed)).show(&toast("")).await;
        assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    }
}
