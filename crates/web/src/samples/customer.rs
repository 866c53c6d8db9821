//! Sample content of customers' pages.

use domain::activity::Action;
use domain::payment::{AutoTopUpState, DisputeState, RefundState, TopUpState};
use domain::vps::Status;

use super::{Renderer, ago, errors, money, signed_in, signed_out, toasted};
use crate::activity::view::{ActivityFilterView, ActivityPage, EntryView};
use crate::api::docs::DocsPage;
use crate::billing::view::TaxLines;
use crate::dashboard::view::{DashboardPage, FirstStep, PriceChangeRow};
use crate::error::ErrorPage;
use crate::frame::Balance;
use crate::identity::view::{ApiKeyRow, ConfirmEmailPage, SecurityPage, SessionRow, SignInPage, SignUpPage};
use crate::payment::auto_view::{AutoForm, AutoTopUpPage, AutoView, LastView, setup_steps};
use crate::payment::view::{DisputedRow, RefundRow, TopUpPage, Visit, steps, steps_by_itself};
use crate::view::{Chip, Choice, Errors, Pages};
use crate::vps::view::{
    ActionView, DeletePage, DeleteView, ImageFamily, ImageOption, KeyOption, NewVpsPage, NextPriceView,
    PlanOption, PriceView, Problem, Progress, RegionOption, SshKeyRow, SshKeysPage, Summary, SummaryLine,
    VpsFilterView, VpsListPage, VpsName, VpsPage, VpsRow, VpsView,
};
use crate::wallet::statement::LedgerPage;
use crate::wallet::transaction_view::{
    ChargesPage, HourRow, LotView, OtherView, PaidWithRow, TransactionPage, TransferView,
};
use crate::wallet::view::{
    BalanceFragment, CreditRow, CreditsPage, KindView, LineView, Runway, Suggestion, TopUpRow,
    TransactionView, WalletPage, WalletView,
};

const ID: &str = "0192f5c4-7d1e-7c3a-9b51-3f2f0a6d1e10";

pub(super) fn add(r: &mut Renderer) {
    r.with_frame("api-docs", &signed_out(), DocsPage::new("https://panel.example.com/", true));
    gate(r);
    dashboard(r);
    vps(r);
    new_vps(r);
    keys(r);
    wallet(r);
    payment(r);
    activity(r);
    security(r);
}

fn gate(r: &mut Renderer) {
    let frame = signed_out();
    r.with_frame("sign-in", &frame, SignInPage::default());
    let refused = errors(&[("form", "E-mail or password is wrong.")]);
    r.with_frame(
        "sign-in-refused",
        &frame,
        SignInPage { email: "ann@example.com".into(), errors: refused, ..Default::default() },
    );
    let short = errors(&[("password", "Use at least 12 characters.")]);
    r.with_frame("sign-up", &frame, SignUpPage { name: "Ann".into(), errors: short, ..Default::default() });
    let question = ConfirmEmailPage { token: "ec_sample".into(), ..Default::default() };
    r.with_frame("confirm-email", &frame, question);
    r.with_frame("confirm-email-done", &frame, ConfirmEmailPage { done: true, ..Default::default() });
    r.with_frame("confirm-email-over", &frame, ConfirmEmailPage { over: true, ..Default::default() });
    for (name, status, title, text) in [
        ("not-found", 404, "Not found", "There is nothing at this address, or you may not see it."),
        (
            "failure",
            500,
            "Something went wrong",
            "It is not your fault. Nothing was changed; please try again.",
        ),
    ] {
        let request_id = (status == 500).then(|| ID.to_owned());
        r.with_frame(name, &frame, ErrorPage { status, title, text: text.into(), request_id });
    }
}

fn wallet_view(available: &str, burn: &str) -> WalletView {
    let (available, burn) = (money(available), money(burn));
    WalletView {
        available,
        held: money("0"),
        receivable: None,
        burn,
        burn_day: burn.times(24).unwrap_or_default(),
        runway: Runway::new(available, burn, chrono::Utc::now()),
        credit: None,
        suspended: false,
        missing: money("0"),
        kept_until: None,
        runway_rule: 24,
    }
}

fn row(
    name: &str,
    status: Status,
    address: Option<&str>,
    plan: &str,
    region: &str,
    hour: &str,
    spent: &str,
) -> VpsRow {
    VpsRow {
        id: ID.into(),
        name: name.into(),
        status: status.into(),
        address: address.map(Into::into),
        plan: plan.into(),
        region: region.into(),
        hour: money(hour),
        month_spent: money(spent),
    }
}

