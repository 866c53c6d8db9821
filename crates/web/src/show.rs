//! Reading for a page and showing it in its frame.

use std::ops::{Deref, DerefMut};

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use chrono::Utc;
use domain::identity::Permission;
use store::notify::{self, Position};
use store::wallet::read::{Balance, balance};
use store::{OrgRead, SystemPurpose, SystemRead};

use crate::access::{Operator, Public, Session};
use crate::cookie::NewCookie;
use crate::error::Result;
use crate::frame::{self, Frame, UserView};
use crate::templates::Page;
use crate::wallet::view::Runway;
use crate::{WebState, link};

/// A customer's page being read. The end of the event stream is read first, then the page: what
/// changes in between is announced once the page is open.
pub(crate) struct Reading<'a> {
    session: &'a Session,
    db: OrgRead,
    position: Position,
    pub(crate) balance: Balance,
}

impl Deref for Reading<'_> {
    type Target = OrgRead;
    fn deref(&self) -> &OrgRead {
        &self.db
    }
}

impl DerefMut for Reading<'_> {
    fn deref_mut(&mut self) -> &mut OrgRead {
        &mut self.db
    }
}

impl Session {
    /// Begins to read for a page.
    pub(crate) async fn read(&self) -> Result<Reading<'_>> {
        let mut db = self.state.reads.org(&self.caller.scope).await?;
        let position = notify::position(&mut db).await?;
        let balance = balance(&mut db).await?;
        Ok(Reading { session: self, db, position, balance })
    }

    fn frame(&self) -> Frame {
        let may = |permission| self.may(permission);
        let is_operator = self.caller.operator().is_ok();
        let nav = frame::navigation(may, is_operator, &self.visit.path);
        Frame {
            user: Some(UserView {
                name: self.known.user_name.clone(),
                email: self.known.email.clone(),
                organization: self.known.organization_name.clone(),
            }),
            can: Permission::ALL.iter().filter(|p| may(**p)).map(|p| p.as_str()).collect(),
            tabs: frame::tabs(&nav),
            nav,
            shortcuts: frame::shortcuts(may),
            unconfirmed: self.state.app.settings().mail && !self.known.email_confirmed,
            toast: self.visit.said.map(Into::into),
            ..Frame::bare(self.state.app.settings(), self.visit.theme)
        }
    }

    fn respond<P: Page>(&self, frame: &Frame, status: StatusCode, page: &P) -> Result {
        let mut response = render(&self.state, frame, status, page)?;
        if self.visit.said.is_some() {
            NewCookie { name: "said", value: "", max_age: 0, hidden: true }
                .set(&mut response, self.state.is_secure());
        }
        Ok(response)
    }
}

impl Reading<'_> {
    /// How long the wallet lasts.
    pub(crate) fn runway(&self) -> Runway {
        let spendable = self.balance.funds().spendable().unwrap_or(self.balance.available);
        Runway::new(spendable, self.balance.burn, Utc::now())
    }

    /// Shows the page.
    pub(crate) fn show<P: Page>(self, page: &P) -> Result {
        self.show_with(StatusCode::OK, page)
    }

    /// Shows the page with another status, for forms that were refused.
    pub(crate) fn show_with<P: Page>(self, status: StatusCode, page: &P) -> Result {
        let session = self.session;
        let balance = session
            .may(Permission::WalletView)
            .then(|| frame::Balance::new(self.balance.available, &self.runway()));
        let events = link::with_query("/events", &[("after", &self.position.to_string())]);
        let frame = Frame { balance, events: Some(events), ..session.frame() };
        session.respond(&frame, status, page)
    }
}

/// An operator's page being read.
pub(crate) struct Operating<'a> {
    session: &'a Session,
    db: SystemRead,
    position: Position,
}

impl Deref for Operating<'_> {
    type Target = SystemRead;
    fn deref(&self) -> &SystemRead {
        &self.db
    }
}

impl DerefMut for Operating<'_> {
    fn deref_mut(&mut self) -> &mut SystemRead {
        &mut self.db
    }
}

impl Operator {
    /// Begins to read over all organizations for a page.
    pub(crate) async fn read_all(&self) -> Result<Operating<'_>> {
        let mut db = self.state.reads.system(SystemPurpose::Operator).await?;
        let position = notify::system_position(&mut db).await?;
        Ok(Operating { session: self, db, position })
    }
}

impl Operating<'_> {
    /// Shows the page.
    pub(crate) fn show<P: Page>(self, page: &P) -> Result {
        self.show_with(StatusCode::OK, page)
    }

    /// Shows the page with another status.
    pub(crate) fn show_with<P: Page>(self, status: StatusCode, page: &P) -> Result {
        let events = link::with_query("/operator/events", &[("after", &self.position.to_string())]);
        let frame = Frame { events: Some(events), ..self.session.frame() };
        self.session.respond(&frame, status, page)
    }
}

impl Public {
    /// Shows a page to somebody who is not signed in.
    pub(crate) fn show_with<P: Page>(&self, status: StatusCode, page: &P) -> Result {
        render(&self.state, &Frame::bare(self.state.app.settings(), self.visit.theme), status, page)
    }
}

fn render<P: Page>(state: &WebState, frame: &Frame, status: StatusCode, page: &P) -> Result<Response> {
    Ok((status, Html(state.templates.render(frame, page)?)).into_response())
}
