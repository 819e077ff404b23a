-- Figures by whose word they rest on. Additions alone: what older code writes says nothing of it, and counts as reported.

-- From when on an order that a page alone tells counts beside the totals; in which times before that, by what was set then,
-- so that a change of it reaches nothing that was received; and the largest amount that a page is believed, in whole units
-- of its currency.
ALTER TABLE businesses
    ADD COLUMN confirmed_from timestamptz,
    ADD COLUMN confirmed_during tstzmultirange NOT NULL DEFAULT '{}',
    ADD COLUMN page_amount_ceiling bigint NOT NULL DEFAULT 1000000000 CHECK (page_amount_ceiling >= 0);

-- 'confirmed', 'reported' or 'unconfirmed'; null where nothing is earned, and by older code.
ALTER TABLE credits ADD COLUMN provenance text;

-- Of conversions and revenue the part that is confirmed; and beside both, in none of the other figures, what is unconfirmed.
ALTER TABLE event_counts
    ADD COLUMN confirmed_conversions bigint NOT NULL DEFAULT 0,
    ADD COLUMN confirmed_revenue numeric(40, 0) NOT NULL DEFAULT 0,
    ADD COLUMN unconfirmed_conversions bigint NOT NULL DEFAULT 0,
    ADD COLUMN unconfirmed_revenue numeric(40, 0) NOT NULL DEFAULT 0;

-- Steps of orders that pages told beside the first in order_actions, in other sessions: who else said it.
CREATE TABLE order_retellings (
    business_id text NOT NULL,
    object_id   uuid NOT NULL,
    action      text NOT NULL,
    session     text NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, object_id, action, session)
);
