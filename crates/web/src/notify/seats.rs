//! Who has event streams open, and how many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::UserId;

/// Open streams a person may have: some browsers full of tabs.
const STREAMS_PER_PERSON: usize = 10;

/// The open streams of a process. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Seats(Arc<Mutex<HashMap<UserId, usize>>>);

impl Seats {
    /// A place for one more stream of this person, given back when dropped.
    pub(super) fn admit(&self, user: UserId) -> Option<Seat> {
        let mut open = self.open();
        let count = open.entry(user).or_default();
        (*count < STREAMS_PER_PERSON).then(|| {
            *count += 1;
            Seat { seats: self.clone(), user }
        })
    }

    /// How many streams are open.
    pub(crate) fn taken(&self) -> usize {
        self.open().values().sum()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open stream of a person.
pub(super) struct Seat {
    seats: Seats,
    user: UserId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.seats.open();
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_and_given_back() {
        let (seats, user) = (Seats::default(), UserId::new());
        let mut taken: Vec<_> = (0..STREAMS_PER_PERSON).map_while(|_| seats.admit(user)).collect();
        assert_eq!(taken.len(), STREAMS_PER_PERSON);
        assert!(seats.admit(user).is_none(), "one too many");
        assert!(seats.admit(UserId::new()).is_some(), "others are not affected");
        assert_eq!(seats.taken(), STREAMS_PER_PERSON);
        taken.pop();
        assert_eq!(seats.taken(), STREAMS_PER_PERSON - 1);
        assert!(seats.admit(user).is_some());
    }
}
