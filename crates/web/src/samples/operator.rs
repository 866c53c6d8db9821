//! Sample content of operators' pages.

use domain::activity::Action;
use domain::notify::mail::MailState;
use domain::operations::JobState;
use domain::payment::{DisputeState, RefundState, TopUpState};
use domain::provider::ProviderState;
use domain::vps::{Status, VpsState};
use domain::wallet::AdjustmentState;

use super::{Renderer, ago, errors, money};
use crate::activity::view::{AllActivityPage, EntryView};
use crate::billing::unpaid_view::{Exposure, TermsForm, UnpaidPage, UnpaidRow};
use crate::catalog::moves_view::{EffectRow, EffectView, KeptRow, MoveRow, MovesPage};
use crate::catalog::view::{
    MarkupForm, NewPlanPage, PlanName, PlanPage, PlanRow, PlanView, PlansPage, PreviewPage, PreviewRow,
    PublicationRow, RegionPriceRow, SizeOption,
};
use crate::identity::view::{
    LimitForm, LimitRow, LimitsView, OrganizationPage, OrganizationRow, OrganizationView, OrganizationsPage,
    PersonRow,
};
use crate::notify::mail_view::{MailRow, MailsPage};
use crate::operations::view::{DiscardPage, JobFact, JobPage, JobRow, JobsPage};
use crate::overview::view::{Alarm, OverviewPage, StateCount, Totals};
use crate::payment::operator_view::{
    DifferenceRow, DisputeRow, EventRow, OrganizationPaymentsPage, PaidForRow, PaymentsPage, RefundForm,
    RefundableRow, WebhookView,
};
use crate::payment::view::RefundRow;
use crate::provider::view::{
    AccountPage, AccountRow, AccountView, AccountsPage, BudgetView, NewAccountPage, OrphanRow, ReconciledView,
};
use crate::view::{Chip, Choice, Errors, Pages};
use crate::vps::operator_view::{AllVpsPage, AnyVpsRow};
use crate::wallet::finance_view::{Bar, CustomerRow, FinancePage, MarginPage, MarginRow, SumsRow, Total};
use crate::wallet::operator_view::{
    AdjustmentForm, AdjustmentRow, AdjustmentsPage, CampaignForm, CampaignRow, CampaignsPage, GoodwillForm,
    OrganizationWalletPage, VouchersPage,
};
use crate::wallet::transaction_view::{HourRow, OperatorHourRow, OperatorTransactionPage};
use crate::wallet::view::{LineView, TopUpRow, TransactionView};

const ID: &str = "0192f5c4-7d1e-7c3a-9b51-3f2f0a6d1e10";

pub(super) fn add(r: &mut Renderer) {
    overview(r);
    providers(r);
    plans(r);
    organizations(r);
    all_vps(r);
    unpaid(r);
    mails(r);
    finance(r);
    offers(r);
    wallet_of_organization(r);
}

fn offers(r: &mut Renderer) {
    let offer = |name: &str, code: Option<&str>, open: bool, disabled| CampaignRow {
        id: ID.into(),
        name: name.into(),
        kind: if code.is_some() { "Promotion" } else { "Vouchers" },
        code: code.map(Into::into),
        amount: money("10"),
        valid_from: ago(9_000),
        valid_until: code.map(|_| ago(-90_000)),
        expires_days: code.map(|_| 90),
        redemptions: 41,
        redemptions_max: (!open).then_some(100),
        new_only: code.is_some(),
        status: Chip::offer(open, disabled),
        disabled,
    };
    let page = CampaignsPage {
        campaigns: vec![
            offer("Autumn fair", Some("AUTUMN10"), true, false),
            offer("Workshop", None, false, true),
        ],
        pages: Pages::default(),
        currency_sign: "$".into(),
        promotion: CampaignForm {
            code: "AB".into(),
            errors: errors(&[("code", "Use 6 to 40 letters and digits; dashes do not count.")]),
            ..Default::default()
        },
        vouchers: CampaignForm::default(),
    };
    r.page("operator-offers", "/operator/campaigns", page.clone());
    let none = CampaignsPage { campaigns: vec![], promotion: CampaignForm::default(), ..page };
    r.page("operator-offers-none", "/operator/campaigns", none);
    let csv = "code,amount,currency\n7Q3M-91XK-04ZT-HW2P,10.00,USD\n".to_owned();
    let vouchers = VouchersPage { name: "Workshop".into(), count: 1, csv };
    r.page("operator-vouchers", "/operator/campaigns/vouchers", vouchers);
}

