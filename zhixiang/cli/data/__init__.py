"""Commands on data: tables, quality, quarantine, edits, facts, files of one's own."""