fn rows() -> Vec<VpsRow> {
    vec![
        row("web-1", Status::Running, Some("203.0.113.24"), "Small", "Frankfurt", "0.0134", "9.62"),
        row("web-2", Status::Rebooting, Some("203.0.113.51"), "Small", "Frankfurt", "0.0134", "9.41"),
        row(
            "db.example.com",
            Status::Running,
            Some("198.51.100.7"),
            "Medium dedicated",
            "Newark",
            "0.0536",
            "31.1804",
        ),
        row("staging", Status::Stopped, Some("198.51.100.80"), "Nano", "London", "0.0089", "1.27"),
        row("build-runner", Status::Provisioning, None, "Medium", "Newark", "0.0268", "0"),
        row("old-shop", Status::SuspendedUnpaid, Some("203.0.113.99"), "Nano", "London", "0.0089", "4.50"),
    ]
}

fn entry(action: Action, target: Option<&str>, minutes: i64) -> EntryView {
    EntryView {
        at: ago(minutes),
        text: crate::activity::words::text(action).to_owned(),
        target: target.map(Into::into),
        href: target.map(|_| format!("/vps/{ID}")),
        detail: None,
        actor: "Ann Example".into(),
        address: Some("192.0.2.10".into()),
        organization: None,
    }
}

fn entries() -> Vec<EntryView> {
    vec![
        entry(Action::VpsRebootRequested, Some("web-2"), 1),
        EntryView {
            actor: "Automatic".into(),
            href: None,
            address: None,
            detail: Some("5 hours, $0.0589".into()),
            ..entry(Action::HoursCharged, None, 14)
        },
        entry(Action::VpsCreated, Some("build-runner"), 47),
        entry(Action::TopUpCompleted, None, 190),
        entry(Action::SignedIn, None, 1510),
    ]
}

fn dashboard(r: &mut Renderer) {
    let page = DashboardPage {
        wallet: WalletView { held: money("0.0268"), ..wallet_view("37.52", "0.0482") },
        month_spent: money("55.98"),
        price_changes: vec![PriceChangeRow {
            plan: "Small".into(),
            region: "Frankfurt".into(),
            vps: 2,
            at: ago(-30_000),
            hour: money("0.0149"),
            month: money("10"),
        }],
        vps: rows(),
        first_steps: vec![],
        activity: entries(),
    };
    r.page("dashboard", "/", page.clone());
    let step = |title, text, action, href, done| FirstStep { title, text, action, href, done };
    let first_steps = vec![
        step("Add an SSH key", "It lets you sign in to your VPS.", "Add key", "/ssh-keys", true),
        step(
            "Add money to your wallet",
            "You pay by the hour from it.",
            "Add money",
            "/wallet#add-money",
            false,
        ),
        step("Create your first VPS", "It is ready in about a minute.", "Create VPS", "/vps/new", false),
    ];
    let fresh = DashboardPage {
        wallet: wallet_view("0", "0"),
        month_spent: money("0"),
        price_changes: vec![],
        vps: vec![],
        first_steps,
        activity: vec![],
    };
    r.page("dashboard-new", "/", fresh);
    let owing = WalletView {
        receivable: Some(money("1.72")),
        suspended: true,
        missing: money("2.88"),
        kept_until: Some(ago(-9_000)),
        ..wallet_view("0", "0.0482")
    };
    r.page("dashboard-owing", "/", DashboardPage { wallet: owing, ..page });
}

