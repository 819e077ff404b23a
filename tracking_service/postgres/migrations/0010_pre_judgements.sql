-- What hits are by later rules. Additions alone: `clicks.verdict` stays as it was said first.
CREATE TABLE judgements (
    business_id   text NOT NULL,
    clicked_at    timestamptz NOT NULL,
    click_id      uuid NOT NULL,
    rules_version integer NOT NULL,
    verdict       text NOT NULL,
    reason        text NOT NULL,
    session       text,                          -- of a hit that is a person's by this; null: no person's
    judged_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (business_id, clicked_at, click_id, rules_version)
);
