//! ② The store.
