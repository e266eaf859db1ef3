-- What comes back from archives, and what becomes of archives in the end.
ALTER TABLE partctl.detached_tables
    ADD COLUMN restored_from text,
    ADD COLUMN released_at   timestamptz;
COMMENT ON COLUMN partctl.detached_tables.restored_from IS
    'the archive that the table was made from: it was never detached, waits to be attached, and is kept until released_at';
COMMENT ON COLUMN partctl.detached_tables.released_at IS 'when `archive release` gave a restored table back to retention';

ALTER TABLE partctl.archives ADD COLUMN removed_at timestamptz;
COMMENT ON COLUMN partctl.archives.removed_at IS
    'when the last object of a deleted archive was gone; null while deleted_at is not: removing them was interrupted';
