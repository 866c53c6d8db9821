//! What is around every page: brand, navigation, balance, theme, toast.

use domain::Money;
use domain::identity::Permission;
use serde::Serialize;

use crate::wallet::view::Runway;

/// Everything the layouts show.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Frame {
    pub(crate) brand: BrandView,
    pub(crate) theme: Theme,
    pub(crate) toast: Option<Toast>,
    pub(crate) user: Option<UserView>,
    pub(crate) can: Vec<&'static str>,
    pub(crate) nav: Vec<NavGroup>,
    pub(crate) tabs: Vec<NavItem>,
    pub(crate) shortcuts: Vec<NavItem>,
    pub(crate) balance: Option<Balance>,
    /// Is the person asked to confirm their address?
    pub(crate) unconfirmed: bool,
    /// Address of the event stream, from where this page was read.
    pub(crate) events: Option<String>,
}

/// Name and logo.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BrandView {
    name: String,
    initial: String,
    logo: Option<String>,
}

impl BrandView {
    /// From the operator's settings.
    pub(crate) fn new(name: &str, logo: Option<&str>) -> Self {
        let initial = name.chars().next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
        Self { name: name.to_owned(), initial, logo: logo.map(str::to_owned) }
    }
}

impl Frame {
    /// The frame around a page without a session.
    pub(crate) fn bare(settings: &app::Settings, theme: Theme) -> Self {
        Self {
            brand: BrandView::new(&settings.company_name, settings.company_logo.as_deref()),
            theme,
            toast: None,
            user: None,
            can: Vec::new(),
            nav: Vec::new(),
            tabs: Vec::new(),
            shortcuts: Vec::new(),
            balance: None,
            unconfirmed: false,
            events: None,
        }
    }
}

crate::words::words! {
    /// Light, dark, or what the reader's system says.
    pub(crate) enum Theme {
        /// Light.
        Light = "light",
        /// Dark.
        Dark = "dark",
        /// As the system.
        System = "system",
    }
}

/// A short message about what was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Toast {
    pub(crate) tone: &'static str,
    pub(crate) text: &'static str,
}

/// Who is signed in.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct UserView {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) organization: String,
}

/// The wallet in the top bar.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Balance {
    available: Money,
    level: &'static str,
    text: String,
}

impl Balance {
    pub(crate) fn new(available: Money, runway: &Runway) -> Self {
        let text = match runway.until {
            Some(_) => format!("lasts {}", runway.short),
            None => "nothing running".to_owned(),
        };
        Self { available, level: runway.level, text }
    }
}

/// A part of the navigation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NavGroup {
    title: Option<&'static str>,
    items: Vec<NavItem>,
}

/// A link of the navigation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NavItem {
    label: &'static str,
    icon: &'static str,
    href: &'static str,
    here: bool,
}

type Link = (&'static str, &'static str, &'static str, Option<Permission>);

const PAGES: &[Link] = &[
    ("Dashboard", "layout-dashboard", "/", None),
    ("VPSs", "server", "/vps", Some(Permission::VpsView)),
    ("SSH keys", "key-round", "/ssh-keys", Some(Permission::SshKeyView)),
    ("Wallet", "wallet", "/wallet", Some(Permission::WalletView)),
    ("Billing", "file-text", "/billing", Some(Permission::WalletView)),
    ("Activity", "scroll-text", "/activity", Some(Permission::ActivityView)),
    ("Security", "shield", "/settings/security", None),
];

const OPERATOR_PAGES: &[Link] = &[
    ("Overview", "gauge", "/operator", None),
    ("Finance", "receipt", "/operator/finance", None),
    ("Tax and documents", "percent", "/operator/taxes", None),
    ("Unpaid", "circle-alert", "/operator/unpaid", None),
    ("Payments", "credit-card", "/operator/payments", None),
    ("Organizations", "building-2", "/operator/organizations", None),
    ("All VPSs", "server", "/operator/vps", None),
    ("Plans and prices", "tags", "/operator/plans", None),
    ("Offers", "credit-card", "/operator/campaigns", None),
    ("Adjustments", "rotate-cw", "/operator/adjustments", None),
    ("Provider accounts", "cloud", "/operator/providers", None),
    ("Mail", "mail", "/operator/mails", None),
    ("Jobs", "hourglass", "/operator/jobs", None),
    ("All activity", "activity", "/operator/activity", None),
];

const ACTIONS: &[Link] = &[
    ("Create VPS", "plus", "/vps/new", Some(Permission::VpsCreate)),
    ("Add money", "credit-card", "/wallet#add-money", Some(Permission::WalletTopUp)),
    ("API documentation", "terminal", "/api/docs", None),
];

/// Pages in the bar of small screens.
const TABS: &[&str] = &["/", "/vps", "/wallet", "/activity"];

/// The navigation of somebody with these permissions, on a page at `path`.
pub(crate) fn navigation(can: impl Fn(Permission) -> bool, operator: bool, path: &str) -> Vec<NavGroup> {
    let group = |title, links: &[Link]| {
        let allowed = links.iter().filter(|link| link.3.is_none_or(&can));
        NavGroup { title, items: allowed.map(|link| item(link, path)).collect() }
    };
    let mut groups = vec![group(None, PAGES)];
    if operator {
        groups.push(group(Some("Operator"), OPERATOR_PAGES));
    }
    groups
}

/// The few pages of the bar on small screens.
pub(crate) fn tabs(groups: &[NavGroup]) -> Vec<NavItem> {
    let items = groups.iter().flat_map(|g| &g.items);
    items.filter(|item| TABS.contains(&item.href)).cloned().collect()
}

/// Actions that can be reached from everywhere by keyboard.
pub(crate) fn shortcuts(can: impl Fn(Permission) -> bool) -> Vec<NavItem> {
    ACTIONS.iter().filter(|link| link.3.is_none_or(&can)).map(|link| item(link, "")).collect()
}

fn item(&(label, icon, href, _): &Link, path: &str) -> NavItem {
    let below = match href {
        "/" | "/operator" => path == href,
        _ => path == href || path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')),
    };
    NavItem { label, icon, href, here: below }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn navigation_marks_one_page_and_hides_the_operators() {
        let groups = navigation(|_| true, false, "/vps/new");
        let here: Vec<_> = groups.iter().flat_map(|g| &g.items).filter(|i| i.here).map(|i| i.href).collect();
        assert_eq!((here, groups.len()), (vec!["/vps"], 1));
        assert_eq!(navigation(|_| true, true, "/operator/vps").len(), 2);
    }

    #[test]
    fn pages_without_permission_are_not_offered() {
        let groups = navigation(|p| p != Permission::WalletView, false, "/");
        assert!(groups.iter().flat_map(|g| &g.items).all(|i| i.href != "/wallet"));
    }
}