fn vps(r: &mut Renderer) {
    let filter = VpsFilterView {
        q: String::new(),
        show: String::new(),
        shows: vec![Choice::new("", "Present VPSs"), Choice::new("all", "Also deleted ones")],
        active: false,
    };
    let pages = Pages { newest: None, older: Some("/vps?after=x".into()) };
    r.page(
        "vps-list",
        "/vps",
        VpsListPage { vps: rows(), filter: filter.clone(), pages, here: "/vps".into() },
    );
    let none = VpsListPage { vps: vec![], filter, pages: Pages::default(), here: "/vps".into() };
    r.page("vps-list-empty", "/vps", none);
    r.with_frame("vps", &toasted("/vps/x", "web-1 is restarting"), vps_page(Status::Running));
    let mut dearer = vps_page(Status::Running);
    dearer.vps.next = Some(NextPriceView { at: ago(-30_000), hour: money("0.0149"), month: money("10") });
    r.page("vps-next-price", "/vps/x", dearer);
    let provisioning = VpsPage {
        progress: Some(Progress {
            text: "Your VPS is being made.",
            hint: "This usually takes a minute.",
            since: ago(1),
        }),
        vps: VpsView {
            ipv4: None,
            ipv6: None,
            busy: true,
            spent: money("0"),
            month_spent: money("0"),
            month_hours: 0,
            paid_until: None,
            ..vps_page(Status::Provisioning).vps
        },
        ..vps_page(Status::Provisioning)
    };
    r.page("vps-provisioning", "/vps/x", provisioning);
    let suspended = VpsPage {
        problem: Some(Problem {
            tone: "bad",
            title: "Suspended: the wallet is empty.",
            text:
                "The VPS is switched off and keeps its data. It starts again once the wallet covers 24 hours."
                    .into(),
            kept_until: Some(ago(-9_000)),
            href: Some("/wallet#add-money"),
            action: Some("Add money"),
        }),
        ..vps_page(Status::SuspendedUnpaid)
    };
    r.page("vps-suspended", "/vps/x", suspended);
    let wrong = errors(&[("confirm", "This is not the name of the VPS.")]);
    r.page(
        "vps-delete",
        "/vps/x",
        DeletePage { vps: VpsName { id: ID.into(), name: "web-1".into() }, errors: wrong },
    );
}

fn vps_page(status: Status) -> VpsPage {
    let action = |word, label, icon, blocked| ActionView { word, label, icon, blocked };
    VpsPage {
        vps: VpsView {
            id: ID.into(),
            name: "web-1".into(),
            status: status.into(),
            busy: false,
            ipv4: Some("203.0.113.24".into()),
            ipv6: Some("2001:db8:2f0:1::3a7e".into()),
            plan: "Small".into(),
            vcpus: 1,
            memory_mib: 2048,
            disk_gib: 50,
            transfer_gb: 2000,
            image: "Debian 12".into(),
            region: "Frankfurt, Germany".into(),
            hour: money("0.0134"),
            month: money("9"),
            next: None,
            spent: money("9.62"),
            month_spent: money("7.0618"),
            month_hours: 527,
            paid_until: Some(ago(-22)),
            created_at: ago(43_200),
        },
        actions: vec![
            action("start", "Start", "play", Some("It is running.")),
            action("stop", "Stop", "square", None),
            action("reboot", "Reboot", "rotate-cw", None),
        ],
        delete: DeleteView { shown: true, blocked: None },
        progress: None,
        problem: None,
        activity: entries(),
    }
}

fn new_vps(r: &mut Renderer) {
    r.page("vps-new", "/vps/new", new_vps_page());
    let full = new_vps_page();
    let short = NewVpsPage {
        stale_price: true,
        summary: Summary {
            short_by: Some(money("8.24")),
            lasts: None,
            top_up_href: "/wallet?amount=10.00#add-money".into(),
            blocked: Some("Your wallet does not cover it yet."),
            ..full.summary
        },
        keys: vec![],
        errors: errors(&[("name", "Another VPS has this name.")]),
        ..full
    };
    r.page("vps-new-short", "/vps/new", short);
}

