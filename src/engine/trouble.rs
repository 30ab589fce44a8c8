//! How each layer's errors become trouble that a face can show.

use crate::engine::views::Trouble;
use crate::env::opener::OpenError;
use crate::env::paths::PathError;
use crate::store::StoreError;

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Held { .. } => Self::occupied(error.to_string()),
            _ => Self::failed(error.to_string()),
        }
    }
}

impl From<OpenError> for Trouble {
    fn from(error: OpenError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<PathError> for Trouble {
    fn from(error: PathError) -> Self {
        Self::failed(error.to_string())
    }
}
