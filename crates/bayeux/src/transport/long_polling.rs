//! Long-polling: one HTTP POST for each request body, one of which the server holds.
//!
//! How many run at once is decided by the session (two). Cookies are stored by the caller's HTTP client if it has a
//! cookie store; CometD and load balancers need one.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use url::Url;

use super::{Arrival, Opener, Text};
use crate::Error;
use crate::session::Request;

type Answer = (u64, Result<String, Error>);

pub(crate) struct LongPolling {
    http: Client,
    endpoint: Url,
    limit: usize,
    running: JoinSet<Answer>,
    /// To give up one of them.
    handles: BTreeMap<u64, AbortHandle>,
}

impl LongPolling {
    pub(super) fn new(opener: Opener) -> Self {
        Self {
            http: opener.http,
            endpoint: opener.endpoint,
            limit: opener.max_message_bytes,
            running: JoinSet::new(),
            handles: BTreeMap::new(),
        }
    }

    pub(super) fn send(&mut self, request: Request) {
        let Request { number, body } = request;
        let exchange = exchange(self.http.clone(), self.endpoint.clone(), body, self.limit);
        let handle = self.running.spawn(async move { (number, exchange.await) });
        self.handles.insert(number, handle);
    }

    pub(super) fn abandon(&mut self, number: u64) {
        if let Some(handle) = self.handles.remove(&number) {
            handle.abort();
        }
    }

    pub(super) async fn arrival(&mut self) -> Arrival {
        loop {
            match self.running.join_next().await {
                Some(joined) => {
                    if let Some(arrival) = self.settle(joined) {
                        return arrival;
                    }
                }
                // Nothing is under way, so nothing will arrive.
                None => std::future::pending().await,
            }
        }
    }

    pub(super) fn arrived(&mut self) -> Option<Arrival> {
        loop {
            let joined = self.running.try_join_next()?;
            if let Some(arrival) = self.settle(joined) {
                return Some(arrival);
            }
        }
    }

    /// `None` for a request that was given up.
    fn settle(&mut self, joined: Result<Answer, JoinError>) -> Option<Arrival> {
        match joined {
            Ok((number, result)) => {
                let wanted = self.handles.remove(&number).is_some();
                wanted.then(|| result.map(|text| (Some(number), Text::Body(text))))
            }
            Err(error) if error.is_cancelled() => None,
            Err(_) => Some(Err(Error::Protocol("reading the response failed".to_owned()))),
        }
    }
}

async fn exchange(http: Client, endpoint: Url, body: String, limit: usize) -> Result<String, Error> {
    let request =
        http.post(endpoint.clone()).header(CONTENT_TYPE, "application/json;charset=UTF-8").body(body);
    let response = request.send().await.map_err(|error| failure(&error))?;
    let status = response.status();
    if !status.is_success() {
        return Err(Error::Http { status: status.as_u16(), retry_after: retry_after(&response) });
    }
    // A client that follows redirects would carry the client id to wherever it is told.
    if *response.url() != endpoint {
        return Err(Error::Protocol("the server redirected the request elsewhere".to_owned()));
    }
    read(response, limit).await
}

async fn read(mut response: Response, limit: usize) -> Result<String, Error> {
    let too_large = Error::TooLarge { limit };
    let announced =
        response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    if announced > limit {
        return Err(too_large);
    }
    let mut body = Vec::with_capacity(announced);
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| Error::Protocol("the response is not UTF-8".to_owned()))
}

fn failure(error: &reqwest::Error) -> Error {
    if error.is_redirect() {
        return Error::Protocol("the server redirected the request elsewhere".to_owned());
    }
    Error::from_chain(error)
}

/// The form in seconds; the form as a date needs a clock that agrees with the server's.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
