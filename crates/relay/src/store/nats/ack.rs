//! What an answer to a published entry means: kept, not now, or never. In: what the client library says. Out: the decision. Pure.

use std::error::Error as _;

use async_nats::jetstream;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::publish::PublishAck;

use crate::store::{Appended, StoreError};

/// Why a try failed, and whether another is worth it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    ForNow(String),
    ForGood(StoreError),
}

/// Says what became of one try.
///
/// A server notes a message id before its entry is on a majority of servers. Asked again in that time, some (2.10.14 to 2.10.29) say
/// "known", but with no sequence number; later ones refuse. Either way nobody has kept it yet, and it may still be lost.
pub(super) fn judged(answer: Result<PublishAck, PublishError>) -> Result<Appended, Refused> {
    let error = match answer {
        Ok(ack) if ack.sequence > 0 => return Ok(Appended { seq: ack.sequence, known: ack.duplicate }),
        Ok(_) => return Err(under_way()),
        Err(error) => error,
    };
    Err(match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Refused::ForGood(StoreError::Large),
        PublishErrorKind::StreamNotFound | PublishErrorKind::TimedOut => {
            Refused::ForNow("JetStream has no leader".to_owned())
        }
        PublishErrorKind::BrokenPipe | PublishErrorKind::MaxAckPending => {
            Refused::ForNow("no NATS server answers".to_owned())
        }
        PublishErrorKind::Other if code(&error) == Some(ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT) => {
            under_way()
        }
        PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::Other => {
            tracing::warn!(%error, "NATS refused an entry");
            Refused::ForNow("JetStream refuses new entries; its log says why".to_owned())
        }
    })
}

fn under_way() -> Refused {
    Refused::ForNow("JetStream has not stored it on most of its servers yet".to_owned())
}

fn code(error: &PublishError) -> Option<ErrorCode> {
    error.source()?.downcast_ref::<jetstream::Error>().map(jetstream::Error::error_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(text: &str) -> Result<PublishAck, PublishError> {
        Ok(serde_json::from_str(text).unwrap())
    }

    fn refused(text: &str) -> Result<PublishAck, PublishError> {
        let error: jetstream::Error = serde_json::from_str(text).unwrap();
        Err(PublishError::with_source(PublishErrorKind::Other, error))
    }

    #[test]
    fn only_what_has_a_sequence_number_is_kept() {
        let new = judged(ack(r#"{"stream":"s","seq":7}"#));
        assert_eq!(new, Ok(Appended { seq: 7, known: false }));
        let known = judged(ack(r#"{"stream":"s","seq":7,"duplicate":true}"#));
        assert_eq!(known, Ok(Appended { seq: 7, known: true }));
        assert_eq!(judged(ack(r#"{"stream":"s","seq":0,"duplicate":true}"#)), Err(under_way()));
    }

    #[test]
    fn a_try_that_is_still_under_way_is_not_taken_for_trouble() {
        let conflict = r#"{"code":409,"err_code":10158,"description":"duplicate message id is in process"}"#;
        assert_eq!(judged(refused(conflict)), Err(under_way()));
        let full = r#"{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}"#;
        let Err(Refused::ForNow(why)) = judged(refused(full)) else { panic!() };
        assert!(why.contains("its log says why"), "{why}");
    }

    #[test]
    fn what_is_too_large_will_never_fit() {
        let large = PublishError::new(PublishErrorKind::MaxPayloadExceeded);
        assert_eq!(judged(Err(large)), Err(Refused::ForGood(StoreError::Large)));
    }
}