fn wallet_of_organization(r: &mut Renderer) {
    let adjustment = |state: AdjustmentState, own| AdjustmentRow {
        id: ID.into(),
        organization_id: ID.into(),
        organization: "Example Studio".into(),
        amount: money("-120"),
        reason: "Charged twice on 2 November".into(),
        requester: "Olga Operator".into(),
        own,
        pending: state == AdjustmentState::Pending,
        status: state.into(),
        created_at: ago(90),
        lapses_at: ago(-9_000),
    };
    let adjustments =
        vec![adjustment(AdjustmentState::Pending, true), adjustment(AdjustmentState::Pending, false)];
    let page = OrganizationWalletPage {
        id: ID.into(),
        name: "Example Studio".into(),
        available: money("37.52"),
        held: money("0.0268"),
        receivable: money("0"),
        kinds: super::customer::kinds(),
        all: format!("/operator/organizations/{ID}/wallet"),
        filtered: false,
        transactions: vec![TransactionView {
            id: ID.into(),
            sequence: 7,
            icon: "receipt",
            title: "Adjustment",
            about: Some("Charged twice on 2 November".into()),
            note: None,
            at: ago(90),
            change: money("12"),
            aside: false,
            lines: vec![LineView { account: "Available", amount: money("12") }],
        }],
        pages: Pages::default(),
        auto: Some(super::customer::auto(domain::payment::AutoTopUpState::On)),
        adjustments: vec![adjustment(AdjustmentState::Applied, true)],
        currency_sign: "$".into(),
        limit: money("100"),
        form_key: ID.into(),
        goodwill: GoodwillForm {
            amount: "500".into(),
            errors: errors(&[("amount", "One operator alone gives at most 100.00. Ask for an adjustment.")]),
            ..Default::default()
        },
        adjustment: AdjustmentForm::default(),
    };
    r.page("operator-organization-wallet", "/operator/organizations/x/wallet", page.clone());
    let none = OrganizationWalletPage {
        kinds: vec![],
        transactions: vec![],
        auto: None,
        adjustments: vec![],
        goodwill: GoodwillForm::default(),
        ..page
    };
    r.page("operator-organization-wallet-none", "/operator/organizations/x/wallet", none);
    let page = AdjustmentsPage { adjustments, errors: errors(&[("form", "This adjustment was decided.")]) };
    r.page("operator-adjustments", "/operator/adjustments", page);
    let none = AdjustmentsPage { adjustments: vec![], errors: Errors::new() };
    r.page("operator-adjustments-none", "/operator/adjustments", none);
    payments(r);
}

fn payments(r: &mut Renderer) {
    let dispute = DisputeRow {
        organization_id: ID.into(),
        organization: "Example Studio".into(),
        reference: "PP-R-LYP-22173011".into(),
        status: DisputeState::Open.into(),
        stage: "INQUIRY".into(),
        reason: "MERCHANDISE_OR_SERVICE_NOT_RECEIVED".into(),
        captured: money("50"),
        disputed: money("25"),
        frozen: money("12.4"),
        paid_at: ago(9_000),
        opened_at: ago(90),
        paid_for: vec![PaidForRow { name: "web-1".into(), charged: money("7.2") }],
    };
    let event = |kind: Option<&str>, state: &str, detail: Option<&str>| EventRow {
        id: "WH-2WR32451HC0233532-67976317FL4543714".into(),
        kind: kind.map(str::to_owned),
        state: state.into(),
        detail: detail.map(str::to_owned),
        at: ago(4),
    };
    let page = PaymentsPage {
        disputes: vec![
            dispute.clone(),
            DisputeRow { paid_for: vec![], status: DisputeState::Won.into(), ..dispute },
        ],
        differences: vec![
            DifferenceRow {
                what: "Payment 1AB of 25.00 is in the gateway's books alone.".into(),
                since: ago(1_500),
                settling: false,
            },
            DifferenceRow {
                what: "2CD of 5.00 went back in the gateway's books alone.".into(),
                since: ago(5),
                settling: true,
            },
        ],
        webhook: WebhookView { configured: true, last_at: Some(ago(4)), genuine: 41, refused: 1, waiting: 0 },
        events: vec![
            event(Some("PAYMENT.CAPTURE.COMPLETED"), "done", None),
            event(None, "refused", Some("the signature is wrong")),
            event(None, "received", None),
        ],
    };
    r.page("operator-payments", "/operator/payments", page);
    let none = PaymentsPage {
        disputes: vec![],
        differences: vec![],
        webhook: WebhookView { configured: false, last_at: None, genuine: 0, refused: 0, waiting: 0 },
        events: vec![],
    };
    r.page("operator-payments-none", "/operator/payments", none);
    let organization = OrganizationPaymentsPage {
        id: ID.into(),
        name: "Example Studio".into(),
        available: money("31.2"),
        refundable: vec![RefundableRow {
            id: ID.into(),
            captured: money("50"),
            most: money("31.2"),
            value: "31.20".into(),
            at: ago(9_000),
        }],
        refunds: vec![RefundRow {
            title: "Refund",
            amount: money("10"),
            status: RefundState::Pending.into(),
            why: Some("Paid twice".into()),
            at: ago(100),
        }],
        form: RefundForm {
            errors: errors(&[("amount", "At most 31.20 USD of this payment is unspent.")]),
            ..Default::default()
        },
    };
    r.page("operator-refund", "/operator/organizations/x/payments", organization.clone());
    let nothing = OrganizationPaymentsPage { refundable: vec![], refunds: vec![], ..organization };
    r.page("operator-refund-nothing", "/operator/organizations/x/payments", nothing);
    transactions(r);
}

