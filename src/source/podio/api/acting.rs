//! Telling Podio what the person does, so that every ending is told apart: done, refused, surely not done, nobody knows.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{Api, ApiError, Ask};
use crate::link::Failure;
use crate::source::auth::tokens::unanswered_failure;
use crate::source::podio::budget::{Operation, Purpose};

/// One call that changes something.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// `POST` or `DELETE`.
    pub(crate) method: Method,
    /// Below the base address.
    pub(crate) path: String,
    /// The JSON body, where there is one.
    pub(crate) body: Option<Value>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// Podio has done it.
    Done,
    /// Podio does not know what it is about (404, 410).
    Gone,
    /// It does not fit how things stand by now (409).
    Conflict,
    /// Podio refuses it, and why.
    Refused(String),
    /// It surely was not done; what came between.
    NotDone(Failure),
    /// It may have been done, or not.
    Perhaps(Failure),
}

impl Api {
    /// Tells it, once. Nothing here repeats what may have been heard.
    pub(crate) async fn act(&self, call: &Call) -> Told {
        let ask = Ask {
            operation: Operation::Act,
            // The person's own act is what the whole allowance is for.
            purpose: Purpose::Needed,
            method: call.method.clone(),
            path: &call.path,
            query: &[],
            body: call.body.as_ref(),
        };
        let answer = match self.asked(&ask).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(unanswered)) if unanswered.may_have_arrived() => {
                return Told::Perhaps(unanswered_failure(&unanswered));
            }
            Ok(Err(unanswered)) => return Told::NotDone(unanswered_failure(&unanswered)),
            // No token, no room in the budget: nothing was sent.
            Err(error) => return Told::NotDone(error.into_failure()),
        };
        let status = answer.status;
        match self.judged(answer) {
            Ok(_) => Told::Done,
            Err(ApiError::Gone) => Told::Gone,
            Err(ApiError::Refused(_)) if status == StatusCode::CONFLICT => Told::Conflict,
            Err(ApiError::Refused(reason)) => Told::Refused(reason),
            // A server that stumbled, or a gateway before it, may have stumbled after the deed. One that says “not available” did nothing.
            Err(ApiError::Failed(failure))
                if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE =>
            {
                Told::Perhaps(failure)
            }
            Err(ApiError::Failed(failure)) => Told::NotDone(failure),
        }
    }
}
