-- How many times the usual rate limits a business has.
ALTER TABLE businesses ADD COLUMN rate_factor double precision NOT NULL DEFAULT 1 CHECK (rate_factor > 0);
