//! The invariants of the marketplace, each a query that returns no rows on a sound database.