fn transactions(r: &mut Renderer) {
    let line = |account, text| LineView { account, amount: money(text) };
    let transaction = TransactionView {
        id: ID.into(),
        sequence: 41,
        icon: "clock",
        title: "Hours charged",
        about: Some("1 hour".into()),
        note: None,
        at: ago(3),
        change: money("-0.0089"),
        aside: false,
        lines: vec![line("Available", "-0.0089"), line("Charged", "0.0089")],
    };
    let hour = HourRow {
        raised: None,
        vps_id: Some(ID.into()),
        name: "web-1".into(),
        what: None,
        at: ago(60),
        first: true,
        suspended: false,
        capped: false,
        price: money("0.0089"),
        priced_at: ago(90_000),
        cap: money("6"),
        month_used: money("0.0089"),
        amount: money("0.0089"),
        transaction_id: Some(ID.into()),
        sequence: Some(41),
    };
    let page = OperatorTransactionPage {
        organization_id: ID.into(),
        organization: "Acme Ltd".into(),
        at: transaction.at,
        transaction,
        actor: "the panel itself".into(),
        hash: "5f".repeat(32),
        other: None,
        transfer: None,
        hours: vec![OperatorHourRow { hour, cost: money("0.0075"), margin: money("0.0014") }],
        revenue: money("0.0089"),
        cost: money("0.0075"),
        margin: money("0.0014"),
        pages: Pages::default(),
    };
    r.page("operator-transaction", "/operator/transactions/x", page);
}

fn finance(r: &mut Renderer) {
    let row = |name: &str, paid_in: &str, revenue: &str, failed| SumsRow {
        name: name.into(),
        paid_in: money(paid_in),
        returned: money("0"),
        revenue: money(revenue),
        credits: money("0"),
        adjustments: money("0"),
        failed,
    };
    let page = FinancePage {
        by: "day",
        periods: vec![Choice::new("day", "By day"), Choice::new("month", "By month")],
        since: "31 Oct 2026".into(),
        total: Total {
            paid_in: money("1840"),
            returned: money("25"),
            revenue: money("1311.4062"),
            owed: money("3.1"),
            credits: money("40"),
            adjustments: money("-2.5"),
            failed: 3,
        },
        unspent: money("612.88"),
        receivable: money("3.1"),
        chart: (0..31).map(|n| Bar { paid_in: n * 37 % 100, revenue: 40 + n * 2 }).collect(),
        rows: vec![row("2 Nov 2026", "120", "48.2213", 1), row("1 Nov 2026", "60", "47.9", 0)],
        customers: vec![CustomerRow {
            id: ID.into(),
            name: "Example Studio".into(),
            revenue: money("401.2"),
            paid_in: money("500"),
        }],
    };
    r.page("operator-finance", "/operator/finance", page.clone());
    let none = FinancePage { customers: vec![], by: "month", ..page };
    r.page("operator-finance-none", "/operator/finance", none);
    let good = MarginRow {
        name: "Harbor".into(),
        href: Some(format!("/operator/plans/{ID}")),
        organization: None,
        vps: 12,
        hours: 5_812,
        revenue: money("92.41"),
        cost: money("61.6"),
        margin: money("30.81"),
        percent: Some(33),
        below_cost: false,
    };
    let bad = MarginRow {
        name: "Cove".into(),
        margin: money("-1.25"),
        percent: Some(-4),
        below_cost: true,
        ..good.clone()
    };
    let page = MarginPage {
        of: "plan",
        choices: vec![Choice::new("plan", "Plan"), Choice::new("vps", "VPS")],
        month: "November 2026".into(),
        revenue: money("184.82"),
        cost: money("123.2"),
        margin: money("61.62"),
        below_cost: 1,
        cut: true,
        rows: vec![bad, good],
    };
    r.page("operator-margin", "/operator/finance/margin", page.clone());
    let none = MarginPage { rows: vec![], below_cost: 0, cut: false, ..page };
    r.page("operator-margin-none", "/operator/finance/margin", none);
}

