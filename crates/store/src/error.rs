//! What a statement can fail with.

/// PostgreSQL's documentation, appendix A.
const CHARACTER_NOT_IN_REPERTOIRE: &str = "22021";

/// The server stops, has crashed, or does not take connections yet.
const SERVER_NOT_UP: [&str; 3] = ["57P01", "57P02", "57P03"];

/// A failed statement. Constraints that a use case wants to explain are told apart by name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A named constraint refused the change.
    #[error("refused by constraint {0}")]
    Constraint(String),
    /// The job's lease went to another worker: the transaction was rolled back.
    #[error("the job was taken over by another worker")]
    LeaseLost,
    /// Stored data breaks a rule that should have been held.
    #[error("inconsistent data: {0}")]
    Inconsistent(&'static str),
    /// A text has a character that PostgreSQL cannot hold: NUL is the only one that Rust's strings may have.
    #[error("a text holds the character NUL")]
    Nul,
    /// The database failed.
    #[error("database")]
    Database(#[source] sqlx::Error),
}

impl Error {
    /// Was it this constraint?
    pub fn is_constraint(&self, name: &str) -> bool {
        matches!(self, Self::Constraint(n) if n == name)
    }

    /// Is the database not there now? It may be in a moment; asking again makes sense.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => true,
            Self::Database(sqlx::Error::Database(refusal)) => {
                refusal.code().is_some_and(|code| SERVER_NOT_UP.contains(&&*code))
            }
            _ => false,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let Some(refusal) = error.as_database_error() else { return Self::Database(error) };
        match (refusal.constraint(), refusal.code().as_deref()) {
            (Some(name), _) => Self::Constraint(name.to_owned()),
            (None, Some(CHARACTER_NOT_IN_REPERTOIRE)) => Self::Nul,
            _ => Self::Database(error),
        }
    }
}

impl From<domain::money::Overflow> for Error {
    fn from(_: domain::money::Overflow) -> Self {
        Self::Inconsistent("amount out of range")
    }
}
