//! Two operators of an installation, who do what operators do in their pages.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use reqwest::Method;

use crate::client::{Answer, Client, NoAnswer};
use testkit::{Panel, Random};

/// Countries of organizations, in which payments hold tax, and where it is none of ours to take.
pub(crate) const COUNTRIES: [&str; 3] = ["DE", "AT", "US"];
const RATES: [(&str, &str); 2] = [("DE", "19"), ("AT", "8.1")];
/// The second operator, who also has an organization of the own.
const SECOND: &str = "second-operator";
/// How long an installation may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both, signed in.
pub(crate) struct Operators {
    first: Client,
    second: Client,
}

impl Operators {
    /// Signs both in and sets the rates of the taxes.
    pub(crate) async fn sign_in(panel: &Panel, http: &reqwest::Client, addresses: &[String]) -> Result<Self> {
        let (mut random, until) = (Random::new(0), Instant::now() + PATIENCE);
        let silent = |_: NoAnswer| anyhow!("the installation does not come up");
        let mut first = Client::new(http, addresses, &mut random, until);
        first.sign_in(&mut random, testkit::OPERATOR_EMAIL).await.map_err(silent)?;
        let mut second = Client::new(http, addresses, &mut random, until);
        second.sign_up(&mut random, SECOND).await.map_err(silent)?;
        let email = format!("{SECOND}@example.com");
        panel.execute(format!("update users set platform_role = 'operator' where email = '{email}'")).await;
        let today: String = panel.fetch("select (now() at time zone 'utc')::date::text").await;
        for (country, percent) in RATES {
            let form = [("country", country), ("percent", percent), ("effective_on", today.as_str())];
            let answer = first.form(&mut random, "/operator/taxes", &form).await.map_err(silent)?;
            anyhow::ensure!(answer.status == 303, "a tax rate was answered {}", answer.status);
        }
        Ok(Self { first, second })
    }

    /// The first one posts a form, and gives up at a time.
    pub(crate) async fn post(
        &self,
        random: &mut Random,
        until: Instant,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, NoAnswer> {
        self.first.patient_until(until).form(random, path, form).await
    }

    /// As [`Self::post`], in the second one's name.
    pub(crate) async fn second_posts(
        &self,
        random: &mut Random,
        until: Instant,
        path: &str,
    ) -> Result<Answer, NoAnswer> {
        self.second.patient_until(until).ask(random, Method::POST, path, |request| request).await
    }
}