fn unpaid(r: &mut Renderer) {
    let row = UnpaidRow {
        id: ID.into(),
        name: "Blue Bakery".into(),
        since: ago(5_000),
        vps: 3,
        owed: money("4.12"),
        cost_hour: money("0.0432"),
        cost_day: money("1.0368"),
        next: "Warning, 24 hours before".into(),
        next_at: Some(ago(-3_600)),
        kept_until: Some(ago(-5_040)),
    };
    let kept = UnpaidRow {
        name: "Example Studio".into(),
        next: "None: kept until paid".into(),
        next_at: None,
        kept_until: None,
        ..row.clone()
    };
    let total = Exposure {
        organizations: 2,
        vps: 6,
        owed: money("8.24"),
        cost_hour: money("0.0864"),
        cost_day: money("2.0736"),
    };
    let page = UnpaidPage { total, organizations: vec![row, kept], cut: true, retention_hours: 168 };
    r.page("operator-unpaid", "/operator/unpaid", page.clone());
    let none = UnpaidPage { organizations: vec![], cut: false, ..page };
    r.page("operator-unpaid-none", "/operator/unpaid", none);
}

fn mails(r: &mut Renderer) {
    let sent = MailRow {
        id: ID.into(),
        subject: "Welcome to Nimbus Hosting".into(),
        recipient: "ann@example.com".into(),
        organization_id: Some(ID.into()),
        organization: Some("Example Studio".into()),
        status: MailState::Sent.into(),
        error: None,
        can_resend: false,
        created_at: ago(12),
        sent_at: Some(ago(11)),
    };
    let failed = MailRow {
        recipient: "ben@bakery.example".into(),
        organization: Some("Blue Bakery".into()),
        status: MailState::Failed.into(),
        error: Some("550 no mailbox of that name".into()),
        can_resend: true,
        sent_at: None,
        ..sent.clone()
    };
    let alarm = MailRow {
        subject: "Alarm".into(),
        recipient: "olga@example.com".into(),
        organization_id: None,
        organization: None,
        status: MailState::Skipped.into(),
        sent_at: None,
        ..sent.clone()
    };
    let page = MailsPage {
        switched_on: true,
        state: String::new(),
        states: vec![Choice::new("", "All states"), Choice::new("failed", "Failed")],
        mails: vec![sent, failed, alarm],
        pages: Pages::default(),
    };
    r.page("operator-mails", "/operator/mails", page.clone());
    let none = MailsPage { mails: vec![], ..page };
    r.page("operator-mails-off", "/operator/mails", MailsPage { switched_on: false, ..none.clone() });
    r.page("operator-mails-none", "/operator/mails", MailsPage { state: "failed".into(), ..none });
    jobs(r);
}

fn account(name: &str, kind: &'static str, state: ProviderState, error: Option<&str>) -> AccountRow {
    AccountRow {
        id: ID.into(),
        name: name.into(),
        kind,
        status: state.into(),
        error: error.map(Into::into),
        servers: 42,
        synced_at: Some(ago(50)),
        reconciled_at: Some(ago(3)),
    }
}

fn accounts() -> Vec<AccountRow> {
    vec![
        account("Main", "Linode", ProviderState::Active, None),
        account("EU", "DigitalOcean", ProviderState::Unauthorized, Some("The token is refused.")),
    ]
}

fn entry(action: Action, organization: &str, target: Option<&str>, minutes: i64) -> EntryView {
    EntryView {
        at: ago(minutes),
        text: crate::activity::words::text(action).to_owned(),
        target: target.map(Into::into),
        href: None,
        detail: None,
        actor: "Olga Operator".into(),
        address: Some("192.0.2.1".into()),
        organization: Some(organization.into()),
    }
}

