//! Every mail with sample content.
//!
//! `SKYPANEL_PREVIEW=<folder> cargo nextest run -p app mails_render` writes them to a folder, to look at.

use std::path::Path;

use super::super::Unpaid;
use super::*;
use crate::notify::alarms::AlarmLine;
use crate::notify::mail::{
    AutoTopUp, AutoTopUpStage, DisputeStage, Disputed, PriceChange, PriceChangeGroup, PriceChangeStage,
};

fn settings(logo: Option<&str>) -> Settings {
    Settings {
        company_name: "Nimbus & Söhne".into(),
        company_logo: logo.map(str::to_owned),
        ..Settings::new("https://panel.example.com".parse().expect("an address"))
    }
}

fn samples(name: &str) -> Vec<Content> {
    let line = AlarmLine {
        title: format!("{name}: the token is refused."),
        text: "Work in this account waits until it is replaced.".into(),
        href: Some("/operator/providers/1".into()),
    };
    let quiet = AlarmLine { title: "Two plans cost more".into(), text: String::new(), href: None };
    let unpaid = |vps: &[&str], more| Unpaid {
        name: name.into(),
        organization: "Jörg’s 店".into(),
        vps: vps.iter().map(|name| (*name).to_owned()).collect(),
        more,
        until: "4 Dec 2026, 14:00 UTC".into(),
        missing: "12.35 USD".into(),
    };
    let runway = |within| Content::Runway {
        name: name.into(),
        organization: "Jörg’s 店".into(),
        within,
        available: "1.20 USD".into(),
        burn: "0.0482 USD".into(),
        until: "4 Dec 2026, 14:00 UTC".into(),
    };
    let link = "/confirm-email?token=ec_sample".to_owned();
    let change = |stage| PriceChange {
        name: name.into(),
        stage,
        plan: "Small".into(),
        region: "Frankfurt".into(),
        at: "3 January 2027, 00:00 UTC".into(),
        groups: vec![PriceChangeGroup {
            names: "web-1, web-2".into(),
            more: usize::from(stage == PriceChangeStage::Announced),
            from_hour: "0.009 USD".into(),
            from_month: "6.00 USD".into(),
        }],
        to_hour: "0.0105 USD".into(),
        to_month: "7.00 USD".into(),
    };
    use PriceChangeStage as S;
    let changes =
        [S::Announced, S::Changed, S::Reminded, S::Cancelled].map(|s| Content::PriceChange(change(s)));
    let mut all = vec![
        Content::Welcome { name: name.into(), organization: "Jörg’s 店".into(), link: link.clone() },
        Content::Confirm { name: name.into(), link },
        Content::Receipt {
            name: name.into(),
            number: "R-2026-000042".into(),
            amount: "25.00 USD".into(),
            link: "/billing/documents/1".into(),
        },
        Content::CreditNote {
            name: name.into(),
            number: "C-2026-000003".into(),
            amount: "10.00 USD".into(),
            receipt: "R-2026-000042".into(),
            link: "/billing/documents/2".into(),
        },
        runway(72),
        runway(1),
        Content::Suspended(unpaid(&["web-1", "db"], 0)),
        Content::Destruction { within: 24, unpaid: unpaid(&["web-1", "db"], 7) },
        Content::Destruction { within: 1, unpaid: unpaid(&["web-1"], 0) },
        Content::Destroyed {
            name: name.into(),
            organization: "Jörg’s 店".into(),
            vps: vec!["web-1".into()],
            more: 0,
        },
        Content::CreditExpiring {
            name: name.into(),
            left: "12.50 USD".into(),
            until: "3 Dec 2026, 14:00 UTC".into(),
        },
        Content::Refund {
            name: name.into(),
            amount: "25.00 USD".into(),
            link: "/wallet/top-ups/0192f5c4-7d1e-7c3a-9b51-3f2f0a6d1e10".into(),
        },
        Content::VatNumber {
            name: name.into(),
            organization: "Jörg’s 店".into(),
            number: "ATU12345678".into(),
        },
        Content::Alarm { lines: vec![line.clone()] },
        Content::Alarm { lines: vec![line, quiet] },
    ];
    all.extend(changes);
    let disputed = |stage, held: &str, free: &str, taken: &str, owed: &str| {
        Content::Dispute(Disputed {
            name: name.into(),
            organization: "Jörg’s 店".into(),
            stage,
            disputed: "25.00 USD".into(),
            held: held.into(),
            free: free.into(),
            settled: owed.into(),
            taken: taken.into(),
            available: "3.50 USD".into(),
            owed: owed.into(),
            link: "/wallet/top-ups/0192f5c4-7d1e-7c3a-9b51-3f2f0a6d1e10".into(),
        })
    };
    use DisputeStage as D;
    all.extend([
        disputed(D::Opened, "20.00 USD", "", "", ""),
        disputed(D::Opened, "", "", "", "1.20 USD"),
        disputed(D::Won, "", "20.00 USD", "", ""),
        disputed(D::Won, "", "", "", "1.20 USD"),
        disputed(D::Lost, "", "", "25.00 USD", "1.20 USD"),
        disputed(D::Lost, "", "20.00 USD", "", ""),
    ]);
    use AutoTopUpStage as A;
    let stages = [A::On, A::Declined, A::Ceiling, A::Stopped, A::Revoked, A::DetailsNeeded, A::NotSetUp];
    all.extend(stages.map(|stage| {
        Content::AutoTopUp(AutoTopUp {
            name: name.into(),
            organization: "Jörg’s 店".into(),
            stage,
            amount: "25.00 USD".into(),
            ceiling: "100.00 USD".into(),
            retry: "4 Dec 2026, 14:00 UTC".into(),
        })
    }));
    all
}

