//! Reserved money: whose it is, and what for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::lots::Lots;
use super::{Lost, Part, ids, take_front, total};
use crate::Money;

/// A word that orders of the same VPS share: others say more exactly which reservation is meant.
const SHARED: &str = "vps_id";

#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    /// The parts of each reservation, in the order they were taken.
    reservations: Vec<VecDeque<Part>>,
    /// Those with something in them, oldest first.
    open: BTreeSet<usize>,
    /// By each id their movement named, oldest first; may list some that are empty by now.
    named: BTreeMap<(String, String), VecDeque<usize>>,
}

impl Held {
    /// Sets these parts aside under the ids of the reference.
    pub(super) fn put(&mut self, reference: &Value, parts: Vec<Part>, lots: &mut Lots) -> Result<(), Lost> {
        let place = self.reservations.len();
        for part in &parts {
            lots.reserve(*part)?;
        }
        self.reservations.push(parts.into());
        self.open.insert(place);
        for (name, id) in ids(reference) {
            self.named.entry((name.to_owned(), id.to_owned())).or_default().push_back(place);
        }
        Ok(())
    }

    /// Takes from the oldest reservation that has an id with the reference in common, and from the oldest of all when
    /// none is left that has.
    pub(super) fn take(
        &mut self,
        reference: &Value,
        mut wanted: Money,
        lots: &mut Lots,
    ) -> Result<Vec<Part>, Lost> {
        let mut names: Vec<_> = ids(reference).map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
        names.sort_by_key(|(name, _)| name == SHARED);
        let mut taken = Vec::new();
        while wanted.is_positive() {
            let meant = names.iter().find_map(|name| self.oldest(name));
            let place = meant.or_else(|| self.open.first().copied()).ok_or(Lost)?;
            let parts = take_front(&mut self.reservations[place], wanted)?;
            if self.reservations[place].is_empty() {
                self.open.remove(&place);
            }
            wanted = wanted.minus(total(&parts)?)?;
            taken.extend(parts);
        }
        for part in &taken {
            lots.reserve(Part { amount: part.amount.negated()?, ..*part })?;
        }
        Ok(taken)
    }

    fn oldest(&mut self, name: &(String, String)) -> Option<usize> {
        let places = self.named.get_mut(name)?;
        while let Some(place) = places.front() {
            if self.open.contains(place) {
                return Some(*place);
            }
            places.pop_front();
        }
        None
    }
}
