//! Many customers with many VPSs, written past all rules so that it takes seconds.

use testkit::Panel;

/// Ids in the order of time, as the product's are: a hexadecimal number in front.
const ID: &str = "(lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || substr(md5(KIND || n), 1, 12))::uuid";

fn id(kind: &str, n: &str) -> String {
    ID.replace("(n)", &format!("({n})")).replace("KIND || n", &format!("'{kind}' || {n}"))
}

/// `organizations` customers, each the owner `n@bench.example` without a password, and their wallets.
pub(crate) async fn customers(panel: &Panel, organizations: usize) {
    let (organization, user) = (id("o", "n"), id("u", "n"));
    for table in [
        format!("organizations (id, name) select {organization}, 'Bench ' || n"),
        format!("wallets (organization_id) select {organization}"),
        format!(
            "users (organization_id, id, email, name, password_hash, role)
            select {organization}, {user}, n || '@bench.example', 'Bench', '', 'owner'"
        ),
    ] {
        panel.execute(format!("insert into {table} from generate_series(1, {organizations}) n")).await;
    }
}

/// A session and an API key for each of the first `count` customers: tokens `bench-N` and `skp_bench-N`.
pub(crate) async fn credentials(panel: &Panel, count: usize) {
    let (organization, user) = (id("o", "n"), id("u", "n"));
    panel
        .execute(format!(
            "insert into sessions (organization_id, id, user_id, digest, expires_at)
            select {organization}, {}, {user}, sha256(('bench-' || n)::bytea), now() + interval '1 day'
            from generate_series(1, {count}) n",
            id("s", "n")
        ))
        .await;
    panel
        .execute(format!(
            "insert into api_keys (organization_id, id, user_id, name, hint, digest)
            select {organization}, {}, {user}, 'bench', 'skp_', sha256(('skp_bench-' || n)::bytea)
            from generate_series(1, {count}) n",
            id("k", "n")
        ))
        .await;
}

/// `vps` active VPSs dealt out to `organizations` customers in turn, with meters that began at the last full hour and
/// have charged nothing.
pub(crate) async fn vps(panel: &Panel, organizations: usize, vps: usize) {
    let organization = id("o", &format!("(1 + n % {organizations})"));
    let (this, meter) = (id("v", "n"), id("m", "n"));
    let price = format!(
        "(select c.* from price_versions c join plans p on p.id = c.plan_id join regions r on r.id = c.region_id
        where p.slug = 'harbor' and r.slug = '{}' limit 1) price, (select id as image_id from images where slug = '{}') image",
        testkit::REGION,
        testkit::IMAGE
    );
    // Keys and triggers would check a million rows one by one.
    let statements = [
        format!(
            "insert into vps_instances (organization_id, id, name, state, power, plan_id, region_id, image_id,
                price_version_id, ssh_keys, console_public_key, console_key_sealed, provider_server_id, created_by,
                active_at, ipv4)
            select {organization}, {this}, 'web-' || n, 'active', 'running', plan_id, region_id, image_id, price.id,
                '{{}}', 'ssh-ed25519 bench', 'bench', n, '{{\"kind\": \"system\"}}', date_trunc('hour', now()),
                '192.0.2.' || n % 250
            from generate_series(1, {vps}) n, {price}"
        ),
        format!(
            "insert into meters (organization_id, id, vps_id, price_version_id, started_at, paid_until, month,
                month_used_micros)
            select {organization}, {meter}, {this}, price.id, date_trunc('hour', now()), date_trunc('hour', now()),
                date_trunc('month', now() at time zone 'utc')::date, 0
            from generate_series(1, {vps}) n, {price}"
        ),
        "update wallets w set burn_micros = b.burn from (select v.organization_id, sum(p.sell_hour_micros) as burn
            from vps_instances v join price_versions p on p.id = v.price_version_id group by 1) b
        where b.organization_id = w.organization_id"
            .to_owned(),
    ];
    let script = statements.join("; ");
    panel
        .execute(format!("set session_replication_role = replica; {script}; reset session_replication_role"))
        .await;
    settle(panel).await;
}

/// Statistics are fresh, and nothing of the making is left to be written to disk.
pub(crate) async fn settle(panel: &Panel) {
    panel.execute("vacuum analyze").await;
    panel.execute("checkpoint").await;
}
