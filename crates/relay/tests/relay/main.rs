//! One relay and its embedded store, over real HTTP.