fn entries() -> Vec<EntryView> {
    vec![
        entry(Action::VpsCreated, "Example Studio", Some("build-runner"), 2),
        entry(Action::ProviderUnauthorized, "Installation", Some("EU"), 20),
        entry(Action::TopUpCompleted, "Blue Bakery", None, 44),
    ]
}

fn overview(r: &mut Renderer) {
    let page = OverviewPage {
        alarms: vec![Alarm {
            tone: "bad",
            title: "EU: the token is refused.".into(),
            code: "account_unauthorized",
            text: "Work in this account waits until the token is replaced.".into(),
            since: Some(ago(20)),
            href: format!("/operator/providers/{ID}"),
        }],
        organizations: 128,
        organizations_paying: 97,
        vps_active: 311,
        vps_total: 845,
        money: Totals {
            available: money("14210.55"),
            held: money("1.2"),
            receivable: money("12.04"),
            burn: money("8.4211"),
            cost_hour: money("6.7368"),
            charged_month: money("4310.22"),
            paid_in_month: money("5120"),
            paid_in: money("88120"),
        },
        states: [(VpsState::Active, 311), (VpsState::Creating, 2), (VpsState::Failed, 4)]
            .map(|(state, count)| StateCount { status: state.into(), count })
            .to_vec(),
        providers: accounts(),
        activity: entries(),
    };
    r.page("operator", "/operator", page.clone());
    r.page(
        "operator-new",
        "/operator",
        OverviewPage { alarms: vec![], states: vec![], providers: vec![], activity: vec![], ..page },
    );
}

fn providers(r: &mut Renderer) {
    r.page("providers", "/operator/providers", AccountsPage { accounts: accounts() });
    let kinds = vec![Choice::new("linode", "Linode"), Choice::new("digitalocean", "DigitalOcean")];
    let refused = errors(&[("token", "The token is empty.")]);
    let form = NewAccountPage { kinds, kind: "linode".into(), errors: refused, ..Default::default() };
    r.page("provider-new", "/operator/providers/new", form);
    let account = AccountView {
        id: ID.into(),
        name: "EU".into(),
        kind: "DigitalOcean",
        status: ProviderState::Unauthorized.into(),
        disabled: false,
        error: Some("The token is refused.".into()),
        upstream: Some("ops@nimbus.example".into()),
        base_url: None,
        servers: 42,
        sizes: 31,
        regions: 9,
        synced_at: Some(ago(50)),
        reconciled_at: Some(ago(3)),
        reconciled: Some(ReconciledView { servers: 43, differing: 1 }),
        budget: Some(BudgetView { limit: 5000, remaining: 321, resets_at: ago(-30), over: false }),
        created_at: ago(99_999),
    };
    let orphan = OrphanRow {
        reference: "51233411".into(),
        label: "forgotten-test".into(),
        size: "s-1vcpu-1gb".into(),
        region: "fra1".into(),
        tagged: false,
        first_seen_at: ago(600),
    };
    r.page(
        "provider",
        "/operator/providers/x",
        AccountPage { account, orphans: vec![orphan], errors: Errors::new() },
    );
}

