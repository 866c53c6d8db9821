-- What the register of the European Union said of a business's VAT number. Expand only.
alter table billing_profiles
    -- The number it was asked about: what it said counts for that one alone, so a changed number is an unchecked one.
    add column vat_checked text,
    add column vat_valid boolean,
    add column vat_checked_at timestamptz,
    add check (num_nulls(vat_checked, vat_valid, vat_checked_at) in (0, 3));
