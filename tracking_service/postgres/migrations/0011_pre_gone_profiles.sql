-- Whether a profile is gone, by what is committed now and not when the statement began that asks: a statement that waited
-- for a session may find it given to a profile that is newer than all else it sees. Volatile, so that it looks anew.
CREATE FUNCTION is_gone(business text, key bigint)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM profiles WHERE business_id = business AND profile_key = key);
END
$$;