fn plans(r: &mut Renderer) {
    let row = |name: &str, gb: i32, active, hour: Option<&str>| PlanRow {
        id: ID.into(),
        name: name.into(),
        vcpus: 1,
        memory_mib: gb * 1024,
        disk_gib: 25 * gb,
        dedicated: gb == 8,
        status: Chip::for_sale(active),
        regions: 12,
        hour: hour.map(money),
        month: hour.map(|_| money("6")),
        vps_count: 120,
        changed: gb == 2,
    };
    let plans = vec![
        row("Nano", 1, true, Some("0.0089")),
        row("Small", 2, true, Some("0.0134")),
        row("Huge", 8, false, None),
    ];
    r.page("plans", "/operator/plans", PlansPage { plans });
    r.page("plans-empty", "/operator/plans", PlansPage { plans: vec![] });
    let markup = MarkupForm {
        markup_percent: "20".into(),
        markup_hour: "0".into(),
        markup_month: "0".into(),
        currency_sign: "$".into(),
    };
    let size = |key: &str, selected| SizeOption {
        key: key.into(),
        label: key.into(),
        vcpus: 1,
        memory_mib: 1024,
        disk_gib: 25,
        transfer_gb: 1000,
        dedicated: false,
        accounts: "Main, EU".into(),
        cost_hour: money("0.0075"),
        cost_month: money("5"),
        selected,
    };
    let sizes = vec![size("1 vCPU · 1 GB · 25 GB", true), size("1 vCPU · 2 GB · 50 GB", false)];
    let refused = errors(&[("markup_percent", "Not an amount, expected for example 25.")]);
    r.page(
        "plan-new",
        "/operator/plans/new",
        NewPlanPage { sizes, name: "Nano".into(), markup: markup.clone(), errors: refused },
    );
    r.page("plan-new-empty", "/operator/plans/new", NewPlanPage::default());
    let price = |region: &str, changed: bool| RegionPriceRow {
        region: region.into(),
        cost_hour: Some(money("0.0075")),
        cost_month: Some(money("5")),
        markup: Some("20 %".into()),
        hour: (!changed).then(|| money("0.009")),
        month: (!changed).then(|| money("6")),
        effective_at: (!changed).then(|| ago(20_000)),
        orderable: !changed,
        changed,
    };
    let plan = PlanView {
        id: ID.into(),
        name: "Nano".into(),
        vcpus: 1,
        memory_mib: 1024,
        disk_gib: 25,
        transfer_gb: 1000,
        active: true,
        status: Chip::for_sale(true),
    };
    let prices = vec![price("Frankfurt", false), price("London", true)];
    r.page(
        "plan",
        "/operator/plans/x",
        PlanPage {
            plan,
            prices,
            below_cost: 1,
            markup: markup.clone(),
            effective_at: String::new(),
            publications: publications(),
            errors: Errors::new(),
        },
    );
    preview(r, markup);
    moves(r);
}

fn publications() -> Vec<PublicationRow> {
    let one = |status, scheduled, minutes| PublicationRow {
        id: ID.into(),
        effective_at: ago(minutes),
        created_at: ago(minutes.max(0) + 60),
        status,
        scheduled,
        regions: 12,
        markup: "20 %".into(),
        lowest_hour: money("0.009"),
        highest_hour: if scheduled { money("0.0108") } else { money("0.009") },
        lowest_month: money("6"),
        highest_month: if scheduled { money("7.20") } else { money("6") },
    };
    vec![
        one(Chip::price(false, true), true, -20_000),
        one(Chip::WITHDRAWN, false, -10_000),
        one(Chip::price(true, false), false, 20_000),
        one(Chip::price(false, false), false, 90_000),
    ]
}

fn preview(r: &mut Renderer, markup: MarkupForm) {
    let row = |region: &str, old: Option<&str>| PreviewRow {
        region: region.into(),
        cost_hour: money("0.0075"),
        cost_month: money("5"),
        old_hour: old.map(money),
        old_month: old.map(|_| money("6")),
        hour: money("0.0105"),
        month: money("7"),
        margin_hour: money("0.003"),
        margin_month: money("2"),
        percent: Some(28),
    };
    let page = PreviewPage {
        plan: PlanName { id: ID.into(), name: "Nano".into() },
        markup,
        effective_at: "2027-01-31T00:00".into(),
        at: Some(ago(-80_000)),
        seen: "c0ffee".into(),
        stale: false,
        rows: vec![row("Frankfurt", Some("0.009")), row("London", None)],
    };
    r.page("plan-preview", "/operator/plans/x/prices", page.clone());
    let stale = PreviewPage { stale: true, at: None, effective_at: String::new(), ..page.clone() };
    r.page("plan-preview-stale", "/operator/plans/x/prices", stale);
    r.page("plan-preview-empty", "/operator/plans/x/prices", PreviewPage { rows: vec![], ..page });
}

