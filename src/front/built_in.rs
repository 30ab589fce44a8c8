//! What is built into this program by whoever builds it: the id of an API key, so that nobody is asked for one.

/// The id of the Podio key, from `BELFRY_PODIO_CLIENT_ID` at compile time. Its secret is the source's business.
pub fn podio_client_id() -> Option<&'static str> {
    option_env!("BELFRY_PODIO_CLIENT_ID").filter(|id| !id.is_empty())
}
