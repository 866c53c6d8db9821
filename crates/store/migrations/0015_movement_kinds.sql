-- The movements that money can make beyond an hour's charge: words first, programs that write them later.
alter table ledger_transactions drop constraint ledger_transactions_kind_check;
alter table ledger_transactions add constraint ledger_transactions_kind_check check (kind in (
    'top_up', 'hold', 'release', 'capture', 'charge', 'accrual', 'settlement',
    -- Money that goes back to the payer: by us, by the gateway, and back again.
    'refund', 'reversal', 'reversal_returned',
    -- An amount in dispute cannot be spent until it is decided.
    'dispute_freeze', 'dispute_release',
    'credit', 'credit_expiry', 'adjustment'));
