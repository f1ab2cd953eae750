-- Where a contact's call was before it came to us: a JSON array, the number that the customer dialled first.
ALTER TABLE contacts ADD COLUMN diversions TEXT;