fn new_vps_page() -> NewVpsPage {
    let region = |slug: &str, name: &str, country: &str, selected| RegionOption {
        slug: slug.into(),
        name: name.into(),
        country: country.into(),
        selected,
    };
    let family = |name: &str, versions: &[&str]| ImageFamily {
        name: name.into(),
        versions: versions
            .iter()
            .map(|version| ImageOption {
                slug: format!("{name}-{version}").to_lowercase().replace([' ', '.'], "-"),
                version: (*version).into(),
                selected: name == "Debian" && *version == "13",
            })
            .collect(),
    };
    let plan = |name: &str, dedicated, vcpus, gb: i32, disk_gib, hour: &str, month: &str| PlanOption {
        slug: name.to_lowercase().replace(' ', "-"),
        name: name.into(),
        dedicated,
        vcpus,
        memory_mib: gb * 1024,
        disk_gib,
        transfer_gb: gb * 1000,
        hour: money(hour),
        month: money(month),
        selected: name == "Small",
        unavailable: (name == "Large").then_some("sold out here"),
    };
    NewVpsPage {
        order_key: ID.into(),
        name: "vps-7".into(),
        regions: vec![
            region("frankfurt", "Frankfurt", "Germany", true),
            region("london", "London", "United Kingdom", false),
            region("newark", "Newark", "United States", false),
            region("singapore", "Singapore", "Singapore", false),
        ],
        images: vec![
            family("AlmaLinux", &["10", "9"]),
            family("Debian", &["13", "12", "11"]),
            family("Rocky Linux", &["10", "9"]),
            family("Ubuntu", &["24.04", "22.04"]),
        ],
        plans: vec![
            plan("Nano", false, 1, 1, 25, "0.0089", "6"),
            plan("Small", false, 1, 2, 50, "0.0134", "9"),
            plan("Medium", false, 2, 4, 80, "0.0268", "18"),
            plan("Medium dedicated", true, 2, 4, 80, "0.0536", "36"),
            plan("Large", false, 4, 8, 160, "0.0536", "36"),
        ],
        keys: vec![
            KeyOption {
                id: ID.into(),
                name: "ann@laptop".into(),
                fingerprint: "SHA256:p9mTq6HoYqOQ5z5fQ4b0Jm8s1bKQxXl1C2b".into(),
                selected: true,
            },
            KeyOption {
                id: "2".into(),
                name: "deploy".into(),
                fingerprint: "SHA256:1VbA0cE3oQnq8p7o2Y4m9YtQ0mZ1Kq3n7U".into(),
                selected: false,
            },
        ],
        summary: Summary {
            lines: ["Region:Frankfurt", "System:Debian 13", "Plan:Small", "SSH keys:1", "Name:vps-7"]
                .iter()
                .filter_map(|l| l.split_once(':'))
                .map(|(label, value)| SummaryLine { label, value: value.into() })
                .collect(),
            price: Some(PriceView {
                hour: money("0.0134"),
                month: money("9"),
                next: Some(NextPriceView { at: ago(-30_000), hour: money("0.0149"), month: money("10") }),
            }),
            price_version: ID.into(),
            lasts: Some(Runway::new(money("37.50"), money("0.0616"), chrono::Utc::now())),
            short_by: None,
            runway_rule: 24,
            top_up_href: String::new(),
            blocked: None,
        },
        stale_price: false,
        here: "/vps/new?plan=small".into(),
        errors: Errors::new(),
    }
}

fn keys(r: &mut Renderer) {
    let key = |name: &str, fingerprint: &str| SshKeyRow {
        id: ID.into(),
        name: name.into(),
        algorithm: "ssh-ed25519".into(),
        fingerprint: fingerprint.into(),
        created_at: ago(90_000),
    };
    let page = SshKeysPage {
        keys: vec![
            key("ann@laptop", "SHA256:p9mTq6HoYqOQ5z5fQ4b0Jm8s1bKQxXl1C2bW0a9k3Ls"),
            key("deploy", "SHA256:1VbA0cE3oQnq8p7o2Y4m9YtQ0mZ1Kq3n7UuZ8a2XcVw"),
        ],
        name: String::new(),
        public_key: "-----BEGIN OPENSSH PRIVATE KEY-----".into(),
        next: String::new(),
        errors: errors(&[(
            "public_key",
            "This is not an OpenSSH public key. Paste the one line of your .pub file.",
        )]),
    };
    r.page("ssh-keys", "/ssh-keys", page.clone());
    r.page(
        "ssh-keys-empty",
        "/ssh-keys",
        SshKeysPage { keys: vec![], errors: Errors::new(), public_key: String::new(), ..page },
    );
}

