//! VPSs and SSH keys.

mod charges;
mod create;
mod delete;
mod list;
mod offer;
mod operator;
pub(crate) mod operator_view;
mod power;
mod show;
mod ssh_key;
pub(crate) mod view;

use crate::routes::Routes;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/vps", list::list)
        .get("/vps/new", create::form)
        .post("/vps", create::create)
        .get("/vps/{id}", show::show)
        .get("/vps/{id}/charges", charges::show)
        .post("/vps/{id}/power", power::power)
        .get("/vps/{id}/delete", delete::form)
        .post("/vps/{id}/delete", delete::delete)
        .get("/ssh-keys", ssh_key::list)
        .post("/ssh-keys", ssh_key::add)
        .post("/ssh-keys/{id}/delete", ssh_key::delete)
        .get("/operator/vps", operator::list)
}
