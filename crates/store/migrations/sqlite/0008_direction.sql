-- Which way a contact came about: 'outbound' where we called; NULL, as in older rows: the customer called.
ALTER TABLE contacts ADD COLUMN direction TEXT;