fn wallet(r: &mut Renderer) {
    let line = |account, amount: &str| LineView { account, amount: money(amount) };
    let transaction = |icon, title, about: Option<&str>, change: &str, note: Option<&str>, lines, minutes| {
        TransactionView {
            id: ID.into(),
            sequence: 1042 - minutes,
            icon,
            title,
            about: about.map(Into::into),
            note: note.map(Into::into),
            at: ago(minutes),
            change: money(change),
            aside: title == "Hours charged",
            lines,
        }
    };
    let transactions = vec![
        transaction(
            "clock",
            "Hours charged",
            Some("5 VPSs"),
            "-0.0482",
            None,
            vec![line("Available", "-0.0482"), line("Charged", "0.0482")],
            14,
        ),
        transaction(
            "lock",
            "Held for an order",
            Some("build-runner"),
            "-0.0268",
            Some("first hour"),
            vec![line("Available", "-0.0268"), line("Held", "0.0268")],
            48,
        ),
        transaction(
            "clock",
            "Hours charged",
            Some("5 VPSs"),
            "-0.0482",
            None,
            vec![line("Available", "-0.0482"), line("Charged", "0.0482")],
            74,
        ),
        transaction(
            "arrow-down-left",
            "Payment",
            Some("PayPal"),
            "25",
            None,
            vec![line("Available", "25"), line("Paid through PayPal", "-25")],
            190,
        ),
    ];
    let suggestions = [("10.00", "$10"), ("25.00", "$25"), ("50.00", "$50"), ("100.00", "$100")];
    let suggestions =
        suggestions.iter().map(|(v, l)| Suggestion { value: (*v).into(), label: (*l).into() }).collect();
    let top_up = |amount, state: TopUpState, minutes| TopUpRow {
        id: ID.into(),
        amount: money(amount),
        status: state.into(),
        automatic: minutes == 190,
        at: ago(minutes),
    };
    let page = WalletPage {
        wallet: WalletView { held: money("0.0268"), ..wallet_view("2.52", "0.0482") },
        transactions,
        pages: Pages { newest: Some("/wallet".into()), older: Some("/wallet?before=1".into()) },
        here: "/wallet".into(),
        kinds: kinds(),
        filtered: false,
        code: String::new(),
        auto: Some(auto(AutoTopUpState::On)),
        top_ups: vec![
            top_up("25", TopUpState::Completed, 190),
            top_up("50", TopUpState::AwaitingApproval, 9000),
        ],
        currency: "USD".into(),
        currency_sign: "$".into(),
        amount: "25.00".into(),
        next: String::new(),
        suggestions,
        tax: true,
        errors: Errors::new(),
    };
    r.page("wallet", "/wallet", page.clone());
    let wallet = WalletView {
        receivable: Some(money("4.1")),
        credit: Some(money("50")),
        ..wallet_view("0", "0.0482")
    };
    r.page("wallet-credit", "/wallet", WalletPage { wallet, ..page.clone() });
    let wallet = WalletView {
        receivable: Some(money("1.72")),
        suspended: true,
        missing: money("2.88"),
        kept_until: Some(ago(-9_000)),
        ..wallet_view("0", "0")
    };
    r.page("wallet-suspended", "/wallet", WalletPage { wallet, ..page.clone() });
    let filtered = WalletPage {
        transactions: vec![],
        pages: Pages::default(),
        filtered: true,
        code: "WELCOME".into(),
        errors: errors(&[("code", "This code is not right, was used, or is not valid at this time.")]),
        ..page.clone()
    };
    r.page("wallet-code-error", "/wallet", filtered);
    credits(r);
    let empty = WalletPage {
        kinds: vec![],
        wallet: wallet_view("0", "0"),
        transactions: vec![],
        pages: Pages::default(),
        auto: None,
        top_ups: vec![],
        amount: "abc".into(),
        errors: errors(&[("amount", "Not an amount, expected for example 25.00.")]),
        ..page
    };
    r.page("wallet-empty", "/wallet", empty);
    let mut frame = signed_in("/wallet");
    let runway = Runway::new(money("2"), money("0.1"), chrono::Utc::now());
    frame.balance = Some(Balance::new(money("2"), &runway));
    r.with_frame("balance", &frame, BalanceFragment {});
    explained(r);
}

fn hour_row(number: i64, amount: &str, used: &str) -> HourRow {
    HourRow {
        raised: None,
        vps_id: Some(ID.into()),
        name: "web-1".into(),
        what: None,
        at: ago(60 * number),
        first: number == 3,
        suspended: number == 2,
        capped: used == "6",
        price: money("0.0089"),
        priced_at: ago(90_000),
        cap: money("6"),
        month_used: money(used),
        amount: money(amount),
        transaction_id: (amount != "0").then(|| ID.into()),
        sequence: (amount != "0").then_some(41),
    }
}

