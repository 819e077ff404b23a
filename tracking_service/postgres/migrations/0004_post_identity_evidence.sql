-- Older code that erased people knew nothing of what was said of them: what is left of it goes.
DELETE FROM identity_evidence e
USING sessions s
WHERE s.business_id = e.business_id AND s.id = e.session AND s.profile_key IS NOT NULL AND NOT EXISTS (
    SELECT FROM profiles p WHERE p.business_id = s.business_id AND p.profile_key = s.profile_key);
DELETE FROM identity_attributes a
WHERE NOT EXISTS (
    SELECT FROM identity_evidence e
    WHERE e.business_id = a.business_id AND e.source = a.source AND e.user_id = a.user_id);
DELETE FROM identity_namings n
WHERE NOT EXISTS (SELECT FROM profiles p WHERE p.business_id = n.business_id AND p.profile_key = n.profile_key);

-- While older code delivered clicks it did not say which sessions became recipients': all that was said then is decided
-- once more.
INSERT INTO dirty_identities (business_id, session)
SELECT DISTINCT business_id, session FROM identity_evidence;