fn moves(r: &mut Renderer) {
    let kept = |hour: &str, status, vps, below_cost, chosen: bool| KeptRow {
        region: "Frankfurt".into(),
        hour: money(hour),
        month: money("6"),
        effective_at: ago(90_000),
        status,
        vps,
        below_cost,
        href: chosen.then(|| "/operator/plans/x/moves?version=x".into()),
    };
    let effect = |name: &str, before: &str, after: &str, falls_below, empty_by_then| EffectRow {
        id: ID.into(),
        name: name.into(),
        vps: 3,
        old_hour: money("0.027"),
        new_hour: money("0.0315"),
        month_change: money("3"),
        lasts_before: before.into(),
        lasts_after: after.into(),
        falls_below,
        empty_by_then,
        only_href: "/operator/plans/x/moves?organization=x".into(),
    };
    let moved = |status, open, moved| MoveRow {
        id: ID.into(),
        region: "Frankfurt".into(),
        hour: money("0.0105"),
        month: money("7"),
        moves_at: ago(-80_000),
        created_at: ago(90),
        status,
        vps: 6,
        organizations: 2,
        told: 6,
        moved,
        open,
    };
    let view = EffectView {
        region: "Frankfurt".into(),
        hour: money("0.0105"),
        month: money("7"),
        margin_hour: Some(money("0.003")),
        margin_month: Some(money("2")),
        at: Some(ago(-80_000)),
        organizations: 2,
        vps: 6,
        old_hour: money("0.054"),
        new_hour: money("0.063"),
        month_change: money("6"),
        below_72: 1,
        below_24: 0,
        below_1: 0,
        below_zero: 1,
        rows: vec![
            effect("Example Studio", "32 days", "28 days", None, false),
            effect("Blue Bakery", "3 days", "2 days", Some("72 h"), true),
        ],
        pages: Pages { newest: None, older: Some("/operator/plans/x/moves?after=x".into()) },
        csv_href: "/operator/plans/x/moves/csv".into(),
    };
    let page = MovesPage {
        plan: PlanName { id: ID.into(), name: "Nano".into() },
        notice_days: 30,
        kept: vec![
            kept("0.009", Chip::price(false, false), 6, 2, false),
            kept("0.0105", Chip::price(true, false), 40, 0, true),
        ],
        version: ID.into(),
        versions: vec![Choice::new(ID, "Frankfurt: $0.0105/h, $7.00 a month")],
        moves_at: "2027-01-31T00:00".into(),
        organizations: vec![Choice::new(ID, "Blue Bakery")],
        effect: Some(view.clone()),
        moves: vec![
            moved(Chip::ANNOUNCED, true, 0),
            moved(Chip::MOVING, false, 5),
            moved(Chip::MOVED, false, 6),
            moved(Chip::CANCELLED, false, 0),
        ],
        errors: errors(&[(
            "moves_at",
            "The price rises for some of them: choose a time at least 30 days ahead.",
        )]),
    };
    r.page("price-moves", "/operator/plans/x/moves", page.clone());
    let nobody = EffectView { rows: vec![], vps: 0, organizations: 0, at: None, ..view };
    let nobody = MovesPage { effect: Some(nobody), moves: vec![], errors: Errors::new(), ..page.clone() };
    r.page("price-moves-nobody", "/operator/plans/x/moves", nobody);
    let none = MovesPage { kept: vec![], versions: vec![], effect: None, moves: vec![], ..page };
    r.page("price-moves-none", "/operator/plans/x/moves", none);
}

fn organizations(r: &mut Renderer) {
    let organization = OrganizationRow {
        id: ID.into(),
        name: "Example Studio".into(),
        owner: "ann@example.com".into(),
        available: money("37.52"),
        receivable: None,
        burn: money("0.0482"),
        lasts: "32 days".into(),
        vps_count: 6,
        created_at: ago(90_000),
    };
    let owing = OrganizationRow {
        name: "Blue Bakery".into(),
        receivable: Some(money("1.72")),
        lasts: "—".into(),
        ..organization.clone()
    };
    let page = OrganizationsPage {
        q: String::new(),
        organizations: vec![organization, owing],
        pages: Pages::default(),
    };
    r.page("organizations", "/operator/organizations", page.clone());
    r.page(
        "organizations-none",
        "/operator/organizations",
        OrganizationsPage { q: "zzz".into(), organizations: vec![], ..page },
    );
    let organization = OrganizationView {
        id: ID.into(),
        name: "Example Studio".into(),
        created_at: ago(90_000),
        available: money("37.52"),
        held: money("0"),
        receivable: money("0"),
        burn: money("0.0482"),
        lasts: "32 days".into(),
        paid_in: money("100"),
        charged: money("62.48"),
    };
    let person = PersonRow {
        id: ID.into(),
        name: "Ann Example".into(),
        email: "ann@example.com".into(),
        role: "Owner",
        operator: false,
        suspended: false,
    };
    let suspended =
        PersonRow { name: "Max Example".into(), role: "Member", suspended: true, ..person.clone() };
    let top_up = TopUpRow {
        id: ID.into(),
        amount: money("25"),
        status: TopUpState::Completed.into(),
        automatic: false,
        at: ago(190),
    };
    let page = OrganizationPage {
        organization,
        people: vec![person, suspended],
        top_ups: vec![top_up],
        vps: vps_rows(),
        limits: LimitsView {
            rows: vec![LimitRow {
                id: ID.into(),
                who: "API key deploy".into(),
                limit: "12,000 per minute".into(),
                reason: "Moves 300 machines".into(),
                expires_at: ago(-7_000),
            }],
            subjects: vec![Choice::new("organization", "The whole organization")],
            days: vec![Choice::new("7", "7 days")],
        },
        terms: TermsForm {
            credit_limit: "50.00".into(),
            retention_hours: "abc".into(),
            never_destroyed: true,
            usual_hours: 168,
            currency_sign: "$".into(),
            errors: errors(&[("retention_hours", "Use whole hours, or leave it empty.")]),
        },
        limit: LimitForm { errors: errors(&[("requests", "Use whole numbers.")]), ..Default::default() },
        activity: entries(),
    };
    r.page("organization", "/operator/organizations/x", page);
}