fn hours() -> Vec<HourRow> {
    let volume = HourRow {
        vps_id: None,
        name: "archive".into(),
        what: Some("Volume, 100 GiB".into()),
        raised: Some(money("0.0051")),
        ..hour_row(4, "0.0149", "0.4171")
    };
    vec![hour_row(1, "0", "6"), hour_row(2, "0.0071", "6"), hour_row(3, "0.01", "3.4215"), volume]
}

fn transfer() -> TransferView {
    TransferView {
        pool: "standard".into(),
        month: "November 2026".into(),
        used: 1_251_710_000_001,
        included: 1_250_000_000_000,
        above: 1_710_000_001,
        price_gb: money("0.01"),
        all: money("0.017101"),
        before: money("0.000001"),
        amount: money("0.0171"),
    }
}

fn explained(r: &mut Renderer) {
    let line = |account, text| LineView { account, amount: money(text) };
    let transaction = TransactionView {
        id: ID.into(),
        sequence: 41,
        icon: "clock",
        title: "Hours charged",
        about: Some("3 hours".into()),
        note: None,
        at: ago(3),
        change: money("-0.0171"),
        aside: false,
        lines: vec![line("Available", "-0.0171"), line("Charged", "0.0171")],
    };
    let page = TransactionPage {
        at: transaction.at,
        transaction: transaction.clone(),
        actor: "the panel itself".into(),
        hash: "5f".repeat(32),
        other: Some(OtherView { href: format!("/wallet/transactions/{ID}"), sequence: 42 }),
        paid_with: vec![
            PaidWithRow {
                id: ID.into(),
                sequence: 2,
                title: "Credit",
                at: ago(9_000),
                amount: money("0.01"),
            },
            PaidWithRow {
                id: ID.into(),
                sequence: 1,
                title: "Payment",
                at: ago(9_900),
                amount: money("0.0071"),
            },
        ],
        lot: None,
        transfer: None,
        hours: hours(),
        pages: Pages { newest: None, older: Some("/wallet/transactions/x?skip=50".into()) },
    };
    r.page("transaction", "/wallet/transactions/x", page.clone());
    let title = crate::billing::view::TRANSFER;
    let about = Some("November 2026".into());
    let transfer_page = TransactionPage {
        transaction: TransactionView { icon: "receipt", title, about, ..transaction.clone() },
        transfer: Some(transfer()),
        hours: vec![],
        pages: Pages::default(),
        ..page.clone()
    };
    let payment = TransactionPage {
        transaction: TransactionView { title: "Payment", change: money("25"), ..transaction },
        actor: "Ann Example".into(),
        other: None,
        paid_with: vec![],
        lot: Some(LotView { amount: money("25"), left: money("12.3") }),
        hours: vec![],
        pages: Pages::default(),
        ..page
    };
    r.page("transaction-payment", "/wallet/transactions/x", payment);
    r.page("transaction-transfer", "/wallet/transactions/x", transfer_page);
    let charges =
        ChargesPage { vps_id: ID.into(), vps: "web-1".into(), hours: hours(), pages: Pages::default() };
    r.page("vps-charges", "/vps/x/charges", charges.clone());
    r.page("vps-charges-empty", "/vps/x/charges", ChargesPage { hours: vec![], ..charges });
    let ledger = LedgerPage {
        months: vec![Choice::new("2026-11", "November 2026"), Choice::new("2026-10", "October 2026")],
        key: Some("q1DIRfR8j2OkUAEcM1NFAJ7Jt9qlE2WuPpsDrXRAxa4=".into()),
        key_id: Some("2f8a7c1d90b3e456".into()),
    };
    r.page("ledger-file", "/wallet/ledger", ledger);
    r.page("ledger-file-off", "/wallet/ledger", LedgerPage { months: vec![], key: None, key_id: None });
}

pub(super) fn kinds() -> Vec<KindView> {
    let kind = |label, count, amount: &str| KindView {
        label,
        count,
        amount: money(amount),
        href: "/wallet?kind=charge".into(),
        here: label == "Hours",
    };
    vec![kind("Payments", 1, "25"), kind("Hours", 412, "-19.8584"), kind("Credits", 2, "15")]
}

