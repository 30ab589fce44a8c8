//! The tables of the embedded store. Migrations only grow; a column never changes its meaning.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

/// Says that a SQLite file is a relay's store: "BfyR".
pub(super) const OURS: i64 = 0x4266_7952;
/// The newest format that this build knows.
pub(super) const NEWEST: i64 = 1;

const FIRST: &str = "
    CREATE TABLE setting (
        name TEXT NOT NULL PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE channel (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        -- The digest by which the relay knows a channel; random once it is gone.
        id BLOB NOT NULL UNIQUE,
        -- How many entries are kept, and how many bytes of data they have.
        entries INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        -- The newest entry that retention removed; 0 if none.
        trimmed INTEGER NOT NULL DEFAULT 0,
        -- 1 once its reader wished it forgotten: its rows go in small steps.
        gone INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX channel_gone ON channel (number) WHERE gone = 1;

    CREATE TABLE entry (
        -- Never comes again, and is the order in which entries were committed.
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        channel INTEGER NOT NULL,
        -- Milliseconds of UTC.
        received INTEGER NOT NULL,
        -- The name of the server-sent event; empty for a webhook.
        event TEXT NOT NULL,
        -- What a reader is sent, sealed or not.
        data BLOB NOT NULL
    ) STRICT;
    CREATE INDEX entry_channel ON entry (channel, seq);

    -- The ids of what came, longer than the entries themselves: a retry of something long gone is still no news.
    CREATE TABLE known (
        seq INTEGER PRIMARY KEY,
        channel INTEGER NOT NULL,
        message BLOB NOT NULL,
        received INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX known_message ON known (channel, message);
";

/// Brings an empty or older file to today's format.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), rusqlite_migration::Error> {
    Migrations::new(vec![M::up(FIRST)]).to_latest(conn)
}