#[test]
fn mails_render() {
    let folder = std::env::var_os("SKYPANEL_PREVIEW");
    for logo in [None, Some("https://panel.example.com/logo.png")] {
        for (number, content) in samples("Änne").iter().enumerate() {
            let kind = content.kind();
            let mail = render(&settings(logo), content).unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert!((1..=120).contains(&mail.subject.chars().count()), "{kind}: {}", mail.subject);
            for part in [&mail.subject, &mail.text] {
                assert!(!part.contains("none") && !part.contains("{{"), "{kind}: {part}");
            }
            assert!(mail.text.contains("https://panel.example.com/"), "{kind}: {}", mail.text);
            assert!(
                mail.html.contains("Nimbus &amp; Söhne") && mail.text.contains("Nimbus & Söhne"),
                "{kind}"
            );
            assert!(mail.html.trim_end().ends_with("</html>"), "{kind}");
            assert_eq!(mail.html.contains("<img"), logo.is_some(), "{kind}");
            if let Some(folder) = &folder {
                write(Path::new(folder), &format!("mail-{kind}-{number}"), &mail)
                    .expect("the folder can be written");
            }
        }
    }
}

fn write(folder: &Path, name: &str, mail: &Rendered) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{name}.html")), &mail.html)?;
    std::fs::write(folder.join(format!("{name}.txt")), format!("{}\n\n{}", mail.subject, mail.text))
}

#[test]
fn every_template_belongs_to_a_mail() {
    let samples = samples("Ann");
    for (name, _) in TEMPLATES.iter().filter(|(name, _)| !name.starts_with("layout.")) {
        assert!(samples.iter().any(|content| name.starts_with(&format!("{}.", content.kind()))), "{name}");
    }
}

#[test]
fn what_people_type_is_text_in_html_and_stays_as_it_is_in_text() {
    const HOSTILE: &str = "<a href=\"https://evil.test\">Ann</a> & {{ mail.link }}";
    for content in samples(HOSTILE) {
        let mail = render(&settings(None), &content).expect("renders");
        assert!(!mail.html.contains("<a href=\"https://evil.test"), "{}", mail.html);
        assert!(mail.text.contains(HOSTILE) || mail.subject.contains(HOSTILE), "{}", mail.text);
    }
}

#[test]
fn a_subject_is_one_line() {
    let line = AlarmLine { title: "One\r\nBcc: all@example.com".into(), text: String::new(), href: None };
    let mail = render(&settings(None), &Content::Alarm { lines: vec![line] }).expect("renders");
    assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
}

/// Nothing is fetched when a mail is opened, but the operator's own logo.
#[test]
fn mails_load_nothing_from_elsewhere() {
    for content in samples("Ann") {
        let mail = render(&settings(None), &content).expect("renders");
        for word in ["src=", "url(", "<link", "<script", "@import"] {
            assert!(!mail.html.contains(word), "{}: {word}", content.kind());
        }
    }
}