fn credits(r: &mut Renderer) {
    let credit = |source, reason: Option<&str>, left: &str, expires_at| CreditRow {
        source,
        reason: reason.map(Into::into),
        amount: money("10"),
        left: money(left),
        status: Chip::credit(left != "0", false),
        expires_at,
        created_at: ago(9_000),
    };
    let credits = vec![
        credit("Goodwill", Some("Slow disks on 3 November"), "10", None),
        credit("Promotion", None, "2.4471", Some(ago(-20_000))),
        credit("Voucher", None, "0", None),
    ];
    r.page("credits", "/wallet/credits", CreditsPage { credits });
    r.page("credits-none", "/wallet/credits", CreditsPage { credits: vec![] });
}

fn payment(r: &mut Renderer) {
    let page = |state: TopUpState, visit| TopUpPage {
        id: ID.into(),
        here: format!("/wallet/top-ups/{ID}"),
        amount: money("25"),
        created_at: ago(2),
        state,
        status: state.into(),
        steps: steps(state, visit, None),
        automatic: false,
        approve_href: (state == TopUpState::AwaitingApproval && visit != Visit::Returned)
            .then(|| "https://example.com/approve".into()),
        follow: false,
        declined: visit == Visit::Declined,
        over: state.is_final(),
        tax: (state == TopUpState::AwaitingApproval).then(|| TaxLines {
            net: money("21.01"),
            tax: money("3.99"),
            gross: money("25"),
            words: "19 % VAT".into(),
        }),
        receipt: (state == TopUpState::Completed).then(|| format!("/billing/documents/{ID}")),
        refunds: vec![],
        disputes: vec![],
        next: Some("/vps/new?plan=small".into()),
    };
    let went_back = TopUpPage {
        refunds: vec![
            RefundRow {
                title: "Refund",
                amount: money("10"),
                status: RefundState::Completed.into(),
                why: Some("Paid twice".into()),
                at: ago(100),
            },
            RefundRow {
                title: "Taken back by the payer",
                amount: money("5"),
                status: RefundState::Failed.into(),
                why: None,
                at: ago(50),
            },
        ],
        disputes: vec![DisputedRow {
            disputed: money("15"),
            held: Some(money("2.52")),
            status: DisputeState::Open.into(),
            at: ago(60),
        }],
        ..page(TopUpState::Completed, Visit::Look)
    };
    let by_itself = TopUpPage {
        automatic: true,
        steps: steps_by_itself(TopUpState::Failed, Some("The automatic payment was declined.".into())),
        ..page(TopUpState::Failed, Visit::Look)
    };
    r.page("top-up-by-itself", "/wallet/top-ups/x", by_itself);
    auto_top_up(r);
    r.page("top-up-went-back", "/wallet/top-ups/x", went_back);
    r.page("top-up-preparing", "/wallet/top-ups/x", page(TopUpState::Created, Visit::Look));
    r.page("top-up-approve", "/wallet/top-ups/x", page(TopUpState::AwaitingApproval, Visit::Look));
    r.page("top-up-taking", "/wallet/top-ups/x", page(TopUpState::AwaitingApproval, Visit::Returned));
    r.page("top-up-declined", "/wallet/top-ups/x", page(TopUpState::AwaitingApproval, Visit::Declined));
    r.page("top-up-done", "/wallet/top-ups/x", page(TopUpState::Completed, Visit::Look));
    r.page("top-up-failed", "/wallet/top-ups/x", page(TopUpState::Failed, Visit::Look));
}

pub(super) fn auto(state: AutoTopUpState) -> AutoView {
    AutoView {
        state,
        status: state.into(),
        hours: Some(72),
        below: None,
        amount: money("25"),
        ceiling: money("100"),
        taken: money("50"),
        is_full: false,
        why: None,
        is_alarming: false,
        off_at: None,
        retry_at: None,
        last: Some(LastView {
            id: ID.into(),
            amount: money("25"),
            status: TopUpState::Completed.into(),
            why: None,
            at: ago(300),
        }),
    }
}

