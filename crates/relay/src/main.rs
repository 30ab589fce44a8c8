//! The program `belfry-relay`.

fn main() {}