fn vps_rows() -> Vec<AnyVpsRow> {
    let row = AnyVpsRow {
        name: "web-1".into(),
        plan: "Small".into(),
        address: Some("203.0.113.24".into()),
        failure: None,
        organization_id: ID.into(),
        organization: "Example Studio".into(),
        status: Status::Running.into(),
        account: Some("Main".into()),
        server: Some("62110987".into()),
        region: "Frankfurt".into(),
        hour: money("0.0134"),
        cost_hour: money("0.0107"),
        created_at: ago(43_000),
    };
    let failed = AnyVpsRow {
        name: "shop".into(),
        status: Status::Failed.into(),
        failure: Some("No room in this region just now.".into()),
        account: None,
        server: None,
        address: None,
        organization: "Blue Bakery".into(),
        ..row.clone()
    };
    vec![row, failed]
}

fn all_vps(r: &mut Renderer) {
    let states = vec![Choice::new("", "All states"), Choice::new("active", "Active")];
    let page = AllVpsPage {
        q: String::new(),
        state: String::new(),
        states,
        vps: vps_rows(),
        pages: Pages::default(),
        here: "/operator/vps".into(),
    };
    r.page("operator-vps", "/operator/vps", page.clone());
    r.page("operator-vps-none", "/operator/vps", AllVpsPage { vps: vec![], ..page });
    let trail = AllActivityPage { entries: entries(), organization: None, pages: Pages::default() };
    r.page("operator-activity", "/operator/activity", trail);
}

fn job(id: i64, kind: &str, state: JobState, error: Option<&str>) -> JobRow {
    JobRow {
        id,
        kind: kind.into(),
        status: state.into(),
        organization: Some("Blue Bakery".into()),
        organization_id: Some(ID.into()),
        attempts: 12,
        max_attempts: 12,
        error: error.map(Into::into),
        created_at: ago(90),
        run_at: (state == JobState::Ready).then(|| ago(-2)),
    }
}

fn jobs(r: &mut Renderer) {
    let dead = job(4711, "vps.create", JobState::Dead, Some("temporarily unavailable: 503"));
    let list = JobsPage {
        kind: String::new(),
        state: String::new(),
        q: String::new(),
        kinds: vec![Choice::new("", "All kinds"), Choice::new("vps.create", "vps.create")],
        states: vec![Choice::new("", "Not over"), Choice::new("dead", "Dead")],
        waiting: 3,
        running: 1,
        dead: 1,
        jobs: vec![job(4712, "vps.power", JobState::Ready, None), dead.clone()],
        pages: Pages::default(),
        here: "/operator/jobs".into(),
    };
    r.page("jobs", "/operator/jobs", list.clone());
    r.page("jobs-none", "/operator/jobs", JobsPage { waiting: 0, running: 0, dead: 0, jobs: vec![], ..list });
    let page = JobPage {
        can_retry: true,
        can_discard: true,
        kept_because: None,
        consequence: "What it may have made at the provider is removed.",
        runs: 12,
        finished_at: Some(ago(3)),
        facts: vec![JobFact {
            name: "VPS".into(),
            value: "build-runner".into(),
            href: Some("/operator/vps?q=build-runner".into()),
        }],
        job: dead.clone(),
        errors: Errors::new(),
    };
    r.page("job", "/operator/jobs", page);
    let discard = DiscardPage {
        job: dead,
        consequence: "What it may have made at the provider is removed.",
        errors: errors(&[("form", "A worker is at this job. Wait until it is over.")]),
    };
    r.page("job-discard", "/operator/jobs", discard);
}
