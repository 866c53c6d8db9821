//! One seed from beginning to end.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};

use crate::history::History;
use crate::world::World;
use crate::{books, deeds, disturbance, person, promises, rest, truth};

/// So long people go on; what they did not come to is left out.
const HISTORY_LIMIT: Duration = Duration::from_secs(30);

/// Plays a history in a world, and answers everything that is wrong afterwards.
pub(crate) async fn play(world: &World, history: &History) -> Vec<String> {
    world.let_clock_run(true).await;
    let until = Instant::now() + HISTORY_LIMIT;
    if let Err(reason) = deeds::offer(world, history, until).await {
        return vec![reason];
    }
    let everybody = history.organizations.iter().map(|one| person::play(world, history, one, until));
    let trouble = disturbance::carry_out(world, &history.disturbances);
    let (outcomes, ()) = join(join_all(everybody), trouble).await;
    let mut wrong = world.revive(history.excuses_failures()).await;
    if let Err(reason) = rest::come_to_rest(world).await {
        wrong.push(reason);
    }
    wrong.extend(world.revive(false).await);
    wrong.extend(books::differences(&world.panel).await);
    wrong.extend(truth::differences(world).await);
    if !history.excuses_twins() {
        wrong.extend(books::twins(&world.panel, history.seed).await);
    }
    for outcome in &outcomes {
        wrong.extend(promises::broken(&world.panel, outcome).await);
    }
    wrong
}
