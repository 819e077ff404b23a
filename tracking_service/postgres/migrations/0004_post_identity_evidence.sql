-- While older code delivered clicks it did not say which sessions became recipients': all that was said then is decided
-- once more.
INSERT INTO dirty_identities (business_id, session)
SELECT DISTINCT business_id, session FROM identity_evidence;
