//! A list, page by page. A cursor is sent alone, since Podium passes over everything beside it; one that is too old begins anew.

use serde_json::Value;

use super::{Api, ApiError, Call};

/// Items on a page, the most there can be.
pub(crate) const PAGE: usize = 100;
/// How often a list is begun anew.
const ANEW: usize = 2;

/// A list that is being read.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    api: &'a Api,
    first: Call,
    next: Option<String>,
    /// Pages read since the beginning.
    read: usize,
    most: usize,
    anew: usize,
    ended: bool,
}

impl<'a> Pages<'a> {
    /// At its beginning, to be read for at most so many pages.
    pub(super) fn new(api: &'a Api, first: Call, most: usize) -> Self {
        Self { api, first, next: None, read: 0, most, anew: 0, ended: false }
    }

    /// The next page; `None` behind the last one. What was seen may come again: the list may move on while it is read.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Value>>, ApiError> {
        loop {
            if self.ended || self.read >= self.most {
                return Ok(None);
            }
            let call = match &self.next {
                Some(cursor) => Call { query: Vec::new(), ..self.first.clone() }.with("cursor", cursor),
                None => self.first.clone(),
            };
            let page = match self.api.call(&call).await {
                Ok(page) => page,
                Err(ApiError::OldCursor) if self.next.is_some() && self.anew < ANEW => {
                    (self.next, self.read) = (None, 0);
                    self.anew += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.read += 1;
            // A cursor that leads back to itself would never end.
            self.ended = page.next.is_none() || page.next == self.next;
            self.next = page.next;
            let Value::Array(items) = page.data else { return Ok(None) };
            return Ok(Some(items));
        }
    }

    /// True if there is more than was to be read.
    pub(crate) fn cut_short(&self) -> bool {
        !self.ended && self.read >= self.most
    }

    /// All of it.
    pub(crate) async fn all(mut self) -> Result<Vec<Value>, ApiError> {
        let mut all = Vec::new();
        while let Some(page) = self.next().await? {
            all.extend(page);
        }
        Ok(all)
    }
}