fn auto_top_up(r: &mut Renderer) {
    const PATH: &str = "/wallet/auto-top-up";
    let form = AutoForm {
        by: "hours".into(),
        measures: vec![Choice::new("hours", "a number of hours")],
        threshold: "72".into(),
        amount: "25.00".into(),
        monthly_ceiling: "100.00".into(),
        errors: Errors::new(),
    };
    let page = |auto: Option<AutoView>, visit| AutoTopUpPage {
        here: PATH.into(),
        steps: auto.as_ref().map(|auto| setup_steps(auto.state, visit)).unwrap_or_default(),
        approve_href: auto
            .as_ref()
            .filter(|auto| auto.state == AutoTopUpState::AwaitingApproval)
            .map(|_| "https://example.com/agree".into()),
        follow: false,
        auto,
        form: form.clone(),
        currency_sign: "$".into(),
        tax: true,
    };
    r.page("auto-top-up-none", PATH, page(None, Visit::Look));
    r.page("auto-top-up-on", PATH, page(Some(auto(AutoTopUpState::On)), Visit::Look));
    let declined = LastView {
        id: ID.into(),
        amount: money("25"),
        status: TopUpState::Failed.into(),
        why: Some("The automatic payment was declined. Nothing was charged.".into()),
        at: ago(20),
    };
    let trying =
        AutoView { retry_at: Some(ago(-1400)), last: Some(declined.clone()), ..auto(AutoTopUpState::On) };
    r.page("auto-top-up-declined", PATH, page(Some(trying), Visit::Look));
    let full = AutoView {
        hours: None,
        below: Some(money("20")),
        taken: money("100"),
        is_full: true,
        ..auto(AutoTopUpState::On)
    };
    r.page("auto-top-up-full", PATH, page(Some(full), Visit::Look));
    let off = AutoView {
        why: Some("PayPal declined two payments, a day apart. Nothing was charged."),
        is_alarming: true,
        off_at: Some(ago(10)),
        last: Some(declined),
        ..auto(AutoTopUpState::Off)
    };
    r.page("auto-top-up-off", PATH, page(Some(off), Visit::Look));
    let asked = |state| AutoView { last: None, taken: money("0"), ..auto(state) };
    for (name, state, visit) in [
        ("auto-top-up-preparing", AutoTopUpState::Preparing, Visit::Pay),
        ("auto-top-up-agree", AutoTopUpState::AwaitingApproval, Visit::Look),
        ("auto-top-up-agreed", AutoTopUpState::AwaitingApproval, Visit::Returned),
        ("auto-top-up-cancelled", AutoTopUpState::AwaitingApproval, Visit::Declined),
    ] {
        r.page(name, PATH, page(Some(asked(state)), visit));
    }
    let wrong = errors(&[
        ("threshold", "Use a whole number of hours, for example 72."),
        ("monthly_ceiling", "Choose at least what is added each time."),
    ]);
    let form =
        AutoForm { threshold: "soon".into(), monthly_ceiling: "5".into(), errors: wrong, ..form.clone() };
    r.page("auto-top-up-error", PATH, AutoTopUpPage { form, ..page(None, Visit::Look) });
}

fn activity(r: &mut Renderer) {
    let filter = ActivityFilterView {
        actions: vec![Choice::new("", "Everything"), Choice::new("vps", "VPSs")],
        people: vec![Choice::new("", "Everybody")],
        targets: vec![Choice::new("", "Everything")],
        ..Default::default()
    };
    let page = ActivityPage {
        entries: entries(),
        filter,
        pages: Pages { newest: None, older: Some("/activity?before=x".into()) },
        errors: Errors::new(),
    };
    r.page("activity", "/activity", page.clone());
    let none = ActivityPage {
        entries: vec![],
        filter: ActivityFilterView { active: true, ..page.filter.clone() },
        pages: Pages::default(),
        ..page
    };
    r.page("activity-none", "/activity", none);
}

fn security(r: &mut Renderer) {
    let key = |name: &str, used| ApiKeyRow {
        id: ID.into(),
        name: name.into(),
        hint: "sky_7Qm2".into(),
        owner: "Ann Example".into(),
        last_used_at: used,
        created_at: ago(20_000),
    };
    let session = |browser: &str, here| SessionRow {
        id: ID.into(),
        browser: browser.into(),
        address: Some("192.0.2.10".into()),
        here,
        created_at: ago(3000),
        last_used_at: ago(if here { 0 } else { 700 }),
    };
    let page = SecurityPage {
        keys: vec![key("Deploy script", Some(ago(31))), key("Terraform", None)],
        sessions: vec![session("Firefox on Linux", true), session("Safari on iPhone", false)],
        new_key: Some("sky_7Qm2xL0v9pXr4T8wK1cY6bN3eHsD5gAz".into()),
        name: String::new(),
        errors: Errors::new(),
    };
    r.page("security", "/settings/security", page.clone());
    r.page("security-empty", "/settings/security", SecurityPage { keys: vec![], new_key: None, ..page });
}
